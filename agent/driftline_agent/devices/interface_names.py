"""What interfaces are called: the keys of network.interfaces. A stand-in for the module of the topic `interfaces`."""

from collections.abc import Mapping
from dataclasses import dataclass

from driftline_agent.devices.mib import mib
from driftline_agent.devices.readout import Readout

_IFX = mib("IF-MIB", "1.3.6.1.2.1.31.1.1.1", ifName=1)


@dataclass(frozen=True, slots=True)
class InterfaceNames:
    """How interfaces are called."""

    #: ifIndex to name.
    by_index: Mapping[int, str]
    #: Why some may be missing, in words; empty where none is.
    cut: str = ""


async def names_of(readout: Readout) -> InterfaceNames:
    """Return how the interfaces of a device are called."""
    table = await readout.table(*_IFX.values())
    names = {index[0]: row.text("ifName") for index, row in table.rows() if len(index) == 1}
    return InterfaceNames({index: name for index, name in names.items() if name}, next(iter(table.cuts.values()), ""))
