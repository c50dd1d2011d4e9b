"""Pages: the list of baselines; one baseline with its versions."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_cmdb import record
from driftline_cmdb.baselines import approval, capturing, versions
from driftline_server.access.guard import ApproverForm, Db, OperatorForm, ViewerPage
from driftline_server.baselines import views
from driftline_server.lists import PageWindow, Shown
from driftline_server.times import now_ms
from driftline_server.web import render, to_page

router = APIRouter()


@router.get("/baselines")
def list_baselines(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    q: str | None = None,
    state: str | None = None,
) -> Response:
    """Show the list of baselines."""
    with db.read() as session:
        rows, total = views.list_baselines(session, views.BaselineFilter(q, state), window)
    shown = Shown(rows, total, window, "/baselines", {"q": q, "state": state})
    return render(request, "baselines/list.html", caller, list=shown, states=views.STATES)


@router.post("/baselines")
def capture(caller: OperatorForm, db: Db, ci: Annotated[str, Form()], name: Annotated[str, Form()]) -> Response:
    """Capture a baseline from a CI."""
    with db.write() as session:
        found = record.find_ci(session, ci.strip())
        capturing.capture(session, found, name.strip(), caller.name, now_ms())
    return RedirectResponse(to_page("/baselines", name.strip(), done="captured"), 303)


@router.get("/baselines/{name}")
def show_baseline(
    request: Request,
    caller: ViewerPage,
    db: Db,
    name: str,
    version: int | None = None,
    against: int | None = None,
) -> Response:
    """Show a baseline: the document of one version, or what differs from another."""
    with db.read() as session:
        found = views.show(session, name, version)
        lines = views.diff(session, name, against, found.shown.number) if against is not None else None
    return render(request, "baselines/show.html", caller, baseline=found, against=against, lines=lines)


@router.post("/baselines/{name}/edit")
def edit(caller: OperatorForm, db: Db, name: str, document: Annotated[str, Form()]) -> Response:
    """Make a new draft version from a document."""
    with db.write() as session:
        # Browsers send lines that end in CR LF
        versions.edit(session, name, document.replace("\r\n", "\n"), caller.name, now_ms())
    return RedirectResponse(to_page("/baselines", name, done="edited"), 303)


@router.post("/baselines/{name}/approve")
def approve(caller: ApproverForm, db: Db, name: str, version: Annotated[int, Form()]) -> Response:
    """Put a version in force."""
    with db.write() as session:
        approval.approve(session, name, caller.name, now_ms(), version)
    return RedirectResponse(to_page("/baselines", name, version=version, done="approved"), 303)


@router.post("/baselines/{name}/retire")
def retire(caller: ApproverForm, db: Db, name: str) -> Response:
    """Take a baseline out of force."""
    with db.write() as session:
        approval.retire(session, name, caller.name, now_ms())
    return RedirectResponse(to_page("/baselines", name, done="retired"), 303)
