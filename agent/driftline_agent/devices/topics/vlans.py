"""VLANs and their ports: `devices.mibs.vlan_tables`, `devices.mibs.vtp_tables`."""

from collections.abc import Sequence

from driftline.v1.device_pb2 import Vlan
from driftline_agent.devices.mib import Table
from driftline_agent.devices.mibs import vlan_tables, vtp_tables
from driftline_agent.devices.mibs.interface_names import names_of
from driftline_agent.devices.mibs.marks import note_cuts
from driftline_agent.devices.mibs.ports import bridge_ports
from driftline_agent.devices.readout import Readout, must_answer
from driftline_agent.devices.topic import DeviceTopic
from driftline_agent.topic import Reading


async def _standard(readout: Readout, tables: list[Table]) -> Sequence[Vlan]:
    """Return the VLANs of the first MIB that has some; adds the tables that they are made of."""
    for flavour in vlan_tables.FLAVOURS:
        static = await readout.table(*flavour.static.values())
        current = await readout.table(*flavour.current.values())
        tables += [static, current]
        if static or current:
            ports = await bridge_ports(readout)
            if ports.cut:
                tables.append(Table({}, {"dot1dBasePortIfIndex": ports.cut}))
            return vlan_tables.vlans(static, current, flavour, ports)
    return []


async def _cisco(readout: Readout, tables: list[Table]) -> Sequence[Vlan]:
    vlans = await readout.table(*vtp_tables.VLANS.values())
    tables.append(vlans)
    if not vlans:
        return []
    access = await readout.table(*vtp_tables.ACCESS.values())
    trunks = await readout.table(*vtp_tables.TRUNKS.values())
    tables += [access, trunks]
    names = await names_of(readout)
    if names.cut:
        tables.append(Table({}, {"ifName": names.cut}))
    return vtp_tables.vlans(vlans, access, trunks, names.by_index)


async def _read(readout: Readout) -> Reading | None:
    reading = Reading()
    tables: list[Table] = []
    found = await _standard(readout, tables) or await _cisco(readout, tables)
    if not found:
        for table in tables:
            must_answer(table)
    # Whichever table is cut, members may be missing of every VLAN
    for path in ("device.vlans[*]", "device.vlans[*].name", "device.vlans[*].ports", "device.vlans[*].tagged"):
        note_cuts(reading, path, *tables)
    reading.facts.device.vlans.extend(found)
    return reading if found or reading.unreadable else None


TOPIC = DeviceTopic(revision=1, fills=("device.vlans",), read=_read, news=frozenset({"configuration", "restart"}))
