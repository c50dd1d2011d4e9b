"""Samples to minutes: min, mean, max and last. Source: utilization.proto."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from driftline.v1.utilization_pb2 import Series, UtilizationBatch

#: A reader takes no more than these (utilization.proto): series, minutes of each, characters of an instance's name, and
#: scaled numbers between plus and minus this.
MAX_SERIES, MAX_MINUTES, MAX_INSTANCE, MAX_VALUE = 4096, 1440, 512, 10**17
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Metric(NamedTuple):
    """What a series measures."""

    #: OpenTelemetry's name: system.cpu.utilization.
    name: str
    #: sda/read, /var; empty where there is only one.
    instance: str
    #: UCUM: 1, By, By/s.
    unit: str
    #: Decimal places kept.
    decimals: int


@dataclass(slots=True)
class Aggregate:
    """One metric in one minute."""

    min: float
    max: float
    last: float
    sum: float
    count: int

    def add(self, value: float) -> None:
        """Take one more sample in."""
        self.min = min(self.min, value)
        self.max = max(self.max, value)
        self.last = value
        self.sum += value
        self.count += 1


Minute = dict[Metric, Aggregate]


class Minutes:
    """Aggregates of the running minute and of those that were not taken yet, at most a day of them."""

    def __init__(self) -> None:
        self._minutes: dict[int, Minute] = {}

    def add(self, now: float, values: Mapping[Metric, float]) -> None:
        """Take one round of samples in.

        :param now: seconds since 1970.
        """
        minute = self._minutes.setdefault(int(now // 60), {})
        for metric, value in values.items():
            aggregate = minute.get(metric)
            if aggregate is None:
                minute[metric] = Aggregate(value, value, value, value, 1)
            else:
                aggregate.add(value)
        while len(self._minutes) > MAX_MINUTES:
            del self._minutes[min(self._minutes)]

    def take(self, now: float, running: bool = False) -> dict[int, Minute]:
        """Return the minutes that are over, and forget them.

        :param running: the one that is not over too; it is kept and will be returned again, whole.
        """
        current = int(now // 60)
        over = {minute: values for minute, values in self._minutes.items() if minute != current}
        self._minutes = {minute: values for minute, values in self._minutes.items() if minute == current}
        return over | self._minutes if running else over


def _delta(values: Iterable[int]) -> list[int]:
    out: list[int] = []
    before = 0
    for value in values:
        out.append(value - before)
        before = value
    return out


def _is_taken(metric: Metric, aggregate: Aggregate) -> bool:
    if len(metric.instance) > MAX_INSTANCE or _CONTROL.search(metric.instance):
        return False
    most = MAX_VALUE / float(10**metric.decimals)
    return -most <= aggregate.min and aggregate.max <= most  # neither is so where it is no number


def pack(minutes: Mapping[int, Minute]) -> UtilizationBatch:
    """Return the minutes as one batch, series sorted by metric and instance.

    What a reader refuses is left out, so that one wild series does not cost all others.
    """
    by_metric: dict[Metric, list[tuple[int, Aggregate]]] = {}
    for minute in sorted(minutes):
        for metric, aggregate in minutes[minute].items():
            if _is_taken(metric, aggregate):
                by_metric.setdefault(metric, []).append((minute, aggregate))
    batch = UtilizationBatch()
    for metric in sorted(by_metric)[:MAX_SERIES]:
        points, scale = by_metric[metric], 10**metric.decimals
        batch.series.append(
            Series(
                metric=metric.name,
                instance=metric.instance,
                unit=metric.unit,
                decimals=metric.decimals,
                minutes=_delta(minute for minute, _ in points),
                min=_delta(round(aggregate.min * scale) for _, aggregate in points),
                mean=_delta(round(aggregate.sum / aggregate.count * scale) for _, aggregate in points),
                max=_delta(round(aggregate.max * scale) for _, aggregate in points),
                last=_delta(round(aggregate.last * scale) for _, aggregate in points),
            )
        )
    return batch
