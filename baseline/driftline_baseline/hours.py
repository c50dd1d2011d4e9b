"""Hours of the week in a time zone: when a route counts, and when a digest is due."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

#: As datetime counts them.
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of some days. A span that ends before it starts goes on over midnight; its day is the one it starts on."""

    days: frozenset[int]
    #: Minutes since midnight by the wall clock, [from, to).
    from_minute: int
    to_minute: int
    zone: str

    def cover(self, at_ms: int) -> bool:
        """Tell whether a time lies in these hours, by what the wall clock of their zone shows."""
        local = local_time(at_ms, self.zone)
        minute = local.hour * 60 + local.minute
        today, before = local.weekday(), (local.weekday() - 1) % 7
        if self.from_minute < self.to_minute:
            return today in self.days and self.from_minute <= minute < self.to_minute
        return (today in self.days and minute >= self.from_minute) or (before in self.days and minute < self.to_minute)


def local_time(at_ms: int, zone: str) -> datetime:
    """Return a time as a zone's wall clock shows it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone))


def next_daily_ms(minute: int, zone: str, after_ms: int) -> int:
    """Return the first time after another at which a zone's wall clock shows a minute of the day.

    On a day that skips the minute it is the time that it would have been without the change of the clock, on a day that
    has it twice the first of the two.
    """
    day = local_time(after_ms, zone).date() - timedelta(days=1)
    while True:
        moment = datetime(day.year, day.month, day.day, minute // 60 % 24, minute % 60, tzinfo=ZoneInfo(zone))
        found = round(moment.timestamp() * 1000)
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
