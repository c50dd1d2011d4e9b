"""REST: proposals, what is never proposed, service rules."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from driftline_cmdb import record
from driftline_cmdb.errors import Invalid
from driftline_cmdb.proposals import deciding, documents, taking
from driftline_server.access.guard import Db, Operator, Viewer
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.proposals import views
from driftline_server.times import now_ms

router = APIRouter()

_DECISIONS = {"accept": deciding.accept, "reject": deciding.reject, "reopen": deciding.reopen}


class NewDevice(BaseModel):
    """What you say of an unmanaged device that you accept; what is left out is as it was seen."""

    name: str | None = Field(default=None, max_length=200)
    ci_class: str = Field(default="network device", max_length=80, description="A class of the catalog.")
    site: str | None = Field(default=None, max_length=80, description="Whose agents read it.")
    address: str | None = Field(default=None, max_length=80)
    credential: str | None = Field(
        default=None, max_length=80, description="Name of the agents' credential that it is read with; empty for none."
    )
    interval_s: int = Field(default=300, ge=10, le=86_400)


class Decision(BaseModel):
    """What someone decides about some proposals."""

    ids: list[int] = Field(min_length=1, max_length=200)
    decision: Literal["accept", "reject", "reopen"] = Field(description="reopen takes a rejection back.")
    reason: str = Field(default="", max_length=4000, description="A rejection needs one.")
    device: NewDevice | None = Field(default=None, description="Only with the acceptance of one unmanaged device.")


class NewIgnore(BaseModel):
    """Connections that nothing is to be proposed from: to an address, to a port, or to a port at an address."""

    network: str = Field(default="", max_length=100, description="An address or a network: 192.0.2.0/24.")
    port: str = Field(default="", max_length=20, description="9100, tcp/9100 or udp/161.")
    reason: str = Field(min_length=1, max_length=4000)


class NewServiceRules(BaseModel):
    """A document of service rules."""

    document: str = Field(description="YAML.", max_length=200_000)
    comment: str = Field(default="", max_length=4000)
    after: int | None = Field(default=None, description="Version that it was written from; refused where it is old.")


@router.get("/proposals", response_model=Listing[views.ProposalRow], summary="List proposals")
def list_proposals(
    caller: Viewer,
    db: Db,
    window: AWindow,
    state: Annotated[str, Query(description="open, accepted, rejected, ignored, lapsed, or all.")] = "open",
    kind: Annotated[str | None, Query(description="service, depends on, runs on, infrastructure, or device.")] = None,
    ci: Annotated[str | None, Query(description="Name or uid of a CI at either end.")] = None,
    q: Annotated[str | None, Query(description="Text in the title.")] = None,
    mine: Annotated[bool, Query(description="Only of CIs that the caller owns or answers for.")] = False,
) -> Listing[views.ProposalRow] | Response:
    """List what was seen and is not on record. Sorts by id, kind, title, first_seen, last_seen, decided."""
    with db.read() as session:
        ci_id = record.find_ci(session, ci).id if ci else None
        wanted = views.ProposalFilter(state, kind, ci_id, q, caller.name if mine else None)
        rows, total = views.list_proposals(session, wanted, window)
    return answer(rows, total, window, "proposals")


@router.post("/proposals/decide", response_model=views.Decided, summary="Decide about proposals")
def decide(caller: Viewer, db: Db, wanted: Decision) -> views.Decided:
    """Accept or reject proposals, or take rejections back: all of them, or none. Operators may, and each CI's owner."""
    said = wanted.device
    if said is not None and (wanted.decision != "accept" or len(set(wanted.ids)) > 1):
        raise Invalid("device: goes with the acceptance of one proposal")
    device = taking.NewDevice(**said.model_dump()) if said is not None else None
    with db.write() as session:
        for proposal_id in dict.fromkeys(wanted.ids):
            found = deciding.find(session, proposal_id)
            deciding.check_may_decide(session, found, caller.name, caller.may("operator"))
            if device is not None:
                deciding.accept(session, proposal_id, caller.name, wanted.reason, now_ms(), device)
            else:
                _DECISIONS[wanted.decision](session, proposal_id, caller.name, wanted.reason, now_ms())
        session.flush()
        return views.Decided(items=[views.show(session, one) for one in dict.fromkeys(wanted.ids)])


@router.get("/proposals/{proposal}", response_model=views.ProposalDetail, summary="Show a proposal")
def show_proposal(_caller: Viewer, db: Db, proposal: int) -> views.ProposalDetail:
    """Show one proposal with its evidence."""
    with db.read() as session:
        return views.show(session, proposal)


@router.get("/proposal-ignores", response_model=Listing[views.IgnoreRow], summary="List what is never proposed")
def list_ignores(_caller: Viewer, db: Db, window: AWindow) -> Listing[views.IgnoreRow] | Response:
    """List addresses and ports that nothing is proposed from. Sorts by since, network, port."""
    with db.read() as session:
        rows, total = views.list_ignores(session, window)
    return answer(rows, total, window, "proposal-ignores")


@router.post("/proposal-ignores", response_model=views.IgnoreRow, status_code=201, summary="Never propose such")
def ignore(caller: Operator, db: Db, wanted: NewIgnore) -> views.IgnoreRow:
    """Propose nothing from connections to an address, a network or a port. What was accepted stays."""
    with db.write() as session:
        made = deciding.ignore(session, wanted.network, wanted.port, caller.name, wanted.reason, now_ms())
        return views.ignore_row(made)


@router.delete("/proposal-ignores/{ignore}", response_model=views.IgnoreRow, summary="Propose such again")
def stop_ignoring(
    caller: Operator, db: Db, ignore: int, reason: Annotated[str, Query(max_length=4000)] = ""
) -> views.IgnoreRow:
    """Propose from such connections again."""
    with db.write() as session:
        return views.ignore_row(deciding.stop_ignoring(session, ignore, caller.name, reason, now_ms()))


@router.get("/service-rules", response_model=views.ServiceRulesDetail, summary="Show the service rules")
def show_rules(_caller: Viewer, db: Db, version: int | None = None) -> views.ServiceRulesDetail:
    """Show the rules by which services are proposed: those in force, or an earlier version; 0 is what is shipped."""
    with db.read() as session:
        return views.show_rules(session, version)


@router.put("/service-rules", response_model=views.ServiceRulesDetail, summary="Set the service rules")
def set_rules(caller: Operator, db: Db, wanted: NewServiceRules) -> views.ServiceRulesDetail:
    """Put a new version of the service rules in force. What is wrong with it is named by line."""
    with db.write() as session:
        documents.put(session, wanted.document, caller.name, wanted.comment, now_ms(), wanted.after)
        return views.show_rules(session, None)
