"""Runs a timeline of observations and decisions through the record, as a collector and a server would.

A case is a folder with a `case.yaml`: `rule` (of the design's section 6), `why`, and `steps`. Every step has `at`
(HH:MM[:SS] of one day, +N for days later, UTC, the collector's clock) and one of:

- `report`: `host`, and what its sections hold now: `packages` {name: version}, `sysctls` {name: value}, `users`
  {name: uid}; a section that is left out was not read. `since` {section: HH:MM} is the last time the host knows the
  content before still held, `clock` seconds by which the host's clock is ahead, `unreadable` {section: reason},
  `revision` of the code that read it, `log` a list of {command, by, start, end, changes: [[name, before, after]]}.
- `confirm`: `host`: a check-in whose manifest says that nothing changed.
- `capture` {host, name, by}, `approve` {name, by}, `edit` {name, by, document}, `retire` {name, by}
- `authorise` {rfc, by, seen}: `seen` names an earlier `look` step's mark, else what is there now
- `look` {rfc, mark}: remembers what an approver sees
- `revert` {rfc, by}, `accept` {path, by, until}, `plan` {host, by, path, at_least | is, start, end}
- `silence` {after}: the job that looks for silent sources; `wait` {}: the one that ends acceptances
- `window` {name, start, end, ci | environment ...}: a maintenance window; `notify` {}: the server's dispatcher
- `acknowledge` {rfc, by}, `snooze` {rfc, by, until}, `verdict` {rfc, by, is}
Any of them may have `error`: words that the refusal must contain.
- `told`: [{kind, state, severity, title, held}] of all events; `messages` [{channel, kind, events}] of all messages.
- `expect`: `drifts` [{host, path, kind, expected, actual, state}] in any order: all drifts there are that are not
  superseded, or with `all: true` really all; `rfcs` [{number, state, hosts, deltas, outcome}]; `findings` [kind];
  `explained` [path].
"""

import os
import re
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import yaml
from sqlmodel import select

from driftline import facts, paths
from driftline.v1 import collector_pb2
from driftline.v1.facts_pb2 import Facts
from driftline_baseline.predict import KINDS
from driftline_baseline.values import show
from driftline_cmdb import record
from driftline_cmdb.attention import dispatch, handling, judging, maintenance, reminders
from driftline_cmdb.baselines import approval, capturing, versions
from driftline_cmdb.database import Database
from driftline_cmdb.drift import accepting
from driftline_cmdb.drift.assess import assess_due
from driftline_cmdb.drift.silence import find_silence
from driftline_cmdb.errors import CmdbError
from driftline_cmdb.reports import Committed, Ingest, Report, prepare_section
from driftline_cmdb.rfcs import decisions, planning, reading
from driftline_cmdb.tables.attention import AttentionEvent, Delivery, DeliveryItem
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.rfcs import Rfc
from driftline_cmdb.tables.sources import Source

DAY_MS = 1_790_000_000_000 // 86_400_000 * 86_400_000


def clock(text: object) -> int:
    """Return a case's time as ms since 1970."""
    found = re.fullmatch(r"(?:\+(\d+) )?(\d+):(\d\d)(?::(\d\d))?", str(text))
    assert found, f"{text!r} is not a time of a case; quote it"
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return DAY_MS + ((days * 24 + hours) * 3600 + minutes * 60 + seconds) * 1000


@dataclass
class Host:
    """One agent as the timeline sees it."""

    source_id: int
    epoch: str
    sequence: int = 0
    continuation: bytes = b""
    digests: dict[str, bytes] = field(default_factory=dict)


def section_facts(name: str, content: Any) -> Facts:
    """Return the facts of one section of a report."""
    out = Facts()
    if name == "packages":
        for package, version in sorted(content.items()):
            out.software.packages.add(manager="dpkg", name=package, architecture="amd64", version=str(version))
    elif name == "sysctls":
        for key, value in sorted(content.items()):
            out.os.sysctls.add(name=key, value=str(value))
    elif name == "users":
        for user, uid in sorted(content.items()):
            out.accounts.users.add(name=user, uid=uid)
    else:
        raise AssertionError(f"a report of a case has no section {name}")
    return out


class Timeline:
    """The state of one run."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ingest = Ingest(database)
        self.hosts: dict[str, Host] = {}
        self.seen: dict[str, str] = {}

    def run(self, case: dict[str, Any]) -> None:
        for number, step in enumerate(case["steps"]):
            now = clock(step["at"])
            kind = next(key for key in step if key not in ("at", "error"))
            with _naming(f"step {number} ({step['at']} {kind})"):
                if "error" in step:
                    self._refused(kind, step, now)
                else:
                    getattr(self, kind)(step[kind], now)
                    while assess_due(self.database, now):
                        pass

    def _refused(self, kind: str, step: dict[str, Any], now: int) -> None:
        try:
            getattr(self, kind)(step[kind], now)
        except CmdbError as error:
            assert step["error"] in str(error), str(error)
        else:
            raise AssertionError(f"was not refused with: {step['error']}")

    def host(self, name: str, now: int) -> Host:
        if name not in self.hosts:
            with self.database.write() as session:
                source = Source(uid=f"source-{name}", hostname=name, enrolled_ms=now)
                session.add(source)
                session.flush()
                self.hosts[name] = Host(source.id, f"epoch-{name}")
        return self.hosts[name]

    def report(self, step: dict[str, Any], now: int) -> None:
        host = self.host(step["host"], now)
        ahead = int(step.get("clock", 0)) * 1000
        sections = []
        for name, content in step.items():
            if name in ("host", "since", "clock", "unreadable", "log", "read_at", "revision"):
                continue
            data = section_facts(name, content).SerializeToString(deterministic=True)
            read_ms = clock(step["read_at"]) if "read_at" in step else now
            section = collector_pb2.Section(
                name=name,
                outcome=collector_pb2.READ,
                content=data,
                digest=facts.digest_of(data),
                observed_at_ms=read_ms + ahead,
                revision=step.get("revision", 1),
            )
            if name in step.get("since", {}):
                section.previous_digest = host.digests[name]
                section.previous_observed_at_ms = clock(step["since"][name]) + ahead
            host.digests[name] = section.digest
            sections.append(section)
        for name, reason in step.get("unreadable", {}).items():
            sections.append(
                collector_pb2.Section(
                    name=name, outcome=collector_pb2.UNREADABLE, reason=reason, observed_at_ms=now + ahead
                )
            )
        log = [_transaction(entry, ahead) for entry in step.get("log", [])]
        self._commit(step["host"], now, ahead, sections, log, None)

    def confirm(self, step: dict[str, Any], now: int) -> None:
        host = self.host(step["host"], now)
        manifest = collector_pb2.Manifest(observed_at_ms=now)
        for name, digest in host.digests.items():
            manifest.sections.add(name=name, digest=digest)
        self._commit(step["host"], now, 0, [], [], manifest)

    def _commit(self, name: str, now: int, ahead: int, sections: Any, log: Any, manifest: Any) -> None:
        host = self.hosts[name]
        host.sequence += 1
        (result,) = self.ingest.commit(
            [
                Report(
                    source_id=host.source_id,
                    epoch=host.epoch,
                    sequence=host.sequence,
                    continuation=host.continuation,
                    digest=blake2b(os.urandom(8), digest_size=16).digest(),
                    received_ms=now,
                    sent_ms=now + ahead,
                    agent_version="0",
                    claims=collector_pb2.HostClaims(hostname=name),
                    sections=tuple(prepare_section(section) for section in sections),
                    transactions=tuple(log),
                    manifest=manifest,
                )
            ]
        )
        if not isinstance(result, Committed):
            raise result
        host.continuation = result.continuation

    def capture(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            capturing.capture(session, record.find_ci(session, step["host"]), step["name"], step["by"], now)

    def edit(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            versions.edit(session, step["name"], step["document"], step["by"], now)

    def approve(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            approval.approve(session, step["name"], step["by"], now)

    def retire(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            approval.retire(session, step["name"], step["by"], now)

    def look(self, step: dict[str, Any], _now: int) -> None:
        with self.database.read() as session:
            self.seen[step["mark"]] = reading.view(session, step["rfc"]).scope

    def authorise(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            seen = self.seen[step["seen"]] if "seen" in step else reading.view(session, step["rfc"]).scope
            decisions.authorise(session, step["rfc"], step["by"], seen, "", now)

    def revert(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            decisions.order_revert(session, step["rfc"], step["by"], "", now)

    def accept(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            open_ones = session.exec(select(Drift).where(Drift.state == "open")).all()
            (found,) = (drift for drift in open_ones if paths.matches(step["path"], drift.path))
            accepting.accept(session, found.id, step["by"], "a test", clock(step["until"]), now)

    def plan(self, step: dict[str, Any], now: int) -> None:
        kind = next(key for key in step if key in KINDS)
        with self.database.write() as session:
            planned = planning.Planned(record.find_ci(session, step["host"]), step["path"], kind, step[kind])
            start, end = (clock(step[name]) if name in step else None for name in ("start", "end"))
            plan = planning.Plan("a plan", planned_start_ms=start, planned_end_ms=end)
            planning.propose(session, plan, step["by"], [planned], now)

    def silence(self, step: dict[str, Any], now: int) -> None:
        find_silence(self.database, now, int(step["after"]) * 1000)

    def wait(self, _step: dict[str, Any], now: int) -> None:
        accepting.end_acceptances(self.database, now)

    def window(self, step: dict[str, Any], now: int) -> None:
        selector = {key: [value] for key, value in step.items() if key not in ("name", "start", "end", "by")}
        start, end = clock(step["start"]), clock(step["end"])
        with self.database.write() as session:
            maintenance.add(session, step["name"], selector, start, end, "a test", step.get("by", "alice"), now)

    def notify(self, _step: dict[str, Any], now: int) -> None:
        reminders.remind(self.database, now)
        dispatch.route_due(self.database, now)
        dispatch.escalate_due(self.database, now)

    def acknowledge(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            handling.acknowledge(session, reading.find_rfc(session, step["rfc"]), step["by"], now)

    def snooze(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            rfc = reading.find_rfc(session, step["rfc"])
            handling.snooze(session, rfc, clock(step["until"]), step.get("reason", "a test"), step["by"], now)

    def verdict(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            judging.give(session, step["rfc"], step["is"], step["by"], "", now)

    def told(self, step: list[dict[str, Any]], _now: int) -> None:
        with self.database.read() as session:
            found = [
                {"kind": row.kind, "state": row.state, "severity": row.severity, "title": row.title, "cis": row.cis}
                for row in session.exec(select(AttentionEvent))
            ]
        _compare(found, step)

    def messages(self, step: list[dict[str, Any]], _now: int) -> None:
        with self.database.read() as session:
            items = session.exec(select(DeliveryItem, AttentionEvent).where(DeliveryItem.event_id == AttentionEvent.id))
            kinds: dict[int, list[str]] = {}
            for item, event in items:
                kinds.setdefault(item.delivery_id, []).append(event.kind)
            found = [
                {"channel": row.channel, "kind": row.kind, "events": sorted(kinds[row.id])}
                for row in session.exec(select(Delivery))
            ]
        _compare(found, step)

    def expect(self, step: dict[str, Any], _now: int) -> None:
        with self.database.read() as session:
            if "drifts" in step:
                names = {ci.id: ci.name for ci in session.exec(select(Ci))}
                found = [
                    {
                        "host": names[drift.ci_id],
                        "path": drift.path,
                        "kind": drift.kind,
                        "state": drift.state,
                        "expected": show(drift.expected),
                        "actual": show(drift.actual),
                        "returns": drift.returns,
                    }
                    for drift in session.exec(select(Drift).order_by(Drift.id))  # type: ignore[arg-type]  # a column
                    if step.get("all") or drift.state != "superseded"
                ]
                _compare(found, step["drifts"])
            if "rfcs" in step:
                views = [reading.view(session, number) for number in sorted(session.exec(select(Rfc.number)))]
                found = [
                    {
                        "number": view.rfc.number,
                        "state": view.rfc.state,
                        "outcome": view.rfc.outcome,
                        "hosts": sorted(ci.name for ci in view.cis.values()),
                        "deltas": len(view.deltas),
                        "cause": view.cause,
                    }
                    for view in views
                ]
                _compare(found, step["rfcs"])
            if "findings" in step:
                open_ones = [row.kind for row in session.exec(select(Finding)) if row.closed_ms is None]
                assert sorted(open_ones) == sorted(step["findings"])


class _naming:  # noqa: N801  # reads as a statement
    """Says in which step an assertion failed."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None:
            error.add_note(self.where)


def _compare(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """Each wanted row names some fields of just one found row, and no row is left over."""
    rest = list(found)
    for want in wanted:
        want = {
            key: value if isinstance(value, int | list) or value is None else str(value) for key, value in want.items()
        }
        fitting = [row for row in rest if all(row[key] == value for key, value in want.items())]
        assert fitting, f"nothing fits {want} in {rest}"
        rest.remove(fitting[0])
    assert not rest, f"not expected: {rest}"


def _transaction(entry: dict[str, Any], ahead: int) -> collector_pb2.Transaction:
    out = collector_pb2.Transaction(
        manager="apt",
        command_line=entry["command"],
        requested_by=entry.get("by", ""),
        started_at_ms=clock(entry["start"]) + ahead,
        ended_at_ms=clock(entry["end"]) + ahead,
    )
    for name, before, after in entry["changes"]:
        action = "remove" if after is None else "install" if before is None else "upgrade"
        out.changes.add(
            action=action, name=name, architecture="amd64", version_before=before or "", version_after=after or ""
        )
    return out


def load(path: Any) -> dict[str, Any]:
    """Read a case."""
    with open(path / "case.yaml") as file:  # noqa: PTH123  # a path of any kind
        return yaml.safe_load(file)  # type: ignore[no-any-return]  # a mapping
