"""Uninterruptible power supplies. Source: UPS-MIB (RFC 1628), else the maker's own (APC, Eaton, MGE)."""

from driftline_agent.devices.mibs import ups_makers, ups_mib
from driftline_agent.devices.mibs.ups_state import UpsState
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.topic import DeviceTopic, Measured
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading


async def _state(readout: Readout) -> UpsState | None:
    state = await ups_mib.read(readout)
    if state is None:
        return await ups_makers.read(readout)
    if not state.facts.ListFields() and state.unreadable:
        return state
    state.facts.serial_number = await ups_makers.serial_number(readout)
    return state


async def read(readout: Readout) -> Reading | None:
    """Read what it is and how it is."""
    state = await _state(readout)
    if state is None:
        return None
    if not state.facts.ListFields():
        raise UnreadableError(next(iter(state.unreadable.values()), "it has a UPS-MIB and says nothing"))
    reading = Reading(unreadable=state.unreadable)
    reading.facts.device.ups.CopyFrom(state.facts)
    return reading


async def measure(readout: Readout) -> Measured:
    """Measure battery, lines and load."""
    state = await _state(readout)
    return Measured() if state is None else state.measured()


TOPIC = DeviceTopic(
    revision=1, fills=("device.ups",), read=read, measure=measure, news=frozenset({"hardware", "restart"})
)
