"""What LLDP says besides of VLANs and frames. LLDP-EXT-DOT1-MIB, LLDP-EXT-DOT3-MIB (IEEE 802.1AB-2005 annexes F, G)."""

from collections.abc import Sequence

from driftline_agent.devices.mib import Table, mib
from driftline_agent.devices.mibs import lldp_ids
from driftline_agent.devices.mibs.lldp_mib import Heard
from driftline_agent.devices.readout import Readout

_DOT1 = mib("LLDP-EXT-DOT1-MIB", "1.0.8802.1.1.2.1.5.32962.1.3", lldpXdot1RemPortVlanId="1.1.1")
_DOT1_NAMES = mib("LLDP-EXT-DOT1-MIB", "1.0.8802.1.1.2.1.5.32962.1.3", lldpXdot1RemVlanName="3.1.2")
_DOT3 = mib("LLDP-EXT-DOT3-MIB", "1.0.8802.1.1.2.1.5.4623.1.3", lldpXdot3RemMaxFrameSize="4.1.1")


async def extend(readout: Readout, found: Sequence[Heard]) -> list[Table]:
    """Add to neighbours what the extensions say of them; return the tables that were read."""
    tables = [await readout.table(*_DOT1.values(), *_DOT3.values()), await readout.table(*_DOT1_NAMES.values())]
    add(found, *tables)
    return tables


def add(found: Sequence[Heard], numbers: Table, names: Table) -> None:
    """Add the VLAN of untagged frames, the names of VLANs ("20 servers"), the largest frame."""
    by_row = {one.row: one.neighbour for one in found}
    for index, row in numbers.rows():
        neighbour = by_row.get(index)
        if neighbour is not None:
            vlan, size = row.integer("lldpXdot1RemPortVlanId"), row.integer("lldpXdot3RemMaxFrameSize")
            if vlan is not None and 0 < vlan < 4095:  # 0: the neighbour says that it has none
                neighbour.port_vlan = vlan
            if size is not None and 0 < size < 1 << 31:
                neighbour.max_frame_size = size
    for index, row in names.rows():
        neighbour = by_row.get(index[:-1])
        name = lldp_ids.words(row.octets("lldpXdot1RemVlanName") or b"")
        if neighbour is not None and name:
            neighbour.vlans.append(f"{index[-1]} {name}")
    for one in found:
        one.neighbour.vlans.sort()
