"""Replays a history through the record: the same calls as a collector and a server make, in the order of receipt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from bench.histories import format as lines
from bench.histories.decisions import Decisions
from google.protobuf.message import Message
from sqlmodel import select

from driftline import facts, paths, schema
from driftline.v1 import collector_pb2
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb.database import Database
from driftline_cmdb.drift.assess import assess_due
from driftline_cmdb.reports import Committed, Ingest, Report, prepare_section
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.sources import Source

#: A commit takes at most so many reports. One that brings something waits so long at most, check-ins among themselves
#: longer: nothing comes of them.
BATCH, BATCH_MS, IDLE_MS = 100, 60_000, 900_000


@dataclass
class _Agent:
    """One host's agent as the record sees it."""

    source_id: int
    epoch: str
    sequence: int = 0
    continuation: bytes = b""
    sections: dict[str, dict[str, Mapping[str, schema.Value]]] = field(default_factory=dict)
    digests: dict[str, bytes] = field(default_factory=dict)


class Replay:
    """One run over one history."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ingest = Ingest(database)
        self.decisions = Decisions(database)
        self.agents: dict[str, _Agent] = {}
        self.environments: dict[str, lines.HostLine] = {}
        self._waiting: list[tuple[str, Report]] = []
        #: When the first waiting report that brings something arrived.
        self._oldest: int | None = None
        self.counts: dict[str, int] = {}

    def run(self, path: Path, progress: Callable[[int], None] = lambda _: None) -> None:
        """Replay a history. The truth is not read.

        :param progress: is told the time of each line, ms.
        :raises HistoryError: where the file is not of the format.
        """
        for line in lines.read(path):
            kind = type(line).__name__
            self.counts[kind] = self.counts.get(kind, 0) + 1
            if isinstance(line, lines.HostLine):
                self._host(line)
                continue
            progress(line.at)
            if line.at >= self.decisions.next_job:
                self._flush()
                self.decisions.jobs(line.at)
                self._assess(line.at)
            if isinstance(line, lines.ReportLine | lines.Confirm):
                self._receive(line)
                continue
            self._flush()
            match line:
                case lines.Catalogue():
                    self.decisions.catalogue(line)
                case lines.BaselineLine():
                    self.decisions.baseline(line)
                case lines.RuleLine():
                    self.decisions.rule(line)
                case lines.RequestLine():
                    self.decisions.request(line)
                case lines.Authorise():
                    self.decisions.authorise(line)
                case lines.Decide():
                    self.decisions.decide(line)
            self._assess(line.at)

    def _host(self, line: lines.HostLine) -> None:
        with self.database.write() as session:
            source = Source(uid=f"source-{line.name}", hostname=line.name, enrolled_ms=1)
            session.add(source)
            session.flush()
            self.agents[line.name] = _Agent(source.id, f"epoch-{line.name}")
        self.environments[line.name] = line

    def _receive(self, line: lines.ReportLine | lines.Confirm) -> None:
        full = len(self._waiting) >= BATCH
        idle = self._oldest is None
        first = self._waiting[0][1].received_ms if self._waiting else line.at
        late = line.at - first > IDLE_MS if idle else line.at - (self._oldest or 0) > BATCH_MS
        if full or late or any(name == line.host for name, _ in self._waiting):
            self._flush()
        agent = self.agents[line.host]
        agent.sequence += 1
        sections: list[collector_pb2.Section] = []
        transactions: list[collector_pb2.Transaction] = []
        manifest = None
        if isinstance(line, lines.Confirm):
            manifest = collector_pb2.Manifest(observed_at_ms=line.observed)
            for name, digest in agent.digests.items():
                manifest.sections.add(name=name, digest=digest)
        else:
            self._oldest = line.at if self._oldest is None else self._oldest
            sections = [self._section(agent, section) for section in line.sections]
            transactions = [_transaction(entry) for entry in line.log]
        self._waiting.append(
            (
                line.host,
                Report(
                    source_id=agent.source_id,
                    epoch=agent.epoch,
                    sequence=agent.sequence,
                    continuation=agent.continuation,
                    digest=blake2b(f"{line.host}/{agent.sequence}".encode(), digest_size=16).digest(),
                    received_ms=line.at,
                    sent_ms=line.sent,
                    agent_version="0",
                    claims=collector_pb2.HostClaims(hostname=line.host),
                    sections=tuple(prepare_section(section) for section in sections),
                    transactions=tuple(transactions),
                    manifest=manifest,
                ),
            )
        )

    def _section(self, agent: _Agent, line: lines.SectionLine) -> collector_pb2.Section:
        if line.whole is not None:
            held = dict(line.whole)
        else:
            held = agent.sections[line.name]
            for path in line.gone:
                del held[path]
            held.update(line.set)
        agent.sections[line.name] = held
        content = facts_of(held).SerializeToString(deterministic=True)
        section = collector_pb2.Section(
            name=line.name,
            outcome=collector_pb2.READ,
            content=content,
            digest=facts.digest_of(content),
            observed_at_ms=line.observed,
            revision=1,
        )
        if line.since is not None:
            section.previous_digest = agent.digests[line.name]
            section.previous_observed_at_ms = line.since
        agent.digests[line.name] = section.digest
        return section

    def _flush(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting, self._oldest = self._waiting, [], None
        results = self.ingest.commit([report for _, report in waiting])
        fresh = []
        for (host, report), result in zip(waiting, results, strict=True):
            if not isinstance(result, Committed):
                raise RuntimeError(f"the report of {host} at {report.received_ms} was refused") from result
            self.agents[host].continuation = result.continuation
            if host not in self.decisions.cis:
                self.decisions.cis[host] = result.ci_id
                fresh.append(host)
        if fresh:
            self._describe(fresh)
        self._assess(waiting[-1][1].received_ms)

    def _describe(self, hosts: list[str]) -> None:
        """Note what people know of new CIs: environment, site, labels."""
        with self.database.write() as session:
            for host in hosts:
                ci = session.get_one(Ci, self.decisions.cis[host])
                known = self.environments[host]
                ci.environment, ci.location, ci.labels = known.environment, known.site, dict(known.labels)
                session.add(ci)

    def _assess(self, now_ms: int) -> None:
        while assess_due(self.database, now_ms):
            pass

    def names(self) -> dict[int, str]:
        """Return the hosts' names by CI id."""
        with self.database.read() as session:
            return {ci.id: ci.name for ci in session.exec(select(Ci))}


def facts_of(elements: Mapping[str, Mapping[str, schema.Value]]) -> Facts:
    """Return the message that holds these elements.

    :param elements: attributes by element path.
    """
    out = Facts()
    for path in sorted(elements):
        message: Message = out
        plan = schema.FACTS
        for name, keys in paths.steps(path):
            below = plan.by_name[name].message
            if below is None:
                raise ValueError(f"{path}: is no element")
            plan = below
            if keys is None:
                message = getattr(message, name)
                message.SetInParent()
                continue
            if message is not out and plan.keys and any(k for n, k in list(paths.steps(path))[:-1]):
                raise ValueError(f"{path}: elements within elements are not in histories")
            message = getattr(message, name).add()
            for key, text in zip(plan.keys, keys, strict=True):
                setattr(message, key, _key(plan.by_name[key].type, text))
        for attribute, value in elements[path].items():
            if isinstance(value, tuple):
                getattr(message, attribute).extend(value)
            else:
                setattr(message, attribute, value)
    return out


def _key(kind: str, text: str) -> str | int | bool:
    return text if kind == "string" else text == "true" if kind == "bool" else int(text)


def _transaction(entry: lines.LogLine) -> collector_pb2.Transaction:
    out = collector_pb2.Transaction(
        manager=entry.manager,
        command_line=entry.command,
        requested_by=entry.by,
        started_at_ms=entry.start,
        ended_at_ms=entry.end,
    )
    for action, name, architecture, before, after, automatic in entry.changes:
        out.changes.add(
            action=action, name=name, architecture=architecture, version_before=before, version_after=after,
            automatic=automatic,
        )  # fmt: skip
    return out
