"""Pages: the list of findings; one finding."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_cmdb import findings, record
from driftline_server.access.guard import Db, OperatorForm, OperatorOrApproverForm, ViewerPage
from driftline_server.findings import api, views
from driftline_server.lists import PageWindow, Shown
from driftline_server.notifications import views as notification_views
from driftline_server.notifications.pages import SNOOZES, people_of
from driftline_server.web import render

router = APIRouter()

Reason = Annotated[str, Form(min_length=1, max_length=4000)]


@router.get("/findings")
def list_findings(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    state: str = "open",
    kind: str | None = None,
    ci: str | None = None,
    q: str | None = None,
) -> Response:
    """Show what a person should look at that is no drift."""
    with db.read() as session:
        ci_id = record.find_ci(session, ci).id if ci else None
        rows, total = views.list_findings(session, views.FindingFilter(state or "open", kind, ci_id, q), window)
    shown = Shown(rows, total, window, "/findings", {"state": state or "open", "kind": kind, "ci": ci, "q": q})
    return render(request, "findings/list.html", caller, list=shown, states=views.STATES)


@router.get("/findings/{finding}")
def show_finding(request: Request, caller: ViewerPage, db: Db, finding: int) -> Response:
    """Show one finding."""
    with db.read() as session:
        found = views.show(session, finding)
        attention = notification_views.attention(session, findings.find(session, finding))
        people = people_of(session)
    return render(
        request,
        "findings/show.html",
        caller,
        finding=found,
        attention=attention,
        people=people,
        snoozes=SNOOZES,
    )


@router.post("/findings/{finding}/acknowledge")
def acknowledge(caller: OperatorOrApproverForm, db: Db, finding: int, reason: Reason) -> Response:
    """Acknowledge a finding."""
    api.acknowledge(caller, db, finding, api.FindingReason(reason=reason))
    return RedirectResponse(f"/findings/{finding}?done=acknowledged", 303)


@router.post("/findings/{finding}/close")
def close(caller: OperatorForm, db: Db, finding: int, reason: Reason) -> Response:
    """Close a finding."""
    api.close(caller, db, finding, api.FindingReason(reason=reason))
    return RedirectResponse(f"/findings/{finding}?done=finding-closed", 303)
