"""Pages: releases; one release; the production gate with its waivers."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_baseline.release import KINDS, STATES
from driftline_cmdb import record
from driftline_cmdb.releases import editing, gate_policy, rollout, testing, waivers
from driftline_server.access.guard import (
    AdminForm,
    ApproverForm,
    ApproverOrAdminForm,
    Db,
    OperatorForm,
    OperatorOrApproverForm,
    ViewerPage,
)
from driftline_server.lists import PageWindow, Shown
from driftline_server.releases import gating, views
from driftline_server.times import now_ms, parse_moment, span_ms
from driftline_server.web import render, to_page

router = APIRouter()

Line = Annotated[str, Form(max_length=1000)]
Yaml = Annotated[str, Form(max_length=100_000)]
Comment = Annotated[str, Form(max_length=4000)]


def _lines(text: str) -> str:
    # Browsers send lines that end in CR LF
    return text.replace("\r\n", "\n")


def _back(release: str, done: str) -> Response:
    return RedirectResponse(to_page("/releases", release, done=done), 303)


@router.get("/releases")
def list_releases(
    request: Request, caller: ViewerPage, db: Db, window: PageWindow, q: str | None = None, state: str | None = None
) -> Response:
    """Show releases."""
    with db.read() as session:
        rows, total = views.list_releases(session, q, state, window)
    shown = Shown(rows, total, window, "/releases", {"q": q, "state": state})
    return render(request, "releases/list.html", caller, list=shown, states=STATES, kinds=KINDS)


@router.post("/releases")
def create(
    caller: OperatorForm,
    db: Db,
    name: Line,
    kind: Line,
    planned: Line = "",
    description: Comment = "",
    criteria: Yaml = "",
) -> Response:
    """Plan a release."""
    planned_ms = parse_moment(planned, "planned") if planned.strip() else None
    more = {"planned_ms": planned_ms, "description": description, "criteria": _lines(criteria)}
    with db.write() as session:
        made = editing.create(session, name.strip(), kind, caller.name, now_ms(), **more)
    return _back(made.name, "added")


@router.get("/releases/{release}")
def show(request: Request, caller: ViewerPage, db: Db, release: str) -> Response:
    """Show one release."""
    with db.read() as session:
        found = views.show(session, release)
        plan = views.reverse_plan(session, release)
        taken = views.list_snapshots(session, release).items
    return render(request, "releases/show.html", caller, release=found, plan=plan, taken=taken)


@router.get("/releases/{release}/snapshot/{ci}")
def show_snapshot(request: Request, caller: ViewerPage, db: Db, release: str, ci: str) -> Response:
    """Show what differs from a CI's snapshot."""
    with db.read() as session:
        found = views.show_snapshot(session, release, ci)
    return render(request, "releases/snapshot.html", caller, name=release, found=found)


@router.post("/releases/{release}/edit")
def edit(caller: OperatorForm, db: Db, release: str, field: Line, text: Yaml = "") -> Response:
    """Change the criteria or the plan back."""
    with db.write() as session:
        editing.edit(session, release, {field: _lines(text)}, caller.name, now_ms())
    return _back(release, "edited")


@router.post("/releases/{release}/rfcs")
def add_rfc(caller: OperatorForm, db: Db, release: str, number: Annotated[int, Form()]) -> Response:
    """Add an RFC."""
    with db.write() as session:
        editing.add_rfc(session, release, number, caller.name, now_ms())
    return _back(release, "added")


@router.post("/releases/{release}/rfcs/remove")
def remove_rfc(caller: OperatorForm, db: Db, release: str, number: Annotated[int, Form()]) -> Response:
    """Take an RFC out."""
    with db.write() as session:
        editing.remove_rfc(session, release, number, caller.name, now_ms())
    return _back(release, "edited")


@router.post("/releases/{release}/waves")
def add_wave(caller: OperatorForm, db: Db, release: str, environment: Line, selector: Yaml) -> Response:
    """Add a wave."""
    with db.write() as session:
        editing.add_wave(session, release, environment, _lines(selector), caller.name, now_ms())
    return _back(release, "added")


@router.post("/releases/{release}/waves/{wave}/{step}")
def step_wave(caller: OperatorForm, db: Db, release: str, wave: int, step: str) -> Response:
    """Start, end or remove a wave."""
    with db.write() as session:
        if step == "start":
            rollout.start_wave(session, release, wave, caller.name, "", now_ms())
        elif step == "end":
            rollout.end_wave(session, release, wave, caller.name, "", now_ms())
        else:
            editing.remove_wave(session, release, wave, caller.name, now_ms())
    return _back(release, {"start": "started", "end": "ended"}.get(step, "edited"))


@router.post("/releases/{release}/check")
def check(caller: OperatorForm, db: Db, release: str) -> Response:
    """Check the acceptance criteria."""
    with db.write() as session:
        testing.check(session, release, caller.name, now_ms())
    return _back(release, "checked")


@router.post("/releases/{release}/accept")
def accept(caller: ApproverForm, db: Db, release: str, comment: Comment = "") -> Response:
    """Accept a release."""
    with db.write() as session:
        testing.accept(session, release, caller.name, comment, now_ms())
    return _back(release, "release-accepted")


@router.post("/releases/{release}/close")
def close(
    caller: OperatorOrApproverForm, db: Db, release: str, how: Annotated[str, Form()], review: Comment = ""
) -> Response:
    """Close, fail or cancel a release."""
    steps = {"close": rollout.close, "fail": rollout.fail}
    with db.write() as session:
        steps.get(how, rollout.cancel)(session, release, caller.name, review, now_ms())
    return _back(release, "closed")


@router.get("/waivers")
def list_waivers(
    request: Request, caller: ViewerPage, db: Db, window: PageWindow, q: str | None = None, state: str | None = None
) -> Response:
    """Show the production gate: its policy and its waivers."""
    now = now_ms()
    with db.read() as session:
        rows, total = gating.list_waivers(session, q, state or None, window, now)
        policy = gating.show_gate(session)
    shown = Shown(rows, total, window, "/waivers", {"q": q, "state": state})
    return render(request, "releases/waivers.html", caller, list=shown, states=gating.STATES, policy=policy)


@router.post("/waivers")
def request_waiver(caller: OperatorForm, db: Db, ci: Line, reason: Comment, expires_in: Line) -> Response:
    """Ask for a waiver."""
    now = now_ms()
    with db.write() as session:
        found = record.find_ci(session, ci.strip())
        waivers.request(session, found, reason, now + span_ms(expires_in, "for"), caller.name, now)
    return RedirectResponse("/waivers?done=proposed", 303)


@router.post("/waivers/approve")
def approve_waiver(caller: ApproverForm, db: Db, number: Annotated[int, Form()]) -> Response:
    """Approve a waiver."""
    with db.write() as session:
        waivers.approve(session, number, caller.name, now_ms())
    return RedirectResponse("/waivers?done=confirmed", 303)


@router.post("/waivers/end")
def end_waiver(caller: OperatorOrApproverForm, db: Db, number: Annotated[int, Form()]) -> Response:
    """End a waiver."""
    with db.write() as session:
        waivers.end(session, number, caller.name, "", now_ms())
    return RedirectResponse("/waivers?done=ended", 303)


@router.post("/waivers/policy")
def propose(caller: AdminForm, db: Db, document: Yaml) -> Response:
    """Propose a policy of the gate."""
    with db.write() as session:
        gate_policy.propose(session, _lines(document), caller.name, now_ms())
    return RedirectResponse("/waivers?done=proposed", 303)


@router.post("/waivers/policy/confirm")
def confirm(caller: ApproverOrAdminForm, db: Db, number: Annotated[int, Form()]) -> Response:
    """Put a proposed policy in force."""
    with db.write() as session:
        gate_policy.confirm(session, number, caller.name, now_ms())
    return RedirectResponse("/waivers?done=confirmed", 303)
