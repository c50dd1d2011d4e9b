"""Pages: notifications, events, routing, maintenance windows; the forms of whoever looks after an RFC or a finding."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session, col, select

from driftline_cmdb.attention import documents, handling, judging, maintenance
from driftline_cmdb.rfcs.reading import find_rfc
from driftline_cmdb.tables.people import Person
from driftline_server.access.guard import AdminForm, Db, OperatorForm, OperatorOrApproverForm, ViewerPage
from driftline_server.access.people import Caller
from driftline_server.lists import PageWindow, Shown
from driftline_server.notifications import views
from driftline_server.times import now_ms, parse_moment, span_ms
from driftline_server.web import render

router = APIRouter()

Text = Annotated[str, Form(max_length=4000)]
#: What the forms offer to snooze for.
SNOOZES = ("1h", "4h", "1d", "3d", "7d")


def people_of(session: Session) -> list[str]:
    """Return the names of those to whom something can be assigned."""
    return list(session.exec(select(Person.name).where(col(Person.active)).order_by(col(Person.name))))


@router.get("/notifications")
def list_notifications(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    state: str | None = None,
    channel: str | None = None,
) -> Response:
    """Show the messages, newest first."""
    with db.read() as session:
        rows, total = views.list_deliveries(session, views.DeliveryFilter(state, channel), window)
    shown = Shown(rows, total, window, "/notifications", {"state": state, "channel": channel})
    return render(request, "notifications/list.html", caller, list=shown, states=views.STATES)


@router.get("/events")
def list_events(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    q: str | None = None,
    kind: str | None = None,
    state: str | None = None,
) -> Response:
    """Show what people were told of, or not, and why."""
    with db.read() as session:
        rows, total = views.list_events(session, views.EventFilter(q, kind, state), window)
    shown = Shown(rows, total, window, "/events", {"q": q, "kind": kind, "state": state})
    return render(request, "notifications/events.html", caller, list=shown, states=views.EVENT_STATES)


@router.get("/routing")
def show_routing(request: Request, caller: ViewerPage, db: Db, version: int | None = None) -> Response:
    """Show the routing document and the channels."""
    with db.read() as session:
        found = views.show_routing(session, version, now_ms())
        channels = views.list_channels(session, now_ms())
    return render(request, "notifications/routing.html", caller, routing=found, channels=channels)


@router.post("/routing")
def set_routing(
    caller: AdminForm,
    db: Db,
    document: Annotated[str, Form(max_length=100_000)],
    after: Annotated[int, Form()],
    comment: Text = "",
) -> Response:
    """Put a new version of the routing document in force."""
    with db.write() as session:
        # Browsers send lines that end in CR LF
        documents.put(session, document.replace("\r\n", "\n"), caller.name, comment, now_ms(), after)
    return RedirectResponse("/routing?done=edited", 303)


@router.get("/maintenance")
def list_windows(request: Request, caller: ViewerPage, db: Db, window: PageWindow, over: str | None = None) -> Response:
    """Show the maintenance windows."""
    with db.read() as session:
        rows, total = views.list_windows(session, window, now_ms(), over=bool(over))
    return render(
        request,
        "notifications/maintenance.html",
        caller,
        list=Shown(rows, total, window, "/maintenance", {"over": over}),
    )


@router.post("/maintenance")
def add_window(
    caller: OperatorForm,
    db: Db,
    name: Text,
    reason: Text,
    trait: Annotated[str, Form()],
    pattern: Text,
    start: Annotated[str, Form()] = "",
    lasts: Annotated[str, Form()] = "2h",
) -> Response:
    """Add a maintenance window on the CIs that one trait names."""
    now = now_ms()
    start_ms = parse_moment(start, "start") if start.strip() else now
    patterns = [one.strip() for one in pattern.split(",") if one.strip()]
    with db.write() as session:
        end_ms = start_ms + span_ms(lasts, "lasts")
        maintenance.add(session, name, {trait: patterns}, start_ms, end_ms, reason, caller.name, now)
    return RedirectResponse("/maintenance?done=added", 303)


@router.post("/maintenance/{window}/end")
def end_window(caller: OperatorForm, db: Db, window: int) -> Response:
    """End a maintenance window now."""
    with db.write() as session:
        maintenance.end(session, window, caller.name, now_ms())
    return RedirectResponse("/maintenance?done=ended", 303)


def _handle(
    caller: Caller, db: Db, kind: str, number: int, what: str, to: str = "", lasts: str = "", reason: str = ""
) -> Response:
    now = now_ms()
    with db.write() as session:
        subject = handling.subject_of(session, kind, number)
        if what == "assigned":
            handling.assign(session, subject, to or None, caller.name, now)
        else:
            handling.snooze(session, subject, now + span_ms(lasts, "lasts"), reason, caller.name, now)
    return RedirectResponse(f"/{kind}s/{number}?done={what}", 303)


@router.post("/rfcs/{number}/acknowledge")
def acknowledge_rfc(caller: OperatorOrApproverForm, db: Db, number: int) -> Response:
    """Take an RFC up."""
    with db.write() as session:
        handling.acknowledge(session, find_rfc(session, number, to_decide=True), caller.name, now_ms())
    return RedirectResponse(f"/rfcs/{number}?done=acknowledged", 303)


@router.post("/rfcs/{number}/assign")
def assign_rfc(caller: OperatorOrApproverForm, db: Db, number: int, to: Annotated[str, Form()] = "") -> Response:
    """Give an RFC to a person."""
    return _handle(caller, db, "rfc", number, "assigned", to=to)


@router.post("/rfcs/{number}/snooze")
def snooze_rfc(
    caller: OperatorOrApproverForm, db: Db, number: int, lasts: Annotated[str, Form()], reason: Text = ""
) -> Response:
    """Put an RFC off."""
    return _handle(caller, db, "rfc", number, "snoozed", lasts=lasts, reason=reason)


@router.post("/rfcs/{number}/verdict")
def give_verdict(
    caller: OperatorOrApproverForm, db: Db, number: int, verdict: Annotated[str, Form()], comment: Text = ""
) -> Response:
    """Say what a change that driftline found turned out to be."""
    with db.write() as session:
        judging.give(session, number, verdict, caller.name, comment, now_ms())
    return RedirectResponse(f"/rfcs/{number}?done=verdict", 303)


@router.post("/findings/{finding}/assign")
def assign_finding(caller: OperatorOrApproverForm, db: Db, finding: int, to: Annotated[str, Form()] = "") -> Response:
    """Give a finding to a person."""
    return _handle(caller, db, "finding", finding, "assigned", to=to)


@router.post("/findings/{finding}/snooze")
def snooze_finding(
    caller: OperatorOrApproverForm, db: Db, finding: int, lasts: Annotated[str, Form()], reason: Text = ""
) -> Response:
    """Put a finding off."""
    return _handle(caller, db, "finding", finding, "snoozed", lasts=lasts, reason=reason)
