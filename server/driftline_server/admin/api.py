"""REST: health, logging in, people, tokens, sources, findings, audit."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import text

from driftline_cmdb import audit, record
from driftline_cmdb import sources as cmdb_sources
from driftline_cmdb.errors import NotFound
from driftline_cmdb.tables.people import ApiToken, Person
from driftline_cmdb.tables.sources import JoinToken
from driftline_server.access import people
from driftline_server.access.guard import Admin, Db, Operator, Viewer, check_role
from driftline_server.admin import views
from driftline_server.admin.login import log_in
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.times import now_ms, span_ms

router = APIRouter()


class Health(BaseModel):
    """The server and its database answer."""

    status: Literal["ok"]


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


class NewJoinToken(BaseModel):
    """What a new join token is to be."""

    uses: int = Field(default=1, ge=1, le=100_000, description="How many agents may join with it.")
    expires_in: str = Field(default="1h", description="How long it lasts: 1h, 7d.")
    ci: str | None = Field(default=None, description="Name or uid of the CI that whoever joins speaks for.")
    note: str = Field(default="", max_length=200)


class CreatedJoinToken(views.JoinTokenRow):
    """A new join token with its secret, which is shown once."""

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


class Revocation(BaseModel):
    """Why certificates are revoked."""

    reason: str = Field(min_length=1, max_length=400)


class Revoked(BaseModel):
    """What a revocation did."""

    source: str
    reason: str


@router.get("/health", response_model=Health, summary="Health")
def health(db: Db) -> Health:
    """Tell whether the server and its database answer. Needs no token."""
    with db.read() as session:
        session.connection().execute(text("SELECT 1"))
    return Health(status="ok")


@router.get("/overview", response_model=views.Overview, summary="Overview")
def overview(_caller: Viewer, db: Db) -> views.Overview:
    """Show the state of everything in a few numbers."""
    with db.read() as session:
        return views.overview(session, now_ms())


@router.get("/me", response_model=Me, summary="Who asks")
def me(caller: Viewer) -> Me:
    """Show who the token stands for."""
    return Me(name=caller.name, roles=list(caller.roles))


@router.post("/login", response_model=CreatedToken, status_code=201, summary="Log in")
def login(request: Request, db: Db, wanted: Login) -> CreatedToken:
    """Exchange name and password for an API token. Needs no token; too many failures are refused for a while."""
    person, now = log_in(request, wanted.name, wanted.password), now_ms()
    expires_ms = now + span_ms(wanted.expires_in, "expires_in")
    with db.write() as session:
        token, secret = people.create_token(session, person, wanted.token_name, expires_ms, now)
        return CreatedToken(**views.token_row(token, person.name).model_dump(), secret=secret)


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


@router.get("/join-tokens", response_model=Listing[views.JoinTokenRow], summary="List join tokens")
def list_join_tokens(_caller: Operator, db: Db, window: AWindow) -> Listing[views.JoinTokenRow] | Response:
    """List the tokens that let agents enrol."""
    with db.read() as session:
        rows, total = views.list_join_tokens(session, window)
    return answer(rows, total, window, "join-tokens")


@router.post("/join-tokens", response_model=CreatedJoinToken, status_code=201, summary="Create a join token")
def create_join_token(caller: Operator, db: Db, wanted: NewJoinToken) -> CreatedJoinToken:
    """Create a token that lets agents enrol. Its secret is shown in this answer only."""
    now = now_ms()
    expires_ms = now + span_ms(wanted.expires_in, "expires_in")
    with db.write() as session:
        ci = record.find_ci(session, wanted.ci) if wanted.ci else None
        token, secret = cmdb_sources.create_join_token(
            session, caller.name, wanted.uses, expires_ms, now, ci_id=ci.id if ci else None, note=wanted.note
        )
        return CreatedJoinToken(**views.join_token_row(token, ci).model_dump(), secret=secret)


@router.delete("/join-tokens/{token}", response_model=views.JoinTokenRow, summary="Delete a join token")
def delete_join_token(caller: Operator, db: Db, token: str) -> views.JoinTokenRow:
    """Delete a join token, so that nobody joins with it any more."""
    with db.write() as session:
        found = session.get(JoinToken, token)
        if found is None:
            raise NotFound(f'there is no join token "{token}"')
        row = views.join_token_row(found, None)
        session.delete(found)
        audit.record(session, caller.name, "join_token.deleted", f"join token {token}", {}, now_ms())
        return row


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


@router.get("/sources", response_model=Listing[views.SourceRow], summary="List sources")
def list_sources(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the host name, or the start of the uid.")] = None,
    state: Annotated[Literal["live", "silent", "quarantined", "new"] | None, Query()] = None,
) -> Listing[views.SourceRow] | Response:
    """List agents and devices. Sorts by hostname, ci, seen, enrolled, certificate_until."""
    with db.read() as session:
        rows, total = views.list_sources(session, window, now_ms(), q, state)
    return answer(rows, total, window, "sources")


@router.post("/sources/{uid}/revoke", response_model=Revoked, summary="Revoke a source")
def revoke(caller: Admin, db: Db, uid: str, wanted: Revocation) -> Revoked:
    """Revoke all certificates of a source: it may report nothing more, and must enrol anew."""
    with db.write() as session:
        source = views.find_source(session, uid)
        cmdb_sources.revoke_certificates(session, source, caller.name, wanted.reason, now_ms())
        return Revoked(source=uid, reason=wanted.reason)


@router.get("/findings", response_model=Listing[views.FindingRow], summary="List findings")
def list_findings(
    _caller: Viewer, db: Db, window: AWindow, kind: str | None = None, closed: bool = False
) -> Listing[views.FindingRow] | Response:
    """List what a person should look at that is no drift: silence, roll-backs, failed checks."""
    with db.read() as session:
        rows, total = views.list_findings(session, window, kind, closed=closed)
    return answer(rows, total, window, "findings")


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
