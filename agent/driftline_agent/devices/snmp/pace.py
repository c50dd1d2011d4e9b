"""How hard a device may be asked in one poll."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from driftline_agent.devices.snmp.columns import Why
from driftline_agent.devices.snmp.values import Var

#: Octets of values that count as one more variable.
_OCTETS = 256


class Pace:
    """At most so many requests in flight, so far apart, and so much in all.

    :param in_flight: requests that wait for an answer at the same time; many devices answer one after the other anyway.
    :param gap_s: seconds from one request to the next.
    :param variables: the most variables that the poll may read.
    :param seconds: the most time that the poll may take, from now on.
    """

    def __init__(
        self, in_flight: int = 1, gap_s: float = 0.0, variables: int = 1_000_000, seconds: float = 240.0
    ) -> None:
        self._turns = asyncio.Semaphore(in_flight)
        self._gap_s = gap_s
        self._next = 0.0
        self._variables = variables
        self._deadline = time.monotonic() + seconds
        self.requests = 0

    @property
    def left_s(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, self._deadline - time.monotonic())

    def exhausted(self) -> Why | None:
        """Return which budget is spent."""
        if self._variables <= 0:
            return Why.VARIABLES
        return Why.TIME if self.left_s <= 0 else None

    def spend(self, variables: Sequence[Var]) -> None:
        """Count variables that came; long values count for more, so that the memory of a poll is bounded too."""
        octets = sum([len(variable.data) for variable in variables if type(variable.data) is bytes])
        self._variables -= len(variables) + octets // _OCTETS

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until the next request may be sent; hold the place while it is in flight."""
        async with self._turns:
            if self._gap_s:
                now = time.monotonic()
                self._next = max(self._next, now) + self._gap_s
                if (wait_s := self._next - self._gap_s - now) > 0:
                    await asyncio.sleep(wait_s)
            self.requests += 1
            yield
