"""The store on both engines against a model that keeps plain rows."""

import csv
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, update
from sqlmodel import select
from tests.support.utilization import MINUTE, T0, Model, Rows, always, batch_of, new_source, rows

from driftline_cmdb import utilization
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Invalid
from driftline_cmdb.tables.utilization import UtilizationChunk, UtilizationFragment, UtilizationHour
from driftline_cmdb.utilization import Compacted, Point, SeriesView, compact
from driftline_cmdb.utilization.minutes import SeriesKey

CPU = SeriesKey("system.cpu.utilization", "", "1", 4)
DISK = SeriesKey("system.disk.io", "sda", "By/s", 0)
HOUR_MS, DAY_MS = 60 * MINUTE, 24 * 60 * MINUTE
START = T0 * MINUTE
NOW = START + 6 * HOUR_MS


def report(database: Database, source_id: int, given_rows: Rows, now_ms: int = NOW) -> None:
    checked = utilization.check(batch_of(given_rows), now_ms)
    with database.write() as session:
        utilization.append(session, source_id, checked, now_ms)


def series(
    database: Database, *sources: int, step: int = MINUTE, metrics: tuple[str, ...] = ("*",)
) -> list[SeriesView]:
    with database.read() as session:
        return utilization.series_of(session, always(*sources), metrics, START, START + 6 * HOUR_MS, step)


def answers(database: Database, *sources: int) -> list[Any]:
    """Everything that can be asked, so that two states of the store can be compared."""
    out: list[Any] = [series(database, *sources, step=step * MINUTE) for step in (1, 5, 7, 60, 90, 180)]
    with database.read() as session:
        for q in (0, 0.5, 0.95, 1):
            for metric in ("system.cpu.utilization", "system.disk.io"):
                out.append(utilization.percentile(session, always(*sources), metric, q, START, NOW))
    return out


def rows_in(database: Database) -> tuple[int, ...]:
    """Return how many fragments, chunks and hours there are."""
    with database.read() as session:
        tables = (UtilizationFragment, UtilizationChunk, UtilizationHour)
        return tuple(session.exec(select(func.count()).select_from(table)).one() for table in tables)


ACTIONS = st.lists(
    st.tuples(st.just("report"), rows(200)) | st.tuples(st.just("compact"), st.integers(0, 6 * 60)), max_size=8
)


# One database serves all examples: each has a source of its own.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(ACTIONS)
def test_whatever_is_reported_and_sealed_comes_back_exactly(database: Database, actions: list[tuple[str, Any]]) -> None:
    source, model = new_source(database), Model()
    for kind, argument in actions:
        if kind == "report":
            report(database, source, argument)
            model.report(argument)
        else:
            before = answers(database, source)
            compact(database, START + argument * MINUTE)
            assert answers(database, source) == before
    assert series(database, source) == model.minutes()
    compact(database, NOW)
    assert series(database, source) == model.minutes()


def test_sealing_takes_complete_hours_only_and_is_idempotent(database: Database) -> None:
    source = new_source(database)
    for first in range(0, 150, 5):
        report(database, source, {CPU: {T0 + first + k: (1, 2, 4, 3) for k in range(5)}})
    now = START + 150 * MINUTE
    before = answers(database, source)
    assert compact(database, now) == Compacted(hours=2, fragments=24)
    assert rows_in(database) == (6, 2, 2)
    assert compact(database, now) == Compacted()
    assert answers(database, source) == before


def test_an_hour_is_open_until_its_grace_is_over(database: Database) -> None:
    source = new_source(database)
    report(database, source, {CPU: {T0: (1, 2, 4, 3)}})
    assert compact(database, START + 69 * MINUTE).hours == 0
    assert compact(database, START + 70 * MINUTE).hours == 1


def test_a_later_report_replaces_a_minute_before_and_after_sealing(database: Database) -> None:
    source = new_source(database)
    report(database, source, {CPU: {T0: (1, 1, 1, 1), T0 + 1: (2, 2, 2, 2)}})
    report(database, source, {CPU: {T0: (5, 5, 5, 5)}})
    assert [point.mean for point in series(database, source)[0].points] == [0.0005, 0.0002]
    compact(database, NOW)
    report(database, source, {CPU: {T0 + 1: (7, 7, 7, 7), T0 + 2: (8, 8, 8, 8)}})
    expected = [0.0005, 0.0007, 0.0008]
    assert [point.mean for point in series(database, source)[0].points] == expected
    assert compact(database, NOW).hours == 1
    assert [point.mean for point in series(database, source)[0].points] == expected
    assert rows_in(database) == (0, 1, 1)


def test_another_scale_and_unit_replaces_too(database: Database) -> None:
    source = new_source(database)
    report(database, source, {CPU: {T0: (1, 1, 1, 1), T0 + 1: (2, 2, 2, 2)}})
    compact(database, NOW)
    report(database, source, {CPU._replace(decimals=1, unit="%"): {T0: (30, 30, 30, 30)}})
    expected = [
        SeriesView("system.cpu.utilization", "", "1", [Point(START, 3, 3, 3, 3), Point(START + MINUTE, *[2e-4] * 4)])
    ]
    assert series(database, source) == expected
    compact(database, NOW)
    assert series(database, source) == expected
    (hour,) = series(database, source, step=HOUR_MS)
    assert hour.points == [Point(START, 2e-4, (3 + 2e-4) / 2, 3, 2e-4)]


def test_steps_reduce_as_they_say(database: Database) -> None:
    source = new_source(database)
    report(
        database,
        source,
        {DISK: {T0: (1, 10, 19, 4), T0 + 1: (2, 20, 50, 5), T0 + 4: (0, 60, 60, 6), T0 + 7: (1, 1, 1, 1)}},
    )
    (view,) = series(database, source, step=5 * MINUTE)
    assert view.points == [Point(START, 0, 30, 60, 6), Point(START + 5 * MINUTE, 1, 1, 1, 1)]


def test_start_and_end_are_minutes_below_an_hour_and_hours_above(database: Database) -> None:
    source = new_source(database)
    report(database, source, {DISK: {T0 + minute: (minute, minute, minute, minute) for minute in range(120)}})
    with database.read() as session:
        start, end = START + 10 * MINUTE, START + 12 * MINUTE + 1
        fine = utilization.series_of(session, always(source), ["*"], start, end, MINUTE)
        coarse = utilization.series_of(session, always(source), ["*"], start, end, HOUR_MS)
        assert utilization.series_of(session, always(source), ["*"], end, end, MINUTE) == []
        with pytest.raises(Invalid, match="step_ms: 59999 is less than a minute"):
            utilization.series_of(session, always(source), ["*"], start, end, 59_999)
    assert [point.mean for point in fine[0].points] == [10, 11, 12]
    assert coarse[0].points == [Point(START, 0, 29.5, 59, 59)]


def test_metrics_are_chosen_by_patterns(database: Database) -> None:
    source = new_source(database)
    report(database, source, {CPU: {T0: (1, 1, 1, 1)}, DISK: {T0: (1, 1, 1, 1)}})
    for sealed in (False, True):
        if sealed:
            compact(database, NOW)
        for step in (MINUTE, HOUR_MS):
            assert [v.metric for v in series(database, source, metrics=("system.disk.*",), step=step)] == [DISK.metric]
            assert [v.metric for v in series(database, source, metrics=("x", "system.c*"), step=step)] == [CPU.metric]
            assert series(database, source, metrics=(), step=step) == []


def test_the_first_source_counts_where_two_say_the_same(database: Database) -> None:
    one, other = new_source(database), new_source(database)
    report(database, one, {CPU: {T0: (1, 1, 1, 1)}})
    report(database, other, {CPU: {T0: (2, 2, 2, 2), T0 + 1: (3, 3, 3, 3)}})
    for sealed in (False, True):
        if sealed:
            compact(database, NOW)
        assert [point.mean for point in series(database, one, other)[0].points] == [0.0001, 0.0003]
        assert [point.mean for point in series(database, other, one)[0].points] == [0.0002, 0.0003]


def test_latest_is_the_newest_minute_of_each_series(database: Database) -> None:
    source = new_source(database)
    with database.read() as session:
        assert utilization.latest_of(session, always(source)) == []
    report(database, source, {CPU: {T0 + 57: (1, 1, 1, 1)}, DISK: {T0 + 58: (2, 2, 2, 2)}})
    report(database, source, {CPU: {T0 + 61: (3, 3, 3, 3)}})
    report(database, source, {CPU: {T0 + 5: (9, 9, 9, 9)}})  # late
    expected = [
        SeriesView(CPU.metric, "", "1", [Point(START + 61 * MINUTE, *[3e-4] * 4)]),
        SeriesView(DISK.metric, "sda", "By/s", [Point(START + 58 * MINUTE, 2, 2, 2, 2)]),
    ]
    with database.read() as session:
        assert utilization.latest_of(session, always(source)) == expected
    compact(database, NOW)
    with database.read() as session:
        assert utilization.latest_of(session, always(source)) == expected[:1]


def test_minutes_go_first_then_hours(database: Database) -> None:
    source = new_source(database)
    report(database, source, {DISK: {T0 + minute: (minute, minute, minute, minute) for minute in range(120)}})
    compact(database, NOW)
    hourly = series(database, source, step=HOUR_MS)
    assert compact(database, START + HOUR_MS + 14 * DAY_MS).chunks_dropped == 1
    assert rows_in(database) == (0, 1, 2)
    assert series(database, source, step=HOUR_MS) == hourly
    (view,) = series(database, source)
    assert view.points[0] == Point(START, 0, 29.5, 59, 59)
    assert [point.mean for point in view.points[1:]] == list(range(60, 120))
    assert compact(database, START + 730 * DAY_MS + 2 * HOUR_MS).hours_dropped == 2
    assert rows_in(database) == (0, 0, 0)


def test_late_minutes_of_an_hour_without_minutes_are_counted_once(database: Database) -> None:
    source = new_source(database)
    report(database, source, {DISK: {T0 + minute: (8, 8, 8, 8) for minute in range(30)}})
    much_later = START + 20 * DAY_MS
    compact(database, much_later)
    assert rows_in(database) == (0, 0, 1)
    late = {DISK: {T0 + minute: (2, 2, 2, 2) for minute in range(20, 60)}}
    report(database, source, late)
    before = answers(database, source)
    assert compact(database, much_later).hours == 1
    assert answers(database, source) == before
    (view,) = series(database, source, step=HOUR_MS)
    assert view.points == [Point(START, 2, 5, 8, 2)]
    report(database, source, late)
    compact(database, much_later)
    assert series(database, source, step=HOUR_MS) == [view]
    with database.read() as session:
        assert utilization.percentile(session, always(source), DISK.metric, 0.5, START, NOW)["sda"] == pytest.approx(
            2, rel=0.01
        )


def test_percentiles_pool_sources_and_are_within_one_percent(database: Database) -> None:
    one, other = new_source(database), new_source(database)
    values = {one: list(range(100, 160)), other: list(range(1000, 1060))}
    for source, means in values.items():
        report(database, source, {DISK: {T0 + k: (v, v, v, v) for k, v in enumerate(means)}})
    compact(database, NOW)
    pooled = sorted(values[one] + values[other])
    with database.read() as session:
        for q in (0, 0.25, 0.5, 0.51, 0.95, 1):
            exact = pooled[max(1, math.ceil(q * 120)) - 1]
            found = utilization.percentile(session, always(one, other), DISK.metric, q, START, NOW)
            assert found == {"sda": pytest.approx(exact, rel=0.01)}
        assert utilization.percentile(session, always(one), "system.none", 0.5, START, NOW) == {}
        with pytest.raises(Invalid, match="q: 95 is not between 0 and 1"):
            utilization.percentile(session, always(one), DISK.metric, 95, START, NOW)


def test_one_damaged_fragment_harms_no_other_hour(database: Database) -> None:
    source = new_source(database)
    report(database, source, {CPU: {T0: (1, 1, 1, 1)}})
    report(database, source, {CPU: {T0 + 60: (1, 1, 1, 1)}})
    with database.write() as session:
        damage = update(UtilizationFragment).values(data=b"damaged")
        session.connection().execute(damage.where(UtilizationFragment.last_minute == T0))  # type: ignore[arg-type]
    done = compact(database, NOW)
    assert (done.hours, len(done.failures)) == (1, 1)
    assert f"source {source}, hour {T0 // 60}" in done.failures[0]
    assert rows_in(database) == (1, 1, 1)


def fill(database: Database, sources: int, hours: int) -> list[int]:
    ids = [new_source(database) for _ in range(sources)]
    with database.write() as session:
        for source in ids:
            for hour in range(hours):
                by_minute = {T0 + 60 * hour + minute: (minute, minute + source, 900, 800) for minute in range(60)}
                batch = batch_of({DISK._replace(instance=f"sd{k}"): by_minute for k in range(8)})
                utilization.append(session, source, batch, NOW)
    return ids


def compact_in_process(url: str) -> Compacted:
    database = Database(url)
    try:
        return compact(database, NOW)
    finally:
        database.close()


def test_a_killed_compaction_loses_nothing_and_doubles_nothing(database_url: str, database: Database) -> None:
    ids = fill(database, 60, 5)
    before = [answers(database, ids[0], ids[-1]), series(database, *ids, step=HOUR_MS)]
    process = multiprocessing.get_context("spawn").Process(target=compact_in_process, args=(database_url,))
    process.start()
    while rows_in(database)[1] < 20:
        assert process.is_alive(), "it was meant to be killed half-way"
        time.sleep(0.002)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    fragments, chunks, hours = rows_in(database)
    assert 0 < chunks == hours < 300
    assert fragments == 300 - chunks
    assert [answers(database, ids[0], ids[-1]), series(database, *ids, step=HOUR_MS)] == before
    assert compact(database, NOW).hours == 300 - chunks
    assert [answers(database, ids[0], ids[-1]), series(database, *ids, step=HOUR_MS)] == before


def test_two_compactions_at_a_time_share_the_work(database_url: str, database: Database) -> None:
    ids = fill(database, 30, 5)
    before = answers(database, *ids)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        done = pool.map(compact_in_process, [database_url] * 2, chunksize=1)
    assert sum(one.hours for one in done) == 150
    assert [failure for one in done for failure in one.failures] == []
    assert rows_in(database) == (0, 150, 150)
    assert answers(database, *ids) == before


def test_numpy_comes_late() -> None:
    code = "import sys, driftline_cmdb.utilization; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


RECORDED = Path(__file__).parents[2] / "fixtures" / "utilization" / "iio_us-east-1_i-a2eb1cd9_NetworkIn.csv"


def test_a_recorded_series_comes_back(database: Database) -> None:
    with RECORDED.open() as file:
        table = [
            (datetime.fromisoformat(time).replace(tzinfo=UTC), value) for time, value in csv.reader(list(file)[1:])
        ]
    wanted = {int(at.timestamp()) // 60: float(value) for at, value in table}
    key = SeriesKey("system.network.io", "eth0/receive", "By", 1)
    minutes = sorted(wanted)
    source = new_source(database)
    start, end = minutes[0] * MINUTE, (minutes[-1] + 1) * MINUTE
    for position in range(0, len(minutes), 12):
        scaled = {minute: round(wanted[minute] * 10) for minute in minutes[position : position + 12]}
        report(database, source, {key: {minute: (v, v, v, v) for minute, v in scaled.items()}}, end)
    exact = sorted(wanted.values())
    for sealed in (False, True):
        if sealed:
            assert compact(database, end + DAY_MS).hours == len({minute // 60 for minute in minutes})
        with database.read() as session:
            (view,) = utilization.series_of(session, always(source), ["system.network.*"], start, end, MINUTE)
            assert {point.at_ms // MINUTE: point.mean for point in view.points} == wanted
            p95 = utilization.percentile(session, always(source), key.metric, 0.95, start, end)["eth0/receive"]
            assert p95 == pytest.approx(exact[math.ceil(0.95 * len(exact)) - 1], rel=0.01)
