"""Waivers of the production gate: asked for by one person, approved by another, for a time."""

from sqlmodel import Session, col, select

from driftline_cmdb import audit
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.releases import gate
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.releases import GateWaiver

#: A waiver lasts so long at most, ms.
LONGEST_MS = 366 * 86_400_000


def request(session: Session, ci: Ci, reason: str, until_ms: int, actor: str, now_ms: int) -> GateWaiver:
    """Ask for a waiver for a CI.

    :raises Invalid: without a reason, or where its end does not do.
    :raises Conflict: where the CI has one that is asked for or counts.
    """
    if not reason.strip():
        raise Invalid("reason: is empty; say why it has to be in production without")
    if until_ms <= now_ms:
        raise Invalid("until: is over already; name a time to come")
    if until_ms > now_ms + LONGEST_MS:
        raise Invalid("until: is more than a year away; a waiver ends, ask for another then")
    query = select(GateWaiver).where(GateWaiver.ci_id == ci.id, col(GateWaiver.ended_ms).is_(None))
    there = session.exec(query.with_for_update()).first()
    if there is not None:
        if there.until_ms > now_ms:
            raise Conflict(f"{ci.name} has waiver {there.id} already; driftline waiver end {there.id} ends it")
        there.ended_ms = there.until_ms
        session.add(there)
        session.flush()
    found = GateWaiver(ci_id=ci.id, reason=reason.strip(), requested_by=actor, requested_ms=now_ms, until_ms=until_ms)
    session.add(found)
    session.flush()
    detail = {"ci": ci.name, "why": reason, "until_ms": until_ms}
    audit.record(session, actor, "waiver.requested", f"waiver {found.id}", detail, now_ms)
    return found


def approve(session: Session, number: int, actor: str, now_ms: int) -> GateWaiver:
    """Approve a waiver: the CI has no finding of the gate until its end.

    :raises NotFound: where there is none.
    :raises Refused: where the actor asked for it.
    :raises Conflict: where it is approved or over.
    """
    found, ci = _live(session, number, now_ms)
    if found.approved_by is not None:
        raise Conflict(f"waiver {number} was approved by {found.approved_by} already")
    if found.requested_by == actor:
        raise Refused(f"waiver {number}: {actor} asked for it; another approver has to approve it")
    found.approved_by, found.approved_ms = actor, now_ms
    session.add(found)
    detail = {"ci": ci.name, "requested_by": found.requested_by, "until_ms": found.until_ms}
    audit.record(session, actor, "waiver.approved", f"waiver {number}", detail, now_ms)
    gate.look_at(session, [ci], now_ms)
    return found


def end(session: Session, number: int, actor: str, reason: str, now_ms: int) -> GateWaiver:
    """End a waiver before its time, or withdraw one that nobody has approved.

    :raises NotFound: where there is none.
    :raises Conflict: where it is over.
    """
    found, ci = _live(session, number, now_ms)
    found.ended_by, found.ended_ms = actor, now_ms
    session.add(found)
    detail = {"ci": ci.name, "why": reason}
    audit.record(session, actor, "waiver.ended", f"waiver {number}", detail, now_ms)
    gate.look_at(session, [ci], now_ms)
    return found


def expire(database: Database, now_ms: int) -> int:
    """End the waivers whose time is over; return how many."""
    over = select(GateWaiver).where(col(GateWaiver.ended_ms).is_(None), GateWaiver.until_ms <= now_ms)
    with database.read() as session:
        if session.exec(over.limit(1)).first() is None:
            return 0
    with database.write() as session:
        ended = session.exec(over.with_for_update(skip_locked=True)).all()
        for one in ended:
            one.ended_ms = one.until_ms
            session.add(one)
        session.flush()
        cis = session.exec(select(Ci).where(col(Ci.id).in_([one.ci_id for one in ended])).order_by(col(Ci.id))).all()
        gate.look_at(session, cis, now_ms)
        return len(ended)


def state_of(found: GateWaiver, now_ms: int) -> str:
    """Return a waiver's state: requested, approved, or over."""
    if found.ended_ms is not None or found.until_ms <= now_ms:
        return "over"
    return "requested" if found.approved_ms is None else "approved"


def _live(session: Session, number: int, now_ms: int) -> tuple[GateWaiver, Ci]:
    found = session.exec(select(GateWaiver).where(GateWaiver.id == number).with_for_update()).first()
    if found is None:
        raise NotFound(f"there is no waiver {number}; driftline waiver list shows them")
    if state_of(found, now_ms) == "over":
        raise Conflict(f"waiver {number} is over already")
    return found, session.get_one(Ci, found.ci_id)
