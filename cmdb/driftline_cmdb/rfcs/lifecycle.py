"""The one way in which an RFC changes its state, and the jobs that move planned ones on."""

from typing import Any

from sqlmodel import Session, and_, col, or_, select

from driftline_baseline import lifecycle
from driftline_baseline.errors import LifecycleError
from driftline_cmdb import continuity
from driftline_cmdb.attention import events, judging
from driftline_cmdb.database import Database
from driftline_cmdb.drift.due import mark_all_due
from driftline_cmdb.errors import Conflict
from driftline_cmdb.releases import waves
from driftline_cmdb.rfcs import policies, verification
from driftline_cmdb.tables.rfcs import Rfc, RfcDecision, RfcDelta

#: driftline's own name as requester and actor.
DRIFTLINE = "driftline"
#: Actions that people are told of, each with the event and its severity; of every end they are told as `rfc.closed`.
_TOLD = {
    "submit": ("rfc.waiting", "info"),
    "declare": ("rfc.waiting", "warning"),
    "start at once": ("rfc.waiting", "warning"),
    "reject": ("rfc.approval_refused", "warning"),
    "escalate": ("rfc.approval_late", "warning"),
}


def check(rfc: Rfc, action: str) -> lifecycle.Action:
    """Return an action where the RFC's state allows it.

    :raises Conflict: where it does not; the message names the state and what is possible.
    """
    try:
        return lifecycle.check(rfc.origin, rfc.kind, rfc.state, action)
    except LifecycleError as error:
        raise Conflict(f"RFC {rfc.number} {error}") from error


def decide(
    session: Session,
    rfc: Rfc,
    actor: str,
    action: str,
    to_state: str,
    now_ms: int,
    comment: str = "",
    scope: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Move an RFC on and keep who did it and why; driftline's own moves are bound by the same table.

    :param action: a name in `driftline_baseline.lifecycle.TABLE`.
    :raises Conflict: where the table does not allow it.
    """
    legal = check(rfc, action)
    if legal.leads_to(rfc.state) != to_state:
        raise Conflict(
            f'RFC {rfc.number} is {rfc.state}: "{action}" leads to {legal.leads_to(rfc.state)}, not {to_state}'
        )
    session.add(
        RfcDecision(
            rfc_id=rfc.id,
            at_ms=now_ms,
            actor=actor,
            action=legal.done,
            from_state=rfc.state,
            to_state=to_state,
            comment=comment,
            scope=scope,
            detail=detail or {},
        )
    )
    was_done = rfc.state in lifecycle.DONE
    rfc.state = to_state
    session.add(rfc)
    _tell(session, rfc, action, comment, was_done, now_ms)


def _tell(session: Session, rfc: Rfc, action: str, comment: str, was_done: bool, now_ms: int) -> None:
    """Have people told of what an action means to them. What a standing rule permits is nobody's news."""
    if rfc.origin == "rule":
        return
    if action in _TOLD:
        kind, severity = _TOLD[action]
        events.emit_rfc(session, kind, rfc, severity, now_ms, text=comment)
    elif action == "reopen":
        events.emit_rfc(session, "rfc.reopened", rfc, events.severity_of(rfc), now_ms, text=comment)
    elif rfc.state in lifecycle.DONE and not was_done:
        judging.propose(session, rfc, now_ms)
        events.emit_rfc(session, "rfc.closed", rfc, "info", now_ms, text=rfc.outcome or comment)


def begin(session: Session, rfc: Rfc, now_ms: int) -> None:
    """Move a planned RFC on that was just authorised: it waits for its window or its release's wave, or begins."""
    if waves.waits(session, rfc.id):
        return
    if rfc.planned_start_ms is not None and rfc.planned_start_ms > now_ms:
        decide(session, rfc, DRIFTLINE, "schedule", "scheduled", now_ms)
    else:
        start(session, rfc, DRIFTLINE, now_ms)


def start(session: Session, rfc: Rfc, actor: str, now_ms: int, comment: str = "") -> None:
    """Begin the implementation of an RFC."""
    decide(session, rfc, actor, "start", "implementing", now_ms, comment)
    rfc.actual_start_ms = now_ms


def end_implementation(session: Session, rfc: Rfc, actor: str, now_ms: int, comment: str = "") -> None:
    """End the implementation of an RFC; it is to be reviewed."""
    decide(session, rfc, actor, "end implementation", "review", now_ms, comment)
    rfc.actual_end_ms = now_ms


def advance(database: Database, now_ms: int) -> int:
    """Begin RFCs whose window has begun, and end the implementation of those whose window has ended.

    :return: how many were moved on.
    """
    begun = and_(col(Rfc.state) == "scheduled", col(Rfc.planned_start_ms) <= now_ms, ~waves.waiting())
    ended = and_(col(Rfc.state) == "implementing", col(Rfc.planned_end_ms) <= now_ms)
    with database.read() as session:
        waiting = session.exec(select(Rfc.id).where(or_(begun, ended)).order_by(col(Rfc.id))).all()
    moved = 0
    for rfc_id in waiting:
        with database.write() as session:
            # Another collector may be at it, or have done it
            taken = select(Rfc).where(Rfc.id == rfc_id, or_(begun, ended)).with_for_update(skip_locked=True)
            rfc = session.exec(taken).first()
            if rfc is None:
                continue
            if rfc.state == "scheduled":
                start(session, rfc, DRIFTLINE, now_ms, "its window has begun")
            if rfc.planned_end_ms is not None and rfc.planned_end_ms <= now_ms:
                window_ended(session, rfc, now_ms)
            moved += 1
    return moved


def window_ended(session: Session, rfc: Rfc, now_ms: int) -> None:
    """End the implementation of an RFC whose window has ended: what it reached is verified (section 6, rule 3)."""
    found = verification.end_window(session, rfc, now_ms)
    end_implementation(session, rfc, DRIFTLINE, now_ms, f"its window has ended; {found.text()}")
    if not found.complete:
        events.emit_rfc(session, "rfc.verification_failed", rfc, "warning", now_ms, text=found.text())
    need = policies.need_of(session, rfc)
    if found.complete and need.closes and not need.review and rfc.ordered is None:
        rfc.outcome, rfc.closed_ms = f"verified: {found.text()}", now_ms
        decide(session, rfc, DRIFTLINE, "verify", "closed", now_ms, rfc.outcome)


def mark_cis_due(session: Session, rfc: Rfc, now_ms: int) -> None:
    """Have all CIs of an RFC compared whole."""
    mark_all_due(session, session.exec(select(RfcDelta.ci_id).where(RfcDelta.rfc_id == rfc.id).distinct()), now_ms)


def escalate(database: Database, now_ms: int) -> int:
    """Open a finding for each emergency that nobody approved in time; return how many."""
    late = (
        select(Rfc)
        .where(col(Rfc.approve_by_ms) <= now_ms, col(Rfc.authorised_ms).is_(None))
        .where(col(Rfc.state).in_(("implementing", "review")))
    )
    with database.read() as session:
        if session.exec(late.limit(1)).first() is None:
            return 0
    opened = 0
    with database.write() as session:
        for rfc in session.exec(late.with_for_update(skip_locked=True)).all():
            message = (
                f"RFC {rfc.number}, an emergency that {rfc.requester} declared, was not approved in time: "
                f"approve it, or back it out ({rfc.title})"
            )
            detail = {"rfc": rfc.number, "approve_by_ms": rfc.approve_by_ms}
            kind = "emergency not approved"
            key = emergency_key(rfc)
            if continuity.open_finding(session, kind, key, None, message, detail, now_ms, tell=False):
                decide(session, rfc, DRIFTLINE, "escalate", rfc.state, now_ms, "not approved in time")
                opened += 1
    return opened


def emergency_key(rfc: Rfc) -> str:
    """Return the key of the finding that an emergency was not approved."""
    return f"emergency:{rfc.number}"
