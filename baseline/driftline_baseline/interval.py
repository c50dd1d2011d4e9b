"""When something happened: never a point, always an interval (design section 6, rule 1)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A change lies in (after_ms, until_ms]: last observed without it, first observed with it."""

    #: None: it was never observed without it.
    after_ms: int | None
    until_ms: int


@dataclass(frozen=True, slots=True)
class Window:
    """A planned time, [start_ms, end_ms]; None means open on that side."""

    start_ms: int | None = None
    end_ms: int | None = None

    def covers(self, change: Interval) -> bool:
        """Tell whether the change may have happened in this window: the two overlap."""
        starts_in_time = self.start_ms is None or change.until_ms >= self.start_ms
        ends_in_time = self.end_ms is None or change.after_ms is None or change.after_ms < self.end_ms
        return starts_in_time and ends_in_time


#: Open on both sides.
ALWAYS = Window()
