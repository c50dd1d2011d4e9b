"""What is kept of an hour: per series the minutes that it covers, sum of means, min, max, last, and a histogram.

Summary and histograms are two frames, so that a plot over two years reads no histogram. A series stands in several
entries where its unit or scale changed within the hour; their minutes are disjoint.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from driftline_cmdb.utilization.chunks import Group, mask_of
from driftline_cmdb.utilization.histogram import buckets_of
from driftline_cmdb.utilization.minutes import Minutes, SeriesKey, Wanted, everything
from driftline_cmdb.utilization.planes import Frame, pack

Histogram = dict[int, int]


class HourOf(NamedTuple):
    """One series' hour. Values are scaled integers."""

    #: Minutes that it covers, as bits.
    mask: int
    #: Sum of the minutes' means.
    total: int
    min: int
    max: int
    last: int

    @property
    def minutes(self) -> int:
        """Minutes that it covers."""
        return self.mask.bit_count()


Summary = dict[SeriesKey, HourOf]
Histograms = dict[SeriesKey, Histogram]


def summarise(groups: list[Group]) -> tuple[Summary, Histograms]:
    """Return summary and histograms of an hour's minutes."""
    summary: Summary = {}
    histograms: Histograms = {}
    for group in groups:
        mask = mask_of(group.minutes.tolist())
        low, mean, high, last = group.values
        columns = zip(
            mean.sum(axis=1).tolist(),
            low.min(axis=1).tolist(),
            high.max(axis=1).tolist(),
            last[:, -1].tolist(),
            strict=True,
        )
        scale = 10.0 ** np.array([key.decimals for key in group.series])
        buckets = buckets_of(mean / scale[:, np.newaxis])
        for key, row, line in zip(group.series, columns, buckets, strict=True):
            summary[key] = HourOf(mask, *row)
            values, counts = np.unique(line, return_counts=True)
            histograms[key] = dict(zip(values.tolist(), counts.tolist(), strict=True))
    return summary, histograms


def without_known(minutes: Minutes, summary: Summary, hour: int) -> Minutes:
    """Return the minutes that a summary does not cover: what arrived after the hour's own minutes were dropped.

    A minute that it covers cannot be replaced any more, because its old value is no longer known.
    """
    covered: dict[tuple[str, str], int] = {}
    for key, known in summary.items():
        covered[key[:2]] = covered.get(key[:2], 0) | known.mask
    new = Minutes()
    for key, rows in minutes.rows.items():
        mask = covered.get(key[:2], 0)
        kept = {minute: row for minute, row in rows.items() if not mask >> minute % 60 & 1}
        new.add(key, list(kept), iter(kept.values()))
    return new


def combine(one: tuple[Summary, Histograms], other: tuple[Summary, Histograms]) -> tuple[Summary, Histograms]:
    """Return what two readings of the same hour, with disjoint minutes, say together."""
    summary, histograms = dict(one[0]), {key: dict(counts) for key, counts in one[1].items()}
    for key, new in other[0].items():
        old = summary.get(key)
        if old is None:
            summary[key], histograms[key] = new, other[1][key]
            continue
        last = new.last if new.mask > old.mask else old.last
        summary[key] = HourOf(
            old.mask | new.mask, old.total + new.total, min(old.min, new.min), max(old.max, new.max), last
        )
        counts = histograms[key]
        for bucket, count in other[1][key].items():
            counts[bucket] = counts.get(bucket, 0) + count
    return summary, histograms


def encode(summary: Summary, histograms: Histograms) -> tuple[bytes, bytes]:
    """Return both frames. The histograms' frame has no names; its series stand in the order of the summary's."""
    keys = sorted(summary)
    table = np.array([summary[key] for key in keys], np.int64).reshape(-1, len(HourOf._fields))
    sizes = [len(histograms[key]) for key in keys]
    buckets: list[int] = []
    counts: list[int] = []
    for key in keys:
        ascending = sorted(histograms[key].items())
        numbers = [bucket for bucket, _ in ascending]
        buckets += [after - before for before, after in pairwise([0, *numbers])]
        counts += [count for _, count in ascending]
    arrays = [np.array(column, np.int64) for column in (sizes, buckets, counts)]
    return pack({"series": keys}, [table]), pack({"entries": len(counts)}, arrays)


def decode_summary(data: bytes, wanted: Wanted = everything) -> Summary:
    """Return a summary.

    :param wanted: tells whether a metric is decoded.
    :raises Invalid: where it is damaged.
    """
    frame = Frame(data)
    series = frame.header["series"]
    rows = [row for row, key in enumerate(series) if wanted(key[0])]
    table = frame.take(len(series), len(HourOf._fields), rows).tolist()
    return {SeriesKey(*series[row]): HourOf(*values) for row, values in zip(rows, table, strict=True)}


def decode_histograms(data: bytes, summary: bytes, wanted: Wanted = everything) -> Histograms:
    """Return the histograms that belong to a summary, whose series they have.

    :param wanted: tells whether a metric is decoded.
    :raises Invalid: where they are damaged.
    """
    frame = Frame(data)
    series = Frame(summary).header["series"]
    entries = frame.header["entries"]
    sizes, buckets, counts = (frame.take(size).ravel() for size in (len(series), entries, entries))
    out: Histograms = {}
    for key, end, size in zip(series, np.cumsum(sizes).tolist(), sizes.tolist(), strict=True):
        if wanted(key[0]):
            part = slice(end - size, end)
            out[SeriesKey(*key)] = dict(zip(np.cumsum(buckets[part]).tolist(), counts[part].tolist(), strict=True))
    return out
