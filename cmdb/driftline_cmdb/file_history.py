"""What one configuration file of a CI was, when: its digests over time, and what their texts say."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from driftline import facts, paths
from driftline_cmdb.identity import spans
from driftline_cmdb.identity.bindings import Span
from driftline_cmdb.tables.elements import Element, Holding, Path, Revision
from driftline_cmdb.tables.speaking import Muting
from driftline_cmdb.texts import Text, texts_of

#: Longer texts are not compared: it takes the product of their lengths.
_MAX_LINES = 5_000
_CONTEXT = 3


@dataclass(frozen=True, slots=True)
class Version:
    """A content that a file had."""

    #: None where what is known has no digest.
    digest: str | None
    since_ms: int
    #: None while it has it.
    until_ms: int | None
    #: None where no text came, and nobody said why.
    text: Text | None


@dataclass(frozen=True, slots=True)
class Diff:
    """How two contents of a file differ."""

    #: Unified, without the lines that name files; None where it cannot be told.
    lines: tuple[str, ...] | None
    #: Why not.
    why: str


def element_path(path: str) -> str:
    """Return the path of a file's element."""
    return f"files.files[{paths.escape_key(path)}]"


def versions(session: Session, ci_id: int, path: str) -> list[Version]:
    """Return the contents that a file of a CI had, the latest first, as who spoke for it then reported them."""
    spoken = spans.spoken(session, ci_id)
    found: list[Version] = []
    for told, since_ms, until_ms in _held(session, path, spoken):
        if found and found[-1].digest == told and found[-1].since_ms == until_ms:  # only its mode or owner changed
            found[-1] = Version(told, since_ms, found[-1].until_ms, None)
        else:
            found.append(Version(told, since_ms, until_ms, None))
    digests = {one.digest for one in found if one.digest is not None}
    texts = texts_of(session, digests, {span.source_id for span in spoken})
    return [Version(one.digest, one.since_ms, one.until_ms, texts.get(one.digest or "")) for one in found]


def _held(session: Session, path: str, spoken: Sequence[Span]) -> list[tuple[str | None, int, int | None]]:
    """Return digest, since and until of what the spans' sources held of a file, the latest first."""
    since, until = aliased(Revision), aliased(Revision)
    unheard = select(Muting.id).where(
        col(Muting.section_id) == col(Holding.section_id),
        col(Muting.since_ms) <= col(since.received_ms),
        or_(col(Muting.until_ms).is_(None), col(Muting.until_ms) >= col(until.received_ms)),
    )
    query = (
        select(Element.content, Holding.source_id, since, until)
        .select_from(Holding)
        .join(Path, col(Path.id) == col(Holding.path_id))
        .join(Element, col(Element.id) == col(Holding.element_id))
        .join(since, col(since.id) == col(Holding.since_revision))
        .outerjoin(until, col(until.id) == col(Holding.until_revision))
        .where(
            col(Path.text) == element_path(path),
            col(Holding.source_id).in_(sorted({span.source_id for span in spoken})),
            ~unheard.exists(),
        )
        .order_by(col(since.observed_ms).desc(), col(Holding.id).desc())
    )
    found = []
    for content, source_id, began, ended in session.exec(query):
        attributes = facts.attributes(element_path(path), content)
        told = attributes.get("digest") or attributes.get("sealed_digest")
        for span in spoken:
            if span.source_id == source_id and (during := _within(span, began, ended)) is not None:
                found.append((None if told is None else str(told), *during))
    return sorted(found, key=lambda one: -one[1])


def _within(span: Span, began: Revision, ended: Revision | None) -> tuple[int, int | None] | None:
    """Return since when and until when a source held something while it spoke; None where it did at another time."""
    if span.until_ms is not None and began.received_ms >= span.until_ms:
        return None
    if ended is not None and ended.received_ms <= span.since_ms:
        return None
    since_ms = began.observed_ms if began.received_ms >= span.since_ms else max(began.observed_ms, span.since_ms)
    if ended is None or (span.until_ms is not None and ended.received_ms >= span.until_ms):
        return since_ms, span.until_ms
    return since_ms, ended.observed_ms


def compare(before: Text | None, after: Text | None) -> Diff:
    """Return how two texts differ; a file that is not there counts as empty.

    :param before: None where nothing is known of it.
    """
    for which, text in (("before", before), ("after", after)):
        if text is None:
            return Diff(None, f"there is no text of what was {which}: the agent did not send one")
        if text.text is None:
            return Diff(None, f"there is no text of what was {which}: {text.withheld or 'the agent did not say why'}")
    one, two = ((text.text or "").splitlines() for text in (before, after) if text is not None)
    if len(one) > _MAX_LINES or len(two) > _MAX_LINES:
        return Diff(None, f"the texts have more than {_MAX_LINES} lines")
    lines = list(difflib.unified_diff(one, two, lineterm="", n=_CONTEXT))[2:]
    if not lines and before is not None and after is not None and before.digest != after.digest:
        return Diff((), "what differs is taken out: a secret that has no mark, or the end of a line")
    return Diff(tuple(lines), "")


def diffs(
    session: Session, ci_id: int, pairs: Sequence[tuple[str | None, str | None]]
) -> Mapping[tuple[str | None, str | None], Diff]:
    """Return how contents of files differ, by their digests as a CI's facts have them; None is a file that is not."""
    digests = {digest for pair in pairs for digest in pair if digest is not None}
    texts = texts_of(session, digests, {span.source_id for span in spans.spoken(session, ci_id)})
    empty = Text("", "", "", False)
    return {
        (one, two): compare(empty if one is None else texts.get(one), empty if two is None else texts.get(two))
        for one, two in pairs
    }
