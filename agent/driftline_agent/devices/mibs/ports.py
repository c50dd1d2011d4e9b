"""Ports of a bridge: their numbers, their interfaces, and lists of them in octets. Source: BRIDGE-MIB, Q-BRIDGE-MIB."""

from collections.abc import Mapping
from dataclasses import dataclass

from driftline_agent.devices.mib import mib
from driftline_agent.devices.mibs.interface_names import names_of
from driftline_agent.devices.readout import Readout

_BRIDGE = mib("BRIDGE-MIB", "1.3.6.1.2.1.17.1.4.1", dot1dBasePortIfIndex=2)


@dataclass(frozen=True, slots=True)
class BridgePorts:
    """Which interface is which port of the bridge."""

    #: dot1dBasePort -> ifIndex, as dot1dBasePortTable has it.
    index_of: Mapping[int, int]
    #: ifIndex -> interface's name.
    names: Mapping[int, str]
    #: Why some may be missing, in words; empty where none is.
    cut: str = ""

    def name(self, port: int) -> str | None:
        """Return the name of a port's interface; None where the device does not tell it.

        Without the table, ports have the numbers of their interfaces.
        """
        index = self.index_of.get(port) if self.index_of else port
        return None if index is None else self.names.get(index)


async def bridge_ports(readout: Readout) -> BridgePorts:
    """Return the ports of the bridge that a device is."""
    table = await readout.table(*_BRIDGE.values())
    found = {index[0]: row.integer("dot1dBasePortIfIndex") for index, row in table.rows() if len(index) == 1}
    names = await names_of(readout)
    cut = next(iter(table.cuts.values()), "") or names.cut
    return BridgePorts({port: index for port, index in found.items() if index}, names.by_index, cut)


def port_list(octets: bytes) -> list[int]:
    """Return the numbers in a PortList (RFC 4363): the first port is the most significant bit of the first octet."""
    return [8 * at + bit + 1 for at, octet in enumerate(octets) if octet for bit in range(8) if octet & 0x80 >> bit]
