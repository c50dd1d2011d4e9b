"""Who is at the other ends of a device's links, as they say by LLDP and CDP; and what it says by LLDP that it is."""

from collections.abc import Iterable

from driftline.v1.facts_pb2 import LldpNeighbour
from driftline_agent.devices.mib import Table, mib
from driftline_agent.devices.mibs import cdp_mib, lldp_extensions, lldp_mib
from driftline_agent.devices.mibs.if_mib import IF, IFX
from driftline_agent.devices.mibs.interface_names import names_of
from driftline_agent.devices.mibs.lldp_mib import FLAVOURS, TIMETRA, Flavour, Heard
from driftline_agent.devices.mibs.lldp_ports import LocalPorts, interfaces
from driftline_agent.devices.mibs.marks import note_cuts
from driftline_agent.devices.mibs.ports import bridge_ports
from driftline_agent.devices.readout import Readout, must_answer
from driftline_agent.devices.topic import DeviceTopic
from driftline_agent.topic import Reading

_MIKROTIK = mib("MIKROTIK-MIB", "1.3.6.1.4.1.14988.1.1.11.1.1", mtxrNeighborInterfaceID=8)
_PATH = "network.lldp_neighbours"


async def _chassis(readout: Readout, reading: Reading) -> str:
    for flavour in FLAVOURS:
        row, cuts = await readout.scalars(*flavour.chassis.values())
        for words in cuts.values():
            reading.unreadable.setdefault("device.lldp_chassis_id", words)
        if found := lldp_mib.own_chassis(row, flavour):
            return found
    return ""


async def _lldp(readout: Readout, tables: list[Table]) -> list[LldpNeighbour]:
    """Return the neighbours of the first MIB that has some; adds the tables that they are made of."""
    for flavour in (*FLAVOURS, TIMETRA):
        table = await readout.table(*flavour.neighbours.values())
        tables.append(table)
        if table:
            addresses = await readout.table(*flavour.addresses.values())
            found = list(lldp_mib.heard(table, addresses, flavour))
            tables.append(addresses)
            if not flavour.by_index:
                tables += await lldp_extensions.extend(readout, found)
            await _set_interfaces(readout, flavour, found, tables)
            return [one.neighbour for one in found]
    return []


async def _set_interfaces(readout: Readout, flavour: Flavour, found: list[Heard], tables: list[Table]) -> None:
    names = (await names_of(readout)).by_index
    if flavour.by_index:
        for one in found:
            one.neighbour.interface = names.get(one.port, "")
        return
    own = await readout.table(*flavour.ports.values())
    bridge = await bridge_ports(readout)
    called = await readout.table(IF["ifDescr"], IF["ifPhysAddress"], IFX["ifName"], IFX["ifAlias"])
    tables += [own, called]
    if bridge.cut:
        tables.append(Table({}, {"dot1dBasePortIfIndex": bridge.cut}))
    ports = LocalPorts(lldp_mib.local_ports(own, flavour), bridge, interfaces(called, names))
    for one in found:
        one.neighbour.interface = ports.name(one.port) or ""
    if any(one.port == 0 for one in found):  # RouterOS: only its own MIB has the interface, in rows of the same number
        indexes = await readout.table(*_MIKROTIK.values())
        by_row = {index[-1]: row.integer("mtxrNeighborInterfaceID") or 0 for index, row in indexes.rows() if index}
        for one in found:
            if one.port == 0:
                one.neighbour.interface = names.get(by_row.get(one.row[-1], 0), "")


def newest(found: Iterable[LldpNeighbour]) -> list[LldpNeighbour]:
    """Return one neighbour of each key, the last, by key: a table filtered by time may have one several times."""
    by_key = {(one.interface, one.chassis_id, one.port_id): one for one in found}
    return [by_key[key] for key in sorted(by_key)]


async def _read(readout: Readout) -> Reading | None:
    reading = Reading()
    tables: list[Table] = []
    chassis = await _chassis(readout, reading)
    found = await _lldp(readout, tables)
    cdp = await readout.table(*cdp_mib.CACHE.values())
    tables.append(cdp)
    if cdp:
        found += cdp_mib.heard(cdp, (await names_of(readout)).by_index)
    if not found:
        for table in tables:
            must_answer(table)
    note_cuts(reading, f"{_PATH}[*]", *tables)
    if chassis:
        reading.facts.device.lldp_chassis_id = chassis
    reading.facts.network.lldp_neighbours.extend(newest(found))
    return reading if found or chassis or reading.unreadable else None


TOPIC = DeviceTopic(
    revision=1,
    fills=(_PATH, "device.lldp_chassis_id"),
    read=_read,
    news=frozenset({"link", "neighbour", "restart"}),
)
