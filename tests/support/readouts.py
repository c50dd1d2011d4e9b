"""Reads device topics of whatever answers SNMP on a port."""

import asyncio
from collections.abc import Iterable

from driftline.v1.facts_pb2 import Facts
from driftline_agent.devices.profile import STANDARD
from driftline_agent.devices.readout import Readout, System
from driftline_agent.devices.snmp import transport
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.walk import Patience, Walker
from driftline_agent.devices.topic import DeviceTopic, all_topics
from driftline_agent.topic import Reading

_SYSTEM = System("", None, "", None, 0.0)


def readings(
    port: int, community: str, topics: Iterable[str], *, address: str = "127.0.0.1", version: int = 2
) -> dict[str, Reading | None]:
    """Return what topics read in one poll, by topic."""

    async def run() -> dict[str, Reading | None]:
        target = Target(address, Community(version, community), port)
        session = await transport.connect(target)
        try:
            readout = Readout(target, Walker(session, patience=Patience(timeout_s=5)), _SYSTEM, STANDARD)
            return {name: await _read(all_topics()[name], readout) for name in topics}
        finally:
            await session.close()

    return asyncio.run(run())


async def _read(topic: DeviceTopic, readout: Readout) -> Reading | None:
    return None if topic.read is None else await topic.read(readout)


def facts(found: dict[str, Reading | None]) -> Facts:
    """Return all facts of some readings."""
    out = Facts()
    for reading in found.values():
        if reading is not None:
            out.MergeFrom(reading.facts)
    return out
