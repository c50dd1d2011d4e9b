"""REST: requests for change."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Response as Sent
from fastapi.responses import Response

from driftline_cmdb import record
from driftline_cmdb.attention import judging
from driftline_cmdb.choosing import chosen
from driftline_cmdb.errors import Invalid
from driftline_cmdb.rfcs import (
    backing_out,
    decisions,
    declaring,
    discussion,
    drafting,
    planning,
    progress,
    reading,
    recording,
    splitting,
)
from driftline_server.access.guard import Approver, Db, Operator, OperatorOrApprover, Viewer
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.rfcs import around, bodies, carrying, views
from driftline_server.times import now_ms, span_ms, to_ms

router = APIRouter()


@router.post("/rfcs", response_model=views.RfcDetail, status_code=201, summary="Submit a planned change")
def submit(caller: Operator, db: Db, wanted: bodies.NewRfc, sent: Sent) -> views.RfcDetail:
    """Submit a change before it is made, or keep it as a draft.

    Once authorised, what fits its predictions in its window is explained. With `external_system` and `external_id` it
    may be sent again: the same RFC comes back (200), brought up to date where it is not authorised yet.
    """
    if (wanted.external_system is None) != (wanted.external_id is None):
        raise Invalid("external_system, external_id: name both, or none")
    if wanted.requester is not None and wanted.external_system is None:
        raise Invalid("requester: only a change of another system names one; you are the requester of your own")
    plan = wanted.plan()
    with db.write() as session:
        planned = bodies.planned(session, wanted.predictions)
        if wanted.external_system is not None and wanted.external_id is not None:
            master = drafting.Master(wanted.external_system, wanted.external_id, wanted.requester)
            made, is_new = drafting.mirror(session, master, plan, planned, caller.name, now_ms())
            sent.status_code = 201 if is_new else 200
        elif wanted.draft:
            made = drafting.draft(session, plan, caller.name, planned, now_ms())
        else:
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
    """Show one RFC with before and after, CIs, time bounds, evidence, approvals, and decisions."""
    with db.read() as session:
        return views.show(session, number)


@router.patch("/rfcs/{number}", response_model=views.RfcDetail, summary="Edit a draft")
def edit(caller: Operator, db: Db, number: int, wanted: bodies.Edit) -> views.RfcDetail:
    """Change what is sent of a draft. Only its requester may, and only until it is submitted."""
    with db.write() as session:
        plan = wanted.on(drafting.plan_of(reading.find_rfc(session, number)))
        planned = None if wanted.predictions is None else bodies.planned(session, wanted.predictions)
        drafting.edit(session, number, caller.name, plan, planned, now_ms())
        return views.show(session, number)


@router.get("/rfcs/{number}/conflicts", response_model=around.Conflicts, summary="Show an RFC's conflicts")
def show_conflicts(_caller: Viewer, db: Db, number: int) -> around.Conflicts:
    """Show freezes and other changes at the same time, on its CIs or on what those need."""
    with db.read() as session:
        return around.conflicts_of(session, number, now_ms())


@router.get("/rfcs/{number}/impact", response_model=around.ImpactFound, summary="Show an RFC's impact")
def show_impact(_caller: Viewer, db: Db, number: int) -> around.ImpactFound:
    """Show which CIs and services depend on its CIs, over any number of relations, each with the way."""
    with db.read() as session:
        return around.impact_of(session, number)


@router.get("/rfcs/{number}/history", response_model=around.History, summary="Show an RFC's history")
def show_history(_caller: Viewer, db: Db, number: int) -> around.History:
    """Show its decisions, approvals, comments and links in the order of time."""
    with db.read() as session:
        return around.history_of(session, number)


@router.post("/rfcs/{number}/submit", response_model=views.RfcDetail, summary="Submit a draft")
def submit_draft(caller: Operator, db: Db, number: int) -> views.RfcDetail:
    """Submit a draft, to be assessed and authorised. Only its requester may."""
    with db.write() as session:
        drafting.submit(session, number, caller.name, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/assess", response_model=views.RfcDetail, summary="Assess an RFC")
def assess(caller: OperatorOrApprover, db: Db, number: int, wanted: bodies.Assessment) -> views.RfcDetail:
    """Write down its risk and impact. Where the risk is high, its requester may not."""
    with db.write() as session:
        progress.assess(
            session,
            number,
            caller.name,
            wanted.comment,
            now_ms(),
            risk_level=wanted.risk_level,
            risk=wanted.risk,
            impact=wanted.impact,
        )
        return views.show(session, number)


@router.post("/rfcs/{number}/authorise", response_model=views.RfcDetail, summary="Authorise an RFC")
def authorise(caller: Approver, db: Db, number: int, wanted: bodies.Authorisation) -> views.RfcDetail:
    """Approve an RFC. With the last approval that it needs, its deltas join the expected state.

    Its requester, its implementer, and who has approved it already may not. An approval counts for the scope that it
    names only. Freezes and other conflicts refuse it unless they are passed over by name.
    """
    with db.write() as session:
        decisions.authorise(
            session,
            number,
            caller.name,
            wanted.scope,
            wanted.comment,
            now_ms(),
            waivers=wanted.waivers(),
            on_behalf_of=wanted.on_behalf_of,
        )
        if wanted.verdict is not None:
            judging.give(session, number, wanted.verdict, caller.name, wanted.comment, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/reject", response_model=views.RfcDetail, summary="Reject an RFC")
def reject(caller: Approver, db: Db, number: int, wanted: bodies.Rejection) -> views.RfcDetail:
    """Reject a planned change, with a reason."""
    with db.write() as session:
        decisions.reject(session, number, caller.name, wanted.comment, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/revert", response_model=views.RfcDetail, summary="Order an RFC reverted")
def revert(caller: Operator, db: Db, number: int, wanted: bodies.RevertOrder) -> views.RfcDetail:
    """Order that what was found changed is put back. The RFC stays open until the expected values are seen."""
    with db.write() as session:
        decisions.order_revert(session, number, caller.name, wanted.comment, now_ms())
        if wanted.verdict is not None:
            judging.give(session, number, wanted.verdict, caller.name, wanted.comment, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/cancel", response_model=views.RfcDetail, summary="Cancel an RFC")
def cancel(caller: Operator, db: Db, number: int, wanted: bodies.Order) -> views.RfcDetail:
    """Cancel a planned change of which nothing has been seen yet."""
    with db.write() as session:
        decisions.cancel(session, number, caller.name, wanted.comment, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/schedule", response_model=views.RfcDetail, summary="Schedule an RFC")
def schedule(caller: Operator, db: Db, number: int, wanted: bodies.NewWindow) -> views.RfcDetail:
    """Give an authorised change another window, which must be free of conflicts."""
    with db.write() as session:
        end_ms = to_ms(wanted.end) if wanted.end else None
        progress.schedule(session, number, caller.name, to_ms(wanted.start), end_ms, wanted.comment, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/start", response_model=views.RfcDetail, summary="Start an RFC")
def start(caller: Operator, db: Db, number: int, wanted: bodies.Order) -> views.RfcDetail:
    """Begin a change before its window; an emergency also before it is approved."""
    with db.write() as session:
        progress.start(session, number, caller.name, wanted.comment, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/close", response_model=views.RfcDetail, summary="Close an RFC")
def close(caller: OperatorOrApprover, db: Db, number: int, wanted: bodies.Review) -> views.RfcDetail:
    """Close a planned change with its post-implementation review."""
    with db.write() as session:
        progress.close(session, number, caller.name, wanted.outcome, wanted.review, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/back-out", response_model=views.RfcDetail, summary="Order an RFC backed out")
def back_out(caller: Operator, db: Db, number: int, wanted: bodies.Why) -> views.RfcDetail:
    """Order a change backed out: what it changed is expected no more; it is over once the old state is really back."""
    with db.write() as session:
        backing_out.order(session, number, caller.name, wanted.review, now_ms())
        return views.show(session, number)


@router.get("/rfcs/{number}/back-out-plan", response_model=carrying.BackOutPlan, summary="How an RFC is taken back")
def back_out_plan(_caller: Viewer, db: Db, number: int) -> carrying.BackOutPlan:
    """Return the steps that bring back the state before, drafted where nobody wrote them, and what is left to undo."""
    with db.read() as session:
        return carrying.back_out_plan(session, number)


@router.get(
    "/rfcs/{number}/verification", response_model=carrying.VerificationFound, summary="Predicted against actual"
)
def verification(
    _caller: Viewer,
    db: Db,
    number: int,
    status: Annotated[str | None, Query(description="Only hosts in this status.")] = None,
) -> carrying.VerificationFound:
    """Compare what an RFC predicts with what its CIs report: what is missing, extra, consequential, host by host."""
    with db.read() as session:
        return carrying.verify(session, number, status)


@router.get("/rfcs/{number}/snapshots", response_model=Listing[carrying.SnapshotRow], summary="The state before an RFC")
def snapshots(_caller: Viewer, db: Db, number: int, window: AWindow) -> Listing[carrying.SnapshotRow] | Response:
    """List the states of its CIs that were marked before it touched them. Sorts by ci, at, ci_version."""
    with db.read() as session:
        rows, total = carrying.snapshots(session, number, window)
    return answer(rows, total, window, f"snapshots-{number}")


@router.post("/rfcs/{number}/split", response_model=views.RfcDetail, status_code=201, summary="Split an RFC")
def split(caller: OperatorOrApprover, db: Db, number: int, wanted: bodies.Split) -> views.RfcDetail:
    """Give some CIs of an undecided RFC one of their own, so that each part can be decided differently."""
    with db.write() as session:
        cis = chosen(session, wanted.cis)
        part = splitting.split(session, number, cis, caller.name, wanted.comment, now_ms())
        return views.show(session, part.number)


@router.post("/emergencies", response_model=views.RfcDetail, status_code=201, summary="Declare an emergency")
def declare(caller: Operator, db: Db, wanted: bodies.Emergency) -> views.RfcDetail:
    """Declare an emergency: its RFC takes in what the declarer changes, to be approved after the fact."""
    now = now_ms()
    with db.write() as session:
        cis = chosen(session, wanted.cis)
        until_ms = now + span_ms(wanted.lasts, "lasts")
        made = declaring.open_emergency(session, cis, caller.name, wanted.accounts, wanted.incident, until_ms, now)
        return views.show(session, made.number)


@router.post("/cis/{ci}/recording", response_model=carrying.RecordedLines, summary="Record a test host")
def record_host(_caller: Operator, db: Db, ci: str, wanted: bodies.Recording) -> carrying.RecordedLines:
    """Return what changed on a test host in a time, as predictions for other hosts. Keeps nothing."""
    until_ms = now_ms() if wanted.until is None else to_ms(wanted.until)
    with db.read() as session:
        lines = recording.record(session, record.find_ci(session, ci), to_ms(wanted.since), until_ms)
        return carrying.recorded(lines)


@router.post("/rfcs/{number}/reopen", response_model=views.RfcDetail, summary="Open an RFC again")
def reopen(caller: Operator, db: Db, number: int, wanted: bodies.Order) -> views.RfcDetail:
    """Open a planned change again that was backed out. It needs its approvals anew."""
    with db.write() as session:
        progress.reopen(session, number, caller.name, wanted.comment, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/comments", response_model=views.RfcDetail, status_code=201, summary="Comment on an RFC")
def comment(caller: OperatorOrApprover, db: Db, number: int, wanted: bodies.NewComment) -> views.RfcDetail:
    """Say something about an RFC."""
    with db.write() as session:
        discussion.comment(session, number, caller.name, wanted.text, now_ms())
        return views.show(session, number)


@router.post("/rfcs/{number}/links", response_model=views.RfcDetail, status_code=201, summary="Link an RFC")
def link(caller: OperatorOrApprover, db: Db, number: int, wanted: bodies.NewLink) -> views.RfcDetail:
    """Link an RFC to an address, an incident, a problem, or another RFC."""
    with db.write() as session:
        discussion.link(session, number, wanted.kind, wanted.target, caller.name, now_ms())
        return views.show(session, number)
