"""The bounded decoder: what it refuses, and that what it lets through is what came."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.utilization import MINUTE, T0, Rows, batch_of, rows

from driftline.v1.utilization_pb2 import Series, UtilizationBatch
from driftline_cmdb.errors import CmdbError
from driftline_cmdb.utilization import BatchError, check
from driftline_cmdb.utilization.batch import MAX_MINUTES, MAX_SERIES, MAX_VALUE
from driftline_cmdb.utilization.minutes import Minutes, SeriesKey

NOW = (T0 + 600) * MINUTE
DISK = SeriesKey("system.disk.io", "sda", "By/s", 3)


def good() -> UtilizationBatch:
    return batch_of({DISK: {T0: (1, 2, 3, 3), T0 + 1: (4, 5, 9, 4)}})


def change(action: Callable[[Series], object]) -> UtilizationBatch:
    batch = good()
    action(batch.series[0])
    return batch


def many_series() -> UtilizationBatch:
    batch = UtilizationBatch()
    for number in range(MAX_SERIES + 1):
        batch.series.add(metric="system.cpu.utilization", instance=str(number))
    return batch


def at(minute: int) -> UtilizationBatch:
    return batch_of({DISK: {minute: (1, 1, 1, 1)}})


def one(low: int, mean: int, high: int, last: int) -> UtilizationBatch:
    return batch_of({DISK: {T0: (low, mean, high, last)}})


BAD = {
    "batch: 4097 series, at most 4096": many_series(),
    "series 1.metric: '' is no metric name": change(lambda s: s.ClearField("metric")),
    "series 1.metric: 'CPU load' is no metric name": change(lambda s: setattr(s, "metric", "CPU load")),
    "series 1.metric: 'aaaa": change(lambda s: setattr(s, "metric", "a" * 129)),
    "series system.disk.io.instance: ": change(lambda s: setattr(s, "instance", "s" * 513)),
    "series system.disk.io.instance: 'a.x00'": change(lambda s: setattr(s, "instance", "a\0")),
    "series system.disk.io.unit: ": change(lambda s: setattr(s, "unit", "s" * 33)),
    "series system.disk.io of sda.decimals: 10 is more than 9": change(lambda s: setattr(s, "decimals", 10)),
    "series system.disk.io of sda.mean: 1 values for 2 minutes": change(lambda s: s.mean.pop()),
    "series system.disk.io of sda.last: 3 values for 2 minutes": change(lambda s: s.last.append(1)),
    "series system.disk.io of sda.minutes: they must ascend": change(lambda s: s.minutes.__setitem__(1, 0)),
    "series system.disk.io of sda.minutes: [0-9]+ is more than a day ahead": at(T0 + 600 + 24 * 60 + 1),
    "series system.disk.io of sda.minutes: 12 is more than two years ago": at(12),
    "series system.disk.io of sda.minutes: -12 is more than two years ago": at(-12),
    "series system.disk.io of sda.minutes: 1441 minutes, at most 1440": batch_of(
        {DISK: {T0 - minute: (0, 0, 0, 0) for minute in range(MAX_MINUTES + 1)}}
    ),
    "series system.disk.io of sda.max: a value is beyond 1": one(0, 0, MAX_VALUE + 1, 0),
    "series system.disk.io of sda.min: a value is beyond 1": one(-MAX_VALUE - 1, 0, 0, 0),
    "min 2, mean 1, max 1, last 1 contradict": one(2, 1, 1, 1),
    "min 1, mean 1, max 1, last 3 contradict": one(1, 1, 1, 3),
    "min 1, mean 4, max 2, last 2 contradict": one(1, 4, 2, 2),
}


@pytest.mark.parametrize("message", BAD)
def test_each_broken_rule_is_named(message: str) -> None:
    with pytest.raises(BatchError, match=message):
        check(BAD[message], NOW)


def test_a_series_may_not_stand_twice() -> None:
    batch = good()
    batch.series.append(batch.series[0])
    with pytest.raises(BatchError, match=r"series system\.disk\.io of sda: stands twice"):
        check(batch, NOW)


def test_its_error_is_one_of_the_record() -> None:
    assert issubclass(BatchError, CmdbError) and issubclass(BatchError, ValueError)


def test_deltas_may_not_run_away() -> None:
    batch = good()
    batch.series[0].max[:] = [2**62, 2**62]
    with pytest.raises(BatchError, match="beyond"):
        check(batch, NOW)


def test_a_mean_of_equal_samples_may_be_rounded_by_one() -> None:
    assert check(one(1, 2, 1, 1), NOW).samples == 4


def test_nothing_is_nothing() -> None:
    assert check(UtilizationBatch(), NOW).parts == ()
    assert check(batch_of({DISK: {}}), NOW).parts == ()


def test_a_report_within_an_hour_is_one_part() -> None:
    checked = check(good(), NOW)
    assert [last for last, _ in checked.parts] == [T0 + 1]
    assert checked.samples == 8


@given(rows(600))
def test_what_passes_is_what_came_cut_by_hours(given_rows: Rows) -> None:
    checked = check(batch_of(given_rows), NOW)
    back = Minutes()
    for last, data in checked.parts:
        part = Minutes()
        part.add_fragment(data)
        times = [minute for by_minute in part.rows.values() for minute in by_minute]
        assert max(times) == last
        assert {minute // 60 for minute in times} == {last // 60}
        back.add_fragment(data)
    assert {key: found for key, found in back.rows.items() if found} == {k: v for k, v in given_rows.items() if v}
    assert checked.samples == 4 * sum(map(len, given_rows.values()))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_an_error_or_no_message(data: bytes) -> None:
    from google.protobuf.message import DecodeError

    try:
        batch = UtilizationBatch.FromString(data)
    except DecodeError:
        return
    try:
        check(batch, NOW)
    except BatchError as error:
        assert str(error)
