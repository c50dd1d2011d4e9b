"""Ingest: reports into the record, many in one durable transaction."""

from collections.abc import Iterator, Sequence
from itertools import chain

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from driftline.v1.collector_pb2 import Manifest
from driftline_cmdb import recording
from driftline_cmdb.applying import Wave
from driftline_cmdb.database import Database
from driftline_cmdb.devices import fencing
from driftline_cmdb.errors import CmdbError, Forked, Invalid
from driftline_cmdb.identity import reporting
from driftline_cmdb.identity.reporting import Retired
from driftline_cmdb.intern import Interned
from driftline_cmdb.received import Committed, Report, applied_sections, lacking_of
from driftline_cmdb.sections import PreparedSection, prepare_section

__all__ = ["Committed", "Ingest", "PreparedSection", "Report", "lacking", "prepare_section"]


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
        ids = self._interned.ids(chain(elements, recording.ARRIVALS))
        results: dict[int, Committed | CmdbError] = {}
        waves = list(_waves(reports))
        try:
            with self._database.write() as session:
                if len(waves) > 1:  # each locks its sources in order; so do all of them together
                    fencing.lock(session, list({report.source_id for report in reports}))
                for wave in waves:
                    applying = Wave(session, [reports[index] for index in wave], ids)
                    results.update(zip(wave, applying.apply(), strict=True))
                    now_ms = reports[wave[0]].received_ms
                    recording.note_arrivals(session, applying.newcomers, now_ms)
                    recording.note_renamed(session, applying.renamed, now_ms)
        except (IntegrityError, Invalid) as error:
            if len(reports) > 1:
                return [result for report in reports for result in self.commit([report])]
            return [error if isinstance(error, Invalid) else Invalid(_in_two_sections(reports[0]))]
        for index, report in enumerate(reports):
            result = results[index]
            if isinstance(result, Retired):
                reporting.note(self._database, report.source_id, result, report.received_ms)
            elif isinstance(result, Forked):
                with self._database.write() as session:
                    fencing.drop(session, report.source_id, report.received_ms)
        return [results[index] for index in range(len(reports))]


def lacking(session: Session, source_id: int, manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the sections whose content the record has not applied."""
    return lacking_of(applied_sections(session.connection(), [source_id])[source_id], manifest)


def _waves(reports: Sequence[Report]) -> Iterator[list[int]]:
    """Cut reports into runs without two of one source, whose second depends on its first; yield their places."""
    wave: list[int] = []
    sources: set[int] = set()
    for index, report in enumerate(reports):
        if report.source_id in sources:
            yield wave
            wave, sources = [], set()
        wave.append(index)
        sources.add(report.source_id)
    if wave:
        yield wave


def _in_two_sections(report: Report) -> str:
    names = ", ".join(section.name for section in report.sections)
    return f"{names}: a path in here is already reported by another section of this source; one topic reads one path"
