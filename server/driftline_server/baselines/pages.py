"""Pages: the list of baselines; one baseline with its versions."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from driftline_cmdb import record
from driftline_cmdb.baselines import approval, capturing, copying, groups, versions
from driftline_server.access.guard import ApproverForm, Db, OperatorForm, ViewerPage
from driftline_server.baselines import reviewing, views
from driftline_server.lists import PageWindow, Shown
from driftline_server.times import now_ms, parse_moment
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
def capture(
    caller: OperatorForm,
    db: Db,
    name: Annotated[str, Form()],
    ci: Annotated[str, Form()] = "",
    group: Annotated[str, Form()] = "",
    share: Annotated[float, Form()] = 90,
    leave_out: Annotated[bool, Form()] = False,
) -> Response:
    """Capture a baseline from a CI or from what most of a group agree on."""
    with db.write() as session:
        if group.strip():
            selector = groups.parse_group(group)
            groups.capture_group(
                session, selector, name.strip(), share, caller.name, now_ms(), leave_out_drifts=leave_out
            )
        else:
            found = record.find_ci(session, ci.strip())
            capturing.capture(session, found, name.strip(), caller.name, now_ms(), leave_out_drifts=leave_out)
    return RedirectResponse(to_page("/baselines", name.strip(), done="captured"), 303)


@router.post("/baselines/documents")
def create(caller: OperatorForm, db: Db, document: Annotated[str, Form()]) -> Response:
    """Draft a new baseline from a document alone."""
    with db.write() as session:
        version = versions.create(session, document.replace("\r\n", "\n"), caller.name, now_ms())
        name = versions.find_name(session, version)
    return RedirectResponse(to_page("/baselines", name, done="drafted"), 303)


@router.get("/baselines/coverage")
def coverage(request: Request, caller: ViewerPage, db: Db, ci: str | None = None) -> Response:
    """Show what baselines cover and what nobody watches."""
    with db.read() as session:
        found = reviewing.coverage(session, ci)
    return render(request, "baselines/coverage.html", caller, coverage=found, ci=ci)


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
        diff = reviewing.diff(session, name, against, found.shown.number) if against is not None else None
    return render(request, "baselines/show.html", caller, baseline=found, against=against, diff=diff)


@router.get("/baselines/{name}/dry-run")
def dry_run(
    request: Request,
    caller: ViewerPage,
    db: Db,
    name: str,
    version: int | None = None,
    most: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> Response:
    """Show what a version would do if it came into force now."""
    with db.read() as session:
        found = reviewing.dry_run(session, name, version, now_ms(), most)
    return render(request, "baselines/dry_run.html", caller, trial=found)


@router.post("/baselines/{name}/edit")
def edit(caller: OperatorForm, db: Db, name: str, document: Annotated[str, Form()]) -> Response:
    """Make a new draft version from a document."""
    with db.write() as session:
        # Browsers send lines that end in CR LF
        versions.edit(session, name, document.replace("\r\n", "\n"), caller.name, now_ms())
    return RedirectResponse(to_page("/baselines", name, done="edited"), 303)


@router.post("/baselines/{name}/approve")
def approve(
    caller: ApproverForm, db: Db, name: str, version: Annotated[int, Form()], at: Annotated[str, Form()] = ""
) -> Response:
    """Put a version in force, at once or at a time."""
    at_ms = parse_moment(at, "at") if at.strip() else None
    with db.write() as session:
        approval.approve(session, name, caller.name, now_ms(), version, at_ms)
    done = "approved" if at_ms is None else "approved-later"
    return RedirectResponse(to_page("/baselines", name, version=version, done=done), 303)


@router.post("/baselines/{name}/roll-back")
def roll_back(caller: OperatorForm, db: Db, name: str, to: Annotated[int, Form()]) -> Response:
    """Draft a version that says what an older one said."""
    with db.write() as session:
        copying.roll_back(session, name, to, caller.name, now_ms())
    return RedirectResponse(to_page("/baselines", name, done="drafted"), 303)


@router.post("/baselines/{name}/promote")
def promote(
    caller: OperatorForm,
    db: Db,
    name: str,
    to: Annotated[str, Form()],
    environment: Annotated[str, Form()],
    version: Annotated[int, Form()],
) -> Response:
    """Draft another baseline that says the same of another environment."""
    with db.write() as session:
        settings = {"environment": environment.strip()}
        copying.promote(session, name, to.strip(), settings, caller.name, now_ms(), version)
    return RedirectResponse(to_page("/baselines", to.strip(), done="drafted"), 303)


@router.post("/baselines/{name}/retire")
def retire(caller: ApproverForm, db: Db, name: str) -> Response:
    """Take a baseline out of force."""
    with db.write() as session:
        approval.retire(session, name, caller.name, now_ms())
    return RedirectResponse(to_page("/baselines", name, done="retired"), 303)
