"""Which source speaks for which part of a CI, where several do: muted sections, and what the sources disagree on.

Per family (`driftline_baseline.speaking`) the first source by `bindings.precedence` has the word: one that is not
quarantined before one that is, then the higher rank, an agent before a device, the one that joined later. Silence
changes nothing: a source that stops reporting keeps the word until a person, or its quarantine, takes it from it
(design section 6, rule 17).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import zstandard
from sqlalchemy import update
from sqlmodel import Session, col, or_, select

from driftline import facts, schema
from driftline.v1.facts_pb2 import Facts
from driftline_baseline import speaking
from driftline_baseline.expected import element_path
from driftline_baseline.speaking import Part
from driftline_cmdb import audit
from driftline_cmdb.drift.due import mark_due
from driftline_cmdb.errors import Invalid, NotFound
from driftline_cmdb.identity import bindings, disagreement
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.elements import Holding, Path, Section
from driftline_cmdb.tables.sources import RECORD, Source
from driftline_cmdb.tables.speaking import Muting

#: Ranks that a person may set; the CI's own record speaks below all.
RANKS = range(1001)


@dataclass(frozen=True, slots=True)
class Shares:
    """Who speaks for what of a CI with several sources."""

    #: By section: whose it is, and what it says anything of.
    parts: dict[int, Part]
    #: By family: the source that has the word.
    spokesmen: dict[str, int]
    muted: set[int]


def settle(session: Session, ci_id: int, now_ms: int) -> None:
    """Settle who speaks for what of a CI after its bindings changed, or a source of it was quarantined or released.

    Where that changes what counts, the CI gets another version and is compared whole.
    """
    ci = session.get_one(Ci, ci_id)
    changed = look(session, ci, now_ms)
    if changed or _was_bound_otherwise(session, ci_id):
        mark_due(session, ci_id, now_ms)
    if changed:
        ci.version += 1
    _seen(session, ci)
    session.add(ci)


def look(session: Session, ci: Ci, now_ms: int) -> bool:
    """Mute what does not count, and note what sources disagree on; tell whether other sections count than before."""
    session.flush()
    speakers = speakers_of(session, ci.id)
    found = shares(session, speakers)
    flags = _flags(session, ci.id)
    wanted = found.muted if found is not None else set()
    fresh = sorted(section_id for section_id in wanted if not flags.get(section_id, False))
    over = sorted(section_id for section_id, muted in flags.items() if muted and section_id not in wanted)
    _mute(session, fresh, now_ms)
    _unmute(session, over, now_ms)
    disagreement.note(session, ci, speakers, found.spokesmen if found is not None else {}, now_ms)
    return bool(fresh or over)


def speakers_of(session: Session, ci_id: int) -> list[int]:
    """Return the ids of the sources that speak for a CI beside its record, the one whose word counts most first."""
    return [voice.source_id for voice in bindings.voices(session, ci_id) if voice.kind != RECORD]


def shares(session: Session, speakers: Sequence[int]) -> Shares | None:
    """Return who of some sources speaks for what; None where there are not several."""
    if len(speakers) < 2:
        return None
    held: dict[int, set[str]] = {}
    owner: dict[int, int] = {}
    query = (
        select(Holding.source_id, Holding.section_id, Path.text)
        .join(Path, col(Path.id) == col(Holding.path_id))
        .where(col(Holding.source_id).in_(speakers), col(Holding.until_revision).is_(None))
    )
    for source_id, section_id, path in session.exec(query):
        owner[section_id] = source_id
        held.setdefault(section_id, set()).add(speaking.family(path))
    states = select(Section.id, Section.source_id, Section.state).where(
        col(Section.source_id).in_(speakers), Section.state != b"", col(Section.id).not_in(sorted(held))
    )
    for section_id, source_id, state in session.exec(states):
        owner[section_id] = source_id
        said = facts.flatten(Facts.FromString(zstandard.decompress(state)), frozenset({schema.STATE}))
        held[section_id] = set(speaking.families(map(element_path, said)))
    parts = {section_id: Part(owner[section_id], frozenset(names)) for section_id, names in held.items()}
    return Shares(parts, speaking.spokesmen(speakers, parts.values()), speaking.muted(speakers, parts))


def _flags(session: Session, ci_id: int) -> dict[int, bool]:
    """Return whether each section of a CI's sources is muted, also of those that spoke for it and wait now."""
    ever = select(Binding.source_id).where(Binding.ci_id == ci_id)
    now = (col(Binding.source_id) == col(Section.source_id)) & col(Binding.until_ms).is_(None)
    query = (
        select(Section.id, Section.muted)
        .outerjoin(Binding, now)
        .where(col(Section.source_id).in_(ever), or_(col(Binding.ci_id) == ci_id, col(Binding.ci_id).is_(None)))
    )
    return dict(session.exec(query).all())


def _mute(session: Session, section_ids: list[int], now_ms: int) -> None:
    if section_ids:
        session.execute(update(Section).where(col(Section.id).in_(section_ids)).values(muted=True))
        session.add_all(Muting(section_id=section_id, since_ms=now_ms) for section_id in section_ids)
        session.flush()


def _unmute(session: Session, section_ids: list[int], now_ms: int) -> None:
    if section_ids:
        session.execute(update(Section).where(col(Section.id).in_(section_ids)).values(muted=False))
        is_open = (col(Muting.section_id).in_(section_ids), col(Muting.until_ms).is_(None))
        session.execute(update(Muting).where(*is_open).values(until_ms=now_ms))


def _was_bound_otherwise(session: Session, ci_id: int) -> bool:
    """Tell whether a CI ever had more than one source: only then may a settlement change what is known of it."""
    query = (
        select(Binding.id)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(Binding.ci_id == ci_id, Source.kind != RECORD)
    )
    return len(session.exec(query.limit(2)).all()) > 1


def _seen(session: Session, ci: Ci) -> None:
    """Bring up to date when a CI was first and last reported of, by who speaks for it now."""
    query = (
        select(Binding.since_ms, Source.seen_ms)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(
            Binding.ci_id == ci.id,
            col(Binding.until_ms).is_(None),
            Source.kind != RECORD,
            col(Source.seen_ms) >= col(Binding.since_ms),
        )
    )
    for since_ms, seen_ms in session.exec(query):
        if ci.first_seen_ms is None or since_ms < ci.first_seen_ms:
            ci.first_seen_ms = since_ms
        ci.last_seen_ms = max(ci.last_seen_ms or 0, seen_ms or 0)


def settle_source(session: Session, source: Source, now_ms: int) -> None:
    """Settle the CI that a source speaks for, where it does for any."""
    binding = bindings.of_source(session, source.id)
    if binding is not None:
        settle(session, binding.ci_id, now_ms)


def set_rank(session: Session, ci: Ci, source_uid: str, rank: int, actor: str, reason: str, now_ms: int) -> Binding:
    """Set in which order a source of a CI speaks: the higher rank first.

    :raises NotFound: where the source does not speak for the CI.
    :raises Invalid: a rank that is out of :data:`RANKS`, or no reason.
    """
    if rank not in RANKS:
        raise Invalid(f"rank: {rank} is not between {RANKS.start} and {RANKS.stop - 1}")
    if not reason.strip():
        raise Invalid("reason: is empty; say why")
    query = (
        select(Binding)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(
            Binding.ci_id == ci.id,
            col(Binding.until_ms).is_(None),
            Source.kind != RECORD,
            col(Source.uid).startswith(source_uid, autoescape=True)
            if len(source_uid) >= 8
            else Source.uid == source_uid,
        )
    )
    found = session.exec(query).all()
    if len(found) != 1:
        several = "is the start of several" if found else "does not speak for it"
        raise NotFound(f'source "{source_uid}" of {ci.name}: {several}; driftline ci show {ci.name} lists them')
    (binding,) = found
    detail = {"source": source_uid, "before": binding.rank, "rank": rank, "reason": reason.strip()}
    binding.rank = rank
    session.add(binding)
    audit.record(session, actor, "ci.ranked", f"CI {ci.name}", detail, now_ms)
    settle(session, ci.id, now_ms)
    return binding
