"""The utilization store beside plain rows, in the same SQLite, in the same run.

    python bench/utilization.py [HOSTS] [HOURS]

A sample is one number: each minute of a series has four (min, mean, max, last). Commits are durable on both sides, 20
reports each. The series are made up (40 a host): a third noisy (cpu, network), a third slow (memory, filesystems), a
third mostly zero (idle disks).
"""

import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_cmdb import utilization
from driftline_cmdb.database import Database, migrate
from driftline_cmdb.identity.bindings import Span
from driftline_cmdb.tables.sources import Source
from driftline_cmdb.utilization import settled  # noqa: F401  # numpy comes late, but not into what is measured
from driftline_cmdb.utilization.batch import deltas_of

SERIES, REPORT_MINUTES, REPORTS_A_COMMIT = 40, 5, 20
T0 = 28_333_320
MINUTE_MS = 60_000
series, percentile = utilization.series_of, utilization.percentile
Rows = list[list[tuple[int, int, int, int]]]


def always(*source_ids: int) -> list[Span]:
    """Return spans of sources that spoke for one CI all the time."""
    return [Span(source_id, 0, None) for source_id in source_ids]


def made_up(number: int, minutes: int, rng: random.Random) -> list[tuple[int, int, int, int]]:
    """Make one series of scaled integers."""
    rows, level = [], rng.uniform(0.1, 0.5)
    for _ in range(minutes):
        if number % 3 == 0:  # 4 decimals
            level = min(1.0, max(0.0, level + rng.gauss(0, 0.02)))
            samples = [round(10_000 * min(1.0, max(0.0, level + rng.gauss(0, 0.03)))) for _ in range(6)]
        elif number % 3 == 1:  # bytes
            level += rng.gauss(0, 1e-5)
            samples = [round(level * 4_000_000) * 4096 + 4096 * rng.randrange(64) for _ in range(6)]
        else:  # operations/s, 1 decimal
            busy = rng.random() < 0.05
            samples = [rng.randrange(500) if busy else 0 for _ in range(6)]
        rows.append((min(samples), round(sum(samples) / 6), max(samples), samples[-1]))
    return rows


def batches(host: Rows, minutes: int) -> Iterator[UtilizationBatch]:
    """Yield a host's reports."""
    for first in range(0, minutes, REPORT_MINUTES):
        batch = UtilizationBatch()
        for number, rows in enumerate(host):
            one = batch.series.add(
                metric=f"system.m{number}.io", instance=f"i{number}", unit="1", decimals=(4, 0, 1)[number % 3]
            )
            cut = rows[first : first + REPORT_MINUTES]
            one.minutes.extend(deltas_of(list(range(T0 + first, T0 + first + len(cut)))))
            for name, column in zip(("min", "mean", "max", "last"), zip(*cut, strict=True), strict=True):
                getattr(one, name).extend(deltas_of(list(column)))
        yield batch


def median_time(ask: Callable[[], object]) -> float:
    """Return the median of five runs after a first one, s."""
    ask()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        ask()
        times.append(time.perf_counter() - start)
    return sorted(times)[2]


def measure_rows(folder: Path, hosts: list[Rows], minutes: int) -> tuple[float, int, float]:
    """Store plain rows; return seconds to write, bytes on disk, seconds for one query."""
    connection = sqlite3.connect(folder / "rows.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        "CREATE TABLE sample (source INT, series INT, minute INT, min REAL, mean REAL, max REAL, last REAL,"
        " PRIMARY KEY (source, series, minute)) WITHOUT ROWID"
    )
    start = time.perf_counter()
    pending = 0
    for first in range(0, minutes, REPORT_MINUTES):
        for source, host in enumerate(hosts):
            if pending == 0:
                connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (source, number, T0 + first + k, *(value / 10_000 for value in row))
                    for number, rows in enumerate(host)
                    for k, row in enumerate(rows[first : first + REPORT_MINUTES])
                ),
            )
            pending = (pending + 1) % REPORTS_A_COMMIT
            if pending == 0:
                connection.execute("COMMIT")
    if pending:
        connection.execute("COMMIT")
    written = time.perf_counter() - start
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    query = "SELECT minute, min, mean, max, last FROM sample WHERE source = 0 AND series = 3 ORDER BY minute"
    assert len(connection.execute(query).fetchall()) == minutes
    queried = median_time(lambda: connection.execute(query).fetchall())
    connection.close()
    return written, (folder / "rows.db").stat().st_size, queried


def main(host_count: int, hours: int) -> None:
    """Measure and print."""
    minutes = hours * 60
    rng = random.Random(1)
    hosts = [[made_up(number, minutes, rng) for number in range(SERIES)] for _ in range(host_count)]
    samples = host_count * SERIES * minutes * 4
    with TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'driftline.db'}"
        migrate(url)
        database = Database(url)
        with database.write() as session:
            session.add_all([Source(uid=str(number), enrolled_ms=0) for number in range(host_count)])
        empty = (folder / "driftline.db").stat().st_size
        now = (T0 + minutes + 60) * MINUTE_MS
        reports = [(source + 1, batch) for source, host in enumerate(hosts) for batch in batches(host, minutes)]
        wire = sum(batch.ByteSize() for _, batch in reports)

        start = time.perf_counter()
        checked = [(source, utilization.check(batch, now)) for source, batch in reports]
        check_s = time.perf_counter() - start
        start = time.perf_counter()
        for first in range(0, len(checked), REPORTS_A_COMMIT):
            with database.write() as session:
                for source, one in checked[first : first + REPORTS_A_COMMIT]:
                    utilization.append(session, source, one, now)
        append_s = time.perf_counter() - start
        start = time.perf_counter()
        done = utilization.compact(database, now)
        compact_s = time.perf_counter() - start
        assert done.hours == host_count * hours
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            sizes = [
                connection.exec_driver_sql(f"SELECT sum({what}) FROM {table}").scalar_one()
                for table, what in (("utilizationchunk", "length(data)"), ("utilizationhour", "length(summary)"))
            ]
            sizes.append(connection.exec_driver_sql("SELECT sum(length(histograms)) FROM utilizationhour").scalar_one())
        size = (folder / "driftline.db").stat().st_size - empty
        span = (T0 * MINUTE_MS, (T0 + minutes) * MINUTE_MS)
        one, everyone = always(1), always(*range(1, host_count + 1))
        with database.read() as session:
            questions: dict[str, Callable[[], object]] = {
                "minutes of one series": lambda: series(session, one, ["system.m3.io"], *span, MINUTE_MS),
                "minutes of all series of one host": lambda: series(session, one, ["*"], *span, MINUTE_MS),
                "hours of one series": lambda: series(session, one, ["system.m3.io"], *span, 60 * MINUTE_MS),
                "95th percentile over all hosts": lambda: percentile(session, everyone, "system.m3.io", 0.95, *span),
                "latest of one host": lambda: utilization.latest_of(session, one),
            }
            times = {label: median_time(ask) for label, ask in questions.items()}
        database.close()
        rows_s, rows_size, rows_query = measure_rows(folder, hosts, minutes)

    stored_s = check_s + append_s + compact_s
    print(f"{samples:,} samples: {host_count} hosts, {SERIES} series, {hours} hours")
    print(f"on the wire:                      {wire / samples:12.2f} B/sample")
    print(f"in, checked, appended and sealed: {samples / stored_s:12,.0f} samples/s  {rows_s / stored_s:6.1f} x rows")
    for label, seconds in (("check", check_s), ("append", append_s), ("compact", compact_s)):
        print(f"    {label:<29} {samples / seconds:12,.0f} samples/s")
    print(f"rows:                             {samples / rows_s:12,.0f} samples/s")
    print(f"on disk:                          {size / samples:12.2f} B/sample   {rows_size / size:6.1f} x less")
    for label, part in zip(("minutes", "summaries", "histograms"), sizes, strict=True):
        print(f"    {label:<29} {part / samples:12.2f} B/sample")
    print(f"rows:                             {rows_size / samples:12.2f} B/sample")
    for label, seconds in times.items():
        print(f"{label:<33} {seconds * 1000:12.1f} ms")
    print(f"rows, minutes of one series:      {rows_query * 1000:12.1f} ms")


if __name__ == "__main__":
    main(*(int(argument) for argument in (sys.argv[1:] + ["10", "24"][len(sys.argv) - 1 :])))
