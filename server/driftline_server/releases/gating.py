"""REST: the production gate's waivers and its policy."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import case
from sqlmodel import Session, col, select

from driftline_baseline import gate
from driftline_cmdb import record
from driftline_cmdb.errors import Invalid
from driftline_cmdb.releases import gate_policy, waivers
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.releases import GateWaiver
from driftline_server.access.guard import Admin, Approver, ApproverOrAdmin, Db, Operator, OperatorOrApprover, Viewer
from driftline_server.changes.views import PolicyDetail, PolicyVersion
from driftline_server.evidence import CiRef, ci_ref
from driftline_server.lists import AWindow, Listing, Window, answer, contains, part
from driftline_server.times import moment, moment_or_none, now_ms, span_ms, to_ms

router = APIRouter()

STATES = ("requested", "approved", "over")


class NewWaiver(BaseModel):
    """For a time a CI may be in production without what the gate asks for."""

    ci: str = Field(description="Name or uid.")
    reason: str = Field(min_length=1, max_length=4000)
    until: AwareDatetime | None = Field(default=None, description="At most a year from now.")
    expires_in: str | None = Field(default=None, description="Instead of a time: 12h, 7d.")


class Ending(BaseModel):
    """Why it ends."""

    reason: str = Field(default="", max_length=4000)


class GateDocument(BaseModel):
    """A policy's text."""

    document: str = Field(description="YAML.", max_length=100_000)


class WhichVersion(BaseModel):
    """A version of the policy."""

    number: int


class WaiverRow(BaseModel):
    """A waiver of the production gate."""

    id: int
    ci: CiRef
    #: requested, approved, over.
    state: str
    reason: str
    requested_by: str
    requested: datetime
    until: datetime
    approved_by: str | None
    approved: datetime | None
    ended_by: str | None
    ended: datetime | None


def list_waivers(
    session: Session, q: str | None, state: str | None, window: Window, now: int
) -> tuple[list[WaiverRow], int]:
    """Return a part of all waivers, and how many there are.

    :raises Invalid: a state or column that is none.
    """
    over = col(GateWaiver.ended_ms).is_not(None) | (col(GateWaiver.until_ms) <= now)
    named = case((over, "over"), (col(GateWaiver.approved_ms).is_(None), "requested"), else_="approved")
    statement = select(GateWaiver, Ci).join(Ci, col(Ci.id) == col(GateWaiver.ci_id))
    if q:
        statement = statement.where(contains(Ci.name, q))
    if state:
        if state not in STATES:
            raise Invalid(f'state: "{state}" is not one of {", ".join(STATES)}')
        statement = statement.where(named == state)
    sorts = {"id": GateWaiver.id, "ci": Ci.name, "until": GateWaiver.until_ms, "state": named}
    found, total = part(session, statement, window, sorts, "-id", col(GateWaiver.id))
    return [_row(one, ci, now) for one, ci in found], total


def _row(one: GateWaiver, ci: Ci, now: int) -> WaiverRow:
    return WaiverRow(
        id=one.id,
        ci=ci_ref(ci),
        state=waivers.state_of(one, now),
        reason=one.reason,
        requested_by=one.requested_by,
        requested=moment(one.requested_ms),
        until=moment(one.until_ms),
        approved_by=one.approved_by,
        approved=moment_or_none(one.approved_ms),
        ended_by=one.ended_by,
        ended=moment_or_none(one.ended_ms),
    )


@router.get("/waivers", response_model=Listing[WaiverRow], summary="List waivers of the production gate")
def list_all(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the CI's name.")] = None,
    state: Annotated[str | None, Query(description="requested, approved, or over.")] = None,
) -> Listing[WaiverRow] | Response:
    """List waivers of the production gate, newest first. Sorts by id, ci, until, state."""
    with db.read() as session:
        rows, total = list_waivers(session, q, state, window, now_ms())
    return answer(rows, total, window, "waivers")


@router.post("/waivers", response_model=WaiverRow, status_code=201, summary="Ask for a waiver")
def request(caller: Operator, db: Db, wanted: NewWaiver) -> WaiverRow:
    """Ask that a CI may be in production for a time without what the gate asks for. Somebody else approves it."""
    now = now_ms()
    if wanted.until is not None and wanted.expires_in is None:
        until_ms = to_ms(wanted.until)
    elif wanted.until is None and wanted.expires_in is not None:
        until_ms = now + span_ms(wanted.expires_in, "expires_in")
    else:
        raise Invalid("until: give it or expires_in, one of the two")
    with db.write() as session:
        ci = record.find_ci(session, wanted.ci)
        made = waivers.request(session, ci, wanted.reason, until_ms, caller.name, now)
        return _row(made, ci, now)


@router.post("/waivers/{waiver}/approve", response_model=WaiverRow, summary="Approve a waiver")
def approve(caller: Approver, db: Db, waiver: int) -> WaiverRow:
    """Approve a waiver: until its end there is no finding. Who asked for it may not."""
    now = now_ms()
    with db.write() as session:
        made = waivers.approve(session, waiver, caller.name, now)
        return _row(made, session.get_one(Ci, made.ci_id), now)


@router.post("/waivers/{waiver}/end", response_model=WaiverRow, summary="End a waiver")
def end(caller: OperatorOrApprover, db: Db, waiver: int, wanted: Ending) -> WaiverRow:
    """End a waiver before its time, or withdraw one that nobody has approved."""
    now = now_ms()
    with db.write() as session:
        made = waivers.end(session, waiver, caller.name, wanted.reason, now)
        return _row(made, session.get_one(Ci, made.ci_id), now)


def show_gate(session: Session) -> PolicyDetail:
    """Return the gate's policy."""
    versions = [
        PolicyVersion(
            number=one.number,
            state=one.state,
            author=one.author,
            created=moment(one.created_ms),
            confirmed_by=one.confirmed_by,
            confirmed=moment_or_none(one.confirmed_ms),
            document=one.document,
        )
        for one in gate_policy.versions(session)
    ]
    now = next((one for one in versions if one.state == "in force"), None)
    number = now.number if now is not None else None
    return PolicyDetail(number=number, document=now.document if now else gate.DEFAULT, versions=versions)


@router.get("/policies/gate", response_model=PolicyDetail, summary="Show the production gate's policy")
def show_policy(_caller: Viewer, db: Db) -> PolicyDetail:
    """Show what production asks of a CI, and all versions of that."""
    with db.read() as session:
        return show_gate(session)


@router.put("/policies/gate", response_model=PolicyDetail, summary="Propose a policy of the production gate")
def propose_policy(caller: Admin, db: Db, wanted: GateDocument) -> PolicyDetail:
    """Propose another policy of the gate. It is in force once another admin or approver has confirmed it."""
    with db.write() as session:
        gate_policy.propose(session, wanted.document, caller.name, now_ms())
        return show_gate(session)


@router.post("/policies/gate/confirm", response_model=PolicyDetail, summary="Confirm a policy of the production gate")
def confirm_policy(caller: ApproverOrAdmin, db: Db, wanted: WhichVersion) -> PolicyDetail:
    """Put a proposed version in force. Its author may not."""
    with db.write() as session:
        gate_policy.confirm(session, wanted.number, caller.name, now_ms())
        return show_gate(session)
