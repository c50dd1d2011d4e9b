"""What REST and pages show of utilization."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from glob import escape

from pydantic import BaseModel
from sqlmodel import Session

from driftline_cmdb import utilization
from driftline_cmdb.errors import Invalid
from driftline_cmdb.identity import spans
from driftline_server.times import moment, span_ms

#: The ranges that pages offer, with the step that gives a few hundred points, ms.
RANGES = {"1h": 60_000, "6h": 60_000, "24h": 300_000, "7d": 1_800_000, "30d": 7_200_000}
#: Points of one series in one answer at most.
MOST_POINTS = 5000
_MINUTE = 60_000


#: Metrics that are shown first; the others follow by name.
_FIRST = (
    "system.cpu.utilization",
    "system.memory.utilization",
    "system.cpu.load_average.1m",
    "system.filesystem.utilization",
)


class Point(BaseModel):
    """Aggregates over one step."""

    at: datetime
    min: float
    mean: float
    max: float
    last: float


class Series(BaseModel):
    """One metric of one instance."""

    #: OpenTelemetry's name: system.cpu.utilization.
    metric: str
    #: What is measured, for metrics that have several: sda, eth0/receive, /var.
    instance: str
    #: UCUM: ``1`` (a fraction), By, By/s.
    unit: str
    points: list[Point]


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time and its step, ms."""

    start_ms: int
    end_ms: int
    step_ms: int


def span(since: str, step: str | None, now_ms: int) -> Span:
    """Return the span from so long ago until now, with a step that gives at most a few hundred points.

    :param since: 1h, 7d ...
    :param step: the step, or None for a fitting one.
    :raises Invalid: a span that is none, or more than :data:`MOST_POINTS` steps.
    """
    length = span_ms(since, "since")
    if step is None:
        wanted = RANGES.get(since) or -(-length // 300)
        step_ms = max(_MINUTE, -(-wanted // _MINUTE) * _MINUTE)
    else:
        step_ms = span_ms(step, "step")
        if step_ms % _MINUTE:
            raise Invalid(f'step: "{step}" is no whole number of minutes, which is what is kept')
    if length // step_ms > MOST_POINTS:
        raise Invalid(f"step: {length // step_ms} points are more than {MOST_POINTS}; use a longer step")
    return Span(now_ms - length, now_ms, step_ms)


def series(session: Session, ci_id: int, metrics: Sequence[str], over: Span) -> list[Series]:
    """Return the series of a CI over a span, each source's from the time in which it spoke for the CI.

    :param metrics: names, also as prefixes that end at a dot (``system.cpu``); all where empty.
    """
    wanted = [escape(name.rstrip(".")) for name in metrics]
    patterns = [*wanted, *(f"{name}.*" for name in wanted)] or ["*"]
    spoken = spans.spoken(session, ci_id, record=False)
    found = utilization.series_of(session, spoken, patterns, over.start_ms, over.end_ms, over.step_ms)
    return [shown(one) for one in found]


def latest(session: Session, ci_id: int) -> list[Series]:
    """Return the last minute of every series of a CI."""
    speaking = spans.open_ones(spans.spoken(session, ci_id, record=False))
    return [shown(one) for one in utilization.latest_of(session, speaking)]


def shown(one: utilization.SeriesView) -> Series:
    """Return a series as it is shown."""
    points = [Point(at=moment(p.at_ms), min=p.min, mean=p.mean, max=p.max, last=p.last) for p in one.points]
    return Series(metric=one.metric, instance=one.instance, unit=one.unit, points=points)


def rank(metric: str) -> tuple[int, str]:
    """Return what to sort metrics by for people."""
    return (_FIRST.index(metric) if metric in _FIRST else len(_FIRST), metric)
