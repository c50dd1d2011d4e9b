"""Pages: logging in and out, people, API tokens, audit."""

import hmac
import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import delete

from driftline_cmdb.tables.people import ROLES, WebSession
from driftline_server.access import people
from driftline_server.access.guard import COOKIE, AdminForm, AdminPage, Db, ViewerForm, ViewerPage
from driftline_server.admin import api, views
from driftline_server.admin.login import log_in
from driftline_server.errors import NotAuthenticated, TooManyAttempts
from driftline_server.lists import PageWindow, Shown
from driftline_server.settings import Settings
from driftline_server.times import now_ms
from driftline_server.web import local_path, render

router = APIRouter()

# Before there is a session, the form's token must be the one in this cookie
_LOGIN_COOKIE = "driftline_login"


def _set(request: Request, response: Response, name: str, value: str, lasts_s: int) -> None:
    settings: Settings = request.app.state.settings
    secure = settings.https or request.url.scheme == "https"
    response.set_cookie(name, value, max_age=lasts_s, httponly=True, samesite="lax", secure=secure)


def _login_page(request: Request, to: str, status: int = 200, error: str = "", name: str = "") -> Response:
    token = secrets.token_urlsafe(24)
    response = render(request, "admin/login.html", None, status, to=to, error=error, name=name, token=token)
    _set(request, response, _LOGIN_COOKIE, token, 3600)
    return response


@router.get("/login")
def login_form(request: Request, next: str = "/") -> Response:  # noqa: A002  # the parameter's name in links
    """Show the login form."""
    return _login_page(request, local_path(next))


@router.post("/login")
def login(
    request: Request,
    db: Db,
    name: Annotated[str, Form(max_length=100)],
    password: Annotated[str, Form(max_length=1024)],
    token: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "/",
) -> Response:
    """Open a session."""
    to = local_path(to)
    if not hmac.compare_digest(token.encode(), request.cookies.get(_LOGIN_COOKIE, "-").encode()):
        return _login_page(request, to, 403, "This form is too old, or cookies are off; try again.", name)
    try:
        person = log_in(request, name.strip(), password)
    except NotAuthenticated:
        return _login_page(request, to, 401, "Name or password is wrong.", name)
    except TooManyAttempts as error:
        return _login_page(request, to, 429, f"Too many failed logins. Try again in {error.wait_s} s.", name)
    settings: Settings = request.app.state.settings
    with db.write() as session:
        _, secret = people.open_session(session, person, now_ms(), settings.session_s)
    response = RedirectResponse(to, 303)
    _set(request, response, COOKIE, secret, settings.session_s)
    response.delete_cookie(_LOGIN_COOKIE)
    return response


@router.post("/logout")
def logout(request: Request, _caller: ViewerForm, db: Db) -> Response:
    """End this session."""
    with db.write() as session:
        secret = request.cookies.get(COOKIE, "")
        session.exec(delete(WebSession).where(WebSession.id_hash == people.digest_of(secret)))  # type: ignore[arg-type]  # a column's comparison
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/people")
def list_people(request: Request, caller: AdminPage, db: Db, window: PageWindow, q: str | None = None) -> Response:
    """Show the people who may use this server."""
    with db.read() as session:
        rows, total = views.list_people(session, window, q)
    return render(
        request, "admin/people.html", caller, list=Shown(rows, total, window, "/people", {"q": q}), roles=ROLES
    )


@router.post("/people")
def add_person(
    caller: AdminForm,
    db: Db,
    name: Annotated[str, Form()],
    password: Annotated[str, Form()],
    roles: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Add a person."""
    with db.write() as session:
        people.add(session, name.strip(), password, roles or [], caller.name, now_ms())
    return RedirectResponse("/people?done=added", 303)


@router.post("/people/{name}")
def change_person(
    caller: AdminForm,
    db: Db,
    name: str,
    roles: Annotated[list[str] | None, Form()] = None,
    active: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Change a person; an empty password stays."""
    with db.write() as session:
        people.change(
            session,
            name,
            actor=caller.name,
            now_ms=now_ms(),
            new_roles=roles or [],
            active=bool(active),
            password=password or None,
        )
    return RedirectResponse("/people?done=edited", 303)


@router.get("/tokens")
def list_tokens(request: Request, caller: ViewerPage, db: Db, window: PageWindow) -> Response:
    """Show one's own API tokens."""
    with db.read() as session:
        rows, total = views.list_tokens(session, window, caller.person_id)
    return render(request, "admin/tokens.html", caller, list=Shown(rows, total, window, "/tokens", {}), created=None)


@router.post("/tokens")
def create_token(
    request: Request,
    caller: ViewerForm,
    db: Db,
    window: PageWindow,
    name: Annotated[str, Form(min_length=1, max_length=100)],
    expires_in: Annotated[str, Form()] = "90d",
) -> Response:
    """Create an API token; this answer is the only one that shows its secret."""
    created = api.create_token(caller, db, api.NewToken(name=name, expires_in=expires_in.strip() or None))
    with db.read() as session:
        rows, total = views.list_tokens(session, window, caller.person_id)
    return render(request, "admin/tokens.html", caller, list=Shown(rows, total, window, "/tokens", {}), created=created)


@router.post("/tokens/{token}/delete")
def delete_token(caller: ViewerForm, db: Db, token: int) -> Response:
    """Delete an API token."""
    api.delete_token(caller, db, token)
    return RedirectResponse("/tokens?done=deleted", 303)


@router.get("/audit")
def list_audit(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    q: str | None = None,
    actor: str | None = None,
    action: str | None = None,
) -> Response:
    """Show the audit trail."""
    with db.read() as session:
        rows, total = views.list_audit(session, views.AuditFilter(q, actor, action), window)
    shown = Shown(rows, total, window, "/audit", {"q": q, "actor": actor, "action": action})
    return render(request, "admin/audit.html", caller, list=shown)
