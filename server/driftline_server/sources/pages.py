"""Pages: sources, and the tokens they join with."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_server.access.guard import AdminForm, Db, OperatorForm, OperatorPage, ViewerPage
from driftline_server.lists import PageWindow, Shown
from driftline_server.sources import api, views
from driftline_server.times import now_ms
from driftline_server.web import render

router = APIRouter()

Why = Annotated[str, Form(min_length=1, max_length=400)]


@router.get("/sources")
def list_sources(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    q: str | None = None,
    state: str | None = None,
) -> Response:
    """Show agents and devices."""
    with db.read() as session:
        rows, total = views.list_sources(session, window, now_ms(), q, state)
    shown = Shown(rows, total, window, "/sources", {"q": q, "state": state})
    return render(request, "sources/list.html", caller, list=shown, states=views.STATES)


@router.post("/sources/{uid}/revoke")
def revoke(caller: AdminForm, db: Db, uid: str, reason: Why) -> Response:
    """Revoke all certificates of a source."""
    api.revoke(caller, db, uid, api.Reason(reason=reason))
    return RedirectResponse(f"/sources?q={uid}&done=revoked", 303)


@router.post("/sources/{uid}/release")
def release(caller: AdminForm, db: Db, uid: str, reason: Why) -> Response:
    """Take reports of a quarantined source again."""
    api.release(caller, db, uid, api.Reason(reason=reason))
    return RedirectResponse(f"/sources?q={uid}&done=released", 303)


@router.get("/sources/{uid}")
def show(request: Request, caller: ViewerPage, db: Db, uid: str) -> Response:
    """Show who holds a source's identity, side by side."""
    return render(request, "sources/show.html", caller, source=api.show_holders(caller, db, uid))


@router.post("/sources/{uid}/split")
def split(
    caller: AdminForm, db: Db, uid: str, reason: Why, keep: Annotated[str, Form(max_length=256)] = ""
) -> Response:
    """Give each who holds an identity one of its own."""
    api.split(caller, db, uid, api.Split(reason=reason, keep=keep or None))
    return RedirectResponse(f"/sources/{uid}?done=split", 303)


@router.post("/sources/{uid}/expect")
def expect(caller: AdminForm, db: Db, uid: str, reason: Why) -> Response:
    """Have an identity be a golden image's."""
    api.expect(caller, db, uid, api.Reason(reason=reason))
    return RedirectResponse(f"/sources/{uid}?done=expected", 303)


@router.post("/sources/{uid}/retire")
def retire(caller: AdminForm, db: Db, uid: str, reason: Why) -> Response:
    """Take an identity away from all who hold it."""
    api.retire(caller, db, uid, api.Reason(reason=reason))
    return RedirectResponse(f"/sources/{uid}?done=retired", 303)


@router.get("/join-tokens")
def list_join_tokens(request: Request, caller: OperatorPage, db: Db, window: PageWindow) -> Response:
    """Show the tokens that let agents enrol."""
    with db.read() as session:
        rows, total = views.list_join_tokens(session, window)
    shown = Shown(rows, total, window, "/join-tokens", {})
    return render(request, "sources/join_tokens.html", caller, list=shown, created=None)


@router.post("/join-tokens")
def create_join_token(
    request: Request,
    caller: OperatorForm,
    db: Db,
    window: PageWindow,
    uses: Annotated[int, Form(ge=1, le=100_000)] = 1,
    expires_in: Annotated[str, Form()] = "1h",
    ci: Annotated[str, Form()] = "",
    note: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Create a join token; this answer is the only one that shows its secret."""
    wanted = api.NewJoinToken(uses=uses, expires_in=expires_in, ci=ci.strip() or None, note=note)
    created = api.create_join_token(request, caller, db, wanted)
    with db.read() as session:
        rows, total = views.list_join_tokens(session, window)
    shown = Shown(rows, total, window, "/join-tokens", {})
    return render(request, "sources/join_tokens.html", caller, list=shown, created=created)


@router.post("/join-tokens/{token}/delete")
def delete_join_token(caller: OperatorForm, db: Db, token: str) -> Response:
    """Delete a join token."""
    api.delete_join_token(caller, db, token)
    return RedirectResponse("/join-tokens?done=deleted", 303)
