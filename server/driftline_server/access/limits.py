"""Limits on failed logins, kept by each server process in memory."""

import threading
from collections import OrderedDict, deque

from driftline_server.errors import TooManyAttempts

#: Names and addresses that are remembered at most; the oldest are forgotten first.
_REMEMBERED = 10_000


class Attempts:
    """Counts failed logins by name and address, and by address alone, over a sliding window."""

    def __init__(self, allowed: int, window_s: int) -> None:
        """Allow this many failures of one name from one address in a window, and ten times as many of one address."""
        self._allowed = allowed
        self._window_ms = window_s * 1000
        self._failures: OrderedDict[tuple[str, str | None], deque[int]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, address: str, name: str, now_ms: int) -> None:
        """Count an attempt as failed until it succeeds, so that many at once are no way around the limit; or refuse.

        :raises TooManyAttempts: says how long to wait.
        """
        with self._lock:
            limits = (((address, name), self._allowed), ((address, None), self._allowed * 10))
            for key, allowed in limits:
                failures = self._recent(key, now_ms)
                if len(failures) >= allowed:
                    wait_s = max(1, (failures[0] + self._window_ms - now_ms + 999) // 1000)
                    raise TooManyAttempts(f"too many failed logins; try again in {wait_s} s", wait_s)
            for key, _ in limits:
                self._recent(key, now_ms).append(now_ms)

    def succeeded(self, address: str, name: str) -> None:
        """Forget the failures of a name from an address."""
        with self._lock:
            self._failures.pop((address, name), None)
            of_address = self._failures.get((address, None))
            if of_address:
                of_address.pop()

    def _recent(self, key: tuple[str, str | None], now_ms: int) -> deque[int]:
        failures = self._failures.setdefault(key, deque())
        self._failures.move_to_end(key)
        while failures and failures[0] <= now_ms - self._window_ms:
            failures.popleft()
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)
        return failures
