"""From events to messages: each event is paged, put into a digest, held, put off, or dropped with a reason."""

import logging
import uuid
from dataclasses import dataclass
from functools import partial

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from driftline_baseline import routing
from driftline_baseline.document import Selector
from driftline_baseline.routing import Decision, Digest, Happening, Page
from driftline_cmdb import audit
from driftline_cmdb.attention import concerned, documents, handling, maintenance, reminders
from driftline_cmdb.baselines.selection import is_meant
from driftline_cmdb.database import Database
from driftline_cmdb.errors import CmdbError, NotFound
from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.tables.attention import AttentionEvent, Delivery, DeliveryItem, MaintenanceWindow
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.rfcs import Rfc

log = logging.getLogger(__name__)

#: An event whose routing failed is tried again after this time, ms.
RETRY_MS = 60_000
#: News that a window holds; all others do not tell of a change. An end is held where its beginning is.
_HELD = ("rfc.raised", "rfc.joined", "rfc.reopened", "rfc.closed")


@dataclass(frozen=True, slots=True)
class Routed:
    """What was made of an event."""

    decision: Decision
    version: int


def route_due(database: Database, now_ms: int, limit: int = 200) -> int:
    """Route the events that are due, each in a transaction of its own; return how many were.

    Any number of servers may run this beside one PostgreSQL: an event that one has taken is skipped by the others.
    """
    done = 0
    while done < limit:
        taken: int | None = None
        try:
            with database.write() as session:
                event = session.exec(_due(now_ms).with_for_update(skip_locked=True)).first()
                if event is None:
                    return done
                taken = event.id
                _route(session, event, now_ms)
        except (CmdbError, ValueError, TypeError, LookupError):
            if taken is None:
                raise
            log.exception("an event could not be routed", extra={"event": taken})
            with database.write() as session:
                session.get_one(AttentionEvent, taken).due_ms = now_ms + RETRY_MS
        done += 1
    return done


def is_due(session: Session, now_ms: int) -> bool:
    """Tell whether there is an event to route."""
    return session.exec(_due(now_ms)).first() is not None


def _due(now_ms: int) -> SelectOfScalar[AttentionEvent]:
    return (
        select(AttentionEvent)
        .where(
            col(AttentionEvent.routed_ms).is_(None),
            AttentionEvent.state == "new",
            col(AttentionEvent.due_ms) <= now_ms,
        )
        .order_by(col(AttentionEvent.due_ms), col(AttentionEvent.id))
        .limit(1)
    )


def _route(session: Session, event: AttentionEvent, now_ms: int) -> None:
    cis = concerned.cis_of(session, event)
    if _hold(session, event, cis):
        return
    snoozed_until_ms = handling.snoozed_until(session, event.thread, now_ms)
    if snoozed_until_ms is not None and event.kind not in ("rfc.closed", "attention.snooze_ended"):
        event.due_ms, event.why = snoozed_until_ms, "snoozed"
        session.add(event)
        return
    if reminders.is_stale(session, event):
        event.state, event.routed_ms, event.why = (
            "dropped",
            now_ms,
            "it was overtaken: there is nothing to wait for any more",
        )
        session.add(event)
        return
    routed = decide(session, event, cis)
    event.state, event.routed_ms = "routed", now_ms
    event.why = _why(routed)
    if routed.decision.dropped is not None:
        event.state = "dropped"
    session.add(event)
    session.flush()
    for page in routed.decision.pages:
        _page(session, event, page, routed.version, now_ms)
    for digest, number in routed.decision.digests:
        _gather(session, event, digest, number, routed.version, now_ms)


def decide(session: Session, event: AttentionEvent, cis: list[Ci]) -> Routed:
    """Return what the routing in force says of an event, by the hours at which it is due."""
    version = documents.in_force(session)
    happening = Happening(
        event.kind,
        event.severity,
        max(event.at_ms, event.due_ms),
        [partial(_is_meant, session, ci) for ci in cis],
    )
    return Routed(routing.decide(documents.parsed(version.document), happening), version.number)


def _is_meant(session: Session, ci: Ci, selector: Selector) -> bool:
    return is_meant(session, selector, ci)


def _why(routed: Routed) -> str:
    decision = routed.decision
    said = [f"page {page.channel}" for page in decision.pages]
    said += [f"digest to {digest.channel}" for digest, _ in decision.digests]
    if decision.dropped is not None:
        said = [f"dropped: {decision.dropped}"]
    numbers = " and ".join(str(number) for number in decision.routes)
    return f"{', '.join(said)} (routing v{routed.version}, route {numbers})"


def _hold(session: Session, event: AttentionEvent, cis: list[Ci]) -> bool:
    """Hold an event until the end of the maintenance window that all its CIs lie in; tell whether there is one."""
    window = holding(session, event, cis)
    if window is None:
        return False
    locked = session.exec(
        select(MaintenanceWindow)
        .where(MaintenanceWindow.id == window.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if locked.reviewed_ms is not None:
        return False
    event.state, event.window_id = "held", window.id
    event.why = f"held by maintenance window {window.id} {window.name} until its end"
    session.add(event)
    return True


def holding(session: Session, event: AttentionEvent, cis: list[Ci]) -> MaintenanceWindow | None:
    """Return the maintenance window that holds an event; None where it is critical, or none does."""
    if event.severity == "critical" or event.kind not in _HELD:
        return None
    window = maintenance.covering(session, cis, event.at_ms)
    if window is not None and event.kind == "rfc.closed" and not _was_held(session, event, window):
        return None
    return window


def _was_held(session: Session, event: AttentionEvent, window: MaintenanceWindow) -> bool:
    held = select(AttentionEvent.id).where(
        AttentionEvent.window_id == window.id, AttentionEvent.rfc_id == event.rfc_id, AttentionEvent.state == "held"
    )
    return session.exec(held.limit(1)).first() is not None


def _page(session: Session, event: AttentionEvent, page: Page, version: int, now_ms: int) -> None:
    """Put an event into the thread's page that waits for this channel, or into a new one."""
    waiting = session.exec(
        select(Delivery)
        .where(
            Delivery.thread == event.thread,
            Delivery.channel == page.channel,
            Delivery.kind == "page",
            col(Delivery.done_ms).is_(None),
            col(Delivery.attempts) == 0,
        )
        .with_for_update()
    ).first()
    if waiting is None:
        waiting = new_delivery(page.channel, "page", now_ms)
        waiting.thread, waiting.route, waiting.routing_version = event.thread, page.route, version
        if page.escalate_after_ms is not None and event.kind in ESCALATED:
            waiting.escalate_ms = now_ms + page.escalate_after_ms
            waiting.escalate_after_ms, waiting.escalate_to = page.escalate_after_ms, list(page.escalate_to)
        session.add(waiting)
        session.flush()
    session.add(DeliveryItem(delivery_id=waiting.id, event_id=event.id))


def _gather(session: Session, event: AttentionEvent, digest: Digest, route: int, version: int, now_ms: int) -> None:
    """Put an event into the digest that gathers, or into the next one where that is being sent already."""
    key, due_ms = str((digest.channel, digest.every_ms, str(digest.at), digest.zone)), digest.next_ms(now_ms)
    while True:
        row = new_delivery(digest.channel, "digest", now_ms, due_ms)
        row.digest_key, row.route, row.routing_version = key, route, version
        insert_ignoring(session, Delivery, [row.model_dump(exclude={"id"})])
        found = session.exec(
            select(Delivery).where(Delivery.digest_key == key, Delivery.due_ms == due_ms).with_for_update()
        ).one()
        if found.attempts == 0 and found.done_ms is None:
            session.add(DeliveryItem(delivery_id=found.id, event_id=event.id))
            return
        due_ms = digest.next_ms(due_ms)


#: News that somebody must take up; what is paged of other kinds is not paged on.
ESCALATED = (
    "rfc.raised", "rfc.joined", "rfc.reopened", "rfc.approval_late", "rfc.verification_failed", "finding.opened",
    "attention.snooze_ended", "maintenance.review",
)  # fmt: skip


def new_delivery(channel: str, kind: str, now_ms: int, due_ms: int | None = None) -> Delivery:
    """Return a message that has nothing in it yet."""
    due_ms = now_ms if due_ms is None else due_ms
    uid = f"msg_{uuid.uuid4().hex}"
    return Delivery(uid=uid, channel=channel, kind=kind, created_ms=now_ms, due_ms=due_ms, next_try_ms=due_ms)


def escalates(session: Session, now_ms: int) -> bool:
    """Tell whether there is a page that nobody acknowledged in time."""
    return session.exec(_escalating(now_ms)).first() is not None


def _escalating(now_ms: int) -> SelectOfScalar[Delivery]:
    return (
        select(Delivery)
        .where(col(Delivery.escalate_ms).is_not(None), col(Delivery.escalate_ms) <= now_ms)
        .order_by(col(Delivery.escalate_ms))
        .limit(1)
    )


def escalate_due(database: Database, now_ms: int) -> int:
    """Page the next channel for what nobody acknowledged in time; return how many were looked at."""
    done = 0
    while True:
        with database.write() as session:
            delivery = session.exec(_escalating(now_ms).with_for_update(skip_locked=True)).first()
            if delivery is None:
                return done
            _escalate(session, delivery, now_ms)
        done += 1


def _escalate(session: Session, delivery: Delivery, now_ms: int) -> None:
    thread = delivery.thread or ""
    delivery.escalate_ms = None
    session.add(delivery)
    until_ms = handling.snoozed_until(session, thread, now_ms)
    if until_ms is not None:  # nobody is woken before, but it is not forgotten either
        delivery.escalate_ms = until_ms + (delivery.escalate_after_ms or 0)
        return
    if handling.is_taken(session, thread) or _is_over(session, thread) or not delivery.escalate_to:
        return
    following = new_delivery(delivery.escalate_to[0], "escalation", now_ms)
    following.thread, following.route, following.routing_version = thread, delivery.route, delivery.routing_version
    if delivery.escalate_to[1:]:
        following.escalate_after_ms = delivery.escalate_after_ms
        following.escalate_ms = now_ms + (delivery.escalate_after_ms or 0)
        following.escalate_to = delivery.escalate_to[1:]
    session.add(following)
    session.flush()
    for event_id in session.exec(select(DeliveryItem.event_id).where(DeliveryItem.delivery_id == delivery.id)):
        session.add(DeliveryItem(delivery_id=following.id, event_id=event_id))


def _is_over(session: Session, thread: str) -> bool:
    kind, _, number = thread.partition(":")
    if kind == "rfc":
        rfc = session.get(Rfc, int(number))
        return rfc is not None and rfc.closed_ms is not None
    if kind == "finding":
        finding = session.get(Finding, int(number))
        return finding is not None and finding.closed_ms is not None
    return False


def send_test(session: Session, channel: str, actor: str, now_ms: int) -> Delivery:
    """Send a message to a channel that says it is a test.

    :raises NotFound: where no server sends to it, and nothing names it.
    """
    known = documents.sent_to(session, now_ms).keys()
    if channel not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise NotFound(f'no server sends to a channel "{channel}" now; there are: {listed}')
    event = AttentionEvent(
        at_ms=now_ms,
        kind="channel.test",
        thread=f"channel:{channel}",
        severity="info",
        title=f"Test of the channel {channel}, asked for by {actor}",
        due_ms=now_ms,
        state="routed",
        why="a test",
        routed_ms=now_ms,
    )
    delivery = new_delivery(channel, "test", now_ms)
    session.add(event)
    session.add(delivery)
    session.flush()
    session.add(DeliveryItem(delivery_id=delivery.id, event_id=event.id))
    audit.record(session, actor, "channel.tested", f"channel {channel}", {}, now_ms)
    return delivery
