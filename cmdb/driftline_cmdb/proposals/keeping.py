"""Keeps proposals: stores them, and knows what becomes of one that is seen again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from sqlmodel import Session, col, select

from driftline_baseline.proposals import Link
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Relation
from driftline_cmdb.tables.proposals import Proposal, ProposalIgnore

#: What evidence names one by one, at most.
NAMED = 20
#: How long "how it is known" may be.
LONGEST_BY = 300


@dataclass
class Made:
    """A proposal as it is to be stored."""

    kind: str
    key: str
    title: str
    front: int | None
    behind: int | None
    material: list[str]
    evidence: dict[str, Any]
    since_ms: int
    seen_ms: int
    #: What accepting it would put on record: (from, kind, to); all there means that nobody need be asked.
    relations: list[tuple[int, str, int]] = field(default_factory=list)


def store(session: Session, made: Sequence[Made], now_ms: int) -> None:
    """Store proposals: new ones, and what is known anew of those that stand."""
    rows: dict[str, Proposal] = {}
    for part in chunks([one.key for one in made]):
        rows.update((row.key, row) for row in session.exec(select(Proposal).where(col(Proposal.key).in_(part))))
    on_record = _on_record(session, [pair for one in made for pair in one.relations])
    for one in made:
        row = rows.get(one.key)
        missing = [pair for pair in one.relations if pair not in on_record]
        known = bool(one.relations) and not missing
        if row is None:
            if known:
                continue
            row = Proposal(
                kind=one.kind,
                key=one.key,
                title=one.title,
                front_ci_id=one.front,
                behind_ci_id=one.behind,
                first_seen_ms=one.since_ms,
                last_seen_ms=one.seen_ms,
            )
        row.state = state_of(row, one, known, missing)
        row.title, row.material, row.evidence = one.title, one.material, one.evidence
        row.last_seen_ms = max(row.last_seen_ms, one.seen_ms)
        session.add(row)


def state_of(row: Proposal, now: Made, known: bool, missing: Sequence[tuple[int, str, int]]) -> str:
    """Return the state of a proposal that is seen again.

    :param known: all that accepting it would put on record is there.
    :param missing: what of that is not.
    """
    if row.state == "rejected":
        # What everyone uses has other users every day; that is nothing new.
        return "open" if set(now.material) - set(row.decided_material) else "rejected"
    if row.state == "accepted":
        if known or not missing:
            return "accepted"
        if now.kind == "infrastructure":
            decided = set(row.decided_material)
            return "open" if any(f"{pair[0]}:{pair[2]}" not in decided for pair in missing) else "accepted"
        # Someone took the relation off the record: that is a decision, too.
        row.decided_material = now.material
        row.reason = "the relation was taken off the record"
        return "rejected"
    return "lapsed" if known else "open"


def _on_record(session: Session, pairs: Sequence[tuple[int, str, int]]) -> set[tuple[int, str, int]]:
    found: set[tuple[int, str, int]] = set()
    for part in chunks(sorted({pair[0] for pair in pairs})):
        query = select(Relation.from_ci_id, Relation.kind, Relation.to_ci_id).where(
            col(Relation.from_ci_id).in_(part), col(Relation.until_ms).is_(None)
        )
        found.update((row[0], row[1], row[2]) for row in session.exec(query))
    return found


def ignored_patterns(session: Session) -> Sequence[ProposalIgnore]:
    """Return what is never proposed."""
    return session.exec(
        select(ProposalIgnore).where(col(ProposalIgnore.until_ms).is_(None)).order_by(col(ProposalIgnore.id))
    ).all()


def fits(pattern: ProposalIgnore, link: Link) -> bool:
    """Tell whether a link is one of those that are never proposed."""
    if pattern.port and pattern.port != link.name:
        return False
    if not pattern.network:
        return True
    try:
        return ip_address(link.address) in ip_network(pattern.network)
    except ValueError:
        return False  # only the other end tells of it, and of no address
