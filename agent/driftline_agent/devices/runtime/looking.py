"""Looks around: what answers in target prefixes, to be offered; what is on the network, to be told of."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence

from driftline.v1.collector_pb2 import Sighting
from driftline_agent.devices.discovery import sweep
from driftline_agent.devices.runtime.leases import Found
from driftline_agent.devices.settings.config import DevicesConfig, Discovery, TargetEntry
from driftline_agent.devices.settings.secrets import Secrets
from driftline_agent.errors import AgentError

log = logging.getLogger(__name__)

#: Target prefixes are asked anew so often, s, and as fast, probes a second, where no discovery says otherwise.
_TARGETS_S, _RATE = 3600, 50
#: Who did not answer in so many passes is offered no more: silence may pass.
_PASSES = 3
#: What answers is offered in lots, not at the end of a long pass, s.
_SOON_S = 5.0


class Looking:
    """Sweeps, again and again.

    :param sighted: takes sightings.
    :param answering: takes what answers in the target prefixes.
    :param swept: takes the addresses that answered a whole pass of discovery.
    """

    def __init__(
        self,
        config: DevicesConfig,
        secrets: Secrets,
        sighted: Callable[[Sequence[Sighting]], None],
        answering: Callable[[Sequence[Found]], None],
        swept: Callable[[Collection[str]], None],
    ) -> None:
        self._config, self._secrets = config, secrets
        self._sighted, self._answering, self._swept = sighted, answering, swept

    async def at_targets(self) -> None:
        """Ask who answers in the prefixes of targets, until cancelled."""
        prefixes = [entry for entry in self._config.targets if not entry.single]
        discovery = self._config.discovery
        every_s, rate = (discovery.every_s, discovery.rate) if discovery else (_TARGETS_S, _RATE)
        found: dict[Found, int] = {}
        turn = 0
        while prefixes:
            turn += 1
            for entry in prefixes:
                await self._at(entry, float(rate), found, turn)
            found = {one: seen for one, seen in found.items() if turn - seen < _PASSES}
            self._answering(list(found))
            await asyncio.sleep(every_s)

    async def _at(self, entry: TargetEntry, rate: float, found: dict[Found, int], turn: int) -> None:
        soon = time.monotonic() + _SOON_S
        try:
            async for address, credential in sweep.answering(entry, self._config, self._secrets, rate):
                one = Found(address, credential, entry)
                fresh = one not in found
                found[one] = turn
                if fresh and time.monotonic() >= soon:
                    self._answering(list(found))
                    soon = time.monotonic() + _SOON_S
        except (AgentError, OSError) as error:
            log.warning("prefix not looked through", extra={"prefix": str(entry.network), "reason": str(error)})

    async def discover(self, discovery: Discovery) -> None:
        """Look through the prefixes of discovery, until cancelled."""
        seen: set[str] = set()

        async def report(sightings: Sequence[Sighting]) -> None:
            seen.update(one.address for one in sightings)
            self._sighted(sightings)

        while True:
            seen.clear()
            try:
                await sweep.sweep(discovery, self._config, self._secrets, report)
                self._swept(frozenset(seen))
            except (AgentError, OSError) as error:
                log.warning("prefixes not looked through", extra={"reason": str(error)})
            await asyncio.sleep(discovery.every_s)
