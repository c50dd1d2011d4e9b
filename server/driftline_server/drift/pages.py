"""Pages: the list of drifts; one drift."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_cmdb import record
from driftline_server.access.guard import ApproverForm, Db, ViewerPage
from driftline_server.cis import files
from driftline_server.drift import api, views
from driftline_server.lists import PageWindow, Shown
from driftline_server.web import render

router = APIRouter()


@router.get("/drifts")
def list_drifts(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    state: str = "open",
    ci: str | None = None,
    q: str | None = None,
) -> Response:
    """Show the list of drifts."""
    with db.read() as session:
        found = record.find_ci(session, ci) if ci else None
        wanted = views.DriftFilter(None if state in ("all", "") else state, found.id if found else None, q)
        rows, total = views.list_drifts(session, wanted, window)
    shown = Shown(rows, total, window, "/drifts", {"state": state or "all", "ci": ci, "q": q})
    return render(request, "drift/list.html", caller, list=shown, states=(*views.STATES, "all"), ci=found)


@router.get("/drifts/{drift}")
def show_drift(request: Request, caller: ViewerPage, db: Db, drift: int) -> Response:
    """Show one drift."""
    with db.read() as session:
        found = views.show(session, drift)
        diff = None
        if caller.may(files.ROLE) and found.path.startswith("files."):
            ci = record.find_ci(session, found.ci.uid)
            diff = files.of_change(session, ci.id, found.path, found.expected, found.actual)
    return render(request, "drift/show.html", caller, drift=found, diff=diff)


@router.post("/drifts/{drift}/accept")
def accept_drift(
    caller: ApproverForm,
    db: Db,
    drift: int,
    reason: Annotated[str, Form(min_length=1, max_length=4000)],
    expires_in: Annotated[str, Form()] = "7d",
) -> Response:
    """Accept a drift for a time."""
    api.accept_drift(caller, db, drift, api.Acceptance(reason=reason, expires_in=expires_in))
    return RedirectResponse(f"/drifts/{drift}?done=accepted", 303)
