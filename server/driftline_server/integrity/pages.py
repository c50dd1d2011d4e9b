"""Pages: verifications of the record; one of them; attestations."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_server.access.guard import Db, OperatorForm, ViewerPage
from driftline_server.integrity import api, views
from driftline_server.lists import PageWindow, Shown
from driftline_server.web import render

router = APIRouter()


@router.get("/integrity")
def list_runs(request: Request, caller: ViewerPage, db: Db, window: PageWindow) -> Response:
    """Show the verifications of the record."""
    with db.read() as session:
        rows, total = views.list_runs(session, window)
    shown = Shown(rows, total, window, "/integrity/runs", {})
    return render(request, "integrity/list.html", caller, list=shown)


@router.post("/integrity")
def ask(caller: OperatorForm, db: Db) -> Response:
    """Ask for a verification."""
    run = api.ask(caller, db)
    return RedirectResponse(f"/integrity/runs/{run.id}?done=asked", 303)


@router.get("/integrity/runs/{run}")
def show_run(request: Request, caller: ViewerPage, db: Db, run: int) -> Response:
    """Show one verification."""
    with db.read() as session:
        found = views.show_run(session, run)
    return render(request, "integrity/show.html", caller, run=found)


@router.get("/attestations")
def list_attestations(
    request: Request, caller: ViewerPage, db: Db, window: PageWindow, q: str | None = None
) -> Response:
    """Show when a person last verified each CI by hand."""
    with db.read() as session:
        rows, total = views.list_attested(session, window, q)
    shown = Shown(rows, total, window, "/attestations", {"q": q})
    return render(request, "integrity/attestations.html", caller, list=shown)


@router.post("/cis/{ci}/attest")
def attest(
    caller: OperatorForm, db: Db, ci: str, note: Annotated[str, Form(min_length=1, max_length=4000)]
) -> Response:
    """Attest a CI."""
    api.attest(caller, db, ci, api.NewAttestation(note=note))
    return RedirectResponse("/attestations?done=attested", 303)
