"""So many probes a second and no more, and so many that wait for an answer at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: Each is a socket: a process may have 1,024 of them.
MOST_IN_FLIGHT = 256


class Rate:
    """Turns for probes, evenly apart. Of one event loop.

    :param per_s: probes a second.
    """

    def __init__(self, per_s: float) -> None:
        self._gap_s = 1 / per_s
        self._next = 0.0
        self._in_flight = asyncio.Semaphore(MOST_IN_FLIGHT)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until the next probe may be sent; hold a place until it is answered."""
        async with self._in_flight:
            now = asyncio.get_running_loop().time()
            at = max(self._next, now)
            self._next = at + self._gap_s
            if at > now:
                await asyncio.sleep(at - now)
            yield
