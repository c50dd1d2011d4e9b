"""CIs whose links should be looked at: marked in the transaction that commits a report, taken within a second."""

from collections.abc import Mapping

from sqlalchemy import insert
from sqlmodel import Session, col, select

from driftline_cmdb.received import Applied
from driftline_cmdb.sections import PreparedSection
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.topology import TopologyDue, TopologySight

#: Topics that say something of ports and of what is at them: of hosts and of devices.
TOPICS = frozenset(["interfaces", "lldp", "neighbours", "forwarding"])
#: The topic of a host whose content is its ARP table, which changes all the time and tells of no cable.
_ARP_OF_HOSTS = ("agent", "neighbours")


def concerns(kind: str, section: PreparedSection, known: Mapping[str, Applied]) -> bool:
    """Tell whether a section may move a link: its topic tells of ports, and its content is another than before.

    :param kind: of the source.
    :param known: what is applied of the source.
    """
    if section.name not in TOPICS or section.outcome == "UNREADABLE" or (kind, section.name) == _ARP_OF_HOSTS:
        return False
    before = known.get(section.name)
    return before is None or before.digest != section.digest


def mark(session: Session, cis: Mapping[int, int | None], since_ms: int) -> None:
    """Have the links of CIs looked at from a time on.

    :param cis: when what changed was last known to be as before, by CI.
    """
    rows = [{"ci_id": ci_id, "since_ms": since_ms, "after_ms": after} for ci_id, after in sorted(cis.items())]
    if rows:
        session.execute(insert(table_of(TopologyDue)), rows)


def mark_ci(session: Session, ci_id: int, now_ms: int) -> None:
    """Have a CI's links looked at, then those of who sees it: it was taken out of use, or brought back."""
    mark(session, {ci_id: None}, now_ms)
    query = select(TopologySight.ci_id).where(TopologySight.far_ci_id == ci_id).distinct()
    mark(session, dict.fromkeys(session.exec(query)), now_ms)


def is_due(session: Session, now_ms: int) -> bool:
    """Look without writing whether anything is due."""
    return session.exec(select(TopologyDue.id).where(TopologyDue.since_ms <= now_ms).limit(1)).first() is not None


def take(session: Session, now_ms: int, limit: int) -> dict[int, int | None]:
    """Take CIs that are due, each with when what changed was last known to be as before.

    No other collector takes the same rows; where the transaction fails they stay due.
    """
    query = select(TopologyDue).where(TopologyDue.since_ms <= now_ms).order_by(col(TopologyDue.id)).limit(limit)
    rows = session.exec(query.with_for_update(skip_locked=True)).all()
    found: dict[int, int | None] = {}
    for row in rows:
        known = [one for one in (found.get(row.ci_id), row.after_ms) if one is not None]
        found[row.ci_id] = min(known, default=None)
        session.delete(row)
    session.flush()
    return found
