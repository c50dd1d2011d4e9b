"""Hours of the week in a time zone: when a standing rule holds, or who is told at night."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from driftline_baseline.interval import Interval, Window

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Hours:
    """Some days of the week from one time of day to another; past midnight where the end is not after the start."""

    #: 0 is Monday.
    days: frozenset[int] = frozenset(range(7))
    start: time = time(0)
    #: None: the end of the day.
    end: time | None = None
    zone: str = "UTC"

    def holds(self, at_ms: int) -> bool:
        """Tell whether a moment lies in these hours."""
        return self.may_hold(Interval(at_ms - 1, at_ms))

    def may_hold(self, change: Interval) -> bool:
        """Tell whether a change may have happened in these hours; one without a lower bound may."""
        if change.after_ms is None or change.until_ms - change.after_ms >= 8 * 86_400_000:
            return True
        day = self._local(change.after_ms).date() - timedelta(days=1)
        last = self._local(change.until_ms).date()
        while day <= last:
            if day.weekday() in self.days and self._span(day.year, day.month, day.day).covers(change):
                return True
            day += timedelta(days=1)
        return False

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(self.zone))

    def _span(self, year: int, month: int, day: int) -> Window:
        """Return the hours that begin on a day; a day on which clocks change is as long as it is."""
        zone = ZoneInfo(self.zone)
        begin = datetime(year, month, day, tzinfo=zone)
        tomorrow = (begin.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
        start = datetime.combine(begin.date(), self.start, zone)
        if self.end is None:
            end = tomorrow
        else:
            end = datetime.combine(begin.date() if self.end > self.start else tomorrow.date(), self.end, zone)
        return Window(int(start.timestamp() * 1000), int(end.timestamp() * 1000))


#: Every hour of the week.
ALL_HOURS = Hours()
