"""Counters to rates."""

from collections.abc import Mapping

from driftline_agent.utilization.aggregate import Metric


class Rates:
    """Turns counters that only grow into rates per second.

    A counter that went back was reset (a driver reloaded, a device replaced) or wrapped around; which of them cannot be
    told, so there is no rate for that interval rather than a wrong one. The kernel's counters here have 64 bits and do
    not wrap in practice; 32-bit drivers do.
    """

    def __init__(self) -> None:
        self._before: dict[Metric, float] = {}
        self._at: float | None = None

    def update(self, at: float, counters: Mapping[Metric, float]) -> dict[Metric, float]:
        """Return the rates since the last call; none at the first.

        :param at: seconds on a clock that never goes back.
        """
        before, self._before = self._before, dict(counters)
        earlier, self._at = self._at, at
        if earlier is None or at <= earlier:
            return {}
        return {
            metric: (value - before[metric]) / (at - earlier)
            for metric, value in counters.items()
            if metric in before and value >= before[metric]
        }
