"""What people are told, who looks after it, and what it turned out to be."""

from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import DocumentVersion, document, partial_index, row_id, time_ms, time_ms_or_none


class AttentionEvent(SQLModel, table=True):
    """Something that people may be told: written in the transaction that makes it so, routed afterwards."""

    __table_args__ = (
        partial_index("attentionevent_new", "due_ms", where="routed_ms IS NULL"),
        partial_index("attentionevent_held", "window_id", where="window_id IS NOT NULL"),
    )

    id: int = row_id()
    at_ms: int = time_ms(index=True)
    #: Dotted: rfc.raised, finding.opened ...
    kind: str
    #: What it is about: ``rfc:1``; one RFC is one thread.
    thread: str = Field(index=True)
    severity: str
    #: For people, in a line.
    title: str
    text: str = ""
    #: The CIs it is about, at most 50 of them; of an RFC those that this event brought.
    ci_ids: list[int] = document(list)
    cis: int = 0
    rfc_id: int | None = Field(default=None, foreign_key="rfc.id", index=True)
    finding_id: int | None = Field(default=None, foreign_key="finding.id")
    detail: dict[str, Any] = document(dict)
    #: How many later events of its kind were folded into it.
    folded: int = 0
    #: What makes it the same where it must not be said twice.
    once: str | None = Field(default=None, unique=True)
    #: Not routed before.
    due_ms: int = time_ms()
    #: new, held (by a maintenance window), routed, reviewed (in a window's list), dropped.
    state: str = "new"
    window_id: int | None = Field(default=None, foreign_key="maintenancewindow.id")
    #: What became of it, for people.
    why: str = ""
    #: When that was; None while it is new or held.
    routed_ms: int | None = time_ms_or_none()


class Delivery(SQLModel, table=True):
    """One message to one channel, tried until it is there or given up."""

    __table_args__ = (
        UniqueConstraint("digest_key", "due_ms"),
        partial_index("delivery_waiting", "channel", "next_try_ms", where="done_ms IS NULL"),
        partial_index("delivery_escalating", "escalate_ms", where="escalate_ms IS NOT NULL"),
    )

    id: int = row_id()
    #: The message's own id, the same over all tries.
    uid: str = Field(unique=True)
    channel: str
    #: page, escalation, digest, test.
    kind: str
    #: As in its events; None for a digest.
    thread: str | None = Field(default=None, index=True)
    #: Number of the route, and of the document's version, that sent it here.
    route: int | None = None
    routing_version: int | None = None
    created_ms: int = time_ms(index=True)
    #: When it was first to be sent.
    due_ms: int = time_ms()
    #: Which digest it gathers for; events join it until it is first tried.
    digest_key: str | None = None
    next_try_ms: int = time_ms()
    attempts: int = 0
    #: waiting, sent, failed (given up).
    state: str = "waiting"
    #: What is sent, fixed at the first try.
    message: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    lease: str | None = None
    lease_until_ms: int | None = time_ms_or_none()
    last_error: str = ""
    #: When it was sent or given up.
    done_ms: int | None = time_ms_or_none()
    #: When the next channel is paged, unless someone acknowledges.
    escalate_ms: int | None = time_ms_or_none()
    escalate_after_ms: int | None = time_ms_or_none()
    escalate_to: list[str] = document(list)


class DeliveryItem(SQLModel, table=True):
    """An event in a message."""

    delivery_id: int = Field(foreign_key="delivery.id", primary_key=True)
    event_id: int = Field(foreign_key="attentionevent.id", primary_key=True, index=True)


class RoutingVersion(DocumentVersion, table=True):
    """A version of the routing document; the newest is in force."""


class ChannelSender(SQLModel, table=True):
    """A server that sends to a channel; what it needs for that stays on its machine."""

    channel: str = Field(primary_key=True)
    server: str = Field(primary_key=True)
    kind: str
    seen_ms: int = time_ms()


class Attention(SQLModel, table=True):
    """Who looks after an RFC or a finding."""

    #: ``rfc:1``, ``finding:7``.
    thread: str = Field(primary_key=True)
    rfc_id: int | None = Field(default=None, foreign_key="rfc.id")
    finding_id: int | None = Field(default=None, foreign_key="finding.id")
    #: Of an RFC; a finding's acknowledgement is a decision on it, as any other.
    acknowledged_by: str | None = None
    acknowledged_ms: int | None = time_ms_or_none()
    assigned_to: str | None = Field(default=None, index=True)
    assigned_by: str | None = None
    assigned_ms: int | None = time_ms_or_none()
    snoozed_until_ms: int | None = time_ms_or_none()
    snoozed_by: str | None = None
    snooze_reason: str = ""


class MaintenanceWindow(SQLModel, table=True):
    """A time in which work is announced. It explains nothing; it holds what is not critical until its end."""

    id: int = row_id()
    name: str
    #: As a baseline's: {"ci": ["lb*"], "labels": {"role": "web"}}.
    selector: dict[str, Any] = document(dict)
    start_ms: int = time_ms()
    end_ms: int = time_ms(index=True)
    reason: str
    created_by: str
    created_ms: int = time_ms()
    ended_by: str | None = None
    #: When its review list went out; None until then.
    reviewed_ms: int | None = time_ms_or_none()


class RfcVerdict(SQLModel, table=True):
    """What a change that driftline found turned out to be."""

    rfc_id: int = Field(foreign_key="rfc.id", primary_key=True)
    #: What its end suggests: unauthorised, late paperwork; None where it suggests nothing.
    proposed: str | None = None
    proposed_ms: int | None = time_ms_or_none()
    #: What a person says: unauthorised, late paperwork, false; None until one has.
    verdict: str | None = None
    by: str | None = None
    at_ms: int | None = time_ms_or_none()
    comment: str = ""
