"""Counters of a device to rates, over its own clock: a poll may be late, a counter is not. Pure.

Source: RFC 2863 section 3.1.6 (how counters wrap), RFC 3418 sysUpTime.
"""

from array import array
from collections.abc import Mapping, Sequence
from functools import lru_cache

from driftline_agent.devices.topic import Counter, Measured
from driftline_agent.utilization.aggregate import Metric

#: sysUpTime counts hundredths of a second in 32 bits: 497 days.
_TICKS, _TICKS_PER_S = 2**32, 100
#: Below this a rate says more of when the device updates its counters than of what it does.
_SHORTEST_S = 5.0
#: Beyond this nobody knows what happened in between.
_LONGEST_S = 6 * 3600.0
#: How far sysUpTime may lag behind this host's clock before a restart in between is the better explanation.
_SLACK_S, _SLACK = 30.0, 0.05
#: More than the speed, because counters are updated late; above that, the speed is not the true one.
_OVER = 1.25
#: Far more than the speed: no traffic does that. And what no interface does, whatever its speed.
_ABSURD, _MOST_PER_S = 10.0, 1e13


class DeviceRates:
    """What a device's counters were at the last poll. Takes some 30 bytes for each counter."""

    def __init__(self) -> None:
        self._metrics: tuple[Metric, ...] = ()
        self._values = array("Q")
        self._lives: tuple[object, ...] = ()
        self._at_s = 0.0
        self._uptime: int | None = None

    def update(self, at_s: float, measured: Measured, uptime_ticks: int | None) -> dict[Metric, float]:
        """Return gauges, rates since the last poll, and shares.

        There is no rate of what was not there before, began anew, or may have wrapped more than once.

        :param at_s: this host's clock when `uptime_ticks` came, s since 1970.
        :param uptime_ticks: sysUpTime; None where the device has none.
        """
        out = dict(measured.gauges)
        elapsed_s = self._elapsed(at_s, uptime_ticks)
        if self._metrics and elapsed_s is not None and elapsed_s < _SHORTEST_S:
            return out  # an extra poll: the next one counts from the last that was kept
        if elapsed_s is not None and elapsed_s <= _LONGEST_S:
            speeds = dict(measured.shares.values())
            rates = self._rates(measured.counters, speeds, elapsed_s)
            out.update(rates)
            for share, (metric, full) in measured.shares.items():
                if metric in rates and full > 0 and rates[metric] <= full * _OVER:
                    out[share] = min(rates[metric] / full, 1.0)
        self._keep(at_s, measured.counters, uptime_ticks)
        return out

    def _keep(self, at_s: float, counters: Mapping[Metric, Counter], uptime_ticks: int | None) -> None:
        # Those of before are kept where they are the same: equal metrics of each poll would be objects of their own.
        metrics = tuple(map(_one, counters))
        self._metrics = self._metrics if metrics == self._metrics else metrics
        self._values = array("Q", [counter.value % 2**64 for counter in counters.values()])
        self._lives = _shared([counter.life for counter in counters.values()], self._lives)
        self._at_s, self._uptime = at_s, uptime_ticks

    def _elapsed(self, at_s: float, uptime_ticks: int | None) -> float | None:
        """Return the seconds since the last poll; None at the first one, and where the device was restarted."""
        if not self._metrics:
            return None
        clock_s = at_s - self._at_s
        if uptime_ticks is None or self._uptime is None or uptime_ticks == self._uptime:
            return clock_s if clock_s > 0 else None  # a device without a clock, or one that stands
        # A wrap is an advance like any other; after a restart the sum is out by the time that it was up before.
        own_s = (uptime_ticks - self._uptime) % _TICKS / _TICKS_PER_S
        wrapped = uptime_ticks < self._uptime
        slack_s = _SLACK_S + _SLACK * max(clock_s, 0.0)
        if own_s < clock_s - slack_s or (wrapped and own_s > clock_s + slack_s):
            return None
        return own_s

    def _rates(
        self, counters: Mapping[Metric, Counter], speeds: Mapping[Metric, float], elapsed_s: float
    ) -> dict[Metric, float]:
        before = dict(zip(self._metrics, zip(self._values, self._lives, strict=True), strict=True))
        out: dict[Metric, float] = {}
        for metric, counter in counters.items():
            earlier = before.get(metric)
            if earlier is None or earlier[1] != counter.life:
                continue
            rate = _rate(earlier[0], counter, speeds.get(metric), elapsed_s)
            if rate is not None:
                out[metric] = rate
        return out


@lru_cache(16384)
def _one(metric: Metric) -> Metric:
    """Return the same object for equal metrics: many devices have interfaces of the same names."""
    return metric


def _shared(lives: Sequence[object], before: tuple[object, ...]) -> tuple[object, ...]:
    """Return what changes with a counter's life; the same tuple as before where nothing did."""
    now = tuple(lives)
    return before if now == before else now


def _rate(before: int, counter: Counter, speed: float | None, elapsed_s: float) -> float | None:
    """Return units per second, None where they cannot be told.

    :param speed: units per second that it cannot exceed, as far as anyone knows.
    """
    size = 2**counter.bits
    if not 0 <= counter.value < size or before >= size:
        return None
    if counter.bits < 64 and speed is not None and speed * _OVER * elapsed_s >= size:
        return None  # it may have wrapped more than once
    advance = counter.value - before
    if advance < 0:
        # Only what is known to be a wrap is one: the rest is a reset, of which nobody knows what it lost.
        advance += size
        if speed is None or advance > speed * _OVER * elapsed_s:
            return None
    rate = advance / elapsed_s
    limit = _MOST_PER_S if speed is None else min(_MOST_PER_S, speed * _ABSURD)
    return rate if rate <= limit else None
