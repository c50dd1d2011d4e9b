"""Reading links: all of them, or those around one CI."""

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select

from driftline_cmdb.identity.aliases import aliases
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.topology import TopologyLink


def is_open() -> ColumnElement[bool]:
    """Return the condition that a link is there now."""
    return col(TopologyLink.until_ms).is_(None)


def around(session: Session, ci_id: int, depth: int) -> set[int]:
    """Return the CIs that one reaches over so many links at most, itself too."""
    reached = fresh = set(aliases(session, ci_id))
    for _ in range(depth):
        fresh = {end for pair in _pairs(session, fresh) for end in pair} - reached
        if not fresh:
            break
        reached = reached | fresh
    return reached


def pairs(session: Session) -> list[tuple[int, int]]:
    """Return all pairs of CIs with a link between them now, each once."""
    query = select(TopologyLink.front_ci_id, TopologyLink.behind_ci_id).where(is_open()).distinct()
    return sorted(session.exec(query).all())


def touching(ci_ids: Collection[int]) -> ColumnElement[bool]:
    """Return the condition that a link has one of some CIs at an end."""
    return or_(col(TopologyLink.front_ci_id).in_(ci_ids), col(TopologyLink.behind_ci_id).in_(ci_ids))


def within(session: Session, ci_ids: Collection[int]) -> list[int]:
    """Return the ids of the links that are there now between CIs of a set."""
    found: list[int] = []
    for part in chunks(sorted(ci_ids)):
        query = select(TopologyLink.id, TopologyLink.behind_ci_id).where(
            col(TopologyLink.front_ci_id).in_(part), is_open()
        )
        found += [link_id for link_id, behind in session.exec(query) if behind in ci_ids]
    return found


def _pairs(session: Session, ci_ids: Iterable[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for part in chunks(sorted(ci_ids)):
        query = select(TopologyLink.front_ci_id, TopologyLink.behind_ci_id).where(touching(part), is_open())
        found += session.exec(query).all()
    return found
