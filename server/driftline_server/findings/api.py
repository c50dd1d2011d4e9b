"""REST: findings."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from driftline_cmdb import findings, record
from driftline_server.access.guard import Db, Operator, OperatorOrApprover, Viewer
from driftline_server.findings import views
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.times import now_ms

router = APIRouter()


class FindingReason(BaseModel):
    """Why a finding is acknowledged or closed, for whoever reads it later."""

    reason: str = Field(min_length=1, max_length=4000)


@router.get("/findings", response_model=Listing[views.FindingRow], summary="List findings")
def list_findings(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    state: Annotated[str, Query(description="open, acknowledged, new (nobody acknowledged), closed, or all.")] = "open",
    kind: Annotated[str | None, Query(description="silent, integrity, dropped, clone, roll-back ...")] = None,
    ci: Annotated[str | None, Query(description="Name or uid of a CI.")] = None,
    q: Annotated[str | None, Query(description="Text in the message.")] = None,
) -> Listing[views.FindingRow] | Response:
    """List what a person should look at that is no drift: silence, roll-backs, failed checks."""
    with db.read() as session:
        ci_id = record.find_ci(session, ci).id if ci else None
        rows, total = views.list_findings(session, views.FindingFilter(state, kind, ci_id, q), window)
    return answer(rows, total, window, "findings")


@router.get("/findings/{finding}", response_model=views.FindingDetail, summary="Show a finding")
def show_finding(_caller: Viewer, db: Db, finding: int) -> views.FindingDetail:
    """Show one finding with its detail, and what people decided about it."""
    with db.read() as session:
        return views.show(session, finding)


@router.post("/findings/{finding}/acknowledge", response_model=views.FindingDetail, summary="Acknowledge a finding")
def acknowledge(caller: OperatorOrApprover, db: Db, finding: int, wanted: FindingReason) -> views.FindingDetail:
    """Say that someone knows. The finding stays open until what it found is over."""
    with db.write() as session:
        findings.acknowledge(session, finding, caller.name, wanted.reason, now_ms())
        session.flush()
        return views.show(session, finding)


@router.post("/findings/{finding}/close", response_model=views.FindingDetail, summary="Close a finding")
def close(caller: Operator, db: Db, finding: int, wanted: FindingReason) -> views.FindingDetail:
    """Close a finding. Refused where driftline itself sees its end: it would open again before."""
    with db.write() as session:
        findings.close(session, finding, caller.name, wanted.reason, now_ms())
        session.flush()
        return views.show(session, finding)
