"""What ten changes cost in fleets of 100, 1,000 and 10,000 hosts: time and SQL statements of their re-assessment.

    python bench/reassess.py [HOSTS ...]

Each host has 50 elements (in one fleet 600) and a captured baseline of its own; all stand in a baseline of the
organisation too. Ten hosts report one changed package each, which is one cause: ten assessments, one RFC. Then that
RFC is authorised. Printed are the medians of five rounds, as ratios over the smallest fleet: a ratio that grows with
the fleet is a defect; the statements that make it are named.
"""

import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sqlalchemy import delete, event, func, insert, select

from driftline.facts import digest_of
from driftline.v1 import collector_pb2 as pb
from driftline.v1.facts_pb2 import Facts
from driftline_baseline import capture
from driftline_cmdb.database import Database, migrate
from driftline_cmdb.drift.assess import assess_due
from driftline_cmdb.reports import Committed, Ingest, PreparedSection, Report, prepare_section
from driftline_cmdb.rfcs import decisions, reading
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.baselines import Baseline, BaselineElement, BaselineVersion
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.elements import Assessment, Due, Holding, Revision
from driftline_cmdb.tables.sources import Source

SIZES = (100, 1_000, 10_000)
ELEMENTS = 50
LARGE_INVENTORY = (100, 600)
CHANGES = 10
ROUNDS = 5
START_MS = 1_790_000_000_000
ORGANISATION = """
name: organisation
selector: {class: server}
expect:
  - {path: "software.packages[dpkg/telnetd/*]", absent: true, severity: critical}
"""


@dataclass
class Statements:
    """The SQL statements of a block: how many, and how long each kind took."""

    count: int = 0
    seconds: Counter[str] = field(default_factory=Counter)


@contextmanager
def counted(database: Database) -> Iterator[Statements]:
    """Count the statements of a block."""
    found = Statements()
    began: list[float] = []

    def before(*_: Any) -> None:
        began.append(time.perf_counter())

    def after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.count += 1
        found.seconds[statement] += time.perf_counter() - began.pop()

    event.listen(database.engine, "before_cursor_execute", before)
    event.listen(database.engine, "after_cursor_execute", after)
    try:
        yield found
    finally:
        event.remove(database.engine, "before_cursor_execute", before)
        event.remove(database.engine, "after_cursor_execute", after)


class Fleet:
    """Hosts that have reported once and are as their baselines say."""

    def __init__(self, database: Database, hosts: int, elements: int) -> None:
        """Fill a migrated, empty database."""
        self.database, self.hosts, self.elements = database, hosts, elements
        self.ingest = Ingest(database)
        with database.write() as session:
            rows = [{"uid": f"source-{n}", "hostname": f"host-{n}", "enrolled_ms": 1} for n in range(hosts)]
            session.connection().execute(
                insert(table_of(Source)).values(kind="agent", agent_version="0", claims={}, sequence=0, past_epochs=[]),
                [{**row, "skew_ms": 0} for row in rows],
            )
            source = table_of(Source)
            self.sources = list(session.connection().execute(select(source.c.id).order_by(source.c.id)).scalars())
        self.sequences = [0] * hosts
        self.tokens = [b""] * hosts
        first = prepare_section(self.section("1.0", START_MS))
        for start in range(0, hosts, 100):
            self.commit([(host, first) for host in range(start, min(hosts, start + 100))], START_MS)
        self._baselines()

    def section(self, version: str, at: int) -> pb.Section:
        """A host's packages; the last is in `version`."""
        facts = Facts()
        for number in range(self.elements):
            last = number == self.elements - 1
            facts.software.packages.add(
                manager="dpkg", name=f"package-{number}", architecture="amd64", version=version if last else "1.0"
            )
        content = facts.SerializeToString(deterministic=True)
        return pb.Section(
            name="dpkg", outcome=pb.READ, content=content, digest=digest_of(content), observed_at_ms=at, revision=1
        )

    def commit(self, group: list[tuple[int, PreparedSection]], at: int) -> None:
        """Have hosts report."""
        reports = []
        for host, prepared in group:
            self.sequences[host] += 1
            reports.append(
                Report(
                    source_id=self.sources[host],
                    epoch="benchmark",
                    sequence=self.sequences[host],
                    continuation=self.tokens[host],
                    digest=blake2b(f"{host}/{self.sequences[host]}".encode(), digest_size=16).digest(),
                    received_ms=at,
                    sent_ms=at,
                    agent_version="0",
                    claims=pb.HostClaims(hostname=f"host-{host}"),
                    sections=(prepared,),
                )
            )
        for (host, _), result in zip(group, self.ingest.commit(reports), strict=True):
            assert isinstance(result, Committed), result
            self.tokens[host] = result.continuation

    def _baselines(self) -> None:
        """Put a captured baseline of each host into force, as if approved long ago: nothing is due."""
        pin, ci = table_of(BaselineElement), table_of(Ci)
        holding, revision, binding = table_of(Holding), table_of(Revision), table_of(Binding)
        with self.database.write() as session:
            connection = session.connection()
            cis = connection.execute(select(ci.c.id, ci.c.uid).order_by(ci.c.id)).all()
            names = [("organisation", ORGANISATION, None)]
            names += [(f"host-{row.id}", capture.draft_text(f"host-{row.id}", row.uid), row.id) for row in cis]
            # Models, not plain rows: whatever columns these tables get, their defaults are filled in.
            for number, (name, _, _) in enumerate(names, start=1):
                session.add(Baseline(id=number, name=name, created_by="author", created_ms=START_MS))
            session.flush()
            for number, (_, document, ci_id) in enumerate(names, start=1):
                session.add(
                    BaselineVersion(
                        id=number, baseline_id=number, number=1, state="in force", document=document, author="author",
                        created_ms=START_MS, as_of_ms=START_MS, captured_ci_id=ci_id, approved_by="approver",
                        approved_ms=START_MS, in_force_ms=START_MS,
                    )
                )  # fmt: skip
            session.flush()
            held = connection.execute(select(holding.c.source_id, holding.c.path_id, holding.c.element_id)).all()
            order = {row.id: number for number, row in enumerate(cis)}
            bound = connection.execute(select(binding.c.source_id, binding.c.ci_id))
            place = {source: order[ci_id] for source, ci_id in bound}
            connection.execute(
                insert(pin),
                [
                    {"version_id": place[row.source_id] + 2, "path_id": row.path_id, "element_id": row.element_id}
                    for row in held
                ],
            )
            newest = connection.execute(select(revision.c.source_id, func.max(revision.c.id)).group_by("source_id"))
            rows = [{"source_id": s, "revision_id": r, "assessed_ms": START_MS} for s, r in newest]
            connection.execute(insert(table_of(Assessment)), rows)
            connection.execute(delete(table_of(Due)))

    def change(self, number: int) -> int:
        """Have ten hosts over all the fleet report a changed package; return when."""
        at = START_MS + number * 3_600_000
        prepared = prepare_section(self.section(f"2.{number}", at))
        step = self.hosts // CHANGES
        self.commit([(index * step, prepared) for index in range(CHANGES)], at)
        return at


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over the rounds."""

    seconds: float
    statements: float
    authorise_seconds: float
    authorise_statements: float
    #: The slowest statements of all rounds, with their share of the re-assessment's time.
    slowest: list[tuple[str, float]]


def measure(hosts: int, elements: int) -> Cost:
    """Measure one fleet."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate(url)
        database = Database(url)
        fleet = Fleet(database, hosts, elements)
        costs: list[tuple[float, int, float, int]] = []
        slow: Counter[str] = Counter()
        for number in range(ROUNDS + 1):
            at = fleet.change(number + 1)
            with counted(database) as assessing:
                began = time.perf_counter()
                done = assess_due(database, at)
                seconds = time.perf_counter() - began
            assert done == CHANGES, done
            with database.read() as session:
                rfc = reading.view(session, number + 1)
            assert len(rfc.deltas) == CHANGES, "the ten changes are one cause"
            with counted(database) as authorising:
                began = time.perf_counter()
                with database.write() as session:
                    decisions.authorise(session, number + 1, "approver", rfc.scope, "", at)
                authorise_seconds = time.perf_counter() - began
            if number:  # the first one warms caches
                costs.append((seconds, assessing.count, authorise_seconds, authorising.count))
                slow.update(assessing.seconds)
        database.close()
    total = sum(cost[0] for cost in costs)
    return Cost(
        *(statistics.median(column) for column in zip(*costs, strict=True)),
        [(statement, seconds / total) for statement, seconds in slow.most_common(3)],
    )


def main() -> None:
    sizes = [(int(text), ELEMENTS) for text in sys.argv[1:]] or [(size, ELEMENTS) for size in SIZES] + [LARGE_INVENTORY]
    floor: Cost | None = None
    for hosts, elements in sizes:
        cost = measure(hosts, elements)
        floor = floor or cost
        print(
            f"{hosts:>6} hosts of {elements:>3} elements: {CHANGES} changes {cost.seconds * 1000:6.0f} ms "
            f"(x{cost.seconds / floor.seconds:.2f}), {cost.statements:4.0f} statements "
            f"(x{cost.statements / floor.statements:.2f}); authorising them {cost.authorise_seconds * 1000:6.0f} ms "
            f"(x{cost.authorise_seconds / floor.authorise_seconds:.2f}), {cost.authorise_statements:4.0f} statements "
            f"(x{cost.authorise_statements / floor.authorise_statements:.2f})",
            flush=True,
        )
        if cost.seconds / floor.seconds > 1.5:
            for statement, share in cost.slowest:
                print(f"       {share:4.0%} of the time: {' '.join(statement.split())[:200]}")


if __name__ == "__main__":
    main()
