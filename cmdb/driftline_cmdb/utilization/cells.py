"""Cells: one minute or one hour of a series as floats, and their reduction to the points of a plot."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftline_cmdb.utilization.chunks import Group
from driftline_cmdb.utilization.hours import Summary
from driftline_cmdb.utilization.minutes import SeriesKey, Wanted

Floats = NDArray[np.float64]


class Reduced(NamedTuple):
    """Points of one series, ascending; every list has one entry a point."""

    #: First minute of the point.
    minutes: list[int]
    min: list[float]
    mean: list[float]
    max: list[float]
    last: list[float]


class Cells:
    """Cells of many series. What is added first wins where the same minute or hour is added twice."""

    def __init__(self, wanted: Wanted) -> None:
        """Start with none.

        :param wanted: tells whether a metric is kept.
        """
        self._wanted = wanted
        # Per series arrays of shape (6, cells): first minute, minutes covered, sum of means, min, max, last.
        self._blocks: dict[tuple[str, str], list[Floats]] = {}
        self._units: dict[tuple[str, str], tuple[float, str]] = {}

    def _put(self, key: SeriesKey, block: Floats) -> None:
        name = key[:2]
        self._blocks.setdefault(name, []).append(block)
        at = float(block[0, -1])
        if at > self._units.get(name, (-1.0, ""))[0]:
            self._units[name] = (at, key.unit)

    def add_groups(self, groups: list[Group], first_minute: int, last_minute: int) -> None:
        """Add minutes, those from the first to the last."""
        for group in groups:
            rows = [row for row, key in enumerate(group.series) if self._wanted(key.metric)]
            start, end = np.searchsorted(group.minutes, [first_minute, last_minute + 1])
            if not rows or start >= end:
                continue
            scale = 10.0 ** np.array([group.series[row].decimals for row in rows])
            low, mean, high, last = group.values[:, rows, start:end] / scale[:, np.newaxis]
            minutes = np.broadcast_to(group.minutes[start:end].astype(np.float64), mean.shape)
            table = np.stack([minutes, np.ones_like(mean), mean, low, high, last], axis=1)
            for row, block in zip(rows, table, strict=True):
                self._put(group.series[row], block)

    def add_summary(self, summary: Summary, hour: int) -> None:
        """Add one hour of every series."""
        merged: dict[tuple[str, str], tuple[SeriesKey, int, list[float]]] = {}
        for key, known in sorted(summary.items()):  # in one order, before and after it is stored: floats are added
            if not self._wanted(key.metric):
                continue
            scale = 10.0**key.decimals
            total, low, high, last = (float(v) / scale for v in (known.total, known.min, known.max, known.last))
            cell = [hour * 60.0, float(known.minutes), total, low, high, last]
            if key[:2] in merged:  # its unit or scale changed within the hour
                other, mask, old = merged[key[:2]]
                later = known.mask > mask
                cell = [cell[0], old[1] + cell[1], old[2] + total, min(old[3], low), max(old[4], high)]
                cell.append(last if later else old[5])
                merged[key[:2]] = (key if later else other, mask | known.mask, cell)
            else:
                merged[key[:2]] = (key, known.mask, cell)
        for key, _, cell in merged.values():
            self._put(key, np.array(cell)[:, np.newaxis])

    def reduce(self, step_minutes: int) -> list[tuple[str, str, str, Reduced]]:
        """Return metric, instance, unit and points of every series, sorted; a point covers one step."""
        out = []
        for name in sorted(self._blocks):
            cells = np.concatenate(self._blocks[name], axis=1)
            _, first = np.unique(cells[0], return_index=True)
            out.append((*name, self._units[name][1], _reduce(cells[:, first], step_minutes)))
        return out


def _reduce(cells: Floats, step_minutes: int) -> Reduced:
    """Reduce cells of shape (6, cells), ascending, to one point a step."""
    step = cells[0].astype(np.int64) // step_minutes
    starts = np.flatnonzero(np.diff(step, prepend=-1))
    ends = np.append(starts[1:], len(step)) - 1
    _, count, total, low, high, last = cells
    return Reduced(
        (step[starts] * step_minutes).tolist(),
        np.minimum.reduceat(low, starts).tolist(),
        (np.add.reduceat(total, starts) / np.add.reduceat(count, starts)).tolist(),
        np.maximum.reduceat(high, starts).tolist(),
        last[ends].tolist(),
    )
