"""Runs a timeline of observations and decisions through the record, as a collector and a server would.

A case is a folder with a `case.yaml`: `rule` (of the design's section 6), `why`, and `steps`. Every step has `at`
(HH:MM[:SS] of one day, +N for days later, UTC, the collector's clock) and one of:

- `report`: `host` (or `hosts`, all the same), and what its sections hold now: `packages` {name: version}, `sysctls`
  {name: value}, `users` {name: uid}, `memory` {slot: size}, `disks` {name: serial number}, `interfaces` {name: mac},
  `release` {field: value}, `files` {path: {attribute: value}}, `restart` {reboot, outdated: {executable: [package]}}; a
  section that is left out was not read. `since` {section: HH:MM} is the last time the host knows the content before
  still held, `clock` seconds by which the host's clock is ahead, `unreadable` {section: reason}, `called` another host
  name than before, `revision` of the code that read it, `compared` {section: [path]}: the agent knows that only these
  elements' raw input is other than at the last reading by the revision before, `log` a list of {command, by, start,
  end, changes: [[name, before, after]]}, `witnesses` a list of [kind, who, what, start, end or null].
- `confirm`: `host` or `hosts`: a check-in whose manifest says that nothing changed; `limitations` [text].
- `capture` {host | group, name, by, share, leave_out}, `create` {by, document}, `approve` {name, by, at: to come},
  `edit` {name, by, document}, `retire` {name, by}, `roll_back` {name, to, by}, `promote` {name, to, set, by}
- `record` {host, labels, environment, services}: what a person says of a CI
- `dry_run` {name, opens, closes}: [[host, path]]; nothing may be written
- `authorise` {rfc, by, seen, supersedes, despite_freeze, despite_conflicts}: `seen` names an earlier `look` step's
  mark, else what is there now
- `look` {rfc, mark}: remembers what an approver sees
- `revert` {rfc, by}, `accept` {path, by, until}
- `plan` {host or hosts, by, path, at_least | is, start, end} and any text field of an RFC, or for several lines
  {predict: [{path, upgrade | present | ..., origin}]}; `draft: true` only drafts it
- `origin` {name, publishes: {package: version}}; `rule` {by, document}, `approve_rule` and `retire_rule` {name, by}
- `window_end` {rfc, counts}: the job at the end of a window, and what its verification must count
- `verify` {rfc, counts, extra, consequential}: predicted against actual now
- `split` {rfc, hosts, by}; `replay` {rule, hidden, bad}; `emergency` {hosts, by, accounts, incident, until}
- `submit` {rfc, by}, `assess` {rfc, by, risk_level}, `reject` {rfc, by, why}, `cancel` {rfc, by},
  `schedule` {rfc, by, start, end}, `start` {rfc, by}, `close` {rfc, by, outcome, review}, `back_out` {rfc, by, why},
  `reopen` {rfc, by}, `declare` {by, title}: an emergency
- `policy` {by, confirm, document}: an approval policy, proposed and confirmed; `cis` {host: {field: value}}
- `freeze` {name, by, selector, start, end, reason}
- `create_ci` {name, by, class, status, site}: a CI on record before any report; `join` {host, ci}: the host's join
  token names that CI; `locate` {site: [host, ...]}; `relate` and `unrelate` {from, kind, to, by}
- `template` {name, by, approve, document}, `from_template` {name, by, host, set, start, end}
- `silence` {after, listening}: the job that looks for silent sources, `listening` since then without a break;
  `wait` {}: those that end acceptances, bring into force, move RFCs on with their windows, and escalate emergencies
- `release` {name, by, kind, criteria, promotes, promote_to, promote_set}, `release_add` and `release_remove`
  {name, rfc, by}, `wave` {name, environment, selector, by, start, end}, `start_wave` and `end_wave` {name, wave, by},
  `release_edit` {name, by} and what changes, `check` {name, by, passed, reporting, rules: [text]}, `accept_release`
  {name, by}, `close_release`, `fail_release`, `cancel_release` {name, by, review}
- `waiver` {host, by, until, reason}, `approve_waiver` and `end_waiver` {waiver, by}, `gate` {opened}: the job that
  looks at all CIs in production; `gate_policy` {by, confirm, document}
- `window` {name, start, end, ci | environment ...}: a maintenance window; `notify` {}: the server's dispatcher
- `acknowledge` {rfc, by}, `snooze` {rfc, by, until}, `verdict` {rfc, by, is}
Any of them may have `error`: words that the refusal must contain, or `later: true`: not assessed until the next step.
- `told`: [{kind, state, severity, title, held}] of all events; `messages` [{channel, kind, events}] of all messages.
- `expect`: `drifts` [{host, path, kind, expected, actual, state, why}] in any order: all drifts there are that are not
  superseded, or with `all: true` really all; `rfcs` [{number, state, hosts, deltas, outcome, approvals: "1 of 2",
  decisions: [action ...], title, said (with the last decision), impact,
  named: [command of its transactions], present: [[kind, who, alone]]}]; `findings` [kind];
  `silent` [{key, message, closed, silent, back}]: all findings of silence; `history` {host: [[path, before, after]]},
  newest first, `intervals` {host: [[path, after, observed]]} of the same; `releases` [{name, state,
  waves: [state], result, reverse_plan, promoted, snapshots: [host]}]; `gate` {host: words of its open finding};
  `since_snapshot` {release: {host: [[path, before, now]]}}; `facts` {host: {path: value}}.
"""

import os
import re
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from typing import Any

import yaml
from sqlmodel import select

from driftline import facts, paths
from driftline.v1 import collector_pb2
from driftline.v1.facts_pb2 import Facts
from driftline_baseline.allowed import ALLOWED_KINDS
from driftline_baseline.values import show
from driftline_cmdb import record, relations
from driftline_cmdb.attention import dispatch, handling, judging, maintenance, reminders
from driftline_cmdb.baselines import approval, capturing, copying, groups, trial, versions
from driftline_cmdb.database import Database
from driftline_cmdb.drift import accepting, settling
from driftline_cmdb.drift.assess import assess_due
from driftline_cmdb.drift.silence import find_silence
from driftline_cmdb.errors import CmdbError
from driftline_cmdb.releases import editing, gate, gate_policy, rollout, snapshots, testing, waivers, waves
from driftline_cmdb.reports import Committed, Ingest, Report, prepare_section
from driftline_cmdb.rfcs import (
    backing_out,
    decisions,
    declaring,
    drafting,
    emergencies,
    freezes,
    impact,
    lifecycle,
    planning,
    policies,
    progress,
    reading,
    splitting,
    templates,
    verification,
)
from driftline_cmdb.rfcs.decisions import Waivers
from driftline_cmdb.standing import origins, replay, rules
from driftline_cmdb.tables.attention import AttentionEvent, Delivery, DeliveryItem
from driftline_cmdb.tables.cis import Binding, Ci, Finding
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.releases import Release
from driftline_cmdb.tables.rfcs import Rfc
from driftline_cmdb.tables.sources import Source
from driftline_server.cis.edit import edit as edit_ci
from driftline_server.cis.views import CiEdit

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
    elif name == "release":
        for key, value in content.items():
            setattr(out.os.release, key, str(value))
    elif name == "restart":
        out.os.restart.reboot_required = content.get("reboot", False)
        for executable, packages in content.get("outdated", {}).items():
            out.os.restart.outdated.add(executable=executable, packages=packages)
    elif name == "files":
        for file, attributes in content.items():
            out.files.files.add(path=file, **attributes)
    elif name == "memory":
        for slot, size in sorted(content.items()):
            out.hardware.memory.modules.add(slot=slot, size=size)
    elif name == "disks":
        for disk, serial in sorted(content.items()):
            out.storage.devices.add(name=disk, serial_number=str(serial))
    elif name == "interfaces":
        for interface, mac in sorted(content.items()):
            out.network.interfaces.add(name=interface, mac=mac)
    else:
        raise AssertionError(f"a report of a case has no section {name}")
    return out


#: What of a report is no section.
_NO_SECTION = frozenset(
    ["host", "called", "since", "clock", "unreadable", "log", "witnesses", "read_at", "revision", "compared"]
)


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
            kind = next(key for key in step if key not in ("at", "error", "later"))
            with _naming(f"step {number} ({step['at']} {kind})"):
                if "error" in step:
                    self._refused(kind, step, now)
                else:
                    getattr(self, kind)(step[kind], now)
                    while not step.get("later") and assess_due(self.database, now):
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
        for name in step.get("hosts", []):
            self.report({key: value for key, value in step.items() if key != "hosts"} | {"host": name}, now)
        if "hosts" in step:
            return
        host = self.host(step["host"], now)
        ahead = int(step.get("clock", 0)) * 1000
        sections = []
        for name, content in step.items():
            if name in _NO_SECTION:
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
            if name in step.get("compared", {}):
                section.comparison.revision = section.revision - 1
                section.comparison.digest = host.digests[name]
                section.comparison.changed.extend(facts.path_digest(path) for path in step["compared"][name])
            host.digests[name] = section.digest
            sections.append(section)
        for name, reason in step.get("unreadable", {}).items():
            sections.append(
                collector_pb2.Section(
                    name=name, outcome=collector_pb2.UNREADABLE, reason=reason, observed_at_ms=now + ahead
                )
            )
        log = [_transaction(entry, ahead) for entry in step.get("log", [])]
        there = [
            collector_pb2.Evidence(
                kind=kind,
                who=who,
                what=what,
                started_at_ms=clock(start) + ahead,
                ended_at_ms=clock(end) + ahead if end else 0,
                source="journal",
            )
            for kind, who, what, start, end in step.get("witnesses", [])
        ]
        self._commit(step["host"], now, ahead, sections, log, None, step.get("called"), there)

    def confirm(self, step: dict[str, Any], now: int) -> None:
        for name in step.get("hosts", []):
            self.confirm({"host": name}, now)
        if "hosts" in step:
            return
        host = self.host(step["host"], now)
        manifest = collector_pb2.Manifest(observed_at_ms=now, limitations=step.get("limitations", []))
        for name, digest in host.digests.items():
            manifest.sections.add(name=name, digest=digest)
        self._commit(step["host"], now, 0, [], [], manifest)

    def _commit(
        self,
        name: str,
        now: int,
        ahead: int,
        sections: Any,
        log: Any,
        manifest: Any,
        called: str | None = None,
        there: Any = (),
    ) -> None:
        self._send(
            name,
            Report(
                source_id=self.hosts[name].source_id,
                epoch="",
                sequence=0,
                continuation=b"",
                digest=blake2b(os.urandom(8), digest_size=16).digest(),
                received_ms=now,
                sent_ms=now + ahead,
                agent_version="0",
                claims=collector_pb2.HostClaims(hostname=called or name),
                sections=tuple(prepare_section(section) for section in sections),
                transactions=tuple(log),
                evidence=tuple(there),
                manifest=manifest,
            ),
        )

    def _send(self, name: str, report: Report) -> None:
        """Number a report, let it continue the last one, and commit it."""
        host = self.hosts[name]
        host.sequence += 1
        stamped = replace(report, epoch=host.epoch, sequence=host.sequence, continuation=host.continuation)
        (result,) = self.ingest.commit([stamped])
        if not isinstance(result, Committed):
            raise result
        host.continuation = result.continuation

    def capture(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            leave_out = step.get("leave_out", False)
            if "group" in step:
                selector, share = groups.parse_group(step["group"]), step.get("share", 90)
                groups.capture_group(
                    session, selector, step["name"], share, step["by"], now, leave_out_drifts=leave_out
                )
                return
            ci = record.find_ci(session, step["host"])
            capturing.capture(session, ci, step["name"], step["by"], now, leave_out_drifts=leave_out)

    def create(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            versions.create(session, step["document"], step["by"], now)

    def roll_back(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            copying.roll_back(session, step["name"], step["to"], step["by"], now)

    def promote(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            copying.promote(session, step["name"], step["to"], step["set"], step["by"], now)

    def record(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            said = {name: value for name, value in step.items() if name != "host"}
            edit_ci(session, step["host"], CiEdit(**said), "alice", now)

    def dry_run(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            found = trial.foresee_approval(session, step["name"], now)
            assert not session.dirty and not session.new and not session.deleted
        assert [[one.ci, one.path] for one in found.opens] == step.get("opens", []), found.opens
        assert [[one.ci, one.path] for one in found.closes] == step.get("closes", []), found.closes
        if "folds" in step:
            assert [one.show() for one in found.folded] == step["folds"]
        if "conflicts" in step:
            assert len(found.conflicts) == step["conflicts"], found.conflicts

    def edit(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            versions.edit(session, step["name"], step["document"], step["by"], now)

    def approve(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            at = clock(step["at"]) if "at" in step else None
            approval.approve(session, step["name"], step["by"], now, at_ms=at)

    def retire(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            approval.retire(session, step["name"], step["by"], now)

    def look(self, step: dict[str, Any], _now: int) -> None:
        with self.database.read() as session:
            self.seen[step["mark"]] = reading.view(session, step["rfc"]).scope

    def authorise(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            seen = self.seen[step["seen"]] if "seen" in step else reading.view(session, step["rfc"]).scope
            waivers = Waivers(step.get("supersedes"), step.get("despite_freeze"), step.get("despite_conflicts", False))
            decisions.authorise(session, step["rfc"], step["by"], seen, "", now, waivers=waivers)

    def revert(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            decisions.order_revert(session, step["rfc"], step["by"], "", now)

    def accept(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            open_ones = session.exec(select(Drift).where(Drift.state == "open")).all()
            (found,) = (drift for drift in open_ones if paths.matches(step["path"], drift.path))
            accepting.accept(session, found.id, step["by"], "a test", clock(step["until"]), now)

    def plan(self, step: dict[str, Any], now: int) -> None:
        lines = step.get("predict", [step])
        with self.database.write() as session:
            cis = [record.find_ci(session, name) for name in step.get("hosts", [step.get("host")])]
            planned = [_planned(ci, line) for ci in cis for line in lines]
            start, end = (clock(step[name]) if name in step else None for name in ("start", "end"))
            texts = {name.name: step[name.name] for name in fields(planning.Plan) if name.name in step}
            plan = planning.Plan(**{"title": "a plan", **texts, "planned_start_ms": start, "planned_end_ms": end})
            make = drafting.draft if step.get("draft") else planning.propose
            make(session, plan, step["by"], planned, now)

    def submit(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            drafting.submit(session, step["rfc"], step["by"], now)

    def assess(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            progress.assess(session, step["rfc"], step["by"], "", now, risk_level=step.get("risk_level"))

    def reject(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            decisions.reject(session, step["rfc"], step["by"], step["why"], now)

    def cancel(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            decisions.cancel(session, step["rfc"], step["by"], "", now)

    def schedule(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            progress.schedule(session, step["rfc"], step["by"], clock(step["start"]), clock(step["end"]), "", now)

    def start(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            progress.start(session, step["rfc"], step["by"], "", now)

    def close(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            progress.close(session, step["rfc"], step["by"], step["outcome"], step.get("review", ""), now)

    def back_out(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            backing_out.order(session, step["rfc"], step["by"], step["why"], now)

    def reopen(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            progress.reopen(session, step["rfc"], step["by"], "", now)

    def declare(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            emergencies.declare(session, planning.Plan(step["title"]), step["by"], now)

    def policy(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            proposed = policies.propose(session, step["document"], step["by"], now)
            policies.confirm(session, proposed.number, step["confirm"], now)

    def cis(self, step: dict[str, Any], _now: int) -> None:
        with self.database.write() as session:
            for host, changes in step.items():
                ci = record.find_ci(session, host)
                for name, value in changes.items():
                    setattr(ci, name, value)
                session.add(ci)

    def freeze(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            start, end = clock(step["start"]), clock(step["end"])
            freezes.add(session, step["name"], step["selector"], start, end, step["reason"], step["by"], now)

    def template(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            templates.write(session, step["name"], step["document"], step["by"], now)
            templates.approve(session, step["name"], step["approve"], now)

    def from_template(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            cis = [record.find_ci(session, step["host"])]
            start, end = (clock(step[name]) if name in step else None for name in ("start", "end"))
            templates.use(session, step["name"], cis, step.get("set", {}), step["by"], start, end, now)

    def origin(self, step: dict[str, Any], now: int) -> None:
        entries = [origins.Entry("dpkg", name, "*", str(version)) for name, version in step["publishes"].items()]
        with self.database.write() as session:
            origins.load(session, step["name"], entries, "alice", now)

    def rule(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            rules.draft(session, step["document"], step["by"], now)

    def approve_rule(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            rules.approve(session, step["name"], step["by"], now)

    def retire_rule(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            rules.retire(session, step["name"], step["by"], now)

    def replay(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            found = replay.replay(session, step["rule"], 90, now)
        assert (len(found.hidden), len(found.bad)) == (step["hidden"], step["bad"]), found

    def window_end(self, step: dict[str, Any], now: int) -> None:
        assert lifecycle.advance(self.database, now) >= 1
        self.verify({"extra": None, **step}, now)

    def verify(self, step: dict[str, Any], _now: int) -> None:
        with self.database.read() as session:
            found = verification.verify(session, reading.find_rfc(session, step["rfc"]))
        assert found.counts == step["counts"], found
        for name in ("extra", "consequential"):
            counted = sum(len(host.extra) if name == "extra" else host.consequential for host in found.hosts)
            assert step.get(name, 0) in (None, counted), found
        assert step.get("text", "") in found.text(), found.text()

    def split(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            cis = [record.find_ci(session, name) for name in step["hosts"]]
            splitting.split(session, step["rfc"], cis, step["by"], "", now)

    def emergency(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            cis = [record.find_ci(session, name) for name in step["hosts"]]
            until = clock(step["until"])
            declaring.open_emergency(session, cis, step["by"], step.get("accounts", ()), step["incident"], until, now)

    def create_ci(self, step: dict[str, Any], now: int) -> None:
        new = relations.NewCi(
            step["name"], step.get("class", "server"), step.get("status", "planned"), location=step.get("site")
        )
        with self.database.write() as session:
            relations.create_ci(session, new, step["by"], now)

    def join(self, step: dict[str, Any], now: int) -> None:
        host = self.host(step["host"], now)
        with self.database.write() as session:
            ci = record.find_ci(session, step["ci"])
            session.add(Binding(source_id=host.source_id, ci_id=ci.id, reason="its token names it", since_ms=now))

    def locate(self, step: dict[str, Any], _now: int) -> None:
        with self.database.write() as session:
            for site, names in step.items():
                for name in names:
                    record.find_ci(session, name).location = site

    def relate(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            front, behind = (record.find_ci(session, step[end]) for end in ("from", "to"))
            relations.relate(session, front, step["kind"], behind, relations.BY_A_PERSON, step["by"], now)

    def unrelate(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            front, behind = (record.find_ci(session, step[end]) for end in ("from", "to"))
            relations.unrelate(session, front, step["kind"], behind, step["by"], now)

    def release(self, step: dict[str, Any], now: int) -> None:
        more = {key: value for key, value in step.items() if key not in ("name", "by", "kind")}
        with self.database.write() as session:
            editing.create(session, step["name"], step.get("kind", "minor"), step["by"], now, **more)

    def release_edit(self, step: dict[str, Any], now: int) -> None:
        changes = {key: value for key, value in step.items() if key not in ("name", "by")}
        with self.database.write() as session:
            editing.edit(session, step["name"], changes, step["by"], now)

    def release_add(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            editing.add_rfc(session, step["name"], step["rfc"], step["by"], now)

    def release_remove(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            editing.remove_rfc(session, step["name"], step["rfc"], step["by"], now)

    def wave(self, step: dict[str, Any], now: int) -> None:
        start, end = (clock(step[name]) if name in step else None for name in ("start", "end"))
        with self.database.write() as session:
            editing.add_wave(
                session,
                step["name"],
                step["environment"],
                step["selector"],
                step["by"],
                now,
                start_ms=start,
                end_ms=end,
            )

    def start_wave(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            rollout.start_wave(session, step["name"], step["wave"], step["by"], "", now)

    def end_wave(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            rollout.end_wave(session, step["name"], step["wave"], step["by"], "", now)

    def check(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            found = testing.check(session, step["name"], step["by"], now)
        assert found.passed == step["passed"], found.results
        assert [one["text"] for one in found.results] == step.get("rules", [one["text"] for one in found.results])
        assert f"{found.reporting} of {found.cis}" == step.get("reporting", f"{found.reporting} of {found.cis}")

    def accept_release(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            testing.accept(session, step["name"], step["by"], "", now)

    def close_release(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            rollout.close(session, step["name"], step["by"], step.get("review", ""), now)

    def fail_release(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            rollout.fail(session, step["name"], step["by"], step.get("review", ""), now)

    def cancel_release(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            rollout.cancel(session, step["name"], step["by"], step.get("review", ""), now)

    def waiver(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            ci = record.find_ci(session, step["host"])
            waivers.request(session, ci, step.get("reason", "a test"), clock(step["until"]), step["by"], now)

    def approve_waiver(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            waivers.approve(session, step["waiver"], step["by"], now)

    def end_waiver(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            waivers.end(session, step["waiver"], step["by"], "", now)

    def gate(self, step: dict[str, Any], now: int) -> None:
        waivers.expire(self.database, now)
        opened = gate.look(self.database, now)
        assert opened == step["opened"], opened

    def gate_policy(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            proposed = gate_policy.propose(session, step["document"], step["by"], now)
            gate_policy.confirm(session, proposed.number, step["confirm"], now)

    def silence(self, step: dict[str, Any], now: int) -> None:
        listening = clock(step["listening"]) if "listening" in step else None
        find_silence(self.database, now, int(step["after"]) * 1000, listening)

    def wait(self, _step: dict[str, Any], now: int) -> None:
        accepting.end_acceptances(self.database, now)
        rules.expire(self.database, now)
        backing_out.verify_back_outs(self.database, now)
        settling.close_standard_changes(self.database, now)
        lifecycle.advance(self.database, now)
        lifecycle.escalate(self.database, now)
        approval.bring_into_force(self.database, now)

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
                        "severity": drift.severity,
                        "why": drift.why,
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
                        "approvals": f"{len({a.approval.person for a in view.approvals if a.counts})} of "
                        f"{view.need.approvers}",
                        "decisions": [decision.action for decision in view.decisions],
                        "title": view.rfc.title,
                        "said": view.decisions[-1].comment,
                        "named": [one.command_line for one in view.transactions],
                        "present": [[one.evidence.kind, one.evidence.who, one.alone] for one in view.present],
                        "impact": impact.impact_of(session, view.rfc.number).show(),
                    }
                    for view in views
                ]
                _compare(found, step["rfcs"])
            if "silent" in step:
                named = {ci.uid: ci.name for ci in session.exec(select(Ci))}
                found = [
                    {
                        "key": ":".join(named.get(word, word) for word in row.key.split(":")),
                        "message": row.message,
                        "closed": row.closed_ms is not None,
                        "silent": row.detail["silent"],
                        "back": row.detail["back"],
                    }
                    for row in session.exec(select(Finding).where(Finding.kind == "silent"))
                ]
                _compare(found, step["silent"])
            for host, wanted in step.get("history", {}).items():
                changes = record.history_of(session, record.find_ci(session, host))
                assert [[one.path, one.before, one.after] for one in changes] == wanted
            for host, wanted in step.get("intervals", {}).items():
                changes = record.history_of(session, record.find_ci(session, host))
                bounds = [[path, clock(after), clock(observed)] for path, after, observed in wanted]
                assert [[one.path, one.after_ms, one.observed_ms] for one in changes] == bounds
            for host, wanted in step.get("facts", {}).items():
                values = {one.path: one.value for one in record.facts_of(session, record.find_ci(session, host))}
                held = {path: values.get(path) for path in wanted}
                assert held == wanted, f"{host}: {held}"
            if "releases" in step:
                found = [
                    {
                        "name": one.name,
                        "state": one.state,
                        "waves": [wave.state for wave in waves.waves_of(session, one)],
                        "result": one.result,
                        "reverse_plan": rollout.reverse_plan(session, one),
                        "promoted": one.promoted,
                        "snapshots": [ci.name for _, ci in snapshots.snapshots_of(session, one)],
                    }
                    for one in session.exec(select(Release))
                ]
                _compare(found, step["releases"])
            if "gate" in step:
                named = {ci.id: ci.name for ci in session.exec(select(Ci))}
                kinds = select(Finding).where(Finding.kind == gate.KIND)
                open_now = {named[row.ci_id]: row.message for row in session.exec(kinds) if row.closed_ms is None}  # type: ignore[index]  # has one
                assert open_now.keys() == step["gate"].keys(), open_now
                for host, words in step["gate"].items():
                    assert words in open_now[host], open_now[host]
            for name, wanted in step.get("since_snapshot", {}).items():
                for host, changes in wanted.items():
                    _, differing = snapshots.difference(
                        session, editing.find_release(session, name), record.find_ci(session, host)
                    )
                    assert [[one.path, one.before, one.now] for one in differing] == changes
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


def _planned(ci: Ci, line: dict[str, Any]) -> planning.Planned:
    kind = next(key for key in line if key in ALLOWED_KINDS)
    operand = None if kind in ("upgrade", "present", "absent") else line[kind]
    return planning.Planned(ci, line["path"], kind, operand, line.get("origin"))


def _transaction(entry: dict[str, Any], ahead: int) -> collector_pb2.Transaction:
    out = collector_pb2.Transaction(
        manager="apt",
        command_line=entry["command"],
        requested_by=entry.get("by", ""),
        started_at_ms=clock(entry["start"]) + ahead,
        ended_at_ms=clock(entry["end"]) + ahead,
    )
    for name, before, after, *automatic in entry["changes"]:
        action = "remove" if after is None else "install" if before is None else "upgrade"
        out.changes.add(
            action=action,
            name=name,
            architecture="amd64",
            version_before=before or "",
            version_after=after or "",
            automatic=bool(automatic),
        )
    return out


def load(path: Any) -> dict[str, Any]:
    """Read a case."""
    with open(path / "case.yaml") as file:  # noqa: PTH123  # a path of any kind
        return yaml.safe_load(file)  # type: ignore[no-any-return]  # a mapping
