"""What it costs to tell which CI a source speaks for, beside 1,000, 10,000 and 100,000 CIs: p50 and p95 of one report.

Floor: one select by primary key through the same session, by the driver. "The question" is what is asked of the record
and weighed, from what a source claims to the CIs that it may be. "In all" is what the application of a report calls:
the source's row, the question, and what comes of it written down: claims, a new CI with its binding, or a person's
review with its finding and the event that tells of it. Half of the fleet are virtual machines of eight images, whose
machine ids are learnt as shared; all servers share a board's serial number, as cheap ones do.

    python bench/identification.py [CIS ...] [--database URL]
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text
from sqlmodel import Session

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.identity import keys_of
from driftline_cmdb import driven
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
IMAGES = 8
#: Numbers of machines that are in no fleet.
STRANGERS = 10_000_000
BUDGET_MS = 1

#: Makes one report's work ready, and returns it.
Case = Callable[[Session, int], Callable[[], object]]


def server(number: int, **said: object) -> HostClaims:
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


def virtual(number: int, **said: object) -> HostClaims:
    a, b, c = number >> 16 & 255, number >> 8 & 255, number & 255
    of_it: dict[str, object] = {
        "hostname": f"host{number}",
        "fqdn": f"host{number}.example.com",
        "machine_id": f"{number // 2 % IMAGES:x}" + "c0ffee" * 5 + "1",
        "system_uuid": f"6b1d2c3e-7a41-4f0e-9c55-{number:012x}",
        "macs": [f"52:54:00:{a:02x}:{b:02x}:{c:02x}"],
        "virtualization": "kvm",
    }
    return HostClaims(**(of_it | said))  # type: ignore[arg-type]  # fields by name


def machine(number: int) -> HostClaims:
    return virtual(number) if number % 2 else server(number)


def learnt() -> dict[str, str]:
    """Return the kinds of the keys that are learnt as shared, by key."""
    images = [one for number in range(1, 2 * IMAGES, 2) for one in keys_of(virtual(number)) if one.kind == "machine_id"]
    boards = [one for one in keys_of(server(2)) if one.kind == "board_serial"]
    return {one.key: one.kind for one in (*images, *boards)}


def put(session: Session, model: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Insert many rows; into PostgreSQL by COPY."""
    connection, table = session.connection(), table_of(model)
    if connection.dialect.name == "sqlite":
        connection.execute(insert(table), rows)
        return
    rows = [{**driven.defaults(model), **row} for row in rows]
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({', '.join(rows[0])}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([json.dumps(one) if isinstance(one, dict | list) else one for one in row.values()])


def fill(database: Database, start: int, end: int) -> None:
    """Put CIs on record in bulk: each with its source, its binding and its claims."""
    for part in chunks(range(start, end), 5000):
        said = {n: machine(n) for n in part}
        with database.write() as session:
            rows: list[dict[str, Any]] = [
                {"id": n, "uid": f"ci-{n}", "name": f"host{n}", "ci_class": "server", "status": "installed",
                 "version": 1, "services": [], "labels": {}, "fields": {}} for n in part]  # fmt: skip
            put(session, Ci, rows)
            rows = [{"id": n, "uid": f"source-{n}", "kind": "agent", "hostname": f"host{n}", "agent_version": "0",
                "claims": plain_claims(said[n]), "enrolled_ms": 1, "sequence": 1, "past_epochs": [],
                "limitations": [], "unread": {}} for n in part]  # fmt: skip
            put(session, Source, rows)
            rows = [{"source_id": n, "ci_id": n, "rank": 0, "reason": "bench", "since_ms": 1} for n in part]
            put(session, Binding, rows)
            rows = [{"source_id": n, "ci_id": n, "kind": one.kind, "key": one.key}
                for n in part for one in keys_of(said[n])]  # fmt: skip
            put(session, IdentityClaim, rows)
    if not database.is_sqlite:  # ids were given; and statistics, which autovacuum brings up to date
        with database.write() as session:
            for table in ("ci", "source"):
                session.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {end})"))
            session.execute(text("ANALYZE"))


def measure(database: Database, prepare: Case) -> tuple[float, float]:
    """Return p50 and p95 in ms of what `prepare` returns, each in a transaction with others, as waves are.

    Nothing is kept.
    """
    took: list[float] = []
    # SQLite works in this thread, and other programs' turns are none of its time; PostgreSQL is waited for.
    clock = time.thread_time if database.is_sqlite else time.perf_counter
    with database.write() as session:
        for number in range(WARM + ROUNDS):
            one = prepare(session, number)
            session.flush()
            session.expunge_all()
            begun = clock()
            one()
            session.flush()
            took.append((clock() - begun) * 1000)
        session.rollback()
    ordered = sorted(took[WARM:])
    return statistics.median(ordered), ordered[int(len(ordered) * 0.95)]


def cases(size: int) -> dict[str, Case]:
    step = max(1, size // (WARM + ROUNDS + 1))

    def place(number: int) -> int:
        return 2 + number * step % (size - 2) // 2 * 2

    def floor(session: Session, number: int) -> Callable[[], object]:
        return lambda: driven.ask(session, "SELECT id, uid, name FROM ci WHERE id IN ({asked})", [place(number)])

    def unchanged(session: Session, number: int) -> Callable[[], object]:
        said, stored = server(place(number)), session.get_one(Source, place(number)).claims
        return lambda: plain_claims(said) != stored  # what the application of a report does before it asks

    def question(said: Callable[[int], HostClaims], own: Callable[[int], int | None]) -> Case:
        return lambda session, number: lambda: matching.question(session, matching.side_of(said(number)), own(number))

    def in_all(said: Callable[[int], HostClaims], own: Callable[[int], int | None]) -> Case:
        def prepare(session: Session, number: int) -> Callable[[], object]:
            source_id = own(number)  # as the CI's
            if source_id is None:
                source_id = driven.add(session, Source, uid=f"new-{number}", enrolled_ms=NOW)
            claims = said(number)
            return lambda: bound_ci(session, session.get_one(Source, source_id), claims, NOW + number)

        return prepare

    def other_card(number: int) -> HostClaims:
        return server(place(number), macs=[f"3c:fd:fe:00:{number >> 8:02x}:{number & 255:02x}"])

    def installed_anew(number: int) -> HostClaims:
        return server(place(number), machine_id=f"77a7c1d2e3f40516{number:016x}")

    claimed: dict[str, tuple[Callable[[int], HostClaims], Callable[[int], int | None]]] = {
        "known, claims changed": (other_card, place),
        "new, no match": (lambda number: server(STRANGERS + number), lambda _: None),
        "new, a match": (installed_anew, lambda _: None),
        "new VM of an image, no match": (lambda number: virtual(STRANGERS + number), lambda _: None),
        "new VM of an image, a match": (lambda number: virtual(place(number) + 1), lambda _: None),
    }
    found: dict[str, Case] = {"floor: one row by its key": floor, "known, claims unchanged": unchanged}
    for name, (said, own) in claimed.items():
        found |= {f"{name}: the question": question(said, own), f"{name}: in all": in_all(said, own)}
    return found


def main() -> None:
    arguments = sys.argv[1:]
    url = arguments.pop(arguments.index("--database") + 1) if "--database" in arguments else None
    sizes = sorted(int(one) for one in arguments if one.isdigit()) or [1_000, 10_000, 100_000]
    with tempfile.TemporaryDirectory() as folder:
        url = url or f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate(url)
        database = Database(url)
        with database.write() as session:
            rows = [{"key": key, "kind": kind, "machines": 6, "learnt_ms": 1, "by": "bench", "note": ""}
                for key, kind in learnt().items()]  # fmt: skip
            put(session, SharedEvidence, rows)
        there, p50s = 1, {}
        for size in sizes:
            fill(database, there, size + 1)
            there = size + 1
            print(f"{size:,} CIs on {url.partition(':')[0]}", flush=True)
            bare = 0.0
            for name, prepare in cases(size).items():
                p50, p95 = measure(database, prepare)
                bare = bare or p50
                p50s[name, size] = p50
                verdict = "" if p95 < BUDGET_MS else f"  OVER THE BUDGET OF {BUDGET_MS} ms"
                print(f"  {name:<43} p50 {p50:6.3f} ms  p95 {p95:6.3f} ms  {p50 / bare:5.1f} x the floor{verdict}")
        if len(sizes) > 1:
            print(f"{sizes[-1]:,} CIs to {sizes[0]:,} CIs, p50")
            for name in cases(sizes[0]):
                print(f"  {name:<43} {p50s[name, sizes[-1]] / p50s[name, sizes[0]]:5.2f}")
        database.close()


if __name__ == "__main__":
    main()
