"""REST: drift."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from driftline_cmdb import record
from driftline_cmdb.drift import accepting
from driftline_server.access.guard import Approver, Db, Viewer
from driftline_server.cis.api import Match
from driftline_server.drift import views
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.times import now_ms, span_ms

router = APIRouter()

State = Annotated[str, Query(description="open, explained, accepted, reverted, superseded, or all.")]


class Acceptance(BaseModel):
    """Why a drift is accepted, and for how long."""

    reason: str = Field(min_length=1, max_length=4000)
    expires_in: str = Field(default="7d", description="For how long: 12h, 7d.")


@router.get("/drifts", response_model=Listing[views.DriftRow], summary="List drifts")
def list_drifts(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    state: State = "open",
    ci: Annotated[str | None, Query(description="Name or uid of a CI.")] = None,
    q: Annotated[str | None, Query(description="Text in the path.")] = None,
    match: Match = None,
    severity: str | None = None,
    rfc: int | None = None,
) -> Listing[views.DriftRow] | Response:
    """List drifts, newest first, with the evidence of each. Sorts by observed, opened, closed, ci, path, rfc ..."""
    with db.read() as session:
        ci_id = record.find_ci(session, ci).id if ci else None
        wanted = views.DriftFilter(None if state == "all" else state, ci_id, q, tuple(match or ()), severity, rfc)
        rows, total = views.list_drifts(session, wanted, window)
    return answer(rows, total, window, "drifts")


@router.get("/drifts/{drift}", response_model=views.DriftRow, summary="Show a drift")
def show_drift(_caller: Viewer, db: Db, drift: int) -> views.DriftRow:
    """Show one drift."""
    with db.read() as session:
        return views.show(session, drift)


@router.post("/drifts/{drift}/accept", response_model=views.DriftRow, summary="Accept a drift for a time")
def accept_drift(caller: Approver, db: Db, drift: int, wanted: Acceptance) -> views.DriftRow:
    """Accept the value that a drift has, for a time: another value is a new drift, and at the end it opens again."""
    now = now_ms()
    with db.write() as session:
        accepting.accept(
            session, drift, caller.name, wanted.reason, now + span_ms(wanted.expires_in, "expires_in"), now
        )
        return views.show(session, drift)
