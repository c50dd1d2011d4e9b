"""Addresses in random order, and what is asked at each, some at a time."""

import asyncio
import random
from array import array
from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

from driftline_agent.devices.settings.config import Network

_T = TypeVar("_T")
#: Addresses that are asked at the same time.
_WORKERS = 128


@dataclass(frozen=True, slots=True)
class _End:
    """A worker has no more to do, or failed."""

    error: Exception | None = None


def addresses(prefixes: Sequence[Network], excluded: Sequence[Network]) -> Iterator[str]:
    """Yield the addresses of prefixes in random order, each once; not those of IPv4's networks and their broadcasts."""
    ranges = [
        prefix
        for prefix in dict.fromkeys(prefixes)
        if not any(prefix != other and _within(prefix, other) for other in prefixes)
    ]
    ends = list(accumulate(prefix.num_addresses for prefix in ranges))
    alone = {prefix.network_address for prefix in excluded if prefix.num_addresses == 1}
    left = [prefix for prefix in excluded if prefix.num_addresses > 1]
    order = array("L", range(ends[-1] if ends else 0))
    random.shuffle(order)
    for number in order:
        at = bisect_right(ends, number)
        prefix = ranges[at]
        place = number - ends[at] + prefix.num_addresses
        if prefix.version == 4 and prefix.prefixlen < 31 and place in (0, prefix.num_addresses - 1):
            continue
        address = prefix[place]
        if address not in alone and not any(address in other for other in left):
            yield str(address)


def _within(prefix: Network, other: Network) -> bool:
    return prefix.version == other.version and prefix.prefixlen >= other.prefixlen and prefix.network_address in other


async def each(places: Iterator[str], ask: Callable[[str], Awaitable[_T]]) -> AsyncGenerator[_T, None]:
    """Yield the answers of places as they come, some places at a time; goes no further than who takes them."""
    answers: asyncio.Queue[_T | _End] = asyncio.Queue(_WORKERS)

    async def work() -> None:
        try:
            for place in places:
                await answers.put(await ask(place))
        except Exception as error:  # raised again below, by who asked
            await answers.put(_End(error))
        else:
            await answers.put(_End())

    workers = [asyncio.create_task(work()) for _ in range(_WORKERS)]
    try:
        ended = 0
        while ended < _WORKERS:
            answer = await answers.get()
            if not isinstance(answer, _End):
                yield answer
            elif answer.error is not None:
                raise answer.error
            else:
                ended += 1
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
