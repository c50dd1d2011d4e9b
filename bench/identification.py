"""What it costs to tell which CI a source speaks for, beside 1,000, 10,000 and 100,000 CIs: p50 and p95 of one report.

Floor: one select by primary key through the same session. Measured is `bound_ci`, which the application of a report
calls: of a known source with the claims that it had (nothing is asked of the database), of one whose claims changed, of
a new one that matches nothing, and of a new one that matches. A new source's CI, binding and claims are rows that are
written whatever is asked; the question alone, what a person may be asked about, stands beside it.

    python bench/identification.py [CIS ...] [--database URL]
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import insert, select
from sqlmodel import Session

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.identity import keys_of
from driftline_cmdb.database import Database, migrate
from driftline_cmdb.identity import matching
from driftline_cmdb.identity.claims import plain_claims
from driftline_cmdb.identity.identify import bound_ci
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.identity import IdentityClaim, SharedEvidence
from driftline_cmdb.tables.sources import Source

ROUNDS, WARM = 400, 50
NOW = 1_790_000_000_000


def claims(number: int, **said: object) -> HostClaims:
    """A server's, with a serial number that all of the fleet share, as cheap ones do."""
    a, b, c = number >> 16 & 255, number >> 8 & 255, number & 255
    of_it: dict[str, object] = {
        "hostname": f"host{number}",
        "fqdn": f"host{number}.example.com",
        "machine_id": f"5f1c3a6c2c6b4b6f9a0f{number:012x}",
        "system_uuid": f"4c4c4544-0042-3510-8052-{number:012x}",
        "system_serial_number": f"SN{number:08x}Q",
        "board_serial_number": "R00T-SERIAL",
        "macs": [f"24:6e:96:{a:02x}:{b:02x}:{c:02x}", f"24:6e:97:{a:02x}:{b:02x}:{c:02x}"],
        "disk_serial_numbers": [f"S3Z8{number:08x}A", f"S3Z8{number:08x}B"],
    }
    return HostClaims(**(of_it | said))  # type: ignore[arg-type]  # fields by name


def fill(database: Database, start: int, end: int) -> None:
    """Put CIs on record in bulk: each with its source, its binding and its claims."""
    for part in chunks(range(start, end), 5000):
        with database.write() as session:
            rows = [{"id": n, "uid": f"ci-{n}", "name": f"host{n}", "ci_class": "server", "status": "installed",
                     "version": 1, "services": [], "labels": {}, "fields": {}} for n in part]  # fmt: skip
            session.execute(insert(table_of(Ci)), rows)
            said = {n: claims(n) for n in part}
            rows = [{"id": n, "uid": f"source-{n}", "kind": "agent", "hostname": f"host{n}", "agent_version": "0",
                     "claims": plain_claims(said[n]), "enrolled_ms": 1, "sequence": 1, "past_epochs": [],
                     "limitations": [], "unread": {}} for n in part]  # fmt: skip
            session.execute(insert(table_of(Source)), rows)
            rows = [{"source_id": n, "ci_id": n, "rank": 0, "reason": "bench", "since_ms": 1} for n in part]
            session.execute(insert(table_of(Binding)), rows)
            rows = [{"source_id": n, "ci_id": n, "kind": one.kind, "key": one.key}
                    for n in part for one in keys_of(said[n])]  # fmt: skip
            session.execute(insert(table_of(IdentityClaim)), rows)


def measure(database: Database, prepare: Callable[[Session, int], Callable[[], object]]) -> tuple[float, float]:
    """Return p50 and p95 in ms of what `prepare` returns, each in a transaction with others, as waves are.

    Nothing is kept.
    """
    took: list[float] = []
    # SQLite works in this thread, and other programs' turns are none of its time; PostgreSQL is waited for.
    clock = time.thread_time if database.is_sqlite else time.perf_counter
    with database.write() as session:
        for number in range(WARM + ROUNDS):
            one = prepare(session, number)
            begun = clock()
            one()
            session.flush()
            took.append((clock() - begun) * 1000)
        session.rollback()
    ordered = sorted(took[WARM:])
    return statistics.median(ordered), ordered[int(len(ordered) * 0.95)]


def cases(size: int) -> dict[str, Callable[[Session, int], Callable[[], object]]]:
    ci = table_of(Ci)
    step = max(1, size // (WARM + ROUNDS + 1))

    def place(number: int) -> int:
        return 1 + number * step % (size - 1)

    def known(session: Session, number: int) -> Source:
        return session.get_one(Source, place(number))

    def new(session: Session, number: int) -> Source:
        source = Source(uid=f"new-{number}", enrolled_ms=NOW)
        session.add(source)
        session.flush()
        return source

    def floor(session: Session, number: int) -> Callable[[], object]:
        return lambda: session.connection().execute(select(ci).where(ci.c.id == place(number))).first()

    def unchanged(session: Session, number: int) -> Callable[[], object]:
        said, stored = claims(place(number)), known(session, number).claims
        return lambda: plain_claims(said) != stored  # what the application of a report does before it asks

    def changed(session: Session, number: int) -> Callable[[], object]:
        source, said = (
            known(session, number),
            claims(place(number), macs=[f"3c:fd:fe:00:{number >> 8:02x}:{number & 255:02x}"]),
        )
        return lambda: bound_ci(session, source, said, NOW + number)

    def question(session: Session, number: int) -> Callable[[], object]:
        return lambda: matching.look_up(session, matching.side_of(claims(10_000_000 + number)).evidence)

    def stranger(session: Session, number: int) -> Callable[[], object]:
        source, said = new(session, number), claims(10_000_000 + number)
        return lambda: bound_ci(session, source, said, NOW + number)

    def likeness(session: Session, number: int) -> Callable[[], object]:
        said = claims(place(number), machine_id=f"77a7c1d2e3f40516{number:016x}")
        return lambda: matching.candidates(session, said)

    def claimant(session: Session, number: int) -> Callable[[], object]:
        source, said = new(session, number), claims(place(number), machine_id=f"77a7c1d2e3f40516{number:016x}")
        return lambda: bound_ci(session, source, said, NOW + number)

    return {
        "floor: one row by its key": floor,
        "known, claims unchanged": unchanged,
        "known, claims changed": changed,
        "new, no match: the question": question,
        "new, no match: all": stranger,
        "new, a match: the question": likeness,
        "new, a match: all": claimant,
    }


def main() -> None:
    arguments = sys.argv[1:]
    url = arguments.pop(arguments.index("--database") + 1) if "--database" in arguments else None
    sizes = sorted(int(one) for one in arguments if one.isdigit()) or [1_000, 10_000, 100_000]
    with tempfile.TemporaryDirectory() as folder:
        url = url or f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate(url)
        database = Database(url)
        with database.write() as session:
            session.add(SharedEvidence(key="serial:r00t-serial", kind="board_serial", machines=6, learnt_ms=1, by="b"))
        there, p50s = 1, {}
        for size in sizes:
            fill(database, there, size + 1)
            there = size + 1
            print(f"{size:,} CIs on {url.partition(':')[0]}")
            bare = 0.0
            for name, prepare in cases(size).items():
                p50, p95 = measure(database, prepare)
                bare = bare or p50
                p50s[name, size] = p50
                verdict = "" if p50 < 1 else "  OVER THE BUDGET OF 1 ms"
                print(f"  {name:<30} p50 {p50:7.3f} ms  p95 {p95:7.3f} ms  {p50 / bare:6.1f} x the floor{verdict}")
        if len(sizes) > 1:
            print(f"{sizes[-1]:,} CIs to {sizes[0]:,} CIs, p50")
            for name in cases(sizes[0]):
                print(f"  {name:<30} {p50s[name, sizes[-1]] / p50s[name, sizes[0]]:5.2f}")
        database.close()


if __name__ == "__main__":
    main()
