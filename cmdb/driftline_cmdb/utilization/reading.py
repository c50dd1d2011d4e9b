"""Questions to the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from sqlmodel import Session

from driftline_cmdb.errors import Invalid
from driftline_cmdb.identity.bindings import Span
from driftline_cmdb.identity.spans import reaching
from driftline_cmdb.utilization.minutes import Minutes, Wanted, everything
from driftline_cmdb.utilization.stored import Hours, Stored, chunk_at, fragments_since, newest
from driftline_cmdb.utilization.windows import Windows

if TYPE_CHECKING:  # numpy comes late
    from driftline_cmdb.utilization.cells import Cells

_MINUTE, _HOUR = 60_000, 3_600_000
#: A source's newest minute may be spread over several reports.
_LATEST_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a series. All values have the series' unit."""

    #: Start of the step, ms since 1970, by the host's clock.
    at_ms: int
    min: float
    #: Mean over the minutes that were reported.
    mean: float
    max: float
    #: Last value of the step's last reported minute.
    last: float


@dataclass(frozen=True, slots=True)
class SeriesView:
    """One metric of one instance over time."""

    #: system.cpu.utilization, system.network.io ...
    metric: str
    #: sda, eth0/receive, /var; empty for a metric that has only one.
    instance: str
    #: UCUM, as last reported: "1" (a fraction), "By", "By/s".
    unit: str
    #: Ascending; steps without any report are left out.
    points: list[Point]


def series_of(
    session: Session, spoken: Sequence[Span], metrics: Sequence[str], start_ms: int, end_ms: int, step_ms: int
) -> list[SeriesView]:
    """Return series as points for a plot, sorted by metric and instance.

    Steps below an hour are made of minutes; of hours whose minutes are not kept any more there is one point an hour.
    Steps from an hour up are made of whole hours, so start and end are widened to whole hours, and the step is rounded
    up to them. A later report of a minute replaces an earlier one.

    Of an hour in which a source began or ceased to speak its minutes in the span count, as long as minutes are kept.

    :param spoken: when which sources spoke for one CI (`identity.spans.spoken`), the one that counts first; where two
        have the same minute (or hour) of the same series, the first one's is taken.
    :param metrics: names or patterns: ``system.disk.*`` (fnmatch, upper and lower case differ).
    :param start_ms: ms since 1970, by the host's clock; the first minute that ends after it.
    :param end_ms: ms since 1970; minutes that start before it.
    :param step_ms: at least a minute; rounded up to whole minutes.
    :raises Invalid: where the step is below a minute, or something stored is damaged.
    """
    from driftline_cmdb.utilization.cells import Cells
    from driftline_cmdb.utilization.hours import decode_summary
    from driftline_cmdb.utilization.settled import groups_of, settle, settle_part

    if step_ms < _MINUTE:
        raise Invalid(f"step_ms: {step_ms} is less than a minute ({_MINUTE}), the finest that is kept")
    if end_ms <= start_ms or not spoken or not metrics:
        return []
    first_minute, last_minute = start_ms // _MINUTE, -(-end_ms // _MINUTE) - 1
    by_hours = step_ms >= _HOUR
    wanted: Wanted = cache(lambda metric: any(fnmatchcase(metric, pattern) for pattern in metrics))
    cells = Cells(wanted)
    windows = Windows(reaching(session, list(spoken), start_ms))
    span = Hours(session, windows.sources, first_minute // 60, last_minute // 60)
    span.read_fragments()
    span.read_hours(histograms=False, without_chunk=not by_hours)
    if by_hours:
        span.read_chunks_where(lambda stored: bool(stored.fragments) or not _is_whole(windows, stored))
    else:
        span.read_chunks()
    for stored in span:
        if not _is_whole(windows, stored) and by_hours:
            cells.add_summary(settle_part(stored, windows).summary, stored.hour)
        elif not _is_whole(windows, stored):
            cells.add_groups(windows.clip(groups_of(stored, wanted), stored), first_minute, last_minute)
        elif stored.summary is not None and not stored.fragments:
            cells.add_summary(decode_summary(stored.summary, wanted), stored.hour)
        elif by_hours or (stored.summary is not None and stored.chunk is None):
            cells.add_summary(settle(stored).summary, stored.hour)
        else:
            cells.add_groups(groups_of(stored, wanted), first_minute, last_minute)
    return _views(cells, -(-step_ms // _HOUR) * 60 if by_hours else -(-step_ms // _MINUTE))


def _is_whole(windows: Windows, stored: Stored) -> bool:
    return windows.has_whole(stored.source_id, stored.hour)


def latest_of(session: Session, spoken: Sequence[Span]) -> list[SeriesView]:
    """Return the newest minute of every series that the sources' newest reports have, each with one point.

    Cheap: it reads a source's fragments of its last five minutes, or, when all are sealed, its newest hour.

    :param spoken: as in :func:`series_of`; of those that last (`identity.spans.open_ones`).
    :raises Invalid: where something stored is damaged.
    """
    from driftline_cmdb.utilization.cells import Cells
    from driftline_cmdb.utilization.chunks import decode, groups_of

    cells = Cells(everything)
    spans = {span.source_id: span for span in spoken}
    for source_id, minute, hour in newest(session, list(spans)):
        newest_ms = max(minute or 0, (hour or 0) * 60) * _MINUTE
        (span,) = reaching(session, [spans[source_id]], newest_ms)
        first = -(-span.since_ms // _MINUTE)
        if minute is not None and (hour is None or minute // 60 >= hour):
            minutes = Minutes()
            for data in fragments_since(session, source_id, minute - _LATEST_MINUTES + 1):
                minutes.add_fragment(data)
            for at in {minute // 60, (minute - _LATEST_MINUTES + 1) // 60}:
                cells.add_groups(groups_of(minutes.of_hour(at), at), first, minute)
        elif hour is not None:
            cells.add_groups(decode(chunk_at(session, source_id, hour), hour), first, hour * 60 + 59)
    return [SeriesView(view.metric, view.instance, view.unit, view.points[-1:]) for view in _views(cells, 1)]


def percentile(
    session: Session, spoken: Sequence[Span], metric: str, q: float, start_ms: int, end_ms: int
) -> dict[str, float]:
    """Return a percentile of the minutes' means, by instance, within 1 % of the value at the nearest rank.

    Minutes of all sources are pooled, so the spans may be those of a whole group of CIs. It rests on hourly
    histograms: start and end are widened to whole hours.

    :param spoken: as in :func:`series_of`.
    :param metric: a name, not a pattern.
    :param q: 0 to 1: 0.95 for the 95th percentile.
    :raises Invalid: where q is out of its range, or something stored is damaged.
    """
    from driftline_cmdb.utilization.histogram import quantile
    from driftline_cmdb.utilization.hours import decode_histograms
    from driftline_cmdb.utilization.settled import settle, settle_part

    if not 0 <= q <= 1:
        raise Invalid(f"q: {q} is not between 0 and 1; 0.95 stands for the 95th percentile")
    if end_ms <= start_ms or not spoken:
        return {}
    windows = Windows(reaching(session, list(spoken), start_ms))
    span = Hours(session, windows.sources, start_ms // _HOUR, -(-end_ms // _HOUR) - 1)
    span.read_fragments()
    span.read_hours(histograms=True)
    span.read_chunks_where(lambda stored: bool(stored.fragments) or not _is_whole(windows, stored))
    pooled: dict[str, dict[int, int]] = {}
    for stored in span:
        if not _is_whole(windows, stored):
            histograms = settle_part(stored, windows).histograms
        elif stored.summary is not None and stored.histograms is not None and not stored.fragments:
            histograms = decode_histograms(stored.histograms, stored.summary, metric.__eq__)
        else:
            histograms = settle(stored).histograms
        for key, counts in histograms.items():
            if key.metric == metric:
                pool = pooled.setdefault(key.instance, {})
                for bucket, count in counts.items():
                    pool[bucket] = pool.get(bucket, 0) + count
    return {instance: quantile(counts, q) for instance, counts in sorted(pooled.items())}


def _views(cells: "Cells", step_minutes: int) -> list[SeriesView]:
    views = []
    for metric, instance, unit, (minutes, *columns) in cells.reduce(step_minutes):
        points = [Point(at * _MINUTE, *row) for at, *row in zip(minutes, *columns, strict=True)]
        views.append(SeriesView(metric, instance, unit, points))
    return views
