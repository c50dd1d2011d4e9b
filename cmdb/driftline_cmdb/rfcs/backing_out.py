"""Backing out: the plan's steps drafted, the order given, and the old state verified."""

from sqlmodel import Session, col, select

from driftline_baseline import back_out
from driftline_baseline.back_out import Undo
from driftline_baseline.expected import element_path
from driftline_cmdb import audit
from driftline_cmdb.database import Database
from driftline_cmdb.drift.due import mark_due
from driftline_cmdb.errors import Conflict, Invalid
from driftline_cmdb.identity.aliases import stands_for
from driftline_cmdb.record import elements_of
from driftline_cmdb.rfcs.emergencies import close_finding
from driftline_cmdb.rfcs.lifecycle import DRIFTLINE, check, decide
from driftline_cmdb.rfcs.present import value_at
from driftline_cmdb.rfcs.reading import deltas_of, find_rfc
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta


def draft(session: Session, rfc: Rfc) -> str:
    """Draft the steps that undo what an RFC changed, or, before it did, what it predicts to change, host by host."""
    by_host: dict[str, list[Undo]] = {}
    names = {
        ci.id: ci.name
        for ci in session.exec(
            select(Ci).join(RfcDelta, col(RfcDelta.ci_id) == col(Ci.id)).where(RfcDelta.rfc_id == rfc.id)
        )
    }
    by_ci: dict[int, list[RfcDelta]] = {}
    for delta in deltas_of(session, rfc):
        by_ci.setdefault(delta.ci_id, []).append(delta)
    for ci_id, deltas in by_ci.items():
        planned = [item for item in deltas if item.predicate is not None and item.state in ("proposed", "authorised")]
        places = {element_path(item.path) for item in planned if "*" not in item.path}
        elements = elements_of(session, stands_for(session, ci_id), places)
        undone = []
        for delta in deltas:
            if delta in planned and "*" in delta.path:
                continue  # what a wave changes is known once it has
            before = value_at(elements, delta.path) if delta in planned else delta.before
            changes = delta in planned or (delta.before != delta.after and delta.state != "withdrawn")
            if changes:
                undone.append(Undo(delta.path, before, None if delta in planned else delta.after))
        if undone:
            by_host[names[ci_id]] = undone
    return back_out.text(by_host)


def order(session: Session, number: int, actor: str, comment: str, now_ms: int) -> Rfc:
    """Order a planned change backed out: what it changed is expected no more, and the old state is waited for.

    :raises Conflict: where nothing of it has been changed, or it is over.
    :raises Invalid: without a reason.
    """
    rfc = find_rfc(session, number, to_decide=True)
    if not comment.strip():
        raise Invalid("comment: a back-out needs a reason")
    if rfc.origin == DRIFTLINE:
        raise Conflict(f"RFC {number} was raised for a change that was found: order it reverted instead")
    check(rfc, "order back out")
    if rfc.ordered is not None:
        raise Conflict(f"RFC {number} is ordered to be backed out already")
    touched = set()
    for delta in deltas_of(session, rfc):
        if delta.state == "settled" and delta.before != delta.after:
            delta.state = "backing out"
            touched.add(delta.ci_id)
        elif delta.state in ("authorised", "in progress", "missed", "proposed"):
            if delta.state == "in progress":
                touched.add(delta.ci_id)
            delta.state = "withdrawn"
        session.add(delta)
    rfc.ordered = "back out"
    if not rfc.back_out_plan:
        rfc.back_out_plan = draft(session, rfc)
    decide(session, rfc, actor, "order back out", rfc.state, now_ms, comment)
    audit.record(session, actor, "rfc.back_out_ordered", f"RFC {number}", {"why": comment}, now_ms)
    session.flush()
    for ci_id in sorted(touched):
        mark_due(session, ci_id, now_ms)
    return rfc


def left_to_undo(session: Session, rfc: Rfc) -> list[RfcDelta]:
    """Return what a back-out has not undone yet: where the state before is not back."""
    query = select(RfcDelta).where(RfcDelta.rfc_id == rfc.id, RfcDelta.state == "backing out")
    by_ci: dict[int, list[RfcDelta]] = {}
    for delta in session.exec(query.order_by(col(RfcDelta.id))):
        by_ci.setdefault(delta.ci_id, []).append(delta)
    left = []
    for ci_id, deltas in by_ci.items():
        elements = elements_of(session, stands_for(session, ci_id), {element_path(delta.path) for delta in deltas})
        left += [delta for delta in deltas if value_at(elements, delta.path) != delta.before]
    return left


def verify_back_outs(database: Database, now_ms: int) -> int:
    """Close RFCs that are ordered backed out once the old state is really back; return how many."""
    waiting = select(Rfc).where(Rfc.ordered == "back out", col(Rfc.closed_ms).is_(None))
    with database.read() as session:
        done = [rfc.number for rfc in session.exec(waiting) if not left_to_undo(session, rfc)]
    closed = 0
    for number in done:
        with database.write() as session:
            rfc = find_rfc(session, number, to_decide=True)
            if rfc.closed_ms is None and not left_to_undo(session, rfc):
                for delta in deltas_of(session, rfc):
                    if delta.state == "backing out":
                        delta.state = "withdrawn"
                        session.add(delta)
                close_finding(session, rfc, now_ms)
                rfc.outcome, rfc.closed_ms, rfc.actual_end_ms = "the state before is back, verified", now_ms, now_ms
                decide(session, rfc, DRIFTLINE, "back out", "backed out", now_ms, rfc.outcome)
                closed += 1
    return closed
