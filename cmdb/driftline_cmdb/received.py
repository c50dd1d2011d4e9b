"""What is received from a source, and what is known to be applied of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from driftline import schema
from driftline.v1.collector_pb2 import Dropped, Evidence, HostClaims, Manifest, Transaction
from driftline_cmdb.sections import PreparedSection
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.elements import Section
from driftline_cmdb.utilization import CheckedBatch

_SECTION = table_of(Section)

#: A host clock this close to the collector's counts as right: the rest is the network.
SKEW_TOLERANCE_MS = 1000


@dataclass(frozen=True, slots=True)
class Report:
    """One Submit or SubmitUtilization call, checked as far as that goes without the record."""

    source_id: int
    epoch: str
    sequence: int
    continuation: bytes
    #: Digest of the request without its sent_at_ms: a retry has the same.
    digest: bytes
    received_ms: int
    #: The host's clock when it sent this.
    sent_ms: int
    agent_version: str
    claims: HostClaims | None = None
    sections: tuple[PreparedSection, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    batch: CheckedBatch | None = None
    manifest: Manifest | None = None
    dropped: Dropped | None = None
    #: The address that it came from, without port; empty where it is not known.
    peer: str = ""
    #: Seconds between check-ins, as its source was told.
    check_in_s: int = 0
    #: See collector.proto, Stamp.
    machine: bytes = b""
    previous_epoch: str = ""
    begun_for: str = ""
    #: In a report for a device: the agent that speaks, by the id of its source, and the generation of its lease.
    spoken_by: int | None = None
    lease: int = 0

    @property
    def skew_ms(self) -> int:
        """What to add to the host's clock to get the collector's."""
        skew = self.received_ms - self.sent_ms
        return 0 if abs(skew) <= SKEW_TOLERANCE_MS else skew


@dataclass(frozen=True, slots=True)
class Committed:
    """What the agent is told: committed to durable storage."""

    continuation: bytes
    #: Sections that the record lacks by the report's manifest.
    wanted: tuple[str, ...]
    #: None while a person has to decide which CI its source speaks for.
    ci_id: int | None
    #: It came from where its source never reported before: the sooner both report, the sooner a copy shows.
    soon: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """What is applied of one section."""

    id: int
    digest: bytes | None
    schema: str
    outcome: str
    observed_ms: int
    stale_since_ms: int | None
    topic_revision: int


def applied_sections(connection: Connection, source_ids: Sequence[int]) -> dict[int, dict[str, Applied]]:
    """Return what is applied of some sources' sections: source id -> section name -> what is known."""
    columns = (
        _SECTION.c.source_id,
        _SECTION.c.name,
        _SECTION.c.id,
        _SECTION.c.digest,
        _SECTION.c.applied_schema,
        _SECTION.c.outcome,
        _SECTION.c.observed_ms,
        _SECTION.c.stale_since_ms,
        _SECTION.c.topic_revision,
    )
    found: dict[int, dict[str, Applied]] = {source_id: {} for source_id in source_ids}
    for source_id, name, *rest in connection.execute(
        select(*columns).where(_SECTION.c.source_id.in_(source_ids))
    ).all():
        found[source_id][name] = Applied(*rest)
    return found


def lacking_of(applied: Mapping[str, Applied], manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the sections of a manifest whose content is not applied."""
    wanted = []
    for item in manifest.sections:
        row = applied.get(item.name)
        unreadable_still = row is not None and not item.digest and row.outcome == "UNREADABLE"
        as_applied = (
            row is not None
            and row.digest == item.digest
            and row.schema == schema.FINGERPRINT
            and row.outcome != "UNREADABLE"
        )
        if not (unreadable_still or as_applied):
            wanted.append(item.name)
    return tuple(wanted)
