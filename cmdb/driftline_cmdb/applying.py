"""Applies a wave of reports, at most one a source, inside one transaction.

Hot path: a handful of statements a wave, SQLAlchemy Core, no ORM objects; a source's first report is the exception.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BigInteger, bindparam, func, insert, select, update
from sqlmodel import Session, col

from driftline import facts, schema
from driftline_cmdb import continuity, dropped, limitations, narrowing, utilization
from driftline_cmdb.continuity import Position
from driftline_cmdb.devices import fencing
from driftline_cmdb.errors import CmdbError, NotFound
from driftline_cmdb.identity import dividing, holders, rejoining
from driftline_cmdb.identity.claims import plain_claims
from driftline_cmdb.identity.identify import bound_ci
from driftline_cmdb.identity.reporting import check_may_report
from driftline_cmdb.intern import ids_within, insert_ignoring
from driftline_cmdb.packing import pack_ids
from driftline_cmdb.received import Applied, Committed, Report, applied_sections, lacking_of
from driftline_cmdb.rereading import contents_of, really_changed, rereading
from driftline_cmdb.sections import PreparedSection, with_kept_values
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.elements import Due, Element, Holding, Revision, Section
from driftline_cmdb.tables.sources import DEVICE, RECORD, Source
from driftline_cmdb.topology import due as topology
from driftline_cmdb.transactions import add_transactions
from driftline_cmdb.witnesses import add_evidence

_SOURCE, _BINDING, _CI = table_of(Source), table_of(Binding), table_of(Ci)
_SECTION, _HOLDING, _REVISION = table_of(Section), table_of(Holding), table_of(Revision)


@dataclass(frozen=True, slots=True)
class _Change:
    """What one section's report does to the holdings."""

    report: Report
    section: PreparedSection
    section_id: int
    after_ms: int | None
    #: Ids of the holdings that end.
    gone: list[int]
    #: (path id, element id) of those that begin.
    new: list[tuple[int, int]]
    paths: set[int]
    rereading: str


class Wave:
    """Reports of different sources, applied together."""

    def __init__(self, session: Session, reports: Sequence[Report], ids: Mapping[bytes, tuple[int, int]]) -> None:
        """Prepare.

        :param ids: (element id, path id) of the reports' elements, by digest.
        """
        self._session = session
        self._connection = session.connection()
        self._reports = reports
        self._ids = ids
        self._source_rows: list[dict[str, Any]] = []
        self._ci_rows: list[dict[str, Any]] = []
        self._section_rows: list[dict[str, Any]] = []
        self._stale_rows: list[dict[str, Any]] = []
        self._changes: list[_Change] = []
        self._due: set[int] = set()
        #: CIs whose ports, or what is at them, are other than before.
        self._moved: set[int] = set()
        #: What agents said of themselves before and now, where they say another thing; by source.
        self._said: dict[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
        #: Ids of CIs of which a source reported for the first time, and of those that got another name.
        self.newcomers: list[int] = []
        self.renamed: list[int] = []

    def apply(self) -> list[Committed | CmdbError]:
        """Write all of it; return for each report its receipt or why it was refused."""
        source_ids = sorted({report.source_id for report in self._reports})
        sources = self._load_sources(source_ids)
        sections = applied_sections(self._connection, source_ids)
        held = self._load_holdings(sources, sections)
        results = [self._one(report, sources.get(report.source_id), sections, held) for report in self._reports]
        self._write()
        return results

    def _load_sources(self, source_ids: list[int]) -> dict[int, Any]:
        query = (
            select(_SOURCE, _BINDING.c.ci_id, _CI.c.status.label("ci_status"))
            .select_from(
                _SOURCE.outerjoin(
                    _BINDING, (_BINDING.c.source_id == _SOURCE.c.id) & _BINDING.c.until_ms.is_(None)
                ).outerjoin(_CI, _CI.c.id == _BINDING.c.ci_id)
            )
            .where(_SOURCE.c.id.in_(source_ids))
            .order_by(_SOURCE.c.id)
            # Not FOR UPDATE: an assessment that refers to a source must not wait for who waits for that assessment.
            .with_for_update(of=_SOURCE, key_share=True)
        )
        return {row.id: row for row in self._connection.execute(query).all()}

    def _load_holdings(
        self, sources: Mapping[int, Any], sections: Mapping[int, Mapping[str, Applied]]
    ) -> dict[int, dict[int, tuple[int, int]]]:
        """Return, by section, what is held: path id -> (holding id, element id)."""
        wanted = [
            sections[report.source_id][section.name].id
            for report in self._reports
            for section in report.sections
            if report.source_id in sources and section.name in sections[report.source_id]
        ]
        found: dict[int, dict[int, tuple[int, int]]] = {section_id: {} for section_id in wanted}
        if wanted:
            query = select(_HOLDING.c.section_id, _HOLDING.c.path_id, _HOLDING.c.id, _HOLDING.c.element_id).where(
                _HOLDING.c.source_id.in_(sorted(sources)),
                _HOLDING.c.section_id.in_(wanted),
                _HOLDING.c.until_revision.is_(None),
            )
            cursor = self._connection.execute(query).cursor  # plain tuples: a thousand rows a report
            for section_id, path_id, holding_id, element_id in cursor.fetchall() if cursor is not None else ():
                found[section_id][path_id] = (holding_id, element_id)
        return found

    def _one(
        self,
        report: Report,
        source: Any,
        sections: dict[int, dict[str, Applied]],
        held: Mapping[int, dict[int, tuple[int, int]]],
    ) -> Committed | CmdbError:
        if source is None:
            return NotFound(f"source {report.source_id} is not known; enrol again")
        is_device = source.kind == DEVICE
        try:
            fencing.check(source, report.spoken_by, report.lease)
            check_may_report(self._session, source)
            retry = continuity.is_retry(
                source,
                Position(report.epoch, report.sequence, report.continuation, report.digest, report.received_ms),
            )
        except CmdbError as error:
            if not is_device:  # who holds a device's lease is known
                holders.note_refusal(self._session, report, error)
            return error
        begins = report.epoch != source.epoch
        if begins and source.epoch is not None and not is_device:
            holders.note_begun(self._session, source.id, report)
        waits = source.ci_id is None and not dividing.bind_decided(
            self._session, source.id, bool(report.sections), report.received_ms
        )
        ci_id = None if waits else self._ci_of(report, source)
        # What people put on record of a CI is no sign of life.
        seen_ms = None if source.kind == RECORD else report.received_ms
        first = source.seen_ms is None or source.ci_id is None  # or its CI is known only now
        if first and seen_ms is not None and ci_id is not None:
            self.newcomers.append(ci_id)
            if source.ci_id is not None:  # its token named the CI
                rejoining.take_place(self._session, source.id, ci_id, report.received_ms)
        known = sections[report.source_id]
        now: dict[str, Any] = {"_id": source.id, "seen_ms": seen_ms, "left_ms": None, "left_reason": None}
        changed = moved = False
        if not retry:
            for section in report.sections:
                moved |= topology.concerns(source.kind, section, known)
                changed |= self._section(report, source, section, known, held)
            changed |= add_transactions(self._session, source.id, report.transactions, report.skew_ms)
            add_evidence(self._session, source.id, report.evidence, report.skew_ms, report.received_ms)
            if report.batch is not None:
                utilization.append(self._session, source.id, report.batch, report.received_ms)
            if report.dropped is not None and (report.dropped.reports or report.dropped.utilization_batches):
                dropped.note(self._session, source.id, ci_id, report.dropped, report.received_ms)
            if (report.manifest is not None and source.kind != RECORD) or report.source_id in self._said:
                now["unread"] = self._narrowing(report, source, known, ci_id)
            now |= {
                "past_epochs": continuity.ended_epochs(source, report.epoch),
                "epoch": report.epoch,
                "sequence": report.sequence,
                "report_digest": report.digest,
                "continuation": continuity.token(report.received_ms),
                "skew_ms": report.skew_ms,
                "agent_version": report.agent_version,
            }
        peers = [] if begins else source.peers
        now |= {
            "peers": holders.peers_with(peers, report.peer, report.received_ms),
            "check_in_s": report.check_in_s or source.check_in_s,
            "machine": report.machine.hex(),
            "held_epoch": None,
            "held_ms": None,
        }
        if begins:
            now |= {"epoch_ms": report.received_ms, "diverged_ms": None}
        soon = bool(peers) and all(one[0] != report.peer for one in peers)
        if not retry and report.manifest is not None:
            said = list(report.manifest.limitations)
            if said != source.limitations:
                now["limitations"] = said
                limitations.note(self._session, source.id, ci_id, said, report.received_ms)
        wanted = lacking_of(known, report.manifest) if report.manifest is not None else ()
        now["confirmed_ms"] = source.confirmed_ms
        if report.manifest is not None and not wanted:
            now["confirmed_ms"] = max(source.confirmed_ms or 0, report.manifest.observed_at_ms + report.skew_ms)
        self._source_rows.append({name: getattr(source, name) for name in _SOURCE_COLUMNS} | now)
        if ci_id is None:  # a person decides whose facts these are; until then they are the source's alone
            return Committed(self._source_rows[-1]["continuation"] or b"", wanted, None, soon)
        if changed:
            self._due.add(ci_id)
        if moved:
            self._moved.add(ci_id)
        # That a record begins is no version of its CI.
        recorded = source.kind == RECORD and source.epoch is None
        self._ci_rows.append({"_id": ci_id, "last_seen_ms": seen_ms, "changed": int(changed and not recorded)})
        return Committed(self._source_rows[-1]["continuation"] or b"", wanted, ci_id, soon)

    def _narrowing(
        self, report: Report, source: Any, known: Mapping[str, Applied], ci_id: int | None
    ) -> dict[str, Any]:
        """Note whether the agent looks at less than before; return what to store of that."""
        said = self._said.pop(report.source_id, None)
        if said is not None:
            narrowing.note_settings(self._session, source, ci_id, *said, report.received_ms)
        stored: dict[str, Any] = source.unread or {}
        before = narrowing.Unread.of(stored)
        if report.manifest is None:
            return stored
        named = frozenset(section.name for section in report.manifest.sections)
        unread = narrowing.unread_now(before, known, named, report.received_ms)
        if unread.since.keys() == before.since.keys() and narrowing.is_settled(unread, report.received_ms):
            return stored
        settings = self._settings_of(known)
        arguments = (source, ci_id, replace(unread, named=before.named), report.agent_version, settings)
        return narrowing.note_unread(self._session, *arguments, report.received_ms).stored()

    def _settings_of(self, known: Mapping[str, Applied]) -> Mapping[str, Any]:
        """Return what an agent says that it looks at; nothing where it says nothing."""
        section = known.get(narrowing.AGENT)
        if section is None:
            return {}
        query = (
            select(col(Element.content))
            .select_from(_HOLDING)
            .join(Element, col(Element.id) == _HOLDING.c.element_id)
            .where(_HOLDING.c.section_id == section.id, _HOLDING.c.until_revision.is_(None))
        )
        content = self._session.execute(query).scalars().first()
        return {} if content is None else facts.attributes(narrowing.AGENT, content)

    def _ci_of(self, report: Report, source: Any) -> int | None:
        claims_moved = report.claims is not None and plain_claims(report.claims) != source.claims
        if source.ci_id is not None and not claims_moved:
            return int(source.ci_id)
        row = self._session.get_one(Source, source.id)
        ci_id = bound_ci(self._session, row, report.claims, report.received_ms)
        self._session.flush()
        if ci_id is None or source.ci_id is None or row.hostname == source.hostname:
            return ci_id
        if self._session.get_one(Ci, ci_id).name == row.hostname:
            self.renamed.append(ci_id)
        return ci_id

    def _section(
        self,
        report: Report,
        source: Any,
        section: PreparedSection,
        known: dict[str, Applied],
        held: Mapping[int, dict[int, tuple[int, int]]],
    ) -> bool:
        """Note what one section changes; tell whether its elements do."""
        observed_ms = section.observed_ms + report.skew_ms
        before = known.get(section.name)
        section_id = before.id if before is not None else self._new_section(source.id, section.name, observed_ms)
        if section.outcome == "UNREADABLE":
            stale = before.stale_since_ms if before is not None and before.stale_since_ms else observed_ms
            self._stale_rows.append(
                {"_id": section_id, "outcome": "UNREADABLE", "reason": section.reason, "stale_since_ms": stale}
            )
            base = before or Applied(section_id, None, "", "UNREADABLE", observed_ms, stale, section.revision)
            known[section.name] = replace(base, outcome="UNREADABLE", stale_since_ms=stale)
            return False
        holds = held.get(section_id, {})
        now = self._elements_now(section, holds)
        ended = {path: holding for path, (holding, element) in holds.items() if now.get(path) != element}
        new = [item for item in now.items() if item[0] not in holds or holds[item[0]][1] != item[1]]
        if ended or new:
            paths = ended.keys() | {path for path, _ in new}
            after_ms = _last_without(source, before, section, report.skew_ms, observed_ms)
            if section.name == narrowing.AGENT and holds and section.elements:
                self._said[source.id] = self._both(section, holds)
            again = "" if source.kind == RECORD else rereading(before, section)
            real = paths
            if again and before is not None:
                real = really_changed(self._session, before, section, holds, paths)
            for part, words in ((real, ""), (paths - real, again)):
                if part:
                    gone = [holding for path, holding in ended.items() if path in part]
                    begun = [item for item in new if item[0] in part]
                    self._changes.append(_Change(report, section, section_id, after_ms, gone, begun, part, words))
        self._section_rows.append(
            {
                "_id": section_id,
                "digest": section.digest,
                "applied_schema": schema.FINGERPRINT,
                "outcome": section.outcome,
                "reason": section.reason,
                "unreadable": list(section.unreadable),
                "topic_revision": section.revision,
                "observed_ms": observed_ms,
                "stale_since_ms": None,
                "state": section.state,
            }
        )
        known[section.name] = Applied(
            section_id, section.digest, schema.FINGERPRINT, section.outcome, observed_ms, None, section.revision
        )
        return bool(ended or new)

    def _both(
        self, section: PreparedSection, holds: Mapping[int, tuple[int, int]]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        before = contents_of(self._session, [element for _, element in holds.values()]).get(narrowing.AGENT)
        after = section.elements.get(narrowing.AGENT)
        return (
            {} if before is None else facts.attributes(narrowing.AGENT, before),
            {} if after is None else facts.attributes(narrowing.AGENT, after.content),
        )

    def _new_section(self, source_id: int, name: str, observed_ms: int) -> int:
        row = Section(source_id=source_id, name=name, observed_ms=observed_ms)
        self._session.add(row)
        self._session.flush()
        return row.id

    def _elements_now(self, section: PreparedSection, holds: Mapping[int, tuple[int, int]]) -> dict[int, int]:
        """Return element ids by path id."""
        ids, elements = self._ids, section.elements
        if section.unreadable and holds:
            elements = with_kept_values(section, contents_of(self._session, [element for _, element in holds.values()]))
            kept = [element for element in elements.values() if element.digest not in ids]
            ids = {**ids, **ids_within(self._session, kept)} if kept else ids
        found = {}
        for element in elements.values():
            element_id, path_id = ids[element.digest]
            found[path_id] = element_id
        return found

    def _write(self) -> None:
        self._write_changes()
        _update_many(self._connection, _SECTION, self._section_rows)
        _update_many(self._connection, _SECTION, self._stale_rows)
        _update_many(self._connection, _SOURCE, self._source_rows)
        if self._ci_rows:
            statement = (
                update(_CI)
                .where(_CI.c.id == bindparam("_id"))
                .values(
                    version=_CI.c.version + bindparam("changed"),
                    last_seen_ms=func.coalesce(bindparam("last_seen_ms", type_=BigInteger), _CI.c.last_seen_ms),
                )
            )
            self._connection.execute(statement, self._ci_rows)
        now = self._reports[0].received_ms
        rows = [{"ci_id": ci_id, "since_ms": now, "whole": False} for ci_id in sorted(self._due)]
        insert_ignoring(self._session, Due, rows)
        topology.mark(self._session, self._moved, now)

    def _write_changes(self) -> None:
        if not self._changes:
            return
        rows = [_revision_row(change) for change in self._changes]
        statement = insert(_REVISION).returning(_REVISION.c.id, sort_by_parameter_order=True)
        revisions = self._connection.execute(statement, rows).scalars().all()
        ended: list[tuple[int, int]] = []
        begun: list[tuple[int, int, int, int, int]] = []
        for change, revision in zip(self._changes, revisions, strict=True):
            source_id, section_id = change.report.source_id, change.section_id
            ended += [(revision, holding) for holding in change.gone]
            begun += [(source_id, section_id, path, element, revision) for path, element in change.new]
        mark = "%s" if self._connection.dialect.paramstyle in ("format", "pyformat") else "?"
        if ended:
            sql = f"UPDATE holding SET until_revision = {mark} WHERE id = {mark}"  # noqa: S608  # marks only
            self._connection.exec_driver_sql(sql, ended)
        if begun:
            columns = "source_id, section_id, path_id, element_id, since_revision"
            sql = f"INSERT INTO holding ({columns}) VALUES ({', '.join([mark] * 5)})"  # noqa: S608  # marks only
            self._connection.exec_driver_sql(sql, begun)


_SOURCE_COLUMNS = (
    "past_epochs",
    "epoch",
    "sequence",
    "report_digest",
    "continuation",
    "skew_ms",
    "agent_version",
    "confirmed_ms",
    "limitations",
    "unread",
    "epoch_ms",
    "machine",
    "peers",
    "check_in_s",
    "held_epoch",
    "held_ms",
    "diverged_ms",
)


def _revision_row(change: _Change) -> dict[str, Any]:
    report, section = change.report, change.section
    return {
        "source_id": report.source_id,
        "section": section.name,
        "epoch": report.epoch,
        "sequence": report.sequence,
        "digest": section.digest,
        "received_ms": report.received_ms,
        "after_ms": change.after_ms,
        "observed_ms": section.observed_ms + report.skew_ms,
        "skew_ms": report.skew_ms,
        "agent_version": report.agent_version,
        "added": len(change.new),
        "removed": len(change.gone),
        "rereading": change.rereading,
        "changed_paths": pack_ids(change.paths),
    }


def _update_many(connection: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "_id"}
        connection.execute(update(table).where(table.c.id == bindparam("_id")).values(values), rows)


def _last_without(
    source: Any, before: Applied | None, section: PreparedSection, skew_ms: int, observed_ms: int
) -> int | None:
    """Return the last time at which a change is known not to have happened (design section 6, rule 1).

    None where the section was never read before.
    """
    if before is None or before.digest is None:
        return None
    times: list[int] = [before.observed_ms]
    if source.confirmed_ms is not None:
        times.append(source.confirmed_ms)
    if section.previous_digest and section.previous_digest == before.digest:
        times.append(section.previous_observed_ms + skew_ms)
    return min(max(times), observed_ms - 1)
