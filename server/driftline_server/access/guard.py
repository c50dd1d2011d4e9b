"""What routes ask of who calls them, as FastAPI dependencies: a role, and for browsers a CSRF token.

The API takes a token (``Authorization: Bearer dlt_...``), or a browser's session; a session that changes something must
also send its CSRF token as ``X-CSRF-Token``. Pages take sessions only, their forms carry the CSRF token as a field.
"""

import hmac
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Form, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from sqlalchemy import update
from sqlmodel import col

from driftline_cmdb.database import Database
from driftline_cmdb.tables.people import ApiToken
from driftline_server.access import people
from driftline_server.access.people import Caller
from driftline_server.errors import NotAllowed, NotAuthenticated
from driftline_server.times import now_ms

COOKIE = "driftline_session"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# When a token was last used is written at most this often, ms
_USED_STEP_MS = 300_000

# These two only describe the schemes in OpenAPI; this module reads the headers itself, to say what is wrong with them
_bearer = HTTPBearer(auto_error=False, scheme_name="token", description="An API token, dlt_...")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="session", description="A browser's session")


def database_of(request: Request) -> Database:
    """Return the app's database."""
    database: Database = request.app.state.database
    return database


Db = Annotated[Database, Depends(database_of)]


def _by_session(request: Request) -> Caller | None:
    secret = request.cookies.get(COOKIE)
    if not secret:
        return None
    with database_of(request).read() as session:
        return people.caller_of_session(session, secret, now_ms())


def _by_token(request: Request, header: str) -> Caller:
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated(f'authorization: "{scheme}" is not supported; send "Bearer dlt_..."')
    now, database = now_ms(), database_of(request)
    with database.read() as session:
        found = people.caller_of_token(session, secret.strip(), now)
    if found is None:
        raise NotAuthenticated("this token is unknown or has expired; make a new one with `driftline login`")
    caller, token = found
    if token.used_ms is None or token.used_ms < now - _USED_STEP_MS:
        with database.write() as session:
            session.exec(update(ApiToken).where(col(ApiToken.id) == token.id).values(used_ms=now))
    return caller


def check_csrf(caller: Caller, sent: str) -> None:
    """Pass where the token that was sent is the session's.

    :raises NotAllowed: it is not.
    """
    if caller.csrf is None or not hmac.compare_digest(caller.csrf.encode(), sent.encode()):
        raise NotAllowed("this form is not of your session, or the session ended; reload the page and send it again")


def check_role(caller: Caller, needed: str) -> None:
    """Pass where the caller has a role.

    :raises NotAllowed: says which role is needed.
    """
    if not caller.may(needed):
        have = ", ".join(caller.roles)
        raise NotAllowed(f"{caller.name} has the role {have}; this needs {needed}")


def _api(needed: str) -> Callable[..., Caller]:
    def dependency(request: Request, _token: object = Depends(_bearer), _session: object = Depends(_cookie)) -> Caller:
        header = request.headers.get("authorization")
        caller = _by_token(request, header) if header else _by_session(request)
        if caller is None:
            raise NotAuthenticated("send an API token: Authorization: Bearer dlt_...")
        if not header and request.method not in _READING:
            check_csrf(caller, request.headers.get("x-csrf-token", ""))
        check_role(caller, needed)
        return caller

    dependency.needed = needed  # type: ignore[attr-defined]  # read by the tests of the roles
    return dependency


def _page(needed: str) -> Callable[..., Caller]:
    def dependency(request: Request) -> Caller:
        caller = _by_session(request)
        if caller is None:
            raise NotAuthenticated("log in first")
        check_role(caller, needed)
        return caller

    return dependency


def _form(needed: str) -> Callable[..., Caller]:
    def dependency(request: Request, csrf: Annotated[str, Form()] = "") -> Caller:
        caller = _page(needed)(request)
        check_csrf(caller, csrf)
        return caller

    return dependency


Viewer = Annotated[Caller, Depends(_api("viewer"))]
Operator = Annotated[Caller, Depends(_api("operator"))]
Approver = Annotated[Caller, Depends(_api("approver"))]
Admin = Annotated[Caller, Depends(_api("admin"))]
OperatorOrApprover = Annotated[Caller, Depends(_api("operator or approver"))]
ApproverOrAdmin = Annotated[Caller, Depends(_api("approver or admin"))]

ViewerPage = Annotated[Caller, Depends(_page("viewer"))]
AdminPage = Annotated[Caller, Depends(_page("admin"))]
OperatorPage = Annotated[Caller, Depends(_page("operator"))]
OperatorOrApproverPage = Annotated[Caller, Depends(_page("operator or approver"))]

ViewerForm = Annotated[Caller, Depends(_form("viewer"))]
OperatorForm = Annotated[Caller, Depends(_form("operator"))]
ApproverForm = Annotated[Caller, Depends(_form("approver"))]
AdminForm = Annotated[Caller, Depends(_form("admin"))]
OperatorOrApproverForm = Annotated[Caller, Depends(_form("operator or approver"))]
ApproverOrAdminForm = Annotated[Caller, Depends(_form("approver or admin"))]
