"""Pages: the list of standing rules; one rule."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_cmdb.standing import origins, replay, rules
from driftline_server.access.guard import ApproverForm, Db, OperatorForm, ViewerPage
from driftline_server.lists import MAXIMUM, PageWindow, Shown, Window
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
        origins = views.list_origins(session, Window(limit=MAXIMUM))[0]
    shown = Shown(rows, total, window, "/rules", {"q": q, "state": state})
    return render(request, "rules/list.html", caller, list=shown, states=views.STATES, origins=origins)


@router.post("/rules")
def draft(caller: OperatorForm, db: Db, document: Annotated[str, Form()]) -> Response:
    """Draft a rule."""
    with db.write() as session:
        made = rules.draft(session, document.replace("\r\n", "\n"), caller.name, now_ms())
        origins.require_known(session, [line.origin for line in rules.parsed_rule(made.document).allow])
    return RedirectResponse(to_page("/rules", made.name, done="drafted"), 303)


@router.get("/rules/{rule}")
def show_rule(request: Request, caller: ViewerPage, db: Db, rule: str, version: int | None = None) -> Response:
    """Show one rule."""
    with db.read() as session:
        found = views.show(session, rule, version)
    return render(request, "rules/show.html", caller, rule=found)


@router.post("/rules/{rule}/replay")
def replay_rule(_caller: OperatorForm, db: Db, rule: str, days: Annotated[int, Form()] = 90) -> Response:
    """Replay a rule over the past."""
    with db.write() as session:
        replay.replay(session, rule, days, now_ms())
    return RedirectResponse(to_page("/rules", rule, done="replayed"), 303)


@router.post("/rules/{rule}/approve")
def approve(caller: ApproverForm, db: Db, rule: str) -> Response:
    """Put a rule in force."""
    with db.write() as session:
        rules.approve(session, rule, caller.name, now_ms())
    return RedirectResponse(to_page("/rules", rule, done="approved"), 303)


@router.post("/rules/{rule}/retire")
def retire(caller: ApproverForm, db: Db, rule: str) -> Response:
    """Drop its draft, or take it out of force."""
    with db.write() as session:
        retired = rules.retire(session, rule, caller.name, now_ms())
    return RedirectResponse(to_page("/rules", rule, version=retired.number, done="retired"), 303)
