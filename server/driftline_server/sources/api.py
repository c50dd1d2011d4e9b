"""REST: sources and join tokens."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from driftline_cmdb import audit, record
from driftline_cmdb import sources as cmdb_sources
from driftline_cmdb.errors import NotFound, Refused
from driftline_cmdb.identity import dividing
from driftline_cmdb.tables.sources import DEVICE, JoinToken
from driftline_server.access.guard import Admin, Db, Operator, Viewer
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.sources import holding, views
from driftline_server.sources.root import root_fingerprint
from driftline_server.times import now_ms, span_ms

router = APIRouter()


class NewJoinToken(BaseModel):
    """What a new join token is to be."""

    uses: int = Field(default=1, ge=1, le=100_000, description="How many agents may join with it.")
    expires_in: str = Field(default="1h", description="How long it lasts: 1h, 7d.")
    ci: str | None = Field(default=None, description="Name or uid of the CI that whoever joins speaks for.")
    note: str = Field(default="", max_length=200)


class CreatedJoinToken(views.JoinTokenRow):
    """A new join token with its secret, which is shown once."""

    secret: str


class Reason(BaseModel):
    """Why it is done, for whoever reads it later."""

    reason: str = Field(min_length=1, max_length=400)


class Split(Reason):
    """Which holder keeps the CI, and why."""

    keep: str | None = Field(
        default=None,
        max_length=256,
        description="Epoch (8 characters or more), host name or address of the one that keeps the CI; without, all are "
        "identified as new sources are.",
    )


class Decided(BaseModel):
    """What was decided on a source."""

    source: str
    reason: str


@router.get("/sources", response_model=Listing[views.SourceRow], summary="List sources")
def list_sources(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the host name, or the start of the uid.")] = None,
    state: Annotated[
        Literal["live", "silent", "quarantined", "new", "split", "image", "retired"] | None, Query()
    ] = None,
) -> Listing[views.SourceRow] | Response:
    """List agents and devices; without `state` or `q` not those that were retired.

    Sorts by hostname, ci, seen, enrolled, certificate_until.
    """
    with db.read() as session:
        rows, total = views.list_sources(session, window, now_ms(), q, state)
    return answer(rows, total, window, "sources")


@router.post("/sources/{uid}/revoke", response_model=Decided, summary="Revoke a source")
def revoke(caller: Admin, db: Db, uid: str, wanted: Reason) -> Decided:
    """Revoke all certificates of a source: it may report nothing more, and must enrol anew."""
    with db.write() as session:
        source = cmdb_sources.find(session, uid)
        if source.kind == DEVICE:
            raise Refused(f"source {source.uid} is a device and has no certificate; see driftline device remove")
        cmdb_sources.revoke_certificates(session, source, caller.name, wanted.reason, now_ms())
        return Decided(source=uid, reason=wanted.reason)


@router.post("/sources/{uid}/release", response_model=Decided, summary="Release a source from quarantine")
def release(caller: Admin, db: Db, uid: str, wanted: Reason) -> Decided:
    """Take reports of a quarantined source again."""
    with db.write() as session:
        source = cmdb_sources.find(session, uid)
        dividing.release(session, source, caller.name, wanted.reason, now_ms())
        return Decided(source=uid, reason=wanted.reason)


@router.get("/sources/{uid}/holders", response_model=holding.Holders, summary="Show who holds an identity")
def show_holders(_caller: Viewer, db: Db, uid: str) -> holding.Holders:
    """Show who reports with a source's identity: one, or after a copy or a roll-back several, side by side."""
    with db.read() as session:
        return holding.holders_of(session, cmdb_sources.find(session, uid), now_ms())


@router.post("/sources/{uid}/split", response_model=holding.Holders, summary="Split an identity")
def split(caller: Admin, db: Db, uid: str, wanted: Split) -> holding.Holders:
    """Give each who holds an identity one of its own. Who is named keeps the CI, each other one gets one of its own."""
    now = now_ms()
    with db.write() as session:
        source = cmdb_sources.find(session, uid)
        dividing.split(session, source, wanted.keep, caller.name, wanted.reason, now)
        return holding.holders_of(session, source, now)


@router.post("/sources/{uid}/expect", response_model=holding.Holders, summary="Expect an identity of an image")
def expect(caller: Admin, db: Db, uid: str, wanted: Reason) -> holding.Holders:
    """Have an identity be a golden image's: each machine that comes with it gets an identity and a CI of its own."""
    now = now_ms()
    with db.write() as session:
        source = cmdb_sources.find(session, uid)
        dividing.expect(session, source, caller.name, wanted.reason, now)
        return holding.holders_of(session, source, now)


@router.post("/sources/{uid}/retire", response_model=Decided, summary="Retire an identity")
def retire(caller: Admin, db: Db, uid: str, wanted: Reason) -> Decided:
    """Take an identity away from all who hold it, and close its findings. They must enrol anew with a join token."""
    with db.write() as session:
        source = cmdb_sources.find(session, uid)
        dividing.retire(session, source, caller.name, wanted.reason, now_ms())
        return Decided(source=uid, reason=wanted.reason)


@router.get("/join-tokens", response_model=Listing[views.JoinTokenRow], summary="List join tokens")
def list_join_tokens(_caller: Operator, db: Db, window: AWindow) -> Listing[views.JoinTokenRow] | Response:
    """List the tokens that let agents enrol."""
    with db.read() as session:
        rows, total = views.list_join_tokens(session, window)
    return answer(rows, total, window, "join-tokens")


@router.post("/join-tokens", response_model=CreatedJoinToken, status_code=201, summary="Create a join token")
def create_join_token(request: Request, caller: Operator, db: Db, wanted: NewJoinToken) -> CreatedJoinToken:
    """Create a token that lets agents enrol. Its secret is shown in this answer only."""
    now = now_ms()
    expires_ms = now + span_ms(wanted.expires_in, "expires_in")
    fingerprint = root_fingerprint(request.app.state.settings.root_cert)
    with db.write() as session:
        ci = record.find_ci(session, wanted.ci) if wanted.ci else None
        token, secret = cmdb_sources.create_join_token(
            session, caller.name, wanted.uses, expires_ms, now, ci_id=ci.id if ci else None, note=wanted.note
        )
        text = str(cmdb_sources.TokenText(token.id, secret, fingerprint))
        return CreatedJoinToken(**views.join_token_row(token, ci).model_dump(), secret=text)


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
