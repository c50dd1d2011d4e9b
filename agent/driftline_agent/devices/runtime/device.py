"""One device that this agent speaks for: when it is polled, what it remembers, and what becomes of a poll."""

import asyncio
import logging
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from driftline.v1.collector_pb2 import READ, HostClaims, Section
from driftline.v1.facts_pb2 import Facts
from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_agent.devices import claims
from driftline_agent.devices.rates import DeviceRates
from driftline_agent.devices.runtime import hearsay, poll, schedule
from driftline_agent.devices.runtime.failures import NotReadError
from driftline_agent.devices.runtime.keyring import Keyring
from driftline_agent.devices.runtime.leases import Held
from driftline_agent.devices.runtime.outbox import Finished, Outbox
from driftline_agent.devices.runtime.poll import Learned, Polled, Wanted
from driftline_agent.devices.settings.config import Limits
from driftline_agent.devices.topic import DeviceTopic
from driftline_agent.inventory import milliseconds
from driftline_agent.utilization.aggregate import Aggregate, Metric, pack

log = logging.getLogger(__name__)

#: A poll that takes so much longer than its own budget is given up on, s.
_GRACE_S = 30.0


@dataclass(slots=True)
class Surroundings:
    """What all devices share."""

    keyring: Keyring
    limits: Limits
    #: Polls at the same time; and polls of devices that were silent the last time, so that they delay no other.
    slots: asyncio.Semaphore
    doubtful: asyncio.Semaphore
    topics: Mapping[str, DeviceTopic]
    #: Seals secret values, 32 bytes.
    key: bytes
    put: Callable[[Outbox, Finished], None]
    #: Is told of each poll: the device, what is the matter (or empty), and whether it answered.
    told: Callable[["Device", str, bool], None]
    #: Is told who answers on a device's links.
    heard: Callable[[hearsay.Neighbours], None]


class Device:
    """Polled by :meth:`run` until that is cancelled."""

    def __init__(self, held: Held, outbox: Outbox, around: Surroundings) -> None:
        self.held, self.outbox = held, outbox
        self._around = around
        self._learned = Learned()
        self._due = schedule.Due()
        self._due.recall(_read_s(outbox), around.topics)
        self._wishes = schedule.Wishes()
        self._lacking: set[str] = set()
        self._event = asyncio.Event()
        self._rates = DeviceRates()
        #: Compressed facts by topic, as last read: claims are made of them.
        self._facts: dict[str, tuple[bytes, bytes]] = {}
        #: What its traps are signed with.
        self.engine_id: bytes | None = None
        self.credential = ""
        #: Addresses of its own that its traps may come from.
        self.addresses: frozenset[str] = frozenset()

    # what is asked for from outside

    def news(self, kind: str) -> bool:
        """Read soon what news concern; False where they concern nothing."""
        wished = self._wishes.news(kind, self._around.topics, time.monotonic())
        self._event.set()
        return wished

    def want(self, names: Collection[str]) -> None:
        """Read topics now, and report them though they did not change: the collector lacks them; ``*`` is all."""
        topics = {name for name, topic in self._around.topics.items() if topic.read}
        names = topics if "*" in names else topics & set(names)
        self._lacking |= names
        self._wishes.want(names, time.monotonic())
        self._event.set()

    def read_now(self) -> None:
        """Read all of it now."""
        self.news("restart")

    # the clock

    def moved(self, held: Held) -> None:
        """Go on under another lease, or at another place."""
        if held.place != self.held.place:
            self._learned = Learned()
        self.held = held

    async def run(self, first_at: float) -> None:
        """Poll until cancelled.

        :param first_at: when it is polled first, by the monotonic clock.
        """
        planned = first_at
        while True:
            await self._until(lambda planned=planned: min(planned, self._wishes.next_at))  # type: ignore[misc]  # bound now
            now = time.monotonic()
            regular, topics = now >= planned, self._around.topics
            names = self._wishes.take(now)
            if regular:
                names |= set(self._due.names(topics, now, self.held.interval_s))
            await self._guarded([name for name in topics if name in names], regular)
            silences, now = self._learned.silences, time.monotonic()
            if regular:
                planned = schedule.following(planned, schedule.waiting(self.held.interval_s, silences), now)
            elif not silences:
                planned = min(planned, now + self.held.interval_s)  # it was thought to be dead, and is not

    async def _until(self, when: Callable[[], float]) -> None:
        while (wait_s := when() - time.monotonic()) > 0:
            self._event.clear()
            try:
                async with asyncio.timeout(min(wait_s, 3600.0)):
                    await self._event.wait()
            except TimeoutError:
                pass

    async def _guarded(self, names: list[str], regular: bool) -> None:
        around = self._around
        wanted = Wanted({name: around.topics[name] for name in names}, list(around.topics.values()) if regular else [])
        reason, answered = "", False
        async with around.doubtful if self._learned.silences else around.slots:
            try:
                async with asyncio.timeout(around.limits.poll_s + _GRACE_S):
                    polled = await poll.poll(
                        self.held.place, wanted, around.keyring, around.limits, self._learned, around.key
                    )
                around.put(self.outbox, self._finished(polled, regular))
                reason, answered = polled.ended, True
                for result in polled.results:
                    if result.reading is not None and result.reading.facts.network.neighbours:
                        around.heard(hearsay.neighbours(result.reading.facts))
            except NotReadError as error:
                reason = str(error)
            except TimeoutError:
                reason = f"a poll took longer than {around.limits.poll_s:g} s and was given up on"
            except Exception as error:  # the boundary of one device
                log.exception("device not polled", extra={"device": self.held.source_id})
                reason = f"{type(error).__name__}: {error}"
        around.told(self, reason, answered)

    # what a poll brings

    def _finished(self, polled: Polled, regular: bool) -> Finished:
        sections = [result.section for result in polled.results]
        self.engine_id, self.credential = polled.engine_id, polled.credential
        self._due.read([one.name for one in sections], self._around.topics, polled.at_s)
        always = self._lacking & {one.name for one in sections}
        self._lacking -= always
        batch: UtilizationBatch | None = None
        if regular:
            rates = self._rates.update(polled.system.at_s, polled.measured, polled.system.uptime_ticks)
            batch = pack({int(polled.system.at_s // 60): aggregates(rates)})
        return Finished(sections, batch, self._claims(sections, polled), always)

    def _claims(self, sections: list[Section], polled: Polled) -> bytes | None:
        """Return what the device says of its identity, where that may be another one than before."""
        changed = False
        for section in sections:
            if section.outcome == READ and self._facts.get(section.name, (b"",))[0] != section.digest:
                self._facts[section.name] = (section.digest, zlib.compress(section.content, 1))
                changed = True
        if not changed:
            return None
        facts = Facts()
        for _, content in self._facts.values():
            facts.MergeFromString(zlib.decompress(content))
        self.addresses = hearsay.own_addresses(facts)
        made: HostClaims = claims.build(facts, polled.target, polled.profile)
        return made.SerializeToString(deterministic=True)


def _read_s(outbox: Outbox) -> dict[str, float]:
    """Return when the sections were read last, by the monotonic clock; none from a time to come."""
    now_ms, now_s = milliseconds(), time.monotonic()
    return {name: now_s - (now_ms - at_ms) / 1000 for name, at_ms in outbox.read_at_ms.items() if at_ms <= now_ms}


def aggregates(values: Mapping[Metric, float]) -> dict[Metric, Aggregate]:
    """Return one sample of each as the aggregate of its minute."""
    return {metric: Aggregate(value, value, value, value, 1) for metric, value in values.items()}
