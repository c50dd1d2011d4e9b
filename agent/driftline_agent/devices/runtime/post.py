"""Brings what devices have to report to the collector: one thread, one connection for all that waits.

Storing and sending both wait for a disk or a network, so neither is done by the thread that polls.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from driftline.v1 import collector_pb2 as wire
from driftline_agent.devices.runtime.outbox import Finished, Outbox
from driftline_agent.errors import AgentError, DiscontinuedError, FencedError, HeldError
from driftline_agent.transport import Connection

log = logging.getLogger(__name__)

#: Finished polls are gathered so long, s.
GATHER_S = 0.5
_FIRST_RETRY_S, _LAST_RETRY_S = 2.0, 300.0
#: Sightings in one call (collector.proto).
_MOST_SIGHTINGS = 1000

Out = TypeVar("Out")


@dataclass(slots=True)
class Delivered:
    """What came of a delivery."""

    #: Source to the names of topics that the collector wants; ``*`` is all.
    wanted: dict[str, set[str]] = field(default_factory=dict)
    #: Sources whose reports are refused: their leases are not what they were.
    refused: set[str] = field(default_factory=set)
    #: Why not all was delivered; None where it was.
    error: Exception | None = None


class Post:
    """Takes finished polls and delivers them.

    :param connect: opens a connection to the collector.
    :param delivered: is told, in the loop's thread, what came of each delivery.
    :param site: of the devices.
    """

    def __init__(
        self, connect: Callable[[], Connection], delivered: Callable[[Delivered], None], site: Callable[[], str]
    ) -> None:
        self._connect, self._delivered, self._site = connect, delivered, site
        self._worker = ThreadPoolExecutor(1, "devices-post")
        self._finished: list[tuple[Outbox, Finished]] = []
        self._sightings: list[wire.Sighting] = []
        self._waiting: dict[str, Outbox] = {}
        self._event = asyncio.Event()
        self._failures = 0
        self._busy = False

    async def work(self, job: Callable[[], Out]) -> Out:
        """Do something in the thread that stores and sends, after what was given to it before."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, job)

    def put(self, outbox: Outbox, finished: Finished) -> None:
        """Have a poll stored, and reported soon."""
        self._finished.append((outbox, finished))
        self._event.set()

    def waits(self, outbox: Outbox) -> None:
        """Have reported what waits since before a restart."""
        self._waiting[outbox.source_id] = outbox
        self._event.set()

    def sighted(self, sightings: Sequence[wire.Sighting]) -> None:
        """Have sightings reported; without a collector the latest are kept."""
        self._sightings = [*self._sightings, *sightings][-10 * _MOST_SIGHTINGS :]
        self._event.set()

    @property
    def idle(self) -> bool:
        """Whether all that was put is reported."""
        return not (self._finished or self._busy or self._waiting)

    def forget(self, outbox: Outbox) -> None:
        """Report nothing more of a device."""
        self._finished = [one for one in self._finished if one[0] is not outbox]
        if self._waiting.get(outbox.source_id) is outbox:
            del self._waiting[outbox.source_id]

    async def run(self) -> None:
        """Deliver until cancelled; what was not stored then is."""
        loop = asyncio.get_running_loop()
        not_before = 0.0
        try:
            while True:
                await self._event.wait()
                await asyncio.sleep(GATHER_S)
                self._event.clear()
                may_send = loop.time() >= not_before
                finished, self._finished, self._busy = self._finished, [], True
                sightings = self._sightings if may_send else []
                done = await self.work(lambda f=finished, s=sightings, m=may_send: self._deliver(f, s, m))  # type: ignore[misc]  # bound now
                self._busy = False
                if may_send:
                    not_before = loop.time() + self._patience(done, len(sightings))
                    self._delivered(done)
                if self._waiting or self._sightings:
                    loop.call_later(max(not_before - loop.time(), GATHER_S), self._event.set)
        finally:
            finished, self._finished = self._finished, []
            self._worker.submit(self._store, finished)
            self._worker.shutdown(wait=False)

    def _patience(self, done: Delivered, sighted: int) -> float:
        """Return how long to wait before the next delivery, s."""
        if done.error is None:
            self._failures = 0
            self._sightings = self._sightings[sighted:]
            return 0.0
        self._failures += 1
        if isinstance(done.error, HeldError):
            return float(done.error.after_s)
        wait_s = min(_LAST_RETRY_S, _FIRST_RETRY_S * 2 ** min(self._failures - 1, 10))
        return float(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  # no secret

    # in the worker's thread

    def _store(self, finished: Sequence[tuple[Outbox, Finished]]) -> None:
        for outbox, one in finished:
            try:
                outbox.put(one)
            except OSError as error:
                log.warning("poll not stored", extra={"device": outbox.source_id, "reason": str(error)})
            else:
                self._waiting[outbox.source_id] = outbox

    def _deliver(
        self, finished: Sequence[tuple[Outbox, Finished]], sightings: Sequence[wire.Sighting], may_send: bool
    ) -> Delivered:
        done = Delivered()
        self._store(finished)
        if not may_send or not (self._waiting or sightings):
            return done
        try:
            with self._connect() as connection:
                self._send(connection, done)
                for at in range(0, len(sightings), _MOST_SIGHTINGS):
                    part = sightings[at : at + _MOST_SIGHTINGS]
                    connection.report_sightings(wire.ReportSightingsRequest(site=self._site(), sightings=part))
        except (AgentError, OSError) as error:
            log.warning("devices not reported, will try again", extra={"reason": str(error)})
            done.error = error
        except Exception as error:  # the boundary of one delivery
            log.exception("devices not reported")
            done.error = error
        return done

    def _send(self, connection: Connection, done: Delivered) -> None:
        for source_id, outbox in list(self._waiting.items()):
            try:
                wanted = outbox.report(connection) | outbox.asked
            except (FencedError, DiscontinuedError) as error:  # of this device; another refusal is of the agent itself
                done.refused.add(source_id)
                log.warning("device's report refused", extra={"device": source_id, "reason": str(error)})
                self._waiting.pop(source_id, None)
                continue
            if wanted:
                done.wanted[source_id] = wanted
            self._waiting.pop(source_id, None)
