"""Transactions whose log came after the change: attached to the drifts that they made, which stay grouped as they are.

A group's key is fixed at first sight (design section 6, rule 9), so a late name of the cause changes no group and no
RFC.
"""

from sqlmodel import Session, col, select

from driftline_baseline.allowed import version_of
from driftline_baseline.evidence import LOG_RESOLUTION_MS, attribute
from driftline_baseline.interval import Interval
from driftline_baseline.values import decode
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.transactions import acts_since

#: A log that comes later than this after the change is not waited for.
_WITHIN_MS = 24 * 3_600_000
_MOST = 500


def attach(session: Session, ci: Ci, sources: list[int], now_ms: int) -> None:
    """Give a CI's open package drifts the transaction that left the package so, where none was known before."""
    query = select(Drift).where(
        Drift.ci_id == ci.id,
        col(Drift.closed_ms).is_(None),
        col(Drift.transaction_id).is_(None),
        col(Drift.after_ms).is_not(None),
        Drift.opened_ms > now_ms - _WITHIN_MS,
        col(Drift.path).startswith("software.packages["),
    )
    drifts = session.exec(query.limit(_MOST)).all()
    if not drifts:
        return
    acts = acts_since(session, sources, min(drift.after_ms or 0 for drift in drifts) - LOG_RESOLUTION_MS)
    for drift in drifts:
        act = attribute(drift.path, version_of(decode(drift.actual)), Interval(drift.after_ms, drift.observed_ms), acts)
        if act is not None:
            drift.transaction_id = act.id
            session.add(drift)
