"""REST: requests for change."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from driftline_cmdb import record
from driftline_cmdb.attention import judging
from driftline_cmdb.rfcs import decisions, planning
from driftline_server.access.guard import Approver, Db, Operator, Viewer
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.rfcs import views
from driftline_server.times import now_ms, to_ms

router = APIRouter()


AVerdict = Annotated[
    Literal["unauthorised", "late paperwork", "false"] | None,
    Field(description="What the change turned out to be, where driftline raised the RFC."),
]


class Authorisation(BaseModel):
    """Authorises what was seen, and nothing else."""

    scope: str = Field(
        description="The `scope` of the RFC as it was shown. Refused with the difference where it changed."
    )
    comment: str = Field(default="", max_length=4000)
    verdict: AVerdict = None


class Order(BaseModel):
    """A decision that needs no scope."""

    comment: str = Field(default="", max_length=4000)


class RevertOrder(Order):
    """An order to put back what was found changed."""

    verdict: AVerdict = None


class Prediction(BaseModel):
    """What a planned change is to do at one path of one CI."""

    ci: str = Field(description="Name or uid.")
    path: str = Field(description="An attribute, as software.packages[dpkg/openssl/amd64].version, or an element.")
    kind: Literal["is", "one_of", "at_least", "matches", "present", "absent"]
    operand: str | int | bool | list[str] | None = Field(default=None, description="What stands beside the kind.")


class NewRfc(BaseModel):
    """A planned change."""

    title: str = Field(min_length=1, max_length=200)
    predictions: list[Prediction] = Field(min_length=1, max_length=10_000)
    start: AwareDatetime | None = Field(default=None, description="Of the planned window; null for any time.")
    end: AwareDatetime | None = Field(default=None, description="Of the planned window; null for any time.")
    kind: Literal["standard", "normal", "emergency"] = "normal"
    priority: Literal["low", "medium", "high"] = "medium"
    reason: str = Field(default="", max_length=4000)
    description: str = Field(default="", max_length=4000)
    effect_of_not_doing: str = Field(default="", max_length=4000)
    risk: str = Field(default="", max_length=4000)
    impact: str = Field(default="", max_length=4000)
    benefit: str = Field(default="", max_length=4000)
    cost: str = Field(default="", max_length=4000)
    implementer: str | None = Field(default=None, max_length=200)
    test_plan: str = Field(default="", max_length=4000)
    back_out_plan: str = Field(default="", max_length=4000)


@router.post("/rfcs", response_model=views.RfcDetail, status_code=201, summary="Submit a planned change")
def submit(caller: Operator, db: Db, wanted: NewRfc) -> views.RfcDetail:
    """Submit a change before it is made. Once authorised, what fits its predictions in its window is explained."""
    plan = planning.Plan(
        **wanted.model_dump(exclude={"predictions", "start", "end"}),
        planned_start_ms=to_ms(wanted.start) if wanted.start else None,
        planned_end_ms=to_ms(wanted.end) if wanted.end else None,
    )
    with db.write() as session:
        planned = [
            planning.Planned(
                record.find_ci(session, one.ci),
                one.path,
                one.kind,
                tuple(one.operand) if isinstance(one.operand, list) else one.operand,
            )
            for one in wanted.predictions
        ]
        made = planning.propose(session, plan, caller.name, planned, now_ms())
        return views.show(session, made.number)


@router.get("/rfcs", response_model=Listing[views.RfcRow], summary="List RFCs")
def list_rfcs(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    state: Annotated[
        str | None, Query(description="A state, or waiting: those on which someone has to decide.")
    ] = None,
    q: Annotated[str | None, Query(description="Text in the title, or the number.")] = None,
    requester: str | None = None,
    kind: str | None = None,
) -> Listing[views.RfcRow] | Response:
    """List RFCs, newest first. Sorts by number, title, state, kind, priority, requester, cis, created, closed."""
    with db.read() as session:
        rows, total = views.list_rfcs(session, views.RfcFilter(state, q, requester, kind), window)
    return answer(rows, total, window, "rfcs")


@router.get("/rfcs/{number}", response_model=views.RfcDetail, summary="Show an RFC")
def show_rfc(_caller: Viewer, db: Db, number: int) -> views.RfcDetail:
    """Show one RFC with before and after, CIs, time bounds, evidence, and decisions."""
    with db.read() as session:
        return views.show(session, number)


@router.post("/rfcs/{number}/authorise", response_model=views.RfcDetail, summary="Authorise an RFC")
def authorise(caller: Approver, db: Db, number: int, wanted: Authorisation) -> views.RfcDetail:
    """Authorise an RFC: its deltas join the expected state. Its requester may not."""
    with db.write() as session:
        decisions.authorise(session, number, caller.name, wanted.scope, wanted.comment, now_ms())
        if wanted.verdict is not None:
            judging.give(session, number, wanted.verdict, caller.name, wanted.comment, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/revert", response_model=views.RfcDetail, summary="Order an RFC reverted")
def revert(caller: Operator, db: Db, number: int, wanted: RevertOrder) -> views.RfcDetail:
    """Order that what was found changed is put back. The RFC stays open until the expected values are seen."""
    with db.write() as session:
        decisions.order_revert(session, number, caller.name, wanted.comment, now_ms())
        if wanted.verdict is not None:
            judging.give(session, number, wanted.verdict, caller.name, wanted.comment, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/cancel", response_model=views.RfcDetail, summary="Cancel an RFC")
def cancel(caller: Operator, db: Db, number: int, wanted: Order) -> views.RfcDetail:
    """Cancel an RFC."""
    with db.write() as session:
        decisions.cancel(session, number, caller.name, wanted.comment, now_ms())
        return views.show(session, number)
