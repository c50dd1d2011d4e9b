"""Ingest: reports into elements and holdings, many in one durable transaction.

Hot path: SQLAlchemy Core, batches, no ORM objects but the source's own row.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from driftline import schema
from driftline.v1.collector_pb2 import Dropped, HostClaims, Manifest, Transaction
from driftline_cmdb import continuity, utilization
from driftline_cmdb.continuity import Position
from driftline_cmdb.database import Database
from driftline_cmdb.errors import CmdbError, Invalid, NotFound, Rejected
from driftline_cmdb.identify import bound_ci
from driftline_cmdb.intern import Interned, insert_ignoring
from driftline_cmdb.sections import PreparedSection, prepare_section, with_kept_values
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.elements import Due, Element, Holding, Path, Revision, Section
from driftline_cmdb.tables.sources import Source
from driftline_cmdb.transactions import add_transactions
from driftline_cmdb.utilization import CheckedBatch

__all__ = ["Committed", "Ingest", "PreparedSection", "Report", "lacking", "prepare_section"]

#: A host clock this close to the collector's counts as right: the rest is the network.
SKEW_TOLERANCE_MS = 1000

_HOLDING = table_of(Holding)
_SECTION = table_of(Section)


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
    batch: CheckedBatch | None = None
    manifest: Manifest | None = None
    dropped: Dropped | None = None

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
    ci_id: int


class Ingest:
    """Applies reports to one database; one thread at a time calls `commit`."""

    def __init__(self, database: Database) -> None:
        """Start with nothing remembered."""
        self._database = database
        self._interned = Interned(database)

    def commit(self, reports: Sequence[Report]) -> list[Committed | CmdbError]:
        """Apply reports in one transaction; return, for each, its receipt or why it was refused.

        Where the transaction fails, the reports are repeated one by one, so that one bad report harms no other.

        :raises Unavailable: where the database does not answer; nothing was committed.
        """
        elements = (element for report in reports for part in report.sections for element in part.elements.values())
        ids = self._interned.ids(elements)
        results: list[Committed | CmdbError] = []
        try:
            with self._database.write() as session:
                results = [self._apply_or_refuse(session, report, ids) for report in reports]
        except (IntegrityError, Invalid) as error:
            if len(reports) > 1:
                return [result for report in reports for result in self.commit([report])]
            return [error if isinstance(error, Invalid) else Invalid(_in_two_sections(reports[0]))]
        self._note_rejections(reports, results)
        return results

    def _apply_or_refuse(
        self, session: Session, report: Report, ids: Mapping[bytes, tuple[int, int]]
    ) -> Committed | CmdbError:
        source = session.get(Source, report.source_id, with_for_update=True)
        if source is None:
            return NotFound(f"source {report.source_id} is not known; enrol again")
        position = Position(report.epoch, report.sequence, report.continuation, report.digest)
        try:
            retry = continuity.is_retry(source, position)
        except CmdbError as error:
            return error
        ci = bound_ci(session, source, report.claims, report.received_ms)
        if not retry:
            self._apply(session, source, ci, report, ids)
        wanted = lacking(session, report.source_id, report.manifest) if report.manifest is not None else ()
        if report.manifest is not None and not wanted:
            source.confirmed_ms = max(source.confirmed_ms or 0, report.manifest.observed_at_ms + report.skew_ms)
        source.seen_ms = ci.last_seen_ms = report.received_ms
        session.add_all([source, ci])
        session.flush()
        return Committed(source.continuation or b"", wanted, ci.id)

    def _apply(
        self, session: Session, source: Source, ci: Ci, report: Report, ids: Mapping[bytes, tuple[int, int]]
    ) -> None:
        known = {row.name: row for row in session.execute(select(_SECTION).where(_SECTION.c.source_id == source.id))}
        changed = False
        for section in report.sections:
            changed |= self._apply_section(session, source, report, section, known.get(section.name), ids)
        changed |= add_transactions(session, source.id, report.transactions, report.skew_ms)
        if report.batch is not None:
            utilization.append(session, source.id, report.batch, report.received_ms)
        source.past_epochs = continuity.ended_epochs(source, report.epoch)
        source.epoch, source.sequence, source.report_digest = report.epoch, report.sequence, report.digest
        source.continuation = os.urandom(16)
        source.skew_ms = report.skew_ms
        source.agent_version = report.agent_version
        if changed:
            ci.version += 1
            insert_ignoring(session, Due, [{"ci_id": ci.id, "since_ms": report.received_ms, "whole": False}])

    def _apply_section(
        self,
        session: Session,
        source: Source,
        report: Report,
        section: PreparedSection,
        known: Row[Any] | None,
        ids: Mapping[bytes, tuple[int, int]],
    ) -> bool:
        """Apply one section; tell whether its elements changed."""
        observed_ms = section.observed_ms + report.skew_ms
        section_id = known.id if known is not None else _new_section(session, source.id, section.name, observed_ms)
        if section.outcome == "UNREADABLE":
            stale = known.stale_since_ms if known is not None and known.stale_since_ms else observed_ms
            _update_section(session, section_id, outcome="UNREADABLE", reason=section.reason, stale_since_ms=stale)
            return False
        held = {
            row.path_id: row
            for row in session.execute(
                select(_HOLDING.c.id, _HOLDING.c.path_id, _HOLDING.c.element_id).where(
                    _HOLDING.c.source_id == source.id,
                    _HOLDING.c.section_id == section_id,
                    _HOLDING.c.until_revision.is_(None),
                )
            )
        }
        now = self._elements_now(session, section, held, ids)
        gone = [row.id for path_id, row in held.items() if now.get(path_id) != row.element_id]
        new = [
            (path_id, element_id)
            for path_id, element_id in now.items()
            if path_id not in held or held[path_id].element_id != element_id
        ]
        if gone or new:
            revision = Revision(
                source_id=source.id,
                section=section.name,
                epoch=report.epoch,
                sequence=report.sequence,
                digest=section.digest,
                received_ms=report.received_ms,
                after_ms=_last_without(source, known, section, report.skew_ms, observed_ms),
                observed_ms=observed_ms,
                skew_ms=report.skew_ms,
                agent_version=report.agent_version,
                added=len(new),
                removed=len(gone),
            )
            session.add(revision)
            session.flush()
            _write_holdings(session, source.id, section_id, revision.id, gone, new)
        _update_section(
            session,
            section_id,
            digest=section.digest,
            applied_schema=schema.FINGERPRINT,
            outcome=section.outcome,
            reason=section.reason,
            unreadable=list(section.unreadable),
            topic_revision=section.revision,
            observed_ms=observed_ms,
            stale_since_ms=None,
            state=section.state,
        )
        return bool(gone or new)

    def _elements_now(
        self,
        session: Session,
        section: PreparedSection,
        held: Mapping[int, Row[Any]],
        ids: Mapping[bytes, tuple[int, int]],
    ) -> dict[int, int]:
        """Return element ids by path id."""
        elements = section.elements
        if section.unreadable and held:
            elements = with_kept_values(section, _contents(session, [row.element_id for row in held.values()]))
            kept = [element for element in elements.values() if element.digest not in ids]
            ids = {**ids, **self._interned.ids_within(session, kept)} if kept else ids
        return {ids[e.digest][1]: ids[e.digest][0] for e in elements.values()}

    def _note_rejections(self, reports: Sequence[Report], results: Sequence[Committed | CmdbError]) -> None:
        rejected = [
            (report, result) for report, result in zip(reports, results, strict=True) if isinstance(result, Rejected)
        ]
        if rejected:
            with self._database.write() as session:
                for report, error in rejected:
                    continuity.note_rejection(session, report.source_id, error, report.received_ms)


def lacking(session: Session, source_id: int, manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the sections whose content the record has not applied."""
    rows = session.execute(
        select(_SECTION.c.name, _SECTION.c.digest, _SECTION.c.applied_schema, _SECTION.c.outcome).where(
            _SECTION.c.source_id == source_id
        )
    )
    applied = {row.name: row for row in rows}
    wanted = []
    for item in manifest.sections:
        row = applied.get(item.name)
        readable_as_known = row is not None and (
            (not item.digest and row.outcome == "UNREADABLE")
            or (row.digest == item.digest and row.applied_schema == schema.FINGERPRINT and row.outcome != "UNREADABLE")
        )
        if not readable_as_known:
            wanted.append(item.name)
    return tuple(wanted)


def _last_without(
    source: Source, known: Row[Any] | None, section: PreparedSection, skew_ms: int, observed_ms: int
) -> int | None:
    """Return the last time at which a change is known not to have happened (design section 6, rule 1).

    None where the section was never read before.
    """
    if known is None or known.digest is None:
        return None
    times: list[int] = [known.observed_ms]
    if source.confirmed_ms is not None:
        times.append(source.confirmed_ms)
    if section.previous_digest and section.previous_digest == known.digest:
        times.append(section.previous_observed_ms + skew_ms)
    return min(max(times), observed_ms - 1)


def _new_section(session: Session, source_id: int, name: str, observed_ms: int) -> int:
    row = Section(source_id=source_id, name=name, observed_ms=observed_ms)
    session.add(row)
    session.flush()
    return row.id


def _update_section(session: Session, section_id: int, **values: object) -> None:
    session.execute(update(_SECTION).where(_SECTION.c.id == section_id).values(**values))


def _write_holdings(
    session: Session, source_id: int, section_id: int, revision: int, gone: list[int], new: list[tuple[int, int]]
) -> None:
    if gone:
        statement = update(_HOLDING).where(_HOLDING.c.id == bindparam("holding")).values(until_revision=revision)
        session.connection().execute(statement, [{"holding": id_} for id_ in gone])
    if new:
        rows = [
            {
                "source_id": source_id,
                "section_id": section_id,
                "path_id": path_id,
                "element_id": element_id,
                "since_revision": revision,
            }
            for path_id, element_id in new
        ]
        session.connection().execute(insert(_HOLDING), rows)


def _contents(session: Session, element_ids: Sequence[int]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for start in range(0, len(element_ids), 500):
        rows = session.execute(
            select(col(Path.text), col(Element.content))
            .join(Path, col(Path.id) == col(Element.path_id))
            .where(col(Element.id).in_(element_ids[start : start + 500]))
        )
        found.update((text, content) for text, content in rows)
    return found


def _in_two_sections(report: Report) -> str:
    names = ", ".join(section.name for section in report.sections)
    return f"{names}: a path in here is already reported by another section of this source; one topic reads one path"
