"""Emergency changes: they begin without approval, and must have it within the time that the policy gives."""

from dataclasses import asdict, replace

from sqlmodel import Session, col, select

from driftline_cmdb import audit
from driftline_cmdb.drift.raising import next_number
from driftline_cmdb.rfcs import policies
from driftline_cmdb.rfcs.lifecycle import decide, emergency_key
from driftline_cmdb.rfcs.planning import Plan
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.rfcs import Rfc


def declare(session: Session, plan: Plan, requester: str, now_ms: int) -> Rfc:
    """Declare an emergency: an RFC that is being implemented at once, to be approved after the fact."""
    fields = asdict(replace(plan, kind="emergency"))
    rfc = Rfc(number=next_number(session), requester=requester, created_ms=now_ms, actual_start_ms=now_ms, **fields)
    session.add(rfc)
    session.flush()
    set_limit(session, rfc, now_ms)
    decide(session, rfc, requester, "declare", "implementing", now_ms, plan.reason)
    detail = {"title": rfc.title, "approve_by_ms": rfc.approve_by_ms}
    audit.record(session, requester, "rfc.declared", f"RFC {rfc.number}", detail, now_ms)
    session.flush()
    return rfc


def set_limit(session: Session, rfc: Rfc, now_ms: int) -> None:
    """Set by when an emergency that begins now must be approved."""
    limit = policies.need_of(session, rfc).approve_within_ms
    rfc.approve_by_ms = None if limit is None else now_ms + limit
    session.add(rfc)


def close_finding(session: Session, rfc: Rfc, now_ms: int) -> None:
    """Close the finding that an emergency was not approved, where there is one."""
    query = select(Finding).where(Finding.key == emergency_key(rfc), col(Finding.closed_ms).is_(None))
    for finding in session.exec(query):
        finding.closed_ms = now_ms
        session.add(finding)
