"""Chunks: all minutes of one hour of one source.

Series that have the same minutes form a group: a mask of their minutes in the hour (bit 0 is the first), and values of
shape (4, series, minutes): min, mean, max, last. Means are delta coded along time; the others are differences to the
mean, which are small, and mostly zero for what hardly moves.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from driftline_cmdb.utilization.minutes import Minutes, Row, SeriesKey, Wanted, everything
from driftline_cmdb.utilization.planes import Frame, Int64s, pack

_BITS = np.arange(60, dtype=np.int64)
_MIN, _MEAN, _MAX, _LAST = range(4)


class Group(NamedTuple):
    """Series of one hour that have the same minutes."""

    series: list[SeriesKey]
    #: Minutes since 1970, ascending, shape (minutes,).
    minutes: Int64s
    #: Scaled integers: min, mean, max, last; shape (4, series, minutes).
    values: Int64s


def mask_of(minutes: Iterable[int]) -> int:
    """Return the minutes as bits of their hour."""
    mask = 0
    for minute in minutes:
        mask |= 1 << minute % 60
    return mask


def minutes_in(mask: int, hour: int) -> Int64s:
    """Return the minutes since 1970 that a mask of an hour stands for, ascending."""
    return np.flatnonzero((mask >> _BITS) & 1) + hour * 60


def groups_of(minutes: Minutes, hour: int) -> list[Group]:
    """Arrange merged minutes, all of one hour, as groups."""
    by_mask: dict[int, list[tuple[SeriesKey, dict[int, Row]]]] = {}
    for key, rows in minutes.rows.items():
        if rows:
            by_mask.setdefault(mask_of(rows), []).append((key, rows))
    groups = []
    for mask, members in sorted(by_mask.items()):
        members.sort()
        times = minutes_in(mask, hour)
        order = times.tolist()
        table = np.array([[rows[minute] for minute in order] for _, rows in members], np.int64)
        groups.append(Group([key for key, _ in members], times, table.transpose(2, 0, 1)))
    return groups


def encode(groups: list[Group], hour: int) -> bytes:
    """Return the chunk of these groups."""
    header = {"groups": [[mask_of(group.minutes.tolist()), group.series] for group in groups]}
    arrays = []
    for group in groups:
        mean = group.values[_MEAN]
        coded = np.stack(
            [
                mean - group.values[_MIN],
                np.diff(mean, axis=1, prepend=0),
                group.values[_MAX] - mean,
                group.values[_LAST] - mean,
            ]
        )
        arrays += list(coded)
    return pack(header, arrays)


def decode(data: bytes, hour: int, wanted: Wanted = everything) -> list[Group]:
    """Return the groups of a chunk.

    :param wanted: tells whether a metric is decoded.
    :raises Invalid: where the chunk is damaged.
    """
    frame = Frame(data)
    groups = []
    for mask, series in frame.header["groups"]:
        times = minutes_in(mask, hour)
        rows = [row for row, key in enumerate(series) if wanted(key[0])]
        values = np.stack([frame.take(len(series), len(times), rows) for _ in range(4)])
        mean = np.cumsum(values[_MEAN], axis=1)
        values = np.stack([mean - values[_MIN], mean, mean + values[_MAX], mean + values[_LAST]])
        groups.append(Group([SeriesKey(*series[row]) for row in rows], times, values))
    return groups


def add_groups(minutes: Minutes, groups: list[Group]) -> None:
    """Add a chunk's groups to minutes that are being merged."""
    for group in groups:
        times = group.minutes.tolist()
        for key, rows in zip(group.series, group.values.transpose(1, 2, 0).tolist(), strict=True):
            minutes.add(key, times, map(tuple, rows))
