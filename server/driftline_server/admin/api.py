"""REST: logging in, people, API tokens, audit."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from driftline_cmdb import audit
from driftline_cmdb.errors import NotFound
from driftline_cmdb.tables.people import ApiToken, Person
from driftline_server.access import people
from driftline_server.access.guard import Admin, Db, Viewer, check_role
from driftline_server.admin import views
from driftline_server.admin.login import log_in
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.times import now_ms, span_ms

router = APIRouter()


class Login(BaseModel):
    """Name and password, for a token."""

    name: str = Field(max_length=100)
    password: str = Field(max_length=1024)
    token_name: str = Field(default="login", min_length=1, max_length=100, description="What to call the token.")
    expires_in: str = Field(default="90d", description="How long the token lasts: 12h, 90d.")


class Me(BaseModel):
    """Who asks."""

    name: str
    roles: list[str]


class NewToken(BaseModel):
    """What a new token is to be."""

    name: str = Field(min_length=1, max_length=100)
    expires_in: str | None = Field(default="90d", description="How long it lasts; null for ever.")


class CreatedToken(views.TokenRow):
    """A new token with its secret, which is shown once."""

    secret: str


class NewPerson(BaseModel):
    """A new person."""

    name: str = Field(max_length=64)
    roles: list[str] = Field(description="viewer, operator, approver, admin.")
    password: str = Field(max_length=1024, description="At least 12 characters.")


class PersonChange(BaseModel):
    """What to change of a person; what is left out stays."""

    roles: list[str] | None = None
    active: bool | None = None
    password: str | None = Field(default=None, max_length=1024)


@router.post("/login", response_model=CreatedToken, status_code=201, summary="Log in")
def login(request: Request, db: Db, wanted: Login) -> CreatedToken:
    """Exchange name and password for an API token. Needs no token; too many failures are refused for a while."""
    person, now = log_in(request, wanted.name, wanted.password), now_ms()
    expires_ms = now + span_ms(wanted.expires_in, "expires_in")
    with db.write() as session:
        token, secret = people.create_token(session, person, wanted.token_name, expires_ms, now)
        return CreatedToken(**views.token_row(token, person.name).model_dump(), secret=secret)


@router.get("/me", response_model=Me, summary="Who asks")
def me(caller: Viewer) -> Me:
    """Show who the token stands for."""
    return Me(name=caller.name, roles=list(caller.roles))


@router.get("/tokens", response_model=Listing[views.TokenRow], summary="List API tokens")
def list_tokens(
    caller: Viewer,
    db: Db,
    window: AWindow,
    all_people: Annotated[bool, Query(alias="all", description="Everybody's; for admins.")] = False,
) -> Listing[views.TokenRow] | Response:
    """List one's own API tokens, or as an admin everybody's."""
    if all_people:
        check_role(caller, "admin")
    with db.read() as session:
        rows, total = views.list_tokens(session, window, None if all_people else caller.person_id)
    return answer(rows, total, window, "tokens")


@router.post("/tokens", response_model=CreatedToken, status_code=201, summary="Create an API token")
def create_token(caller: Viewer, db: Db, wanted: NewToken) -> CreatedToken:
    """Create an API token for oneself. Its secret is shown in this answer only."""
    now = now_ms()
    expires_ms = None if wanted.expires_in is None else now + span_ms(wanted.expires_in, "expires_in")
    with db.write() as session:
        person = people.find(session, caller.name)
        token, secret = people.create_token(session, person, wanted.name, expires_ms, now)
        return CreatedToken(**views.token_row(token, person.name).model_dump(), secret=secret)


@router.delete("/tokens/{token}", response_model=views.TokenRow, summary="Delete an API token")
def delete_token(caller: Viewer, db: Db, token: int) -> views.TokenRow:
    """Delete one of one's own tokens, or as an admin anybody's."""
    with db.write() as session:
        found = session.get(ApiToken, token)
        if found is None or (found.person_id != caller.person_id and not caller.may("admin")):
            raise NotFound(f"there is no token {token} of yours")
        owner = session.get_one(Person, found.person_id)
        session.delete(found)
        audit.record(session, caller.name, "token.deleted", f"token {token} of {owner.name}", {}, now_ms())
        return views.token_row(found, owner.name)


@router.get("/people", response_model=Listing[views.PersonRow], summary="List people")
def list_people(_caller: Admin, db: Db, window: AWindow, q: str | None = None) -> Listing[views.PersonRow] | Response:
    """List the people who may use this server."""
    with db.read() as session:
        rows, total = views.list_people(session, window, q)
    return answer(rows, total, window, "people")


@router.post("/people", response_model=views.PersonRow, status_code=201, summary="Add a person")
def add_person(caller: Admin, db: Db, wanted: NewPerson) -> views.PersonRow:
    """Add a person."""
    with db.write() as session:
        return views.person_row(people.add(session, wanted.name, wanted.password, wanted.roles, caller.name, now_ms()))


@router.patch("/people/{name}", response_model=views.PersonRow, summary="Change a person")
def change_person(caller: Admin, db: Db, name: str, wanted: PersonChange) -> views.PersonRow:
    """Change roles, password or activity. A new password, or the end of activity, ends all sessions and tokens."""
    with db.write() as session:
        changed = people.change(
            session,
            name,
            actor=caller.name,
            now_ms=now_ms(),
            new_roles=wanted.roles,
            active=wanted.active,
            password=wanted.password,
        )
        return views.person_row(changed)


@router.get("/audit", response_model=Listing[views.AuditRow], summary="Audit trail")
def list_audit(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the subject, or the actor's name.")] = None,
    actor: str | None = None,
    action: Annotated[str | None, Query(description="rfc.authorised, or what it begins with: rfc.")] = None,
) -> Listing[views.AuditRow] | Response:
    """List decisions, newest first."""
    with db.read() as session:
        rows, total = views.list_audit(session, views.AuditFilter(q, actor, action), window)
    return answer(rows, total, window, "audit")
