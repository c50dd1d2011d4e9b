"""What one configuration file of a CI was, when: its digests over time, and what their texts say."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline import facts, paths
from driftline_cmdb.record import sources_of
from driftline_cmdb.tables.elements import Element, Holding, Path, Revision
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
    """Return the contents that a file of a CI had, the latest first."""
    source_ids = sources_of(session, ci_id)
    since, until = Revision.__table__.alias("since"), Revision.__table__.alias("until")  # type: ignore[attr-defined]  # SQLModel adds it
    query = (
        select(Element.content, since.c.observed_ms, until.c.observed_ms)
        .select_from(Holding)
        .join(Path, col(Path.id) == col(Holding.path_id))
        .join(Element, col(Element.id) == col(Holding.element_id))
        .join(since, since.c.id == col(Holding.since_revision))
        .outerjoin(until, until.c.id == col(Holding.until_revision))
        .where(col(Path.text) == element_path(path), col(Holding.source_id).in_(source_ids))
        .order_by(since.c.observed_ms.desc(), col(Holding.id).desc())
    )
    found: list[Version] = []
    for content, since_ms, until_ms in session.exec(query):
        attributes = facts.attributes(element_path(path), content)
        told = attributes.get("digest") or attributes.get("sealed_digest")
        digest = None if told is None else str(told)
        if found and found[-1].digest == digest and found[-1].since_ms == until_ms:  # only its mode or owner changed
            found[-1] = Version(digest, since_ms, found[-1].until_ms, None)
        else:
            found.append(Version(digest, since_ms, until_ms, None))
    texts = texts_of(session, {one.digest for one in found if one.digest is not None}, source_ids)
    return [Version(one.digest, one.since_ms, one.until_ms, texts.get(one.digest or "")) for one in found]


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
    texts = texts_of(session, digests, sources_of(session, ci_id))
    empty = Text("", "", "", False)
    return {
        (one, two): compare(empty if one is None else texts.get(one), empty if two is None else texts.get(two))
        for one, two in pairs
    }
