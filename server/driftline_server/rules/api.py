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

#: An index of the whole of Debian has about 60 MB.
MAX_INDEX = 200_000_000


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
        return views.show(session, made.name)


@router.get("/rules/{name}", response_model=views.RuleDetail, summary="Show a standing rule")
def show_rule(_caller: Viewer, db: Db, name: str, version: int | None = None) -> views.RuleDetail:
    """Show a rule with its document, its replay, its uses and its versions."""
    with db.read() as session:
        return views.show(session, name, version)


@router.post("/rules/{name}/replay", response_model=views.RuleDetail, summary="Replay a standing rule over the past")
def replay_rule(_caller: Operator, db: Db, name: str, wanted: Replayed) -> views.RuleDetail:
    """Find out which unexplained drifts of the past the newest version would have hidden; its approver sees that."""
    with db.write() as session:
        replay.replay(session, name, wanted.days, now_ms())
        return views.show(session, name)


@router.post("/rules/{name}/approve", response_model=views.RuleDetail, summary="Approve a standing rule")
def approve(caller: Approver, db: Db, name: str) -> views.RuleDetail:
    """Put the draft of a rule into force. Its author may not."""
    with db.write() as session:
        rules.approve(session, name, caller.name, now_ms())
        return views.show(session, name)


@router.post("/rules/{name}/retire", response_model=views.RuleDetail, summary="Retire a standing rule")
def retire(caller: Approver, db: Db, name: str) -> views.RuleDetail:
    """Take a rule out of force, or drop its draft. What it explained stays explained."""
    with db.write() as session:
        rules.retire(session, name, caller.name, now_ms())
        return views.show(session, name)


@router.post("/rfcs/{number}/never-again", response_model=Draft, summary="Draft a rule from what an RFC found")
def never_again(_caller: Operator, db: Db, number: int, wanted: NeverAgain) -> Draft:
    """Return the text of a rule that would have explained what an RFC found, as narrow as that was. Keeps nothing."""
    with db.read() as session:
        rfc = find_rfc(session, number)
        return Draft(document=replay.never_again(session, rfc, wanted.name, wanted.reason, now_ms()))


@router.get("/origins", response_model=list[views.OriginRow], summary="List origins")
def list_origins(_caller: Viewer, db: Db) -> list[views.OriginRow]:
    """List origins with how much they are known to publish."""
    with db.read() as session:
        return views.list_origins(session)


async def _index(request: Request) -> list[origins.Entry]:
    """Return what the Packages file in the body lists."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_INDEX:
            raise Invalid(f"the index has more than {MAX_INDEX} bytes; load it in parts")
    try:
        lines = body.decode().splitlines()
    except UnicodeDecodeError as error:
        raise Invalid("the index is no UTF-8 text; unpack it first (xz -dc Packages.xz)") from error
    entries = list(origins.read_debian_index(lines))
    if not entries:
        raise Invalid("the index lists nothing: is this a Packages file?")
    return entries


@router.put("/origins/{name}", response_model=Loaded, summary="Load what an origin publishes")
def load_origin(
    caller: Operator, db: Db, name: str, entries: Annotated[list[origins.Entry], Depends(_index)]
) -> Loaded:
    """Add what a repository's own index says (the body: a Debian ``Packages`` file). What was known stays known."""
    with db.write() as session:
        new = origins.load(session, name, entries, caller.name, now_ms())
    return Loaded(origin=name, new=new)
