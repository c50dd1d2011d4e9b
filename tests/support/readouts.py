"""Reads a device that is served as the agent does, topic by topic, without a collector."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from driftline.v1.facts_pb2 import Facts
from driftline_agent.devices import profiles, system
from driftline_agent.devices.profile import Profile
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.snmp import transport
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.pace import Pace
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.walk import Patience, Walker
from driftline_agent.devices.topic import DeviceTopic, Measured
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading

#: The clock of every poll that says nothing else, s since 1970.
NOW_S = 1_700_000_000.0
_T = TypeVar("_T")


@asynccontextmanager
async def readout(
    port: int,
    community: str,
    *,
    kept: dict[str, object] | None = None,
    at_s: float = NOW_S,
    pace: Pace | None = None,
    bound: int = 100_000,
) -> AsyncIterator[Readout]:
    """Begin a poll of a device that answers on a port of this host, by its community.

    :param kept: what topics keep from one poll to the next.
    """
    target = Target("127.0.0.1", Community(2, community), port)
    session = await transport.connect(target)
    try:
        patience = Patience(timeout_s=10, bound=bound)
        found = await system.read(session, patience.timeout_s, patience.retries, lambda: at_s)
        walker = Walker(session, pace, patience)
        begun = Readout(target, walker, found, profiles.find(found), lambda: at_s, kept)
        (await profiles.settle(begun)).settings.apply(walker)
        yield begun
    finally:
        await session.close()


def on_device(
    port: int,
    community: str,
    use: Callable[[Readout], Awaitable[_T]],
    *,
    kept: dict[str, object] | None = None,
    pace: Pace | None = None,
    bound: int = 100_000,
) -> _T:
    """Poll a device once: return what `use` makes of its readout."""

    async def run() -> _T:
        async with readout(port, community, kept=kept, pace=pace, bound=bound) as begun:
            return await use(begun)

    return asyncio.run(run())


@dataclass(slots=True)
class Polled:
    """What came of a poll."""

    profile: Profile
    #: By topic; None where the device has nothing of the kind. What cannot be read is in `unreadable` alone.
    readings: dict[str, Reading | None] = field(default_factory=dict)
    measured: Measured = field(default_factory=Measured)
    #: Path to reason; a topic's name where nothing of it could be read.
    unreadable: dict[str, str] = field(default_factory=dict)
    #: Rows of entPhysicalTable that it has: components are those that are no sensor and no empty container.
    rows: int = 0

    @property
    def facts(self) -> Facts:
        """All that was read."""
        out = Facts()
        for reading in self.readings.values():
            if reading is not None:
                out.MergeFrom(reading.facts)
        return out


async def polled(
    port: int,
    community: str,
    topics: Mapping[str, DeviceTopic],
    kept: dict[str, object] | None = None,
    at_s: float = NOW_S,
) -> Polled:
    """Return what topics read and measure of a device."""
    async with readout(port, community, kept=kept, at_s=at_s) as begun:
        out = Polled(begun.profile)
        for name, topic in topics.items():
            if topic.read is not None:
                try:
                    reading = out.readings[name] = await topic.read(begun)
                except UnreadableError as error:
                    out.unreadable[name] = str(error)
                else:
                    out.unreadable |= reading.unreadable if reading else {}
            if topic.measure is not None:
                measured = await topic.measure(begun)
                out.measured.gauges |= measured.gauges
                out.measured.counters |= measured.counters
        out.rows = getattr(begun.kept.get("entities"), "rows", 0)
        return out


def poll(
    port: int, community: str, topic: DeviceTopic, kept: dict[str, object] | None = None, at_s: float = NOW_S
) -> tuple[Reading | None, Measured]:
    """Read and measure one topic, which can be read."""
    found = asyncio.run(polled(port, community, {"topic": topic}, kept, at_s))
    return found.readings["topic"], found.measured
