"""REST: notifications, routing, maintenance windows, who looks after what, verdicts and precision."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from driftline_cmdb.attention import dispatch, documents, handling, judging, maintenance
from driftline_cmdb.errors import Invalid
from driftline_cmdb.rfcs.reading import find_rfc
from driftline_server.access.guard import Admin, Db, Operator, OperatorOrApprover, Viewer
from driftline_server.access.people import Caller
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.notifications import views
from driftline_server.times import now_ms, span_ms, to_ms

router = APIRouter()

Severity = Literal["info", "warning", "critical"]
Comment = Annotated[str, Field(max_length=4000)]


class NewRouting(BaseModel):
    """A routing document."""

    document: str = Field(description="YAML.", max_length=100_000)
    comment: Comment = ""
    after: int | None = Field(default=None, description="Version that it was written from; refused where it is old.")


class RoutingTest(BaseModel):
    """What is asked of the routing."""

    rfc: int = Field(description="Number of an RFC.")
    at: AwareDatetime | None = Field(default=None, description="As if it happened then; now by default.")
    kind: str = Field(default="rfc.raised", max_length=100)
    severity: Severity | None = Field(default=None, description="By default that of the RFC.")


class NewWindow(BaseModel):
    """A maintenance window."""

    name: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=4000)
    start: AwareDatetime | None = Field(default=None, description="Now by default.")
    end: AwareDatetime | None = None
    lasts: str | None = Field(default=None, description="Instead of the end: 2h.")
    ci: list[str] = Field(default=[], max_length=100, description="Names or uids of CIs, with wild cards.")
    services: list[str] = Field(default=[], max_length=100)
    environment: list[str] = Field(default=[], max_length=100)
    owner: list[str] = Field(default=[], max_length=100)
    location: list[str] = Field(default=[], max_length=100)
    labels: dict[str, str] = {}


class Assignment(BaseModel):
    """Who is to look after it."""

    to: str | None = Field(description="A person's name; null takes it from whoever has it.", max_length=100)


class Snooze(BaseModel):
    """Until when nobody is told."""

    lasts: str = Field(description="2h, 3d; at most 30d.")
    reason: str = Field(min_length=1, max_length=4000)


class Verdict(BaseModel):
    """What a change that driftline found turned out to be."""

    verdict: Literal["unauthorised", "late paperwork", "false"]
    comment: Comment = ""


class Nothing(BaseModel):
    """A decision that needs no more words."""


@router.get("/notifications", response_model=Listing[views.DeliveryRow], summary="List notifications")
def list_notifications(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    state: Annotated[str | None, Query(description="waiting, sent, or failed.")] = None,
    channel: str | None = None,
) -> Listing[views.DeliveryRow] | Response:
    """List messages, newest first. Sorts by created, channel, state, kind, attempts, done."""
    with db.read() as session:
        rows, total = views.list_deliveries(session, views.DeliveryFilter(state, channel), window)
    return answer(rows, total, window, "notifications")


@router.get("/events", response_model=Listing[views.EventRow], summary="List events")
def list_events(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the title.")] = None,
    kind: Annotated[str | None, Query(description="rfc.raised, or what it begins with: rfc.")] = None,
    state: Annotated[str | None, Query(description="new, held, routed, reviewed, or dropped.")] = None,
) -> Listing[views.EventRow] | Response:
    """List what people were told of, or not, and why. Sorts by at, kind, severity, state, rfc."""
    with db.read() as session:
        rows, total = views.list_events(session, views.EventFilter(q, kind, state), window)
    return answer(rows, total, window, "events")


@router.get("/channels", response_model=Listing[views.ChannelRow], summary="List channels")
def list_channels(_caller: Viewer, db: Db, window: AWindow) -> Listing[views.ChannelRow] | Response:
    """List the channels that servers send to, or that the routing names. Sorts by name only."""
    if window.sort not in (None, "name", "-name"):
        raise Invalid(f'sort: "{window.sort.removeprefix("-")}" is not one of name')
    with db.read() as session:
        rows = views.list_channels(session, now_ms())
    if window.sort == "-name":
        rows.reverse()
    return answer(rows[window.offset : window.offset + window.limit], len(rows), window, "channels")


@router.post("/channels/{channel}/test", response_model=views.DeliveryRow, status_code=201, summary="Try a channel")
def test_channel(caller: Admin, db: Db, channel: str, _wanted: Nothing) -> views.DeliveryRow:
    """Send a message to a channel that says it is a test."""
    now = now_ms()
    with db.write() as session:
        made = dispatch.send_test(session, channel, caller.name, now)
        return views.delivery_row(made, 1)


@router.get("/routing", response_model=views.RoutingDetail, summary="Show the routing")
def show_routing(_caller: Viewer, db: Db, version: int | None = None) -> views.RoutingDetail:
    """Show the routing document in force, or an earlier version."""
    with db.read() as session:
        return views.show_routing(session, version, now_ms())


@router.put("/routing", response_model=views.RoutingDetail, summary="Set the routing")
def set_routing(caller: Admin, db: Db, wanted: NewRouting) -> views.RoutingDetail:
    """Put a new version of the routing document in force. What is wrong with it is named by line."""
    with db.write() as session:
        documents.put(session, wanted.document, caller.name, wanted.comment, now_ms(), wanted.after)
        return views.show_routing(session, None, now_ms())


@router.post("/routing/test", response_model=views.Outcome, summary="Try the routing")
def test_routing(_caller: Viewer, db: Db, wanted: RoutingTest) -> views.Outcome:
    """Say what would happen to an RFC at a time. Nothing is sent."""
    with db.read() as session:
        at_ms = to_ms(wanted.at) if wanted.at else now_ms()
        return views.try_rfc(session, wanted.rfc, wanted.kind, wanted.severity, at_ms)


@router.get("/maintenance", response_model=Listing[views.WindowRow], summary="List maintenance windows")
def list_windows(
    _caller: Viewer, db: Db, window: AWindow, over: Annotated[bool, Query(description="Also those over.")] = False
) -> Listing[views.WindowRow] | Response:
    """List maintenance windows. Sorts by id, name, start, end."""
    with db.read() as session:
        rows, total = views.list_windows(session, window, now_ms(), over=over)
    return answer(rows, total, window, "maintenance")


@router.post("/maintenance", response_model=views.WindowRow, status_code=201, summary="Add a maintenance window")
def add_window(caller: Operator, db: Db, wanted: NewWindow) -> views.WindowRow:
    """Announce work on some CIs: what changes then raises its RFC as always, the news waits for the end."""
    now = now_ms()
    start_ms = to_ms(wanted.start) if wanted.start else now
    if (wanted.end is None) == (wanted.lasts is None):
        raise Invalid("end: give the end of the window, or how long it lasts, and not both")
    end_ms = to_ms(wanted.end) if wanted.end else start_ms + span_ms(wanted.lasts or "", "lasts")
    names = ("ci", "services", "environment", "owner", "location")
    selector: dict[str, Any] = {name: list(getattr(wanted, name)) for name in names if getattr(wanted, name)}
    if wanted.labels:
        selector["labels"] = wanted.labels
    with db.write() as session:
        made = maintenance.add(session, wanted.name, selector, start_ms, end_ms, wanted.reason, caller.name, now)
        return views.window_row(made, 0, now)


@router.post("/maintenance/{window}/end", response_model=views.WindowRow, summary="End a maintenance window")
def end_window(caller: Operator, db: Db, window: int, _wanted: Nothing) -> views.WindowRow:
    """End a maintenance window now; its review list follows."""
    now = now_ms()
    with db.write() as session:
        return views.window_row(maintenance.end(session, window, caller.name, now), 0, now)


@router.get("/rfcs/{number}/attention", response_model=views.AttentionDetail, summary="Who looks after an RFC")
def rfc_attention(_caller: Viewer, db: Db, number: int) -> views.AttentionDetail:
    """Show who acknowledged an RFC, whose it is, its verdict, and the messages about it."""
    with db.read() as session:
        return views.attention(session, find_rfc(session, number))


def _assign(caller: Caller, db: Db, kind: str, number: int, to: str | None) -> views.AttentionDetail:
    with db.write() as session:
        subject = handling.subject_of(session, kind, number)
        handling.assign(session, subject, to, caller.name, now_ms())
        return views.attention(session, subject)


def _snooze(caller: Caller, db: Db, kind: str, number: int, wanted: Snooze) -> views.AttentionDetail:
    now = now_ms()
    with db.write() as session:
        subject = handling.subject_of(session, kind, number)
        handling.snooze(session, subject, now + span_ms(wanted.lasts, "lasts"), wanted.reason, caller.name, now)
        return views.attention(session, subject)


@router.post("/rfcs/{number}/acknowledge", response_model=views.AttentionDetail, summary="Acknowledge an RFC")
def acknowledge_rfc(caller: OperatorOrApprover, db: Db, number: int, _wanted: Nothing) -> views.AttentionDetail:
    """Take an RFC up, so that nobody else is paged for it."""
    with db.write() as session:
        rfc = find_rfc(session, number, to_decide=True)
        handling.acknowledge(session, rfc, caller.name, now_ms())
        return views.attention(session, rfc)


@router.post("/rfcs/{number}/assign", response_model=views.AttentionDetail, summary="Assign an RFC")
def assign_rfc(caller: OperatorOrApprover, db: Db, number: int, wanted: Assignment) -> views.AttentionDetail:
    """Give an RFC to a person."""
    return _assign(caller, db, "rfc", number, wanted.to)


@router.post("/rfcs/{number}/snooze", response_model=views.AttentionDetail, summary="Snooze an RFC")
def snooze_rfc(caller: OperatorOrApprover, db: Db, number: int, wanted: Snooze) -> views.AttentionDetail:
    """Put an RFC off: nobody is told of it before, then again."""
    return _snooze(caller, db, "rfc", number, wanted)


@router.post("/rfcs/{number}/verdict", response_model=views.AttentionDetail, summary="Give a verdict on an RFC")
def give_verdict(caller: OperatorOrApprover, db: Db, number: int, wanted: Verdict) -> views.AttentionDetail:
    """Say what a change that driftline found turned out to be."""
    with db.write() as session:
        judging.give(session, number, wanted.verdict, caller.name, wanted.comment, now_ms())
        return views.attention(session, find_rfc(session, number))


@router.post("/findings/{finding}/assign", response_model=views.AttentionDetail, summary="Assign a finding")
def assign_finding(caller: OperatorOrApprover, db: Db, finding: int, wanted: Assignment) -> views.AttentionDetail:
    """Give a finding to a person."""
    return _assign(caller, db, "finding", finding, wanted.to)


@router.post("/findings/{finding}/snooze", response_model=views.AttentionDetail, summary="Snooze a finding")
def snooze_finding(caller: OperatorOrApprover, db: Db, finding: int, wanted: Snooze) -> views.AttentionDetail:
    """Put a finding off: nobody is told of it before, then again."""
    return _snooze(caller, db, "finding", finding, wanted)


@router.get("/precision", response_model=views.PrecisionReport, summary="Precision and detection latency")
def precision(_caller: Viewer, db: Db) -> views.PrecisionReport:
    """Show how many of the RFCs that driftline raised deserved it, by people's verdicts, and how fast they came."""
    with db.read() as session:
        return views.precision(session, now_ms())
