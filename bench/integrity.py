"""What a whole verification of the record costs, per check: 1,000 hosts of 1,000 elements, through the real ingest.

Floor: one pass over `holding`, `element` and `path` by the same SQLite, joined by their keys, and nothing checked. The
processor time is of this process, which is what a collector would pay; a collector also rests for as long as it works.

    python bench/integrity.py [HOSTS]
"""

import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

from driftline.facts import digest_of
from driftline.v1 import collector_pb2 as pb
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import audit
from driftline_cmdb.audit import sealing
from driftline_cmdb.database import Database, migrate
from driftline_cmdb.integrity import asking, running
from driftline_cmdb.integrity.checks import all_checks
from driftline_cmdb.reports import Ingest, Report, prepare_section
from driftline_cmdb.tables.integrity import IntegrityRun
from driftline_cmdb.tables.sources import Source

HOSTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
PACKAGES, OWN, BATCH = 1000, 5, 20
DECISIONS = 5000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def section(host: int, version: str) -> pb.Section:
    """A host's packages: most are everybody's, some its own, some at a version of this round."""
    facts = Facts()
    for number in range(PACKAGES - OWN):
        facts.software.packages.add(
            manager="dpkg",
            name=f"package-{number}",
            architecture="amd64",
            version=version if number < 20 else "1.0",
            vendor="Debian developers",
        )
    for number in range(OWN):
        facts.software.packages.add(manager="dpkg", name=f"own-{host}-{number}", architecture="amd64", version="1.0")
    content = facts.SerializeToString(deterministic=True)
    return pb.Section(
        name="dpkg", outcome=pb.READ, content=content, digest=digest_of(content), observed_at_ms=now_ms(), revision=1
    )


def seed(database: Database) -> None:
    """Two rounds of reports, and some decisions."""
    ingest = Ingest(database)
    with database.write() as session:
        rows = [Source(uid=str(uuid4()), hostname=f"host{n}", enrolled_ms=1) for n in range(HOSTS)]
        session.add_all(rows)
        session.flush()
        ids = [row.id for row in rows]
    tokens = [b""] * HOSTS
    for sequence, version in ((1, "1.0"), (2, "2.0")):
        for start in range(0, HOSTS, BATCH):
            hosts = range(start, min(HOSTS, start + BATCH))
            now = now_ms()
            reports = []
            for host in hosts:
                prepared = prepare_section(section(host, version))
                claims = pb.HostClaims(
                    hostname=f"host{host}", machine_id=f"{host:032x}", system_serial_number=f"S{host}"
                )
                reports.append(
                    Report(
                        source_id=ids[host],
                        epoch="bench",
                        sequence=sequence,
                        continuation=tokens[host],
                        digest=prepared.digest,
                        received_ms=now,
                        sent_ms=now,
                        agent_version="0",
                        claims=claims,
                        sections=(prepared,),
                    )
                )
            for host, result in zip(hosts, ingest.commit(reports), strict=True):
                assert not isinstance(result, Exception), result
                tokens[host] = result.continuation
    with database.write() as session:
        for number in range(DECISIONS):
            audit.record(session, "jane", "rfc.authorised", f"RFC {number}", {"why": "bench"}, now_ms())
    while sealing.seal(database):
        pass


def floor(database: Database) -> float:
    """Seconds of processor time for one joined pass."""
    sql = (
        "SELECT count(*), sum(length(e.content)), sum(length(p.text)) FROM holding h "
        "JOIN element e ON e.id = h.element_id JOIN path p ON p.id = h.path_id"
    )
    start = time.process_time()
    with database.read() as session:
        print(f"{session.connection().execute(text(sql)).one()[0]:,} holdings")
    return time.process_time() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate(url)
        database = Database(url)
        start = time.perf_counter()
        seed(database)
        took = time.perf_counter() - start
        print(f"{HOSTS:,} hosts x {PACKAGES:,} elements, two rounds of reports, seeded in {took:.0f} s")
        bare = floor(database)
        print(f"{'floor: one joined pass':<24} {bare:8.2f} s")
        total, began = 0.0, time.perf_counter()
        longest = [0.0]
        last = [time.perf_counter()]

        def rest() -> None:
            longest[0] = max(longest[0], time.perf_counter() - last[0])
            last[0] = time.perf_counter()

        for name, check in all_checks().items():
            with database.write() as session:
                asking.ask(session, "bench", now_ms())
            run_id = asking.take(database, now_ms(), 1)
            assert run_id is not None
            cpu, wall = time.process_time(), time.perf_counter()
            last[0] = wall
            (result,) = running.run(database, run_id, now_ms, rest=rest, checks={name: check})
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            total += cpu
            assert result.error is None, result
            print(
                f"{name:<24} {cpu:8.2f} s processor {wall:8.2f} s wall {cpu / bare:7.1f} x the floor "
                f"{result.examined:>12,} examined {result.deficient:>6} deficient"
            )
        took = time.perf_counter() - began
        print(f"{'all':<24} {total:8.2f} s processor {took:8.2f} s wall {total / bare:7.1f} x the floor")
        print(f"longest read between rests {longest[0]:.2f} s")
        with database.read() as session:
            run = session.get_one(IntegrityRun, run_id)
            print(f"accurate: {run.cis_accurate} of {run.cis} CIs, {run.elements_accurate} of {run.elements} elements")
        database.close()


if __name__ == "__main__":
    main()
