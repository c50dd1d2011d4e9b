"""Times: ms since 1970 in the record, aware datetimes in UTC in what the API says, spans in what people type."""

import re
import time
from datetime import UTC, datetime

from driftline_cmdb.errors import Invalid

_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_SPAN = re.compile(r"(\d{1,6})([smhdw])")


def now_ms() -> int:
    """Return the time now, ms since 1970."""
    return time.time_ns() // 1_000_000


def moment(ms: int) -> datetime:
    """Return a time of the record as an aware datetime."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def moment_or_none(ms: int | None) -> datetime | None:
    """Return a time of the record that may be absent as an aware datetime."""
    return None if ms is None else moment(ms)


def to_ms(when: datetime) -> int:
    """Return an aware datetime as ms since 1970; one without zone is taken as UTC."""
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def parse_moment(text: str, name: str) -> int:
    """Return a time that someone typed, ms since 1970; one without zone is taken as UTC.

    :param name: what to call it in the error.
    :raises Invalid: where the text is none.
    """
    try:
        return to_ms(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        raise Invalid(f'{name}: "{text}" is not a time, for example 2026-11-24T05:58') from None


def span_ms(text: str, name: str = "span") -> int:
    """Return a span of time in ms: ``90s``, ``15m``, ``1h``, ``7d``, ``2w``.

    :param name: what to call it in the error.
    :raises Invalid: where the text is none.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise Invalid(f'{name}: "{text}" is not a span of time, for example 15m, 6h, 7d')
    return int(found[1]) * _UNITS_MS[found[2]]


def ago(ms: int, now: int) -> str:
    """Return how long ago a time was, for people: ``just now``, ``5 min ago``, ``3 days ago``, ``in 2 h``."""
    seconds = abs(now - ms) // 1000
    for size, unit in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            count = seconds // size
            text = f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
            return f"{text} ago" if ms <= now else f"in {text}"
    return "just now"
