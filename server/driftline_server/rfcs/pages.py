"""Pages: the list of RFCs; one RFC with what is known about it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from driftline_baseline import template
from driftline_baseline.errors import DocumentError
from driftline_baseline.file_content import digests_of
from driftline_baseline.lifecycle import DONE, IN_EFFECT, OUTCOMES, STATES
from driftline_baseline.policy import RISK_LEVELS
from driftline_cmdb import record
from driftline_cmdb.errors import Invalid
from driftline_cmdb.rfcs import drafting, reading
from driftline_cmdb.rfcs.planning import Plan, Planned
from driftline_server.access.guard import Db, OperatorForm, OperatorPage, ViewerPage
from driftline_server.cis import files
from driftline_server.lists import PageWindow, Shown
from driftline_server.notifications import views as notification_views
from driftline_server.notifications.pages import SNOOZES, people_of
from driftline_server.rfcs import around, carrying, steps, views
from driftline_server.times import now_ms, parse_moment
from driftline_server.web import render

#: The forms of `steps` are pages too.
router: APIRouter = steps.router

#: Files whose change the page of an RFC shows.
_DIFFS = 10

Line = Annotated[str, Form(max_length=200)]
Text = Annotated[str, Form(max_length=4000)]


@router.get("/rfcs")
def list_rfcs(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    state: str | None = None,
    q: str | None = None,
) -> Response:
    """Show the list of RFCs."""
    with db.read() as session:
        rows, total = views.list_rfcs(session, views.RfcFilter(state, q), window)
    shown = Shown(rows, total, window, "/rfcs", {"state": state, "q": q})
    return render(request, "rfcs/list.html", caller, list=shown, states=("waiting", *STATES))


@router.get("/rfcs/new")
def new_rfc(request: Request, caller: OperatorPage) -> Response:
    """Show the form for a new draft."""
    return render(request, "rfcs/edit.html", caller, rfc=None, risks=RISK_LEVELS)


def _diffs(session: Session, rfc: views.RfcDetail) -> dict[int, files.FileDiff]:
    """Return how files' contents differ, by the delta's place; of some only, equal ones once."""
    out: dict[int, files.FileDiff] = {}
    seen: set[tuple[str, str | None, str | None]] = set()
    for place, delta in enumerate(rfc.deltas):
        told = digests_of(delta.path, delta.before, delta.after)
        if told is None or told in seen or (delta.predicted and delta.state != "settled"):
            continue
        seen.add(told)
        ci = record.find_ci(session, delta.ci.uid)
        found = files.of_change(session, ci.id, delta.path, delta.before, delta.after)
        if found is not None:
            out[place] = found
        if len(out) == _DIFFS:
            break
    return out


@router.get("/rfcs/{number}")
def show_rfc(request: Request, caller: ViewerPage, db: Db, number: int) -> Response:
    """Show one RFC."""
    now = now_ms()
    with db.read() as session:
        read = reading.view(session, number)
        found = views.detail(session, read)
        conflicts = around.conflicts_of(session, number, now).items
        impact = around.impact_of(session, number)
        verified = carrying.verify(session, number) if found.origin == "person" and found.state in IN_EFFECT else None
        history = around.history_in(read).items
        attention = notification_views.attention(session, read.rfc)
        people = people_of(session)
        diffs = _diffs(session, found) if caller.may(files.ROLE) else {}
    return render(
        request,
        "rfcs/show.html",
        caller,
        rfc=found,
        is_done=found.state in DONE,
        conflicts=conflicts,
        impact=impact,
        verified=verified,
        history=history,
        risks=RISK_LEVELS,
        outcomes=OUTCOMES,
        attention=attention,
        people=people,
        diffs=diffs,
        snoozes=SNOOZES,
    )


@router.get("/rfcs/{number}/edit")
def edit_rfc(request: Request, caller: OperatorPage, db: Db, number: int) -> Response:
    """Show the form that changes a draft."""
    with db.read() as session:
        found = views.show(session, number)
    return render(request, "rfcs/edit.html", caller, rfc=found, risks=RISK_LEVELS)


@router.post("/rfcs/new")
@router.post("/rfcs/{number}/edit")
def save(
    caller: OperatorForm,
    db: Db,
    title: Line,
    number: int | None = None,
    cis: Text = "",
    predictions: Text = "",
    start: Line = "",
    end: Line = "",
    kind: Line = "normal",
    risk_level: Line = "medium",
    implementer: Line = "",
    reason: Text = "",
    description: Text = "",
    effect_of_not_doing: Text = "",
    risk: Text = "",
    impact: Text = "",
    benefit: Text = "",
    cost: Text = "",
    test_plan: Text = "",
    back_out_plan: Text = "",
) -> Response:
    """Save a draft. Predictions that are left empty stay as they are."""
    if kind not in ("standard", "normal", "emergency") or risk_level not in RISK_LEVELS:
        raise Invalid(f"kind, risk_level: {kind}, {risk_level} are not such")
    plan = Plan(
        title=title.strip() or "a change",
        kind=kind,
        risk_level=risk_level,
        implementer=implementer.strip() or None,
        planned_start_ms=parse_moment(start, "start") if start.strip() else None,
        planned_end_ms=parse_moment(end, "end") if end.strip() else None,
        reason=reason,
        description=description,
        effect_of_not_doing=effect_of_not_doing,
        risk=risk,
        impact=impact,
        benefit=benefit,
        cost=cost,
        test_plan=test_plan,
        back_out_plan=back_out_plan,
    )
    with db.write() as session:
        planned = _planned(session, cis, predictions)
        if number is None:
            number = drafting.draft(session, plan, caller.name, planned, now_ms()).number
        else:
            drafting.edit(session, number, caller.name, plan, planned or None, now_ms())
    return RedirectResponse(f"/rfcs/{number}?done=edited", 303)


def _planned(session: Session, cis: str, predictions: str) -> list[Planned]:
    """Return what a form predicts: each line on each CI."""
    found = [record.find_ci(session, name) for name in dict.fromkeys(cis.replace(",", " ").split())]
    lines = [line for line in predictions.splitlines() if line.strip()]
    if bool(found) != bool(lines):
        raise Invalid("predictions: name CIs and what they will be, or neither")
    try:
        read = [template.prediction(line) for line in lines]
    except DocumentError as error:
        raise Invalid(f"predictions: {error}") from error
    return [Planned(ci, one.path, one.kind, one.operand, one.origin) for ci in found for one in read]
