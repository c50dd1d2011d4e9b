"""RFCs on their way: assessed, scheduled, begun, reviewed and closed, backed out, opened again."""

from sqlmodel import Session

from driftline_baseline.lifecycle import OUTCOMES
from driftline_baseline.policy import RISK_LEVELS
from driftline_cmdb import audit
from driftline_cmdb.errors import Conflict, Invalid, Refused
from driftline_cmdb.releases import waves
from driftline_cmdb.rfcs import approvals, conflicts, policies
from driftline_cmdb.rfcs.emergencies import set_limit
from driftline_cmdb.rfcs.lifecycle import (
    DRIFTLINE,
    check,
    decide,
    end_implementation,
    mark_cis_due,
)
from driftline_cmdb.rfcs.lifecycle import start as begin_implementation
from driftline_cmdb.rfcs.planning import check_window
from driftline_cmdb.rfcs.reading import deltas_of, find_rfc
from driftline_cmdb.tables.rfcs import Rfc


def assess(
    session: Session,
    number: int,
    actor: str,
    comment: str,
    now_ms: int,
    *,
    risk_level: str | None = None,
    risk: str | None = None,
    impact: str | None = None,
) -> Rfc:
    """Assess an RFC: its risk and impact; what is None stays as it is written.

    :raises Refused: where its risk is high and the actor requested it.
    :raises Invalid: where the risk level is none.
    :raises Conflict: where it has been decided.
    """
    rfc = find_rfc(session, number, to_decide=True)
    check(rfc, "assess")
    if risk_level is not None and risk_level not in RISK_LEVELS:
        raise Invalid(f'risk_level: "{risk_level}" is not one of {", ".join(RISK_LEVELS)}')
    approvals.check_assessor(rfc, actor)
    rfc.risk_level = risk_level or rfc.risk_level
    approvals.check_assessor(rfc, actor)
    rfc.risk = rfc.risk if risk is None else risk
    rfc.impact = rfc.impact if impact is None else impact
    decide(session, rfc, actor, "assess", "assessed", now_ms, comment, detail={"risk_level": rfc.risk_level})
    detail = {"risk_level": rfc.risk_level, "why": comment}
    audit.record(session, actor, "rfc.assessed", f"RFC {number}", detail, now_ms)
    return rfc


def schedule(
    session: Session, number: int, actor: str, start_ms: int, end_ms: int | None, comment: str, now_ms: int
) -> Rfc:
    """Give an authorised RFC a (new) window.

    :raises Invalid: where the window is past, or ends before it starts.
    :raises Refused: where something conflicts with it; another window, or a new approval, mends that.
    :raises Conflict: where it has begun, or is not authorised.
    """
    rfc = find_rfc(session, number, to_decide=True)
    _require_planned(rfc, "schedule")
    check(rfc, "schedule")
    if start_ms <= now_ms:
        raise Invalid("start: the window must begin in the future; to begin now: driftline rfc start")
    _move_window(session, rfc, start_ms, end_ms, now_ms)
    decide(session, rfc, actor, "schedule", "scheduled", now_ms, comment)
    detail = {"start_ms": start_ms, "end_ms": end_ms, "why": comment}
    audit.record(session, actor, "rfc.scheduled", f"RFC {number}", detail, now_ms)
    return rfc


def start(session: Session, number: int, actor: str, comment: str, now_ms: int) -> Rfc:
    """Begin an RFC before its window; an emergency also before it is approved.

    :raises Refused: where the actor approved it, something conflicts with its beginning now, or it waits for a wave
        of its release.
    :raises Conflict: where its state does not allow it.
    """
    rfc = find_rfc(session, number, to_decide=True)
    _require_planned(rfc, "start")
    if waves.waits(session, rfc.id):
        raise Refused(f"RFC {number} belongs to a release, whose waves start it: driftline release start NAME WAVE")
    action = "start at once" if rfc.kind == "emergency" and rfc.state in ("submitted", "assessed") else "start"
    check(rfc, action)
    if rfc.implementer is None:
        approvals.check_implementer(session, rfc, actor)
        rfc.implementer = actor
    if rfc.planned_start_ms is not None and rfc.planned_start_ms > now_ms:
        _move_window(session, rfc, now_ms, rfc.planned_end_ms, now_ms)
    if action == "start":
        begin_implementation(session, rfc, actor, now_ms, comment)
    else:
        set_limit(session, rfc, now_ms)
        rfc.actual_start_ms = now_ms
        decide(session, rfc, actor, action, "implementing", now_ms, comment)
    audit.record(session, actor, "rfc.started", f"RFC {number}", {"why": comment}, now_ms)
    return rfc


def _move_window(session: Session, rfc: Rfc, start_ms: int, end_ms: int | None, now_ms: int) -> None:
    check_window(start_ms, end_ms)
    rfc.planned_start_ms, rfc.planned_end_ms = start_ms, end_ms
    session.add(rfc)
    session.flush()
    conflicts.refuse(rfc, conflicts.conflicts_of(session, rfc, now_ms), offers=())


def close(session: Session, number: int, actor: str, outcome: str, review: str, now_ms: int) -> Rfc:
    """Close an RFC with its post-implementation review; what it predicted and was not seen is not predicted any more.

    :param outcome: one of `driftline_baseline.lifecycle.OUTCOMES`; "backed out" backs it out.
    :raises Invalid: where the outcome is none, or the review is missing that the policy asks for.
    :raises Refused: where it is an emergency that nobody has approved.
    :raises Conflict: where it has not begun, or is decided.
    """
    if outcome not in OUTCOMES:
        raise Invalid(f'outcome: "{outcome}" is not one of {", ".join(OUTCOMES)}')
    if outcome == "backed out":
        raise Invalid(
            f"outcome: to back it out: driftline rfc back-out {number}; it is closed once the old state is back"
        )
    rfc = find_rfc(session, number, to_decide=True)
    _require_planned(rfc, "close")
    check(rfc, "end implementation" if rfc.state == "implementing" else "close")
    if rfc.kind == "emergency" and (
        rfc.authorised_ms is None or any(d.state == "proposed" for d in deltas_of(session, rfc))
    ):
        raise Refused(
            f"RFC {number} is an emergency with changes that nobody has approved: authorise it first, or back it out"
        )
    if not review.strip() and (policies.need_of(session, rfc).review or outcome != "successful"):
        raise Invalid("review: write what was found, in a line or more")
    if rfc.state == "implementing":
        end_implementation(session, rfc, actor, now_ms)
    for delta in deltas_of(session, rfc):
        if delta.state == "authorised" and delta.predicate is not None:
            delta.state = "withdrawn"
            session.add(delta)
    rfc.outcome, rfc.review, rfc.closed_ms = outcome, review, now_ms
    decide(session, rfc, actor, "close", "closed", now_ms, review, detail={"outcome": outcome})
    audit.record(session, actor, "rfc.closed", f"RFC {number}", {"outcome": outcome, "review": review}, now_ms)
    mark_cis_due(session, rfc, now_ms)
    return rfc


def reopen(session: Session, number: int, actor: str, comment: str, now_ms: int) -> Rfc:
    """Open a planned RFC again that was backed out; it needs its approvals anew. A window that is past is taken away.

    :raises Conflict: where it was not backed out.
    """
    rfc = find_rfc(session, number, to_decide=True)
    _require_planned(rfc, "reopen")
    check(rfc, "reopen")
    for delta in deltas_of(session, rfc):
        if delta.state == "withdrawn" and delta.part in ("predicted", "found"):
            delta.state, delta.authorised_ms, delta.settled_ms = "proposed", None, None
            if delta.predicate is not None:
                delta.before = delta.after = None
            session.add(delta)
    if rfc.planned_end_ms is not None and rfc.planned_end_ms <= now_ms:
        rfc.planned_start_ms = rfc.planned_end_ms = None
    rfc.outcome = rfc.closed_ms = rfc.actual_start_ms = rfc.actual_end_ms = None
    rfc.authorised_ms = rfc.approve_by_ms = rfc.ordered = None
    approvals.void(session, rfc, now_ms)
    decide(session, rfc, actor, "reopen", "submitted", now_ms, comment)
    audit.record(session, actor, "rfc.reopened", f"RFC {number}", {"why": comment}, now_ms)
    return rfc


def _require_planned(rfc: Rfc, action: str) -> None:
    if rfc.origin == DRIFTLINE:
        raise Conflict(
            f"RFC {rfc.number} was raised for a change that is there: {action} is for planned ones; "
            "authorise it or order it reverted"
        )
