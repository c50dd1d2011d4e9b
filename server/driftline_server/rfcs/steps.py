"""Pages: the forms that move an RFC on."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from driftline_cmdb.rfcs import decisions, discussion, drafting, progress
from driftline_cmdb.rfcs.decisions import Waivers
from driftline_server.access.guard import ApproverForm, Db, OperatorForm, OperatorOrApproverForm
from driftline_server.times import now_ms, parse_moment

router = APIRouter()

Comment = Annotated[str, Form(max_length=4000)]


def _back(number: int, done: str) -> Response:
    return RedirectResponse(f"/rfcs/{number}?done={done}", 303)


@router.post("/rfcs/{number}/submit")
def submit(caller: OperatorForm, db: Db, number: int) -> Response:
    """Submit a draft."""
    with db.write() as session:
        drafting.submit(session, number, caller.name, now_ms())
    return _back(number, "submitted")


@router.post("/rfcs/{number}/assess")
def assess(
    caller: OperatorOrApproverForm,
    db: Db,
    number: int,
    risk_level: Annotated[str, Form()],
    risk: Comment = "",
    impact: Comment = "",
    comment: Comment = "",
) -> Response:
    """Write down risk and impact."""
    with db.write() as session:
        progress.assess(
            session,
            number,
            caller.name,
            comment,
            now_ms(),
            risk_level=risk_level,
            risk=risk or None,
            impact=impact or None,
        )
    return _back(number, "assessed")


@router.post("/rfcs/{number}/authorise")
def authorise(
    caller: ApproverForm,
    db: Db,
    number: int,
    scope: Annotated[str, Form()],
    comment: Comment = "",
    despite_freeze: Comment = "",
    despite_conflicts: bool = Form(default=False),
) -> Response:
    """Approve the scope that the form showed."""
    waivers = Waivers(despite_freeze=despite_freeze or None, despite_conflicts=despite_conflicts)
    with db.write() as session:
        rfc = decisions.authorise(session, number, caller.name, scope, comment, now_ms(), waivers=waivers)
        done = "authorised" if rfc.authorised_ms is not None else "approval"
    return _back(number, done)


@router.post("/rfcs/{number}/reject")
def reject(caller: ApproverForm, db: Db, number: int, comment: Comment = "") -> Response:
    """Reject a planned change."""
    with db.write() as session:
        decisions.reject(session, number, caller.name, comment, now_ms())
    return _back(number, "rejected")


@router.post("/rfcs/{number}/revert")
def revert(caller: OperatorForm, db: Db, number: int, comment: Comment = "") -> Response:
    """Order what was found changed reverted."""
    with db.write() as session:
        decisions.order_revert(session, number, caller.name, comment, now_ms())
    return _back(number, "revert")


@router.post("/rfcs/{number}/cancel")
def cancel(caller: OperatorForm, db: Db, number: int, comment: Comment = "") -> Response:
    """Cancel an RFC."""
    with db.write() as session:
        decisions.cancel(session, number, caller.name, comment, now_ms())
    return _back(number, "cancelled")


@router.post("/rfcs/{number}/schedule")
def schedule(
    caller: OperatorForm,
    db: Db,
    number: int,
    start: Annotated[str, Form(max_length=100)],
    end: Annotated[str, Form(max_length=100)] = "",
    comment: Comment = "",
) -> Response:
    """Give it another window."""
    start_ms = parse_moment(start, "start")
    end_ms = parse_moment(end, "end") if end.strip() else None
    with db.write() as session:
        progress.schedule(session, number, caller.name, start_ms, end_ms, comment, now_ms())
    return _back(number, "scheduled")


@router.post("/rfcs/{number}/start")
def start(caller: OperatorForm, db: Db, number: int, comment: Comment = "") -> Response:
    """Begin it now."""
    with db.write() as session:
        progress.start(session, number, caller.name, comment, now_ms())
    return _back(number, "started")


@router.post("/rfcs/{number}/close")
def close(
    caller: OperatorOrApproverForm, db: Db, number: int, outcome: Annotated[str, Form()], review: Comment = ""
) -> Response:
    """Close it with its review."""
    with db.write() as session:
        progress.close(session, number, caller.name, outcome, review, now_ms())
    return _back(number, "closed")


@router.post("/rfcs/{number}/reopen")
def reopen(caller: OperatorForm, db: Db, number: int, comment: Comment = "") -> Response:
    """Open it again."""
    with db.write() as session:
        progress.reopen(session, number, caller.name, comment, now_ms())
    return _back(number, "reopened")


@router.post("/rfcs/{number}/comments")
def comment(caller: OperatorOrApproverForm, db: Db, number: int, text: Comment = "") -> Response:
    """Say something about it."""
    with db.write() as session:
        discussion.comment(session, number, caller.name, text, now_ms())
    return _back(number, "commented")


@router.post("/rfcs/{number}/links")
def link(
    caller: OperatorOrApproverForm, db: Db, number: int, kind: Annotated[str, Form()], target: Comment = ""
) -> Response:
    """Link it."""
    with db.write() as session:
        discussion.link(session, number, kind, target, caller.name, now_ms())
    return _back(number, "linked")
