"""Pages: the list of standing rules; one rule."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_cmdb.standing import replay, rules
from driftline_server.access.guard import ApproverForm, Db, OperatorForm, ViewerPage
from driftline_server.lists import PageWindow, Shown
from driftline_server.rules import views
from driftline_server.times import now_ms
from driftline_server.web import render, to_page

router = APIRouter()


@router.get("/rules")
def list_rules(
    request: Request, caller: ViewerPage, db: Db, window: PageWindow, q: str | None = None, state: str | None = None
) -> Response:
    """Show standing rules and origins."""
    with db.read() as session:
        rows, total = views.list_rules(session, q, state, window)
        origins = views.list_origins(session)
    shown = Shown(rows, total, window, "/rules", {"q": q, "state": state})
    return render(request, "rules/list.html", caller, list=shown, states=views.STATES, origins=origins)


@router.post("/rules")
def draft(caller: OperatorForm, db: Db, document: Annotated[str, Form()]) -> Response:
    """Draft a rule."""
    with db.write() as session:
        made = rules.draft(session, document.replace("\r\n", "\n"), caller.name, now_ms())
    return RedirectResponse(to_page("/rules", made.name, done="drafted"), 303)


@router.get("/rules/{name}")
def show_rule(request: Request, caller: ViewerPage, db: Db, name: str, version: int | None = None) -> Response:
    """Show one rule."""
    with db.read() as session:
        found = views.show(session, name, version)
    return render(request, "rules/show.html", caller, rule=found)


@router.post("/rules/{name}/replay")
def replay_rule(_caller: OperatorForm, db: Db, name: str, days: Annotated[int, Form()] = 90) -> Response:
    """Replay a rule over the past."""
    with db.write() as session:
        replay.replay(session, name, days, now_ms())
    return RedirectResponse(to_page("/rules", name, done="replayed"), 303)


@router.post("/rules/{name}/approve")
def approve(caller: ApproverForm, db: Db, name: str) -> Response:
    """Put a rule in force."""
    with db.write() as session:
        rules.approve(session, name, caller.name, now_ms())
    return RedirectResponse(to_page("/rules", name, done="approved"), 303)


@router.post("/rules/{name}/retire")
def retire(caller: ApproverForm, db: Db, name: str) -> Response:
    """Take a rule out of force."""
    with db.write() as session:
        rules.retire(session, name, caller.name, now_ms())
    return RedirectResponse(to_page("/rules", name, done="retired"), 303)
