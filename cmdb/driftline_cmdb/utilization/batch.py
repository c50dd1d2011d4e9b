"""The bounded decoder of what agents send: nothing is stored that does not pass it."""

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate, pairwise

from zstandard import ZstdCompressor

from driftline.v1.utilization_pb2 import Series, UtilizationBatch
from driftline_cmdb.errors import Invalid

MAX_SERIES = 4096
#: Minutes of one series in one batch.
MAX_MINUTES = 1440
MAX_DECIMALS = 9
#: Scaled integers lie within plus and minus this: 100 PB in bytes, and an hour's sum still fits in 64 bits.
MAX_VALUE = 10**17
#: Characters.
MAX_METRIC, MAX_INSTANCE, MAX_UNIT = 128, 512, 32
#: How far a host's clock may be ahead, and how old a minute may be: older than the hours that are kept.
MAX_AHEAD_MINUTES = 24 * 60
MAX_AGE_MINUTES = 2 * 366 * 24 * 60

VALUES = ("min", "mean", "max", "last")

_METRIC = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BatchError(Invalid):
    """A batch that breaks the rules; the message names the series, the field and the rule."""


@dataclass(frozen=True, slots=True)
class CheckedBatch:
    """A batch that was checked, cut by hours and compressed, ready to be stored."""

    #: Per hour: the last minute in it, and a serialized UtilizationBatch, zstd.
    parts: tuple[tuple[int, bytes], ...]
    #: Numbers in it: four a minute of a series.
    samples: int


def check(batch: UtilizationBatch, now_ms: int) -> CheckedBatch:
    """Check a batch and make it ready to be stored. Needs no database and takes no locks.

    :param now_ms: the collector's clock, ms since 1970; minutes far after or long before it are refused.
    :raises BatchError: where a rule is broken. Nothing of a batch with an error is stored.
    """
    if len(batch.series) > MAX_SERIES:
        raise BatchError(f"batch: {len(batch.series)} series, at most {MAX_SERIES} are allowed; send it in parts")
    now = now_ms // 60_000
    seen: set[tuple[str, str]] = set()
    minutes_of: list[list[int]] = []
    for position, series in enumerate(batch.series):
        name = _check_names(series, position)
        identity = (series.metric, series.instance)
        if identity in seen:
            raise BatchError(f"{name}: stands twice in the batch; send one series with all its minutes")
        seen.add(identity)
        minutes_of.append(_check_lists(series, name, now))
    samples = len(VALUES) * sum(map(len, minutes_of))
    if not samples:
        return CheckedBatch((), 0)
    first = min(minutes[0] for minutes in minutes_of if minutes) // 60
    last = max(minutes[-1] for minutes in minutes_of if minutes)
    parts = [(last, batch)] if first == last // 60 else _by_hour(batch, minutes_of)
    compressor = ZstdCompressor(level=1)
    return CheckedBatch(tuple((at, compressor.compress(part.SerializeToString())) for at, part in parts), samples)


def _check_names(series: Series, position: int) -> str:
    """Check a series' names and return how messages call it."""
    name = f"series {position + 1}"
    if len(series.metric) > MAX_METRIC or not _METRIC.fullmatch(series.metric):
        raise BatchError(
            f"{name}.metric: {series.metric[:MAX_METRIC]!r} is no metric name;"
            f" it needs lower case words joined by dots, at most {MAX_METRIC} characters"
        )
    name = f"series {series.metric}"
    for field, text, most in (("instance", series.instance, MAX_INSTANCE), ("unit", series.unit, MAX_UNIT)):
        if len(text) > most or _CONTROL.search(text):
            raise BatchError(f"{name}.{field}: {text[:most]!r} has control characters or more than {most} characters")
    if series.instance:
        name = f"{name} of {series.instance}"
    if series.decimals > MAX_DECIMALS:
        raise BatchError(f"{name}.decimals: {series.decimals} is more than {MAX_DECIMALS}")
    return name


def _check_lists(series: Series, name: str, now: int) -> list[int]:
    """Check a series' lists and return its minutes."""
    size = len(series.minutes)
    if size > MAX_MINUTES:
        raise BatchError(f"{name}.minutes: {size} minutes, at most {MAX_MINUTES} are allowed; send it in parts")
    columns = []
    for field in VALUES:
        deltas = getattr(series, field)
        if len(deltas) != size:
            raise BatchError(f"{name}.{field}: {len(deltas)} values for {size} minutes; each minute needs one")
        columns.append(list(accumulate(deltas)))
    if not size:
        return []
    minutes = list(accumulate(series.minutes))
    if any(after <= before for before, after in pairwise(minutes)):
        raise BatchError(f"{name}.minutes: they must ascend, each minute once")
    if minutes[-1] > now + MAX_AHEAD_MINUTES:
        raise BatchError(f"{name}.minutes: {minutes[-1]} is more than a day ahead; set the host's clock")
    if minutes[0] < now - MAX_AGE_MINUTES:
        raise BatchError(f"{name}.minutes: {minutes[0]} is more than two years ago; set the host's clock")
    for field, column in zip(VALUES, columns, strict=True):
        if max(column) > MAX_VALUE or min(column) < -MAX_VALUE:
            raise BatchError(f"{name}.{field}: a value is beyond {MAX_VALUE}; use fewer decimals")
    for low, mean, high, last in zip(*columns, strict=True):
        # A mean may be rounded away from equal samples by one in its last place.
        if not (low <= last <= high and low - 1 <= mean <= high + 1):
            raise BatchError(f"{name}: min {low}, mean {mean}, max {high}, last {last} contradict each other")
    return minutes


def _by_hour(batch: UtilizationBatch, minutes_of: list[list[int]]) -> list[tuple[int, UtilizationBatch]]:
    """Cut a batch into one batch an hour, each with its last minute."""
    parts: dict[int, UtilizationBatch] = {}
    lasts: dict[int, int] = {}
    for series, minutes in zip(batch.series, minutes_of, strict=True):
        columns = [list(accumulate(getattr(series, field))) for field in VALUES]
        start = 0
        while start < len(minutes):
            hour = minutes[start] // 60
            end = bisect_left(minutes, (hour + 1) * 60, start)
            part = parts.setdefault(hour, UtilizationBatch()).series.add(
                metric=series.metric, instance=series.instance, unit=series.unit, decimals=series.decimals
            )
            for field, column in zip(("minutes", *VALUES), (minutes, *columns), strict=True):
                getattr(part, field).extend(deltas_of(column[start:end]))
            lasts[hour] = max(lasts.get(hour, 0), minutes[end - 1])
            start = end
    return [(lasts[hour], parts[hour]) for hour in sorted(parts)]


def deltas_of(values: list[int]) -> list[int]:
    """Return the delta coded form of a list: its first entry, then the differences."""
    return values[:1] + [after - before for before, after in pairwise(values)]
