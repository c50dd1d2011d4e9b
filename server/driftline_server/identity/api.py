"""REST: identity, decisions on it, and evidence that tells nobody apart."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from driftline_cmdb import record, sources
from driftline_cmdb.identity import deciding, replacing, shared
from driftline_server.access.guard import Db, OperatorOrApprover, Viewer
from driftline_server.identity import ofci, views
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.times import now_ms

router = APIRouter()

_Reason = Annotated[str, Field(min_length=1, max_length=4000, description="Why, for whoever reads it later.")]


class Decide(BaseModel):
    """What is decided of a question."""

    action: str = Field(description="same, clone, replacement, or retire old.")
    reason: _Reason
    despite: str | None = Field(
        default=None, max_length=4000, description="Why it is the same machine although both agents report."
    )


class Reason(BaseModel):
    """Why something is done."""

    reason: _Reason


class Forget(BaseModel):
    """Which evidence counts again."""

    key: str = Field(description="As the list shows it: serial:7x3kq2.")
    reason: _Reason


class Merge(BaseModel):
    """What a CI is merged into."""

    into: str = Field(description="Name or uid of the CI that stands for both afterwards.")
    reason: _Reason


class Split(BaseModel):
    """Which source leaves a CI, and where it goes."""

    source: str = Field(description="uid of the source, the start of it, or its host name.")
    name: str | None = Field(default=None, description="Of the new CI; the source's host name by default.")
    into: str | None = Field(default=None, description="Name or uid of a CI on record, instead of a new one.")
    reason: _Reason


class Replace(BaseModel):
    """What hardware a CI gets."""

    serial: str = Field(min_length=1, max_length=200, description="Serial number of the new hardware.")
    rfc: int = Field(description="Number of the RFC that allows it.")
    reason: _Reason


@router.get("/identity/reviews", response_model=Listing[views.ReviewRow], summary="List questions of identity")
def list_reviews(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    state: Annotated[str, Query(description="open, closed, or all.")] = "open",
    kind: Annotated[str | None, Query(description="claim, moved, or same name.")] = None,
    q: Annotated[str | None, Query(description="Text in the name of the host or of the CI.")] = None,
) -> Listing[views.ReviewRow] | Response:
    """List the queue: which source may be which CI. Sorts by opened, score, kind, hostname, ci."""
    with db.read() as session:
        rows, total = views.list_reviews(session, views.ReviewFilter(state, kind, q), window)
    return answer(rows, total, window, "identity")


@router.get("/identity/reviews/{review}", response_model=views.ReviewDetail, summary="Show a question of identity")
def show_review(_caller: Viewer, db: Db, review: int) -> views.ReviewDetail:
    """Show both sides of a question, its evidence with weights, and what may be decided."""
    with db.read() as session:
        return views.show(session, review)


@router.post(
    "/identity/reviews/{review}/decide", response_model=views.DecisionRow, summary="Decide a question of identity"
)
def decide(caller: OperatorOrApprover, db: Db, review: int, wanted: Decide) -> views.DecisionRow:
    """Decide: the same, a clone, a replacement, or retire old. It can be undone."""
    with db.write() as session:
        decision = deciding.decide_review(
            session, review, wanted.action, caller.name, wanted.reason, now_ms(), despite=wanted.despite or None
        )
        return views.show_decision(session, decision)


@router.get("/identity/decisions", response_model=Listing[views.DecisionRow], summary="List decisions on identity")
def list_decisions(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    action: Annotated[str | None, Query(description="same, clone, merge, split, replace, undo ...")] = None,
    q: Annotated[str | None, Query(description="Text in the name of a CI, or in the reason.")] = None,
) -> Listing[views.DecisionRow] | Response:
    """List what people decided on identity, newest first. Sorts by at, actor, action, ci."""
    with db.read() as session:
        rows, total = views.list_decisions(session, window, action, q)
    return answer(rows, total, window, "identity-decisions")


@router.post(
    "/identity/decisions/{decision}/undo", response_model=views.DecisionRow, summary="Undo a decision on identity"
)
def undo(caller: OperatorOrApprover, db: Db, decision: int, wanted: Reason) -> views.DecisionRow:
    """Set back what a decision did. Refused where a later one changed the same; that is to be undone first."""
    with db.write() as session:
        return views.show_decision(session, deciding.undo(session, decision, caller.name, wanted.reason, now_ms()))


@router.get("/identity/shared", response_model=Listing[views.SharedRow], summary="List shared evidence")
def list_shared(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    kind: Annotated[str | None, Query(description="system_uuid, mac, system_serial ...")] = None,
    q: Annotated[str | None, Query(description="Text in the value.")] = None,
) -> Listing[views.SharedRow] | Response:
    """List evidence that more than a handful of machines share, so that it counts for nothing."""
    with db.read() as session:
        rows, total = views.list_shared(session, window, kind, q)
    return answer(rows, total, window, "shared-evidence")


@router.post("/identity/shared/forget", response_model=views.SharedRow, summary="Forget shared evidence")
def forget_shared(caller: OperatorOrApprover, db: Db, wanted: Forget) -> views.SharedRow:
    """Have a piece of evidence count again. Refused while so many machines share it that it would be learnt again."""
    with db.write() as session:
        return views.shared_row(shared.forget_shared(session, wanted.key, caller.name, wanted.reason, now_ms()))


@router.post("/cis/{ci}/merge", response_model=views.DecisionRow, summary="Merge a CI into another")
def merge(caller: OperatorOrApprover, db: Db, ci: str, wanted: Merge) -> views.DecisionRow:
    """Merge a CI into another: its sources speak for that one, its drifts and RFCs go along. It can be undone."""
    with db.write() as session:
        from_ci, into = record.find_ci(session, ci), record.find_ci(session, wanted.into)
        return views.show_decision(
            session, deciding.merge(session, from_ci, into, caller.name, wanted.reason, now_ms())
        )


@router.post("/cis/{ci}/split", response_model=views.DecisionRow, summary="Split a source off a CI")
def split(caller: OperatorOrApprover, db: Db, ci: str, wanted: Split) -> views.DecisionRow:
    """Let a source of a CI speak for a CI of its own, or for another one on record. It can be undone."""
    with db.write() as session:
        into = record.find_ci(session, wanted.into) if wanted.into else None
        decision = deciding.split(
            session,
            record.find_ci(session, ci),
            sources.find(session, wanted.source),
            caller.name,
            wanted.reason,
            now_ms(),
            name=wanted.name or None,
            into=into,
        )
        return views.show_decision(session, decision)


@router.post("/cis/{ci}/replace", response_model=views.DecisionRow, summary="Replace the hardware of a CI")
def replace(caller: OperatorOrApprover, db: Db, ci: str, wanted: Replace) -> views.DecisionRow:
    """Give a CI other hardware by an RFC that names it: name, owner, baseline, relations and history stay."""
    with db.write() as session:
        found = record.find_ci(session, ci)
        done = replacing.replace(session, found, wanted.serial, wanted.rfc, caller.name, wanted.reason, now_ms())
        return views.show_decision(session, done.decision)


@router.get("/cis/{ci}/assets", response_model=Listing[ofci.AssetRow], summary="Hardware of a CI")
def list_assets(_caller: Viewer, db: Db, window: AWindow, ci: str) -> Listing[ofci.AssetRow] | Response:
    """List the hardware that a CI is, was or will be, the newest first."""
    with db.read() as session:
        rows = ofci.asset_rows(session, record.find_ci(session, ci))
    found = rows[window.offset : window.offset + window.limit]
    return answer(found, len(rows), window, f"assets-{ci}")
