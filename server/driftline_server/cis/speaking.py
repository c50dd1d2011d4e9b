"""What REST, pages and commands show of a CI's sources: who speaks for it and for what, and who did before."""

from datetime import datetime

from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from driftline_cmdb import record
from driftline_cmdb.drift.silence import SILENT_AFTER_MS
from driftline_cmdb.drift.silence_devices import after_ms
from driftline_cmdb.identity import authority, bindings
from driftline_cmdb.identity.authority import Shares
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.elements import Section
from driftline_cmdb.tables.sources import RECORD, Source
from driftline_server.times import moment, moment_or_none


class MutedSection(BaseModel):
    """A section of which nothing counts, because others speak for all that it says."""

    section: str
    #: network.interfaces, os.release ...
    families: list[str]
    #: Uids of the sources that have the word there.
    by: list[str]


class SourceOfCi(BaseModel):
    """A source that speaks for a CI, or did."""

    uid: str
    #: agent, or how a device is reached.
    kind: str
    hostname: str
    agent_version: str
    #: live, silent, quarantined, or new (no report yet).
    state: str
    #: Why it is bound to this CI.
    reason: str
    #: The higher one speaks first, where several say anything of the same part.
    rank: int
    since: datetime
    #: Since when it does not speak for this CI any more; None while it does.
    until: datetime | None
    seen: datetime | None
    #: Offset of the host's clock, ms; None where it is not known.
    skew_ms: int | None
    #: The parts in which it has the word; empty where it is the only source, and then speaks for all.
    speaks_for: list[str]
    muted: list[MutedSection]


class NewRank(BaseModel):
    """In which order a source speaks."""

    rank: int = Field(description="0 to 1000; the higher one speaks first.")
    reason: str = Field(min_length=1, max_length=400)


def sources_of(session: Session, ci: Ci, now_ms: int) -> list[SourceOfCi]:
    """Return the sources of a CI: those that speak now, the one whose word counts most first, then the former ones."""
    query = (
        select(Source, Binding)
        .join(Binding, col(Binding.source_id) == col(Source.id))
        .where(Binding.ci_id == ci.id, Source.kind != RECORD)
        .order_by(col(Binding.until_ms).is_not(None), col(Binding.until_ms).desc(), *bindings.precedence())
    )
    rows = session.exec(query).all()
    speaking = [source.id for source, binding in rows if binding.until_ms is None]
    shares = authority.shares(session, speaking)
    muted = _muted(session, shares, {source.id: source.uid for source, _ in rows}) if shares is not None else {}
    return [_row(source, binding, shares, muted, now_ms) for source, binding in rows]


def _row(
    source: Source, binding: Binding, shares: Shares | None, muted: dict[int, list[MutedSection]], now_ms: int
) -> SourceOfCi:
    speaks = binding.until_ms is None
    word = shares.spokesmen.items() if shares is not None and speaks else ()
    return SourceOfCi(
        uid=source.uid,
        kind=source.kind,
        hostname=source.hostname,
        agent_version=source.agent_version,
        state=state_of(source, now_ms),
        reason=binding.reason,
        rank=binding.rank,
        since=moment(binding.since_ms),
        until=moment_or_none(binding.until_ms),
        seen=moment_or_none(source.seen_ms),
        skew_ms=source.skew_ms,
        speaks_for=sorted(name for name, source_id in word if source_id == source.id),
        muted=muted.get(source.id, []) if speaks else [],
    )


def _muted(session: Session, shares: Shares, uids: dict[int, str]) -> dict[int, list[MutedSection]]:
    """Return the muted sections of each source, by name."""
    found: dict[int, list[MutedSection]] = {}
    query = select(Section.id, Section.source_id, Section.name).where(col(Section.id).in_(sorted(shares.muted)))
    for section_id, source_id, name in session.exec(query.order_by(col(Section.name))):
        families = shares.parts[section_id].families
        by = sorted({uids[shares.spokesmen[family]] for family in families})
        found.setdefault(source_id, []).append(MutedSection(section=name, families=sorted(families), by=by))
    return found


def set_rank(session: Session, ci: str, source: str, wanted: NewRank, actor: str, now_ms: int) -> SourceOfCi:
    """Set in which order a source of a CI speaks."""
    found = record.find_ci(session, ci)
    binding = authority.set_rank(session, found, source, wanted.rank, actor, wanted.reason, now_ms)
    uid = session.get_one(Source, binding.source_id).uid
    return next(row for row in sources_of(session, found, now_ms) if row.uid == uid and row.until is None)


def state_of(source: Source, now_ms: int) -> str:
    """Return live, silent, quarantined, new, or what it ended as: split, image, retired."""
    if source.ended_as is not None:
        return source.ended_as
    if source.quarantined_ms is not None:
        return "quarantined"
    if source.seen_ms is None:
        return "new"
    return "silent" if source.seen_ms < now_ms - after_ms(source, SILENT_AFTER_MS) else "live"
