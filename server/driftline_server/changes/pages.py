"""Pages: the approval policy, standard changes, freezes."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_cmdb.rfcs import freezes, policies, templates
from driftline_server.access.guard import (
    AdminForm,
    ApproverForm,
    ApproverOrAdminForm,
    Db,
    OperatorForm,
    ViewerPage,
)
from driftline_server.changes import views
from driftline_server.lists import Window
from driftline_server.times import now_ms, parse_moment
from driftline_server.web import render

router = APIRouter()

Line = Annotated[str, Form(max_length=200)]
Yaml = Annotated[str, Form(max_length=100_000)]


def _back(done: str) -> Response:
    return RedirectResponse(f"/changes?done={done}", 303)


def _lines(text: str) -> str:
    # Browsers send lines that end in CR LF
    return text.replace("\r\n", "\n")


@router.get("/changes")
def show(request: Request, caller: ViewerPage, db: Db) -> Response:
    """Show what governs changes."""
    whole = Window(limit=500)
    with db.read() as session:
        policy = views.show_policy(session)
        listed, _ = views.list_templates(session, None, None, whole)
        frozen, _ = views.list_freezes(session, None, True, whole, now_ms())
    return render(request, "changes/show.html", caller, policy=policy, listed=listed, frozen=frozen)


@router.post("/changes/policy")
def propose(caller: AdminForm, db: Db, document: Yaml) -> Response:
    """Propose an approval policy."""
    with db.write() as session:
        policies.propose(session, _lines(document), caller.name, now_ms())
    return _back("proposed")


@router.post("/changes/policy/confirm")
def confirm(caller: ApproverOrAdminForm, db: Db, number: Annotated[int, Form()]) -> Response:
    """Put a proposed policy in force."""
    with db.write() as session:
        policies.confirm(session, number, caller.name, now_ms())
    return _back("confirmed")


@router.post("/changes/templates")
def write(caller: OperatorForm, db: Db, name: Line, document: Yaml) -> Response:
    """Draft a template."""
    with db.write() as session:
        templates.write(session, name.strip(), _lines(document), caller.name, now_ms())
    return _back("edited")


@router.post("/changes/templates/approve")
def approve(caller: ApproverForm, db: Db, name: Line) -> Response:
    """Put a template's draft in force."""
    with db.write() as session:
        templates.approve(session, name, caller.name, now_ms())
    return _back("confirmed")


@router.post("/changes/freezes")
def add(caller: OperatorForm, db: Db, name: Line, start: Line, end: Line, selector: Yaml, reason: Yaml) -> Response:
    """Add a freeze."""
    start_ms, end_ms = parse_moment(start, "start"), parse_moment(end, "end")
    with db.write() as session:
        freezes.add(session, name.strip(), _lines(selector), start_ms, end_ms, reason, caller.name, now_ms())
    return _back("added")


@router.post("/changes/freezes/end")
def end_freeze(caller: ApproverForm, db: Db, name: Line, reason: Line = "") -> Response:
    """End a freeze before its time."""
    with db.write() as session:
        freezes.end(session, name, caller.name, reason, now_ms())
    return _back("ended")
