"""What REST and pages show of notifications, routing, maintenance windows, and of who looks after what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_baseline.routing import Digest
from driftline_cmdb import findings
from driftline_cmdb.attention import concerned, dispatch, documents, events, handling, judging
from driftline_cmdb.rfcs.reading import find_rfc
from driftline_cmdb.tables.attention import (
    Attention,
    AttentionEvent,
    Delivery,
    DeliveryItem,
    MaintenanceWindow,
    RfcVerdict,
    RoutingVersion,
)
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.rfcs import Rfc
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

STATES = ("waiting", "sent", "failed")
EVENT_STATES = ("new", "held", "routed", "reviewed", "dropped")


class DeliveryRow(BaseModel):
    """One message to one channel."""

    id: int
    #: The message's own id, the same over all tries.
    uid: str
    channel: str
    #: page, escalation, digest, test.
    kind: str
    #: waiting, sent, failed (given up).
    state: str
    #: Fixed at the first try; None until then.
    title: str | None
    events: int
    created: datetime
    #: Of the next try, where it waits.
    next_try: datetime | None
    attempts: int
    done: datetime | None
    last_error: str
    #: When the next channel is paged, unless someone acknowledges.
    escalates: datetime | None


class EventRow(BaseModel):
    """Something that people were told, or not."""

    id: int
    at: datetime
    kind: str
    severity: str
    title: str
    #: How many CIs it is about.
    cis: int
    #: Number of its RFC.
    rfc: int | None
    #: new, held (by a maintenance window), routed, reviewed (in a window's list), dropped.
    state: str
    #: What became of it, by which route.
    why: str
    #: How many later ones were folded into it.
    folded: int


class ChannelRow(BaseModel):
    """A channel."""

    name: str
    #: email, webhook, log; None where no server sends to it.
    kind: str | None
    #: Servers that send to it now.
    servers: list[str]
    #: The routing names it.
    in_use: bool
    waiting: int
    failed: int
    last_sent: datetime | None


class RoutingDetail(BaseModel):
    """The routing document: one version of it."""

    #: 0 is what driftline is shipped with.
    version: int
    author: str
    comment: str
    created: datetime | None
    #: YAML.
    document: str
    #: Of the version in force.
    newest: int
    #: Channels that it names and no server sends to now.
    unknown_channels: list[str]


class Outcome(BaseModel):
    """What would happen to an event."""

    kind: str
    severity: str
    at: datetime
    routing_version: int
    #: Routes that fit, from 1.
    routes: list[int]
    pages: list[str]
    #: Channel and time of the next digest.
    digests: list[str]
    #: Who is paged after, where nobody acknowledges: ``boss after 15m``.
    escalations: list[str]
    dropped: str | None
    #: Name of the maintenance window that would hold it.
    held_by: str | None


class WindowRow(BaseModel):
    """A maintenance window."""

    id: int
    name: str
    selector: dict[str, Any]
    start: datetime
    end: datetime
    #: planned, open, over.
    state: str
    reason: str
    created_by: str
    ended_by: str | None
    #: Events that it holds now.
    holds: int


class AttentionDetail(BaseModel):
    """Who looks after an RFC or a finding, and what it turned out to be."""

    acknowledged_by: str | None
    acknowledged: datetime | None
    assigned_to: str | None
    assigned_by: str | None
    snoozed_until: datetime | None
    snoozed_by: str | None
    snooze_reason: str
    #: What its end suggests: unauthorised, late paperwork. Only of an RFC that driftline raised.
    proposed_verdict: str | None = None
    #: What a person said: unauthorised, late paperwork, false.
    verdict: str | None = None
    verdict_by: str | None = None
    verdict_comment: str = ""
    #: Newest first, at most 20.
    notifications: list[DeliveryRow]


class PrecisionRow(BaseModel):
    """Of the RFCs that driftline raised in some days, how many deserved it."""

    days: int
    #: right / judged; None where nothing was judged.
    precision: float | None
    #: Not false.
    right: int
    judged: int
    raised: int
    #: Nobody said what they were, but their end suggests it.
    proposed: int
    without: int
    unauthorised: int
    late_paperwork: int
    false: int
    #: RFCs over which the latency was taken.
    latency_rfcs: int
    #: From the first observation of a change to its RFC, s.
    latency_median_s: float | None
    latency_p95_s: float | None


class PrecisionReport(BaseModel):
    """Precision and detection latency over 30 and 90 days."""

    periods: list[PrecisionRow]


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which messages."""

    state: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events."""

    #: Text in the title.
    q: str | None = None
    #: A kind, or what it begins with: ``rfc``.
    kind: str | None = None
    state: str | None = None


_EVENTS = (
    select(func.count()).where(col(DeliveryItem.delivery_id) == col(Delivery.id)).correlate(Delivery).scalar_subquery()
)
_SORTS = {
    "created": Delivery.created_ms,
    "channel": Delivery.channel,
    "state": Delivery.state,
    "kind": Delivery.kind,
    "attempts": Delivery.attempts,
    "done": Delivery.done_ms,
}


def list_deliveries(session: Session, wanted: DeliveryFilter, window: Window) -> tuple[list[DeliveryRow], int]:
    """Return a part of the messages, and how many there are."""
    statement = select(Delivery, _EVENTS)
    if wanted.state:
        statement = statement.where(Delivery.state == wanted.state)
    if wanted.channel:
        statement = statement.where(Delivery.channel == wanted.channel)
    found, total = part(session, statement, window, _SORTS, "-created", col(Delivery.id).desc())
    return [delivery_row(row, count) for row, count in found], total


def delivery_row(row: Delivery, count: int) -> DeliveryRow:
    """Return a message as it is shown."""
    return DeliveryRow(
        id=row.id,
        uid=row.uid,
        channel=row.channel,
        kind=row.kind,
        state=row.state,
        title=row.message["data"]["title"] if row.message else None,
        events=count,
        created=moment(row.created_ms),
        next_try=moment(row.next_try_ms) if row.done_ms is None else None,
        attempts=row.attempts,
        done=moment_or_none(row.done_ms),
        last_error=row.last_error,
        escalates=moment_or_none(row.escalate_ms),
    )


def list_events(session: Session, wanted: EventFilter, window: Window) -> tuple[list[EventRow], int]:
    """Return a part of the events, and how many there are."""
    statement = select(AttentionEvent, Rfc.number).outerjoin(Rfc, col(Rfc.id) == col(AttentionEvent.rfc_id))
    if wanted.q:
        statement = statement.where(contains(AttentionEvent.title, wanted.q))
    if wanted.kind:
        kind = col(AttentionEvent.kind)
        statement = statement.where((kind == wanted.kind) | kind.startswith(wanted.kind + ".", autoescape=True))
    if wanted.state:
        statement = statement.where(AttentionEvent.state == wanted.state)
    sorts = {
        "at": AttentionEvent.at_ms,
        "kind": AttentionEvent.kind,
        "severity": AttentionEvent.severity,
        "state": AttentionEvent.state,
        "rfc": Rfc.number,
    }
    found, total = part(session, statement, window, sorts, "-at", col(AttentionEvent.id).desc())
    rows = [
        EventRow(
            id=event.id,
            at=moment(event.at_ms),
            kind=event.kind,
            severity=event.severity,
            title=event.title,
            cis=event.cis,
            rfc=rfc,
            state=event.state,
            why=event.why,
            folded=event.folded,
        )
        for event, rfc in found
    ]
    return rows, total


def list_channels(session: Session, now_ms: int) -> list[ChannelRow]:
    """Return the channels that servers send to, or that the routing names."""
    sent_to = documents.sent_to(session, now_ms)
    named = documents.parsed(documents.in_force(session).document).channels()
    query = select(Delivery.channel, Delivery.state, func.count(), func.max(Delivery.done_ms)).group_by(
        col(Delivery.channel), col(Delivery.state)
    )
    numbers = {(channel, state): (count, last) for channel, state, count, last in session.exec(query)}
    rows = []
    for name in sorted({*sent_to, *named, *(channel for channel, _ in numbers)}):
        senders = sent_to.get(name, [])
        rows.append(
            ChannelRow(
                name=name,
                kind=senders[0].kind if senders else None,
                servers=[sender.server for sender in senders],
                in_use=name in named,
                waiting=numbers.get((name, "waiting"), (0, None))[0],
                failed=numbers.get((name, "failed"), (0, None))[0],
                last_sent=moment_or_none(numbers.get((name, "sent"), (0, None))[1]),
            )
        )
    return rows


def show_routing(session: Session, number: int | None, now_ms: int) -> RoutingDetail:
    """Return a version of the routing.

    :raises NotFound: no such version.
    """
    newest = documents.in_force(session).number
    version: RoutingVersion = documents.version(session, number)
    unknown = documents.parsed(version.document).channels() - documents.sent_to(session, now_ms).keys()
    return RoutingDetail(
        version=version.number,
        author=version.author,
        comment=version.comment,
        created=moment(version.created_ms) if version.number else None,
        document=version.document,
        newest=newest,
        unknown_channels=sorted(unknown),
    )


def try_rfc(session: Session, number: int, kind: str, severity: str | None, at_ms: int) -> Outcome:
    """Return what would become of news of an RFC at a time.

    :raises NotFound: no such RFC.
    """
    rfc = find_rfc(session, number)
    known = select(AttentionEvent.severity).where(AttentionEvent.rfc_id == rfc.id)
    severity = severity or events.worst(session.exec(known).all())
    event = AttentionEvent(
        at_ms=at_ms,
        kind=kind,
        thread=events.thread_of(rfc),
        severity=severity,
        title=rfc.title,
        rfc_id=rfc.id,
        due_ms=at_ms,
    )
    cis = concerned.cis_of_rfc(session, rfc.id)
    routed = dispatch.decide(session, event, cis)
    held_by = dispatch.holding(session, event, cis)
    return Outcome(
        kind=kind,
        severity=severity,
        at=moment(at_ms),
        routing_version=routed.version,
        routes=list(routed.decision.routes),
        pages=[page.channel for page in routed.decision.pages],
        digests=[_digest(digest, at_ms) for digest, _ in routed.decision.digests],
        escalations=[
            f"{channel} after {(page.escalate_after_ms or 0) * step // 60_000}m"
            for page in routed.decision.pages
            for step, channel in enumerate(page.escalate_to, start=1)
        ],
        dropped=routed.decision.dropped,
        held_by=held_by.name if held_by is not None else None,
    )


def _digest(digest: Digest, at_ms: int) -> str:
    return f"{digest.channel} at {moment(digest.next_ms(at_ms)).isoformat(timespec='minutes')}"


def list_windows(session: Session, window: Window, now_ms: int, *, over: bool = False) -> tuple[list[WindowRow], int]:
    """Return a part of the maintenance windows, and how many there are.

    :param over: also those that are over.
    """
    holds = (
        select(func.count())
        .where(col(AttentionEvent.window_id) == col(MaintenanceWindow.id), AttentionEvent.state == "held")
        .correlate(MaintenanceWindow)
        .scalar_subquery()
    )
    statement = select(MaintenanceWindow, holds)
    if not over:
        statement = statement.where(col(MaintenanceWindow.end_ms) > now_ms)
    sorts = {"id": MaintenanceWindow.id, "name": MaintenanceWindow.name}
    sorts |= {"start": MaintenanceWindow.start_ms, "end": MaintenanceWindow.end_ms}
    found, total = part(session, statement, window, sorts, "start", col(MaintenanceWindow.id))
    return [window_row(row, count, now_ms) for row, count in found], total


def window_row(row: MaintenanceWindow, holds: int, now_ms: int) -> WindowRow:
    """Return a maintenance window as it is shown."""
    state = "over" if row.end_ms <= now_ms else "planned" if row.start_ms > now_ms else "open"
    return WindowRow(
        id=row.id,
        name=row.name,
        selector=row.selector,
        start=moment(row.start_ms),
        end=moment(row.end_ms),
        state=state,
        reason=row.reason,
        created_by=row.created_by,
        ended_by=row.ended_by,
        holds=holds,
    )


def attention(session: Session, subject: Rfc | Finding) -> AttentionDetail:
    """Return who looks after an RFC or a finding."""
    row: Attention = handling.attention_of(session, subject)
    verdict = session.get(RfcVerdict, subject.id) if isinstance(subject, Rfc) else None
    by, at_ms = row.acknowledged_by, row.acknowledged_ms
    if isinstance(subject, Finding):
        known = findings.acknowledgement(session, subject.id)
        by, at_ms = (known.actor, known.at_ms) if known is not None else (None, None)
    query = select(Delivery, _EVENTS).where(Delivery.thread == row.thread).order_by(col(Delivery.id).desc()).limit(20)
    return AttentionDetail(
        acknowledged_by=by,
        acknowledged=moment_or_none(at_ms),
        assigned_to=row.assigned_to,
        assigned_by=row.assigned_by,
        snoozed_until=moment_or_none(row.snoozed_until_ms),
        snoozed_by=row.snoozed_by if row.snoozed_until_ms is not None else None,
        snooze_reason=row.snooze_reason if row.snoozed_until_ms is not None else "",
        proposed_verdict=verdict.proposed if verdict else None,
        verdict=verdict.verdict if verdict else None,
        verdict_by=verdict.by if verdict else None,
        verdict_comment=verdict.comment if verdict else "",
        notifications=[delivery_row(delivery, count) for delivery, count in session.exec(query)],
    )


def precision(session: Session, now_ms: int) -> PrecisionReport:
    """Return precision and latency over 30 and 90 days."""
    return PrecisionReport(periods=[_period(session, days, now_ms) for days in (30, 90)])


def _period(session: Session, days: int, now_ms: int) -> PrecisionRow:
    found = judging.precision(session, days, now_ms)
    latency = judging.latency(session, days, now_ms)
    return PrecisionRow(
        days=days,
        precision=found.precision,
        right=found.right,
        judged=found.judged,
        raised=found.raised,
        proposed=found.proposed,
        without=found.without,
        unauthorised=found.unauthorised,
        late_paperwork=found.late_paperwork,
        false=found.false,
        latency_rfcs=latency.rfcs,
        latency_median_s=None if latency.median_ms is None else latency.median_ms / 1000,
        latency_p95_s=None if latency.p95_ms is None else latency.p95_ms / 1000,
    )
