"""REST: standing rules and origins."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from driftline_cmdb.errors import Invalid
from driftline_cmdb.rfcs.reading import find_rfc
from driftline_cmdb.standing import origins, replay, rules
from driftline_server.access.guard import Approver, Db, Operator, Viewer
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.rules import views
from driftline_server.times import now_ms

router = APIRouter()


class Document(BaseModel):
    """A standing rule's document."""

    document: str = Field(description="YAML.", max_length=200_000)


class Replayed(BaseModel):
    """How far back to look."""

    days: int = Field(default=90, ge=1, le=730)


class NeverAgain(BaseModel):
    """A rule to be drafted from what an RFC found."""

    name: str = Field(min_length=1, max_length=100)
    reason: str = Field(default="", max_length=4000)


class Draft(BaseModel):
    """The text of a rule, not kept yet: for a person to edit and draft."""

    document: str


class Loaded(BaseModel):
    """What was loaded."""

    origin: str
    #: Versions that were not known before.
    new: int


@router.get("/rules", response_model=Listing[views.RuleRow], summary="List standing rules")
def list_rules(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the name.")] = None,
    state: Annotated[str | None, Query(description="draft, in force, superseded, retired, or expired.")] = None,
) -> Listing[views.RuleRow] | Response:
    """List all versions of standing rules. Sorts by name, state, author, expires, hits, created."""
    with db.read() as session:
        rows, total = views.list_rules(session, q, state, window)
    return answer(rows, total, window, "rules")


@router.post("/rules", response_model=views.RuleDetail, status_code=201, summary="Draft a standing rule")
def draft(caller: Operator, db: Db, wanted: Document) -> views.RuleDetail:
    """Draft a rule or the next version of one. What is wrong with the document is named by line."""
    with db.write() as session:
        made = rules.draft(session, wanted.document, caller.name, now_ms())
        origins.require_known(session, [line.origin for line in rules.parsed_rule(made.document).allow])
        return views.show(session, made.name)


@router.get("/rules/{rule}", response_model=views.RuleDetail, summary="Show a standing rule")
def show_rule(_caller: Viewer, db: Db, rule: str, version: int | None = None) -> views.RuleDetail:
    """Show a rule with its document, its replay, its uses and its versions."""
    with db.read() as session:
        return views.show(session, rule, version)


@router.post("/rules/{rule}/replay", response_model=views.RuleDetail, summary="Replay a standing rule over the past")
def replay_rule(_caller: Operator, db: Db, rule: str, wanted: Replayed) -> views.RuleDetail:
    """Find out which unexplained drifts of the past the newest version would have hidden; its approver sees that."""
    with db.write() as session:
        replay.replay(session, rule, wanted.days, now_ms())
        return views.show(session, rule)


@router.post("/rules/{rule}/approve", response_model=views.RuleDetail, summary="Approve a standing rule")
def approve(caller: Approver, db: Db, rule: str) -> views.RuleDetail:
    """Put the draft of a rule into force. Its author may not."""
    with db.write() as session:
        rules.approve(session, rule, caller.name, now_ms())
        return views.show(session, rule)


@router.post("/rules/{rule}/retire", response_model=views.RuleDetail, summary="Retire a standing rule")
def retire(caller: Approver, db: Db, rule: str) -> views.RuleDetail:
    """Drop the draft of a rule, or where it has none, take it out of force. What it explained stays explained."""
    with db.write() as session:
        retired = rules.retire(session, rule, caller.name, now_ms())
        return views.show(session, rule, retired.number)


@router.post("/rfcs/{number}/never-again", response_model=Draft, summary="Draft a rule from what an RFC found")
def never_again(_caller: Operator, db: Db, number: int, wanted: NeverAgain) -> Draft:
    """Return the text of a rule that would have explained what an RFC found, as narrow as that was. Keeps nothing."""
    with db.read() as session:
        rfc = find_rfc(session, number)
        return Draft(document=replay.never_again(session, rfc, wanted.name, wanted.reason, now_ms()))


@router.get("/origins", response_model=Listing[views.OriginRow], summary="List origins")
def list_origins(_caller: Viewer, db: Db, window: AWindow) -> Listing[views.OriginRow] | Response:
    """List origins with how much they are known to publish. Sorts by name, packages, versions, loaded."""
    with db.read() as session:
        rows, total = views.list_origins(session, window)
    return answer(rows, total, window, "origins")


async def _body(request: Request) -> bytes:
    """Return the body; the server bounds it."""
    return await request.body()


@router.put(
    "/origins/{origin}",
    response_model=Loaded,
    summary="Load what an origin publishes",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def load_origin(caller: Operator, db: Db, origin: str, body: Annotated[bytes, Depends(_body)]) -> Loaded:
    """Add what a repository's own index says (the body: a Debian ``Packages`` file). What was known stays known."""
    try:
        lines = body.decode().split("\n")
    except UnicodeDecodeError as error:
        raise Invalid("the index is no UTF-8 text; unpack it first (xz -dc Packages.xz)") from error
    entries = list(origins.read_debian_index(lines))
    if not entries:
        raise Invalid("the index lists nothing: is this a Packages file?")
    with db.write() as session:
        new = origins.load(session, origin, entries, caller.name, now_ms())
    return Loaded(origin=origin, new=new)
