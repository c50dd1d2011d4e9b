"""What interfaces are called by their numbers. A stand-in until the topic `interfaces` is there."""

from collections.abc import Mapping
from dataclasses import dataclass

from driftline_agent.devices.mib import mib
from driftline_agent.devices.readout import Readout

_IF = mib("IF-MIB", "1.3.6.1.2.1", ifDescr="2.2.1.2", ifName="31.1.1.1.1")


@dataclass(frozen=True, slots=True)
class InterfaceNames:
    """Names of the interfaces of one device."""

    #: ifIndex -> the name that network.interfaces has it by.
    by_index: Mapping[int, str]


async def names_of(readout: Readout) -> InterfaceNames:
    """Return the names of a device's interfaces."""
    table = await readout.table(*_IF.values())
    names = {index[0]: row.text("ifName") or row.text("ifDescr") for index, row in table.rows() if len(index) == 1}
    return InterfaceNames({index: name for index, name in names.items() if name})
