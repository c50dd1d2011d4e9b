"""Runs a timeline of identity: machines and their agents, reports in; CIs, bindings, queue and alerts out.

The format is described in `docs/dev/add-an-identity-case.md`. Every step of `timeline.py` may stand in a case too; a
`host` there is an agent here.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from google.protobuf.json_format import MessageToDict
from sqlmodel import Session, col, select
from tests.support.timeline import Host, Timeline, _compare
from tests.support.utilization import batch_of

from driftline.v1.collector_pb2 import READ, HostClaims, Manifest, Section
from driftline_cmdb import record, sources, utilization
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Divided, Refused, Rejected, Unauthenticated, Unavailable
from driftline_cmdb.identity import bindings, deciding, dividing, life, merging, replacing, retiring, undoing
from driftline_cmdb.identity.spans import spoken
from driftline_cmdb.reports import Report, prepare_section
from driftline_cmdb.sources import TokenText
from driftline_cmdb.tables.cis import Binding, Ci, Finding
from driftline_cmdb.tables.identity import Asset, IdentityDecision, IdentityReview, SharedEvidence
from driftline_cmdb.tables.sources import RECORD, Source
from driftline_cmdb.utilization.minutes import SeriesKey

_CPU = SeriesKey("system.cpu.utilization", "", "1", 4)
#: What a case calls the fields of HostClaims.
_CLAIMS = {
    "uuid": "system_uuid",
    "serial": "system_serial_number",
    "board": "board_serial_number",
    "chassis": "chassis_serial_number",
    "cloud": "cloud_instance_id",
    "disks": "disk_serial_numbers",
    "engine_id": "snmp_engine_id",
    "entity_serials": "entity_serial_numbers",
    "addresses": "management_addresses",
    "lldp": "lldp_chassis_id",
}
_DAY_S = 86_400


@dataclass
class Agent(Host):
    """An agent's state folder, on a machine."""

    machine: str = ""
    uid: str = ""
    #: What it would send in full: section name -> as last read.
    sections: dict[str, Section] = field(default_factory=dict)
    #: What has no receipt yet, oldest first.
    spool: list[Report] = field(default_factory=list)
    #: Why its last call was refused; None where it was not.
    refused: str | None = None
    #: Past epochs, oldest first, for cases that name one.
    epochs: list[str] = field(default_factory=list)

    def new_epoch(self) -> None:
        """Start numbering anew, as an agent does whose reports do not continue what the collector has."""
        self.epochs.append(self.epoch)
        root = self.epochs[0]
        self.epoch, self.sequence, self.continuation = f"{root}/{self.machine}/{len(self.epochs)}", 0, b""


class Identities(Timeline):
    """The state of one run."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.machines: dict[str, dict[str, Any]] = {}
        self.agents: dict[str, Agent] = {}
        self.snapshots: dict[str, Agent] = {}
        #: Agents by the sources that they were before their identity was divided.
        self.divided: dict[int, str] = {}
        #: Ids of sources that are devices.
        self.devices: set[int] = set()
        self.hosts = self.agents  # type: ignore[assignment]  # agents are hosts that know more

    def run(self, case: dict[str, Any]) -> None:
        self.machines = deepcopy(case.get("machines", {}))
        super().run(case)

    # agents

    def host(self, name: str, now: int) -> Agent:
        if name not in self.agents:
            self.enrol({"agent": name}, now)
        return self.agents[name]

    def enrol(self, step: dict[str, Any], now: int) -> None:
        """Let an agent join with a new key; `ci` is the CI that its token names."""
        name = step["agent"]
        machine = step.get("machine", name)
        with self.database.write() as session:
            ci = record.find_ci(session, step["ci"]) if "ci" in step else None
            token, secret = sources.create_join_token(
                session, "alice", 1, now + _DAY_S * 1000, now, ci_id=ci.id if ci else None
            )
            text = TokenText(token.id, secret, "00")
            row = sources.consume_join_token(session, text, now)
            claims = MessageToDict(self._claims(machine, name), preserving_proto_field_name=True)
            source = sources.enrol_source(session, f"source-{name}-{now}", claims, row, "agent at test", now)
            if step.get("kind"):
                source.kind = step["kind"]
                # Whose word it is does not matter here: it holds its lease itself.
                source.lease_agent_id, source.lease_generation = source.id, 1
                session.add(source)
                self.devices.add(source.id)
            self.agents[name] = Agent(source.id, f"epoch-{name}-{now}", machine=machine, uid=source.uid)

    def machine(self, step: dict[str, Any], _now: int) -> None:
        """Change what a machine is, or put a new one there."""
        self.machines.setdefault(step["name"], {}).update({k: v for k, v in step.items() if k != "name"})

    def copy(self, step: dict[str, Any], _now: int) -> None:
        """Copy an agent's state folder, certificate and key with it, to another machine."""
        agent = deepcopy(self.agents[step["agent"]])
        agent.machine = step.get("machine", step["to"])
        self.agents[step["to"]] = agent
        if step.get("noticed"):  # by the agent itself, when it starts on other hardware
            agent.new_epoch()

    def snapshot(self, step: dict[str, Any], _now: int) -> None:
        self.snapshots[step["mark"]] = deepcopy(self.agents[step["agent"]])

    def restore(self, step: dict[str, Any], _now: int) -> None:
        """Set an agent's state folder back to a snapshot."""
        self.agents[step["agent"]] = deepcopy(self.snapshots[step["mark"]])

    def call(self, step: dict[str, Any], now: int) -> None:
        """Have agents check in: send what waits, and a manifest."""
        for name in step.get("agents", [step.get("agent")]):
            agent = self.agents[name]
            manifest = Manifest(observed_at_ms=now)
            for section in agent.sections.values():
                manifest.sections.add(name=section.name, digest=section.digest)
            self._commit(name, now, 0, [], [], manifest)

    def utilization(self, step: dict[str, Any], now: int) -> None:
        """Have an agent report one minute of CPU utilization."""
        minute = now // 60_000 - 1
        value = round(step["cpu"] * 10_000)
        batch = batch_of({_CPU: {minute: (value, value, value, value)}})
        self._queue(step["agent"], self._empty(step["agent"], now, batch=utilization.check(batch, now)))

    def _claims(self, machine: str, name: str, called: str | None = None) -> HostClaims:
        said = self.machines.get(machine, {})
        out = HostClaims(hostname=called or said.get("hostname", name))
        for key, value in said.items():
            if key != "hostname":
                attribute = _CLAIMS.get(key, key)
                if isinstance(value, list):
                    getattr(out, attribute).extend(str(one) for one in value)
                else:
                    setattr(out, attribute, str(value))
        return out

    def _empty(self, name: str, now: int, **values: Any) -> Report:
        agent = self.agents[name]
        token = f"{name} {now} {len(agent.spool)} {sorted(values)}".encode()
        return Report(
            source_id=agent.source_id,
            epoch="",
            sequence=0,
            continuation=b"",
            digest=blake2b(token, digest_size=16).digest(),
            received_ms=now,
            sent_ms=now,
            agent_version="0",
            **values,
        )

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
        agent = self.agents[name]
        for section in sections:
            if section.outcome == READ:
                agent.sections[section.name] = section
        report = self._empty(
            name,
            now,
            claims=self._claims(agent.machine, name, called),
            sections=tuple(prepare_section(section) for section in sections),
            transactions=tuple(log),
            evidence=tuple(there),
            manifest=manifest,
        )
        if agent.source_id in self.devices:
            report = replace(report, spoken_by=agent.source_id, lease=1)
        self._queue(name, replace(report, sent_ms=now + ahead))

    def _queue(self, name: str, report: Report) -> None:
        self.agents[name].spool.append(report)
        self._empty_spool(name, report.received_ms)

    def _empty_spool(self, name: str, now: int) -> None:
        """Send what waits as an agent does: a report that does not continue begins a new epoch with everything."""
        agent = self.agents[name]
        while agent.spool:
            report = agent.spool[0]
            try:
                self._send(name, replace(report, source_id=agent.source_id, received_ms=now, sent_ms=now))
            except Rejected:
                agent.sequence -= 1
                agent.new_epoch()
                if report.batch is None:
                    agent.spool[0] = replace(report, sections=self._everything(agent, now))
                else:
                    agent.spool.insert(0, self._full(name, now))
                continue
            except Divided:
                agent.sequence -= 1
                self._own_identity(name, now)
                if report.batch is None:
                    agent.spool[0] = replace(report, sections=self._everything(agent, now))
                else:
                    agent.spool.insert(0, self._full(name, now))
                continue
            except (Refused, Unauthenticated, Unavailable) as error:
                agent.sequence -= 1
                agent.refused = str(error)
                return
            agent.refused = None
            agent.spool.pop(0)

    def _own_identity(self, name: str, now: int) -> None:
        """Get an identity of its own, as an agent does that is told that its identity was divided."""
        agent = self.agents[name]
        claims = MessageToDict(self._claims(agent.machine, name), preserving_proto_field_name=True)
        ask = dividing.Ask(agent.epoch, agent.continuation, claims, f"key of {name}".encode())
        with self.database.write() as session:
            source = dividing.own_identity(session, agent.source_id, ask, now)
            self.divided.setdefault(agent.source_id, next(n for n, a in self.agents.items() if a.uid == agent.uid))
            agent.source_id, agent.uid = source.id, source.uid
        agent.new_epoch()

    def _full(self, name: str, now: int) -> Report:
        agent = self.agents[name]
        claims = self._claims(agent.machine, name)
        return self._empty(name, now, claims=claims, sections=self._everything(agent, now))

    def _everything(self, agent: Agent, now: int) -> tuple[Any, ...]:
        out = []
        for section in agent.sections.values():
            fresh = Section.FromString(section.SerializeToString())
            fresh.observed_at_ms = now
            fresh.ClearField("previous_digest")
            out.append(prepare_section(fresh))
        return tuple(out)

    # decisions

    def decide(self, step: dict[str, Any], now: int) -> None:
        """Decide the open review of an agent's source."""
        with self.database.write() as session:
            source_id = self.agents[step["agent"]].source_id
            query = select(IdentityReview).where(
                IdentityReview.source_id == source_id, col(IdentityReview.closed_ms).is_(None)
            )
            review = session.exec(query).one()
            deciding.decide_review(session, review.id, step["is"], step["by"], step.get("why", "a test"), now)

    def merge(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            one, into = self._ci(session, step["ci"]), self._ci(session, step["into"])
            merging.merge(session, one, into, step["by"], step.get("why", "a test"), now)

    def split_ci(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            source = session.get_one(Source, self.agents[step["agent"]].source_id)
            into = self._ci(session, step["into"]) if "into" in step else None
            arguments = (self._ci(session, step["ci"]), source, step["by"], step.get("why", "a test"), now)
            merging.split(session, *arguments, name=step.get("name"), into=into)

    def undo(self, step: dict[str, Any], now: int) -> None:
        """Undo the last decision, or that of an action."""
        with self.database.write() as session:
            query = select(IdentityDecision).where(col(IdentityDecision.undone_by_id).is_(None))
            if "action" in step:
                query = query.where(IdentityDecision.action == step["action"])
            last = session.exec(query.order_by(col(IdentityDecision.id).desc())).first()
            assert last is not None, "there is no decision to undo"
            undoing.undo(session, last.id, step["by"], step.get("why", "a test"), now)

    def replace(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            ci = self._ci(session, step["ci"])
            replacing.replace(session, ci, step["serial"], step["rfc"], step["by"], step.get("why", "a test"), now)

    def retire_ci(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            retiring.retire(session, self._ci(session, step["ci"]), step["by"], step.get("why", "a test"), now)

    def reinstate_ci(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            retiring.reinstate(session, self._ci(session, step["ci"]), step["by"], step.get("why", "a test"), now)

    def dispose_ci(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            retiring.dispose(session, self._ci(session, step["ci"]), step["by"], step.get("why", "a test"), now)

    def release_source(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            source = session.get_one(Source, self.agents[step["agent"]].source_id)
            dividing.release(session, source, step["by"], step.get("why", "a test"), now)

    def split_source(self, step: dict[str, Any], now: int) -> None:
        """Give each holder of an agent's certificate an identity of its own; `keep` is the agent that keeps the CI."""
        keep = self.agents[step["keep"]].epoch if "keep" in step else None
        with self.database.write() as session:
            source = session.get_one(Source, self.agents[step["agent"]].source_id)
            dividing.split(session, source, keep, step["by"], step.get("why", "a test"), now)

    def expect_clones(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            source = session.get_one(Source, self.agents[step["agent"]].source_id)
            dividing.expect(session, source, step["by"], step.get("why", "a test"), now)

    def retire_source(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            source = session.get_one(Source, self.agents[step["agent"]].source_id)
            dividing.retire(session, source, step["by"], step.get("why", "a test"), now)

    def _ci(self, session: Session, name: str) -> Ci:
        return record.find_ci(session, name)

    # what came of it

    def expect(self, step: dict[str, Any], now: int) -> None:
        with self.database.read() as session:
            names = self.divided | {agent.source_id: name for name, agent in reversed(self.agents.items())}
            if "cis" in step:
                _compare([self._shown(session, ci, names) for ci in session.exec(select(Ci))], step["cis"])
            if "queue" in step:
                query = select(IdentityReview).where(col(IdentityReview.closed_ms).is_(None))
                found = [
                    {
                        "agent": names[row.source_id],
                        "claims": session.get_one(Ci, row.ci_id).name,
                        "kind": row.kind,
                        "waits": row.own_ci_id is None,
                    }
                    for row in session.exec(query)
                ]
                _compare(found, step["queue"])
            if "alerts" in step:
                found = [
                    {
                        "kind": row.kind,
                        "ci": session.get_one(Ci, row.ci_id).name if row.ci_id is not None else None,
                        "message": row.message,
                    }
                    for row in session.exec(select(Finding).where(col(Finding.closed_ms).is_(None)))
                ]
                _compare([{**row, **_said(row, step["alerts"])} for row in found], step["alerts"])
            if "quarantined" in step:
                held = set(session.exec(select(Source.id).where(col(Source.quarantined_ms).is_not(None))))
                assert sorted(n for n, a in self.agents.items() if a.source_id in held) == sorted(step["quarantined"])
            if "waiting" in step:
                waiting = [n for n, a in self.agents.items() if self._waits(session, a.source_id)]
                assert sorted(waiting) == sorted(step["waiting"]), waiting
            if "shared" in step:
                shared = sorted(session.exec(select(SharedEvidence.key)))
                assert shared == sorted(step["shared"]), shared
            if "assets" in step:
                found = [
                    {
                        "ci": session.get_one(Ci, one.ci_id).name,
                        "serial": one.serial_number,
                        "status": one.status,
                    }
                    for one in session.exec(select(Asset))
                ]
                _compare(found, step["assets"])
        for name, words in step.get("refused", {}).items():
            refused = self.agents[name].refused
            assert (refused is None) if words is None else (words in (refused or "")), refused
        for name, wanted in step.get("utilization", {}).items():
            assert self._cpu(name, now) == wanted, self._cpu(name, now)
        timeline_keys = {key: value for key, value in step.items() if key not in _OURS}
        super().expect(timeline_keys, now)

    def _waits(self, session: Session, source_id: int) -> bool:
        """Tell whether a source speaks for no CI because nobody has decided for which."""
        if bindings.of_source(session, source_id) is not None:
            return False
        asked = select(IdentityReview.id).where(
            IdentityReview.source_id == source_id, col(IdentityReview.closed_ms).is_(None)
        )
        ever = select(Binding.id).where(Binding.source_id == source_id)
        return session.exec(asked).first() is not None or session.exec(ever.limit(1)).first() is None

    def _shown(self, session: Session, ci: Ci, names: dict[int, str]) -> dict[str, Any]:
        spans = bindings.spans_of(session, [ci.id])[ci.id]
        kinds = dict(session.exec(select(Source.id, Source.kind)).all())
        ours = [span for span in spans if kinds[span.source_id] != RECORD]
        into = session.get_one(Ci, ci.merged_into_id).name if ci.merged_into_id is not None else None
        return {
            "name": ci.name,
            "status": life.shown_status(session, ci),
            "class": ci.ci_class,
            "owner": ci.owner,
            "agents": sorted(names[one.source_id] for one in ours if one.until_ms is None),
            "former": sorted({names[one.source_id] for one in ours if one.until_ms is not None}),
            "merged_into": into,
        }

    def _cpu(self, ci_name: str, now: int) -> list[float]:
        """Return a CI's minutes of CPU utilization, oldest first."""
        with self.database.read() as session:
            ci = self._ci(session, ci_name)
            spans = spoken(session, ci.id, record=False)
            views = utilization.series_of(session, spans, [_CPU.metric], now - 2 * _DAY_S * 1000, now, 60_000)
            return [round(point.mean, 4) for view in views for point in view.points]


#: What this module looks at by itself.
_OURS = frozenset(["cis", "queue", "alerts", "quarantined", "waiting", "shared", "assets", "refused", "utilization"])


def _said(row: dict[str, Any], wanted: list[dict[str, Any]]) -> dict[str, Any]:
    """Let a wanted message stand for a found one that contains it."""
    for want in wanted:
        if want.get("kind") == row["kind"] and "message" in want and want["message"] in row["message"]:
            return {"message": want["message"]}
    return {}
