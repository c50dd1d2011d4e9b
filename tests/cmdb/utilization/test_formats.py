"""Chunks, summaries and histograms: exact round trips, clear damage, the promised error."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.utilization import T0, Rows, rows

from driftline_cmdb.errors import Invalid
from driftline_cmdb.utilization import chunks, hours
from driftline_cmdb.utilization.batch import MAX_VALUE
from driftline_cmdb.utilization.histogram import ERROR, buckets_of, middle_of, quantile
from driftline_cmdb.utilization.minutes import Minutes, SeriesKey
from driftline_cmdb.utilization.planes import Frame, pack

HOUR = T0 // 60


def minutes_of(given_rows: Rows) -> Minutes:
    minutes = Minutes()
    for key, by_minute in given_rows.items():
        minutes.add(key, list(by_minute), iter(by_minute.values()))
    return minutes


@given(st.lists(st.lists(st.integers(-(2**62), 2**62 - 1), max_size=9), max_size=4))
def test_integers_come_back(lists: list[list[int]]) -> None:
    frame = Frame(pack({"x": 1}, [np.array(values, np.int64) for values in lists]))
    assert frame.header["x"] == 1
    assert [frame.take(len(values)).ravel().tolist() for values in lists] == lists


@given(rows(59))
def test_a_chunk_gives_back_what_went_in(given_rows: Rows) -> None:
    data = chunks.encode(chunks.groups_of(minutes_of(given_rows), HOUR), HOUR)
    back = Minutes()
    chunks.add_groups(back, chunks.decode(data, HOUR))
    assert back.rows == {key: by_minute for key, by_minute in given_rows.items() if by_minute}


@given(rows(59))
def test_a_summary_gives_back_what_went_in(given_rows: Rows) -> None:
    summary, histograms = hours.summarise(chunks.groups_of(minutes_of(given_rows), HOUR))
    first, second = hours.encode(summary, histograms)
    back = hours.decode_summary(first)
    assert back == summary
    assert hours.decode_histograms(second, first) == histograms
    for key, known in summary.items():
        values = [by_minute for _, by_minute in sorted(given_rows[key].items())]
        assert known.minutes == len(values) == sum(histograms[key].values())
        assert known[1:] == (
            sum(row[1] for row in values),
            min(row[0] for row in values),
            max(row[2] for row in values),
            values[-1][3],
        )


@given(rows(59), st.data())
def test_halves_of_an_hour_combine_to_the_whole(given_rows: Rows, data: st.DataObject) -> None:
    cut = data.draw(st.integers(T0, T0 + 60))
    halves = [
        hours.summarise(
            chunks.groups_of(
                minutes_of({k: {m: r for m, r in v.items() if (m < cut) == early} for k, v in given_rows.items()}), HOUR
            )
        )
        for early in (False, True)
    ]
    whole = hours.summarise(chunks.groups_of(minutes_of(given_rows), HOUR))
    assert hours.combine(*halves) == whole
    assert hours.combine(*reversed(halves)) == whole


@given(st.data())
def test_damage_is_said(data: st.DataObject) -> None:
    key = SeriesKey("system.disk.io", "sda", "By", 0)
    good = chunks.encode(chunks.groups_of(minutes_of({key: {T0: (1, 2, 3, 3)}}), HOUR), HOUR)
    cut = data.draw(st.integers(0, len(good) - 1))
    with pytest.raises(Invalid, match="damaged"):
        chunks.decode(good[:cut], HOUR)


@given(st.lists(st.integers(-MAX_VALUE, MAX_VALUE), min_size=1, max_size=60), st.integers(0, 9), st.floats(0, 1))
def test_a_quantile_is_within_the_promised_error(values: list[int], decimals: int, q: float) -> None:
    floats = sorted(value / 10.0**decimals for value in values)
    counts: dict[int, int] = {}
    for bucket in buckets_of(np.array(floats)).tolist():
        counts[bucket] = counts.get(bucket, 0) + 1
    exact = floats[max(1, math.ceil(q * len(floats))) - 1]
    assert quantile(counts, q) == pytest.approx(exact, rel=ERROR * (1 + 1e-9), abs=0)


@given(st.integers(1, MAX_VALUE), st.integers(0, 9))
def test_buckets_ascend_with_the_value_and_mirror_at_zero(value: int, decimals: int) -> None:
    size = value / 10.0**decimals
    below, zero, above, more = buckets_of(np.array([-size, 0.0, size, size * 1.03])).tolist()
    assert -above == below < zero == 0 < above < more
    assert middle_of(below) == -middle_of(above)
