"""Messages on their way: leased by one sender, tried until they are there, given up after some days.

At least once: a sender that dies between sending and saying so has its message sent again, with the same id.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from driftline_cmdb import continuity
from driftline_cmdb.attention import messages
from driftline_cmdb.database import Database
from driftline_cmdb.tables.attention import AttentionEvent, Delivery, DeliveryItem
from driftline_cmdb.tables.cis import Finding

#: Nobody else tries a message for so long after one has taken it, ms. A try must end before.
LEASE_MS = 5 * 60_000
#: The first wait after a failure, doubled at each further one up to the longest, ms.
FIRST_WAIT_MS = 5_000
LONGEST_WAIT_MS = 60 * 60_000
#: After this time without success a message is given up, ms.
GIVE_UP_MS = 3 * 86_400_000
#: What is done is forgotten after this time, ms.
KEEP_MS = 90 * 86_400_000


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that this sender may try now."""

    delivery_id: int
    lease: str
    uid: str
    channel: str
    #: As `messages.compose` says it.
    message: dict[str, Any]
    #: An earlier message of its thread went to the same channel.
    follows: bool
    attempts: int


def waiting(session: Session, channel: str, now_ms: int) -> bool:
    """Tell, without writing, whether a message for a channel may be tried now."""
    return session.exec(_due(channel, now_ms)).first() is not None


def _due(channel: str, now_ms: int) -> SelectOfScalar[Delivery]:
    return (
        select(Delivery)
        .where(
            Delivery.channel == channel,
            col(Delivery.done_ms).is_(None),
            col(Delivery.next_try_ms) <= now_ms,
        )
        .order_by(col(Delivery.next_try_ms), col(Delivery.id))
        .limit(1)
    )


def take(database: Database, channel: str, now_ms: int) -> Taken | None:
    """Take the next message for a channel; None where none is due. No other sender has it until the lease ends."""
    with database.write() as session:
        delivery = session.exec(_due(channel, now_ms).with_for_update(skip_locked=True)).first()
        if delivery is None:
            return None
        delivery.attempts += 1
        delivery.lease, delivery.lease_until_ms = uuid.uuid4().hex, now_ms + LEASE_MS
        delivery.next_try_ms = delivery.lease_until_ms
        if delivery.message is None:
            delivery.message = messages.compose(session, delivery, now_ms)
        session.add(delivery)
        return Taken(
            delivery.id,
            delivery.lease,
            delivery.uid,
            delivery.channel,
            delivery.message,
            _follows(session, delivery),
            delivery.attempts,
        )


def _follows(session: Session, delivery: Delivery) -> bool:
    if delivery.thread is None:
        return False
    earlier = select(Delivery.id).where(
        Delivery.thread == delivery.thread,
        Delivery.channel == delivery.channel,
        col(Delivery.id) < delivery.id,
    )
    return session.exec(earlier.limit(1)).first() is not None


def sent(database: Database, taken: Taken, now_ms: int) -> None:
    """Note that a message is there; what was wrong with its channel is over."""
    with database.write() as session:
        delivery = _mine(session, taken)
        if delivery is not None:
            delivery.state, delivery.done_ms, delivery.last_error = "sent", now_ms, ""
            delivery.lease = delivery.lease_until_ms = None
            session.add(delivery)
        query = select(Finding).where(Finding.key == _key(taken.channel), col(Finding.closed_ms).is_(None))
        for finding in session.exec(query):
            finding.closed_ms = now_ms
            session.add(finding)


def failed(
    database: Database, taken: Taken, error: str, now_ms: int, random: Callable[[], float], *, final: bool = False
) -> None:
    """Note that a try failed: the next one comes later and later; after days, or where it is final, none does.

    :param error: for people, without any secret.
    :param random: returns a number from 0 to 1, so that many messages do not come back at once.
    :param final: another try makes no sense.
    """
    with database.write() as session:
        delivery = _mine(session, taken)
        if delivery is None:
            return
        delivery.lease = delivery.lease_until_ms = None
        delivery.last_error = error[:1000]
        delivery.next_try_ms = now_ms + wait_ms(delivery.attempts, random())
        if final or delivery.next_try_ms > delivery.due_ms + GIVE_UP_MS:
            _give_up(session, delivery, now_ms)
        session.add(delivery)


def give_up_unsent(database: Database, now_ms: int) -> int:
    """Give up what no server has tried for days, because none has its channel; return how many."""
    query = select(Delivery).where(col(Delivery.done_ms).is_(None), col(Delivery.next_try_ms) < now_ms - GIVE_UP_MS)
    with database.read() as session:
        if session.exec(query.limit(1)).first() is None:
            return 0
    with database.write() as session:
        rows = session.exec(query.with_for_update(skip_locked=True)).all()
        for row in rows:
            row.last_error = row.last_error or f"no server sends to {row.channel}"
            _give_up(session, row, now_ms)
            session.add(row)
        return len(rows)


def _give_up(session: Session, delivery: Delivery, now_ms: int) -> None:
    delivery.state, delivery.done_ms = "failed", now_ms
    message = f"notification failed: {delivery.channel} took no message: {delivery.last_error}"
    detail = {"delivery": delivery.uid, "attempts": delivery.attempts, "error": delivery.last_error}
    key = _key(delivery.channel)
    continuity.open_finding(session, "notification failed", key, None, message, detail, now_ms)


def wait_ms(attempts: int, random: float) -> int:
    """Return how long to wait after so many failures: exponential, with a quarter of it more or less by chance."""
    plain = min(LONGEST_WAIT_MS, FIRST_WAIT_MS << min(attempts - 1, 20))
    return round(plain * (0.75 + random / 2))


def _mine(session: Session, taken: Taken) -> Delivery | None:
    """Return the message where its lease is still this sender's: another one may have taken it over."""
    query = select(Delivery).where(Delivery.id == taken.delivery_id, Delivery.lease == taken.lease)
    return session.exec(query.with_for_update()).first()


def _key(channel: str) -> str:
    return f"notification failed:{channel}"


def forget(database: Database, now_ms: int, limit: int = 1000) -> int:
    """Delete messages and events that were done long ago; return how many."""
    before_ms = now_ms - KEEP_MS
    with database.write() as session:
        old = select(Delivery).where(col(Delivery.done_ms) < before_ms, col(Delivery.escalate_ms).is_(None))
        deliveries = session.exec(old.order_by(col(Delivery.id)).limit(limit)).all()
        ids = [delivery.id for delivery in deliveries]
        for item in session.exec(select(DeliveryItem).where(col(DeliveryItem.delivery_id).in_(ids))):
            session.delete(item)
        session.flush()
        for delivery in deliveries:
            session.delete(delivery)
        session.flush()
        in_use = select(DeliveryItem.event_id).where(col(DeliveryItem.event_id) == col(AttentionEvent.id)).exists()
        events = session.exec(
            select(AttentionEvent)
            .where(col(AttentionEvent.routed_ms) < before_ms, ~in_use)
            .order_by(col(AttentionEvent.id))
            .limit(limit)
        ).all()
        for event in events:
            session.delete(event)
        return len(deliveries) + len(events)
