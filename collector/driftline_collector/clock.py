"""The clock, as an object that is passed, so that tests can move it."""

import time
from collections.abc import Callable

#: Returns the time, ms since 1970.
Clock = Callable[[], int]


def now_ms() -> int:
    """Return the time, ms since 1970."""
    return time.time_ns() // 1_000_000
