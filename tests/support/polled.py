"""Polls a device over real SNMP as the agent does, one topic after the other, without a collector."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from driftline.v1.facts_pb2 import Facts
from driftline_agent.devices import profiles
from driftline_agent.devices.profile import Profile
from driftline_agent.devices.readout import Readout, System
from driftline_agent.devices.snmp import textual, transport
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.walk import Patience, Walker
from driftline_agent.devices.topic import DeviceTopic, Measured
from driftline_agent.errors import UnreadableError

_SYSTEM = [(1, 3, 6, 1, 2, 1, 1, arc, 0) for arc in (1, 2, 3, 5)]
#: The clock of every poll, s since 1970.
NOW_S = 1_700_000_000.0


@dataclass(slots=True)
class Polled:
    """What came of a poll."""

    profile: Profile
    facts: Facts = field(default_factory=Facts)
    measured: Measured = field(default_factory=Measured)
    unreadable: dict[str, str] = field(default_factory=dict)


async def poll(
    port: int, community: str, topics: Mapping[str, DeviceTopic] | Iterable[tuple[str, DeviceTopic]]
) -> Polled:
    """Return what topics make of a device that answers on a port of this host, by its community."""
    target = Target("127.0.0.1", Community(2, community), port)
    session = await transport.connect(target)
    try:
        walker = Walker(session, patience=Patience(timeout_s=10))
        answer = await session.get(_SYSTEM, 10)
        octets = [one.data if isinstance(one.data, bytes) else b"" for one in answer]
        oid, ticks = answer[1].data, answer[2].data
        system = System(
            textual.display_string(octets[0]) or "",
            oid if isinstance(oid, tuple) else None,
            textual.display_string(octets[3]) or "",
            ticks if isinstance(ticks, int) else None,
            NOW_S,
        )
        readout = Readout(target, walker, system, profiles.find(system), lambda: NOW_S)
        (await profiles.settle(readout)).settings.apply(walker)
        out = Polled(readout.profile)
        for name, topic in dict(topics).items():
            if topic.read is not None:
                try:
                    reading = await topic.read(readout)
                except UnreadableError as error:
                    out.unreadable[name] = str(error)
                else:
                    if reading is not None:
                        out.facts.MergeFrom(reading.facts)
                        out.unreadable |= reading.unreadable
            if topic.measure is not None:
                measured = await topic.measure(readout)
                out.measured.gauges |= measured.gauges
                out.measured.counters |= measured.counters
        out.profile = readout.profile
        return out
    finally:
        await session.close()
