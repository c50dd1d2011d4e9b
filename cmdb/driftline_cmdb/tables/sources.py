"""Sources (agents, devices), their certificates, and the tokens they join with."""

from typing import Any

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, partial_index, row_id, time_ms, time_ms_or_none

#: Kind of the source in whose name driftline itself writes the facts of a CI's record.
RECORD = "record"
#: Kind of the source that a device is which runs no agent; an agent that holds its lease speaks for it.
DEVICE = "device"


class Source(SQLModel, table=True):
    """One agent, or one device reached in one way, or a CI's record. Facts belong to sources."""

    __table_args__ = (
        partial_index("source_ended", "id", where="ended_as IS NOT NULL"),
        partial_index("source_leased", "lease_agent_id", where="lease_agent_id IS NOT NULL"),
    )

    id: int = row_id()
    #: The identity in its certificate, a UUID.
    uid: str = Field(unique=True)
    #: agent, DEVICE or RECORD.
    kind: str = "agent"
    hostname: str = ""
    agent_version: str = ""
    #: HostClaims as it last said them.
    claims: dict[str, Any] = document(dict)
    enrolled_ms: int = time_ms()
    #: Where its reports stand; all None before the first one.
    epoch: str | None = None
    sequence: int = 0
    #: Digest of the last report in this epoch, to tell a retry from a fork.
    report_digest: bytes | None = None
    continuation: bytes | None = None
    #: Epochs that a newer one has replaced, newest last; a report from one of them means that two hold this identity.
    past_epochs: list[str] = document(list)
    #: When the running epoch began, and the digest of the hardware by its own word.
    epoch_ms: int | None = time_ms_or_none()
    machine: str = ""
    #: [address, since ms] that it reported from in the running epoch, the last one last.
    peers: list[list[Any]] = document(list)
    #: Seconds between check-ins when it was heard last.
    check_in_s: int = 0
    #: A newer epoch that waits until the running one was quiet for long enough, and its last call.
    held_epoch: str | None = None
    held_ms: int | None = time_ms_or_none()
    #: Somebody reported in the running epoch whose last receipt is of this time: what came later is of the other one.
    diverged_ms: int | None = time_ms_or_none()
    #: What to add to the host's clock to get the collector's, ms.
    skew_ms: int = time_ms_or_none()
    #: All its sections are known to have held at this time (corrected by skew).
    confirmed_ms: int | None = time_ms_or_none()
    #: Collector's time of its last call.
    seen_ms: int | None = time_ms_or_none()
    #: What it does worse than it should, by its own word; empty where nothing is in its way.
    limitations: list[str] = document(list)
    #: Topics on record that its last manifest did not name; `driftline_cmdb.narrowing.Unread`.
    unread: dict[str, Any] = document(dict)
    #: When a call of its was last refused for its certificate or quarantine, and why; noted at most once a minute.
    refused_ms: int | None = time_ms_or_none()
    refused_reason: str | None = None
    #: When its agent last said that it stops, and why (a LeaveReason's name); None once it reports again.
    left_ms: int | None = time_ms_or_none()
    left_reason: str | None = None
    quarantined_ms: int | None = time_ms_or_none()
    quarantine_reason: str | None = None
    #: split, image (`identity.dividing`) or retired: nothing is taken in this identity's name any more; None while it
    #: is in use.
    ended_as: str | None = None
    ended_ms: int | None = time_ms_or_none()
    ended_decision_id: int | None = Field(default=None, foreign_key="identitydecision.id")
    #: Of a device: the agent that may speak for it, and the generation of that lease, which only grows.
    lease_agent_id: int | None = Field(default=None, foreign_key="source.id")
    lease_generation: int = Field(default=0, sa_type=BigInteger)


class Certificate(SQLModel, table=True):
    """A client certificate that the collector issued."""

    #: Serial number, hexadecimal, lower case.
    serial: str = Field(primary_key=True)
    source_id: int = Field(foreign_key="source.id", index=True)
    not_before_ms: int = time_ms()
    not_after_ms: int = time_ms()
    issued_ms: int = time_ms()
    revoked_ms: int | None = time_ms_or_none()
    revoked_by: str | None = None
    revoked_reason: str | None = None


class JoinToken(SQLModel, table=True):
    """A token that lets an agent enrol."""

    id: str = Field(primary_key=True)
    #: SHA-256 of the secret; the secret itself is random and shown once.
    secret_hash: bytes
    uses_left: int
    expires_ms: int = time_ms()
    #: The CI that whoever joins with it speaks for; None lets identification decide.
    ci_id: int | None = Field(default=None, foreign_key="ci.id")
    note: str = ""
    created_by: str
    created_ms: int = time_ms()
