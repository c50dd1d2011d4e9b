"""Hours of the week in a time zone: when a standing rule holds, when a route counts, and when a digest is due."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from driftline_baseline.interval import Interval, Window

#: As datetime counts them.
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Hours:
    """Some days of the week from one time of day to another, by the wall clock, also where that changes.

    Past midnight where the end is not after the start; the day is the one on which they start.
    """

    #: 0 is Monday.
    days: frozenset[int] = frozenset(range(7))
    start: time = time(0)
    #: None: the end of the day.
    end: time | None = None
    zone: str = "UTC"

    def holds(self, at_ms: int) -> bool:
        """Tell whether a moment lies in these hours; their end does not."""
        today = local_time(at_ms, self.zone).date()
        spans = (self._span(day) for day in (today, today - timedelta(days=1)) if day.weekday() in self.days)
        return any(start_ms <= at_ms < end_ms for start_ms, end_ms in spans)

    def may_hold(self, change: Interval) -> bool:
        """Tell whether a change may have happened in these hours; one without a lower bound may."""
        if change.after_ms is None or change.until_ms - change.after_ms >= 8 * 86_400_000:
            return True
        day = local_time(change.after_ms, self.zone).date() - timedelta(days=1)
        last = local_time(change.until_ms, self.zone).date()
        while day <= last:
            if day.weekday() in self.days and Window(*self._span(day)).covers(change):
                return True
            day += timedelta(days=1)
        return False

    def _span(self, day: date) -> tuple[int, int]:
        """Return the hours that begin on a day, ms; a day on which clocks change is as long as it is."""
        zone, tomorrow = ZoneInfo(self.zone), day + timedelta(days=1)
        start = datetime.combine(day, self.start, zone)
        if self.end is None:
            end = datetime.combine(tomorrow, time(0), zone)
        else:
            end = datetime.combine(day if self.end > self.start else tomorrow, self.end, zone)
        return int(start.timestamp() * 1000), int(end.timestamp() * 1000)


#: Every hour of the week.
ALL_HOURS = Hours()


def local_time(at_ms: int, zone: str) -> datetime:
    """Return a time as a zone's wall clock shows it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone))


def next_daily_ms(at: time, zone: str, after_ms: int) -> int:
    """Return the first time after another at which a zone's wall clock shows a time of day.

    On a day that skips it, it is the time that it would have been without the change of the clock, on a day that has it
    twice the first of the two.
    """
    day = local_time(after_ms, zone).date() - timedelta(days=1)
    while True:
        found = round(datetime.combine(day, at, ZoneInfo(zone)).timestamp() * 1000)
        if found > after_ms:
            return found
        day += timedelta(days=1)


def days_of(words: Collection[str]) -> frozenset[int] | None:
    """Return days by their names, ``mon`` or ``mon-fri``; None where one is no day."""
    found: set[int] = set()
    for word in words:
        first, _, last = word.lower().partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            return None
        start, end = DAYS.index(first), DAYS.index(last or first)
        found.update(day % 7 for day in range(start, end + 1 if end >= start else end + 8))
    return frozenset(found)
