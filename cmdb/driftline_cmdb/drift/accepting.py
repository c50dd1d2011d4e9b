"""Drifts: finding one, and accepting it for a time."""

from sqlmodel import Session, col, select

from driftline_cmdb import audit
from driftline_cmdb.attention import reminders
from driftline_cmdb.database import Database
from driftline_cmdb.drift.assess import mark_due
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.tables.drift import Drift


def find_drift(session: Session, drift_id: int) -> Drift:
    """Return a drift by its number.

    :raises NotFound: where there is none.
    """
    drift = session.get(Drift, drift_id)
    if drift is None:
        raise NotFound(f"there is no drift {drift_id}; driftline drift list shows them")
    return drift


def accept(session: Session, drift_id: int, actor: str, reason: str, until_ms: int, now_ms: int) -> Drift:
    """Accept a drift as it is for a time; another value is a new drift (design section 6, rule 7).

    :raises Conflict: where it is not open.
    :raises Invalid: where the end is past, or no reason is given.
    """
    drift = find_drift(session, drift_id)
    if drift.state != "open":
        raise Conflict(f"drift {drift_id} is {drift.state}: only an open one can be accepted")
    if until_ms <= now_ms:
        raise Invalid("until: an acceptance must end in the future")
    if not reason.strip():
        raise Invalid("reason: an acceptance needs one")
    drift.state, drift.accepted_until_ms, drift.why = "accepted", until_ms, f"accepted by {actor}: {reason}"
    session.add(drift)
    reminders.acceptance_began(session, drift, now_ms)
    audit.record(session, actor, "drift.accepted", f"drift {drift_id}", {"until_ms": until_ms, "why": reason}, now_ms)
    return drift


def end_acceptances(database: Database, now_ms: int) -> int:
    """Make CIs due on which an acceptance has ended, so that the drift and its RFC open again; return how many."""
    ended = select(Drift.ci_id).where(Drift.state == "accepted", col(Drift.accepted_until_ms) <= now_ms).distinct()
    with database.read() as session:
        if session.exec(ended.limit(1)).first() is None:
            return 0
    with database.write() as session:
        ci_ids = session.exec(ended).all()
        for ci_id in ci_ids:
            mark_due(session, ci_id, now_ms)
        told = select(Drift).where(Drift.state == "accepted", col(Drift.accepted_until_ms) <= now_ms)
        for drift in session.exec(told).all():
            reminders.acceptance_ended(session, drift, now_ms)
        return len(ci_ids)
