"""Network interfaces, their addresses, and what they count.

Source: IF-MIB (RFC 2863), IP-MIB (RFC 4293) and its forerunners, EtherLike-MIB, MAU-MIB, IEEE8023-LAG-MIB.
"""

from collections.abc import Iterable, Mapping

from driftline.v1.facts_pb2 import Interface
from driftline_agent.devices.mib import MibObject, Table
from driftline_agent.devices.mibs import addresses, interface_links, interface_rows
from driftline_agent.devices.mibs.if_mib import ETHERLIKE, IF, IFX, LAG, MAU, STACK
from driftline_agent.devices.mibs.interface_counters import measured
from driftline_agent.devices.mibs.interface_names import interface_names
from driftline_agent.devices.mibs.interface_passing import is_passing
from driftline_agent.devices.mibs.ip_mib import ADDRESS, CISCO_ADDRESS, OLD_ADDRESS, OLD_ADDRESS_6
from driftline_agent.devices.readout import Readout, must_answer
from driftline_agent.devices.snmp import oids
from driftline_agent.devices.topic import DeviceTopic, Measured
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading

_FACTS = (
    IFX["ifName"], IF["ifDescr"], IF["ifType"], IF["ifMtu"], IF["ifSpeed"], IF["ifPhysAddress"], IF["ifAdminStatus"],
    IF["ifOperStatus"], IFX["ifHighSpeed"], IFX["ifPromiscuousMode"], IFX["ifAlias"],
)  # fmt: skip
#: Asked for together with the facts, because they have the same rows.
_WIDE = (
    IFX["ifHCInOctets"], IFX["ifHCOutOctets"], IF["ifInErrors"], IF["ifOutErrors"], IF["ifInDiscards"],
    IF["ifOutDiscards"], IFX["ifCounterDiscontinuityTime"],
)  # fmt: skip
_NARROW = (IF["ifInOctets"], IF["ifOutOctets"])
#: Columns without which rows are left out, and columns without which a field is.
_ROWS = ("ifName", "ifDescr", "ifType")
_FIELDS = {
    "ifMtu": ("mtu",),
    "ifSpeed": ("speed",),
    "ifHighSpeed": ("speed",),
    "ifPhysAddress": ("mac", "mac_in_use"),
    "ifAdminStatus": ("enabled",),
    "ifOperStatus": ("link",),
    "ifPromiscuousMode": ("promiscuous",),
    "ifAlias": ("alias",),
    "ifStackStatus": ("master", "parent", "lower"),
    "dot3adAggPortAttachedAggID": ("master",),
    "dot3StatsDuplexStatus": ("duplex",),
    "ifMauAutoNegAdminStatus": ("autonegotiation",),
}
#: Interfaces at most, so that a section keeps within its bounds; those that stay come first.
_MOST = 8192
_CISCO = oids.parse("1.3.6.1.4.1.9")


def _pick(table: Table, *objects: MibObject) -> Table:
    """Return some of a table's columns."""
    return Table({one.name: table.columns.get(one.name, {}) for one in objects}, table.cuts)


async def _addresses(readout: Readout) -> tuple[list[addresses.Found], str]:
    """Return the addresses of a device, and why some may be missing."""
    table = await readout.table(*ADDRESS.values(), *OLD_ADDRESS.values())
    cuts = [*table.cuts.values()]
    found = [
        list(addresses.parse_current(_pick(table, *ADDRESS.values()), "ipAddress")),
        list(addresses.parse_old(_pick(table, *OLD_ADDRESS.values()))),
    ]
    if not any(":" in one.address for one in found[0]):
        old = await readout.table(*OLD_ADDRESS_6.values())
        found.append(list(addresses.parse_old_6(old)))
        cuts += old.cuts.values()
        if (readout.system.object_id or ())[: len(_CISCO)] == _CISCO:
            cisco = await readout.table(*CISCO_ADDRESS.values())
            found.append(list(addresses.parse_current(cisco, "cIpAddress")))
            cuts += cisco.cuts.values()
    return addresses.merged(*found), next(iter(cuts), "")


def _add_addresses(found: Mapping[int, Interface], those: Iterable[addresses.Found]) -> None:
    added: dict[tuple[int, str], None] = {}
    for one in those:
        interface, told = found.get(one.index), addresses.to_facts(one)
        if interface is None or told is None or (one.index, told[0].address) in added:
            continue
        added[one.index, told[0].address] = None
        (interface.automatic_addresses if told[1] else interface.addresses).append(told[0])
    for interface in found.values():
        interface.addresses.sort(key=lambda one: one.address)
        interface.automatic_addresses.sort(key=lambda one: one.address)


def _unreadable(table: Table, links: Table, addresses_cut: str) -> dict[str, str]:
    out = {}
    for name in _ROWS:
        if name in table.cuts:
            out["network.interfaces[*]"] = f"{name}: {table.cuts[name]}"
    for cuts in (table.cuts, links.cuts):
        for name, why in cuts.items():
            for field in _FIELDS.get(name, ()):
                out[f"network.interfaces[*].{field}"] = f"{name}: {why}"
    if addresses_cut:
        out["network.interfaces[*].addresses"] = addresses_cut
    return out


async def _interfaces(readout: Readout) -> tuple[Table, dict[int, Interface]]:
    """Return the interface tables, and the interfaces by ifIndex; what other tables say of them `read` adds."""
    return await readout.once("interfaces", lambda: _made(readout))


async def _made(readout: Readout) -> tuple[Table, dict[int, Interface]]:
    table = await readout.table(*_FACTS, *_WIDE)
    must_answer(_pick(table, *_FACTS))
    found = interface_rows.parse_interfaces(table, interface_names(table), readout.system.description)
    if table and not found and any(name in table.cuts for name in _ROWS):
        raise UnreadableError(next(table.cuts[name] for name in _ROWS if name in table.cuts))
    return table, found


async def read(readout: Readout) -> Reading | None:
    """Read the interfaces of a device; None where it knows of none."""
    table, found = await _interfaces(readout)
    if not found:
        return None
    reading = Reading()
    links = await readout.table(*STACK.values(), *LAG.values(), *ETHERLIKE.values(), *MAU.values())
    stack = interface_links.parse_stack(_pick(links, *STACK.values()))
    members = interface_links.parse_members(_pick(links, *LAG.values()))
    interface_links.relate(found, stack, members)
    interface_rows.add_duplex(found, _pick(links, *ETHERLIKE.values()), _pick(links, *MAU.values()))
    those, cut = await _addresses(readout)
    _add_addresses(found, those)
    reading.unreadable.update(_unreadable(table, links, cut))
    if stack or members:
        unknown = interface_links.unknown_masters(found.values())
        reading.unreadable.update(dict.fromkeys(unknown, "a bond lets go of a port that is down"))
    system = readout.system.description
    sorted_out: dict[bool, list[Interface]] = {False: [], True: []}
    for interface in sorted(found.values(), key=lambda one: one.name):
        sorted_out[is_passing(interface, system)].append(interface)
    if len(sorted_out[False]) > _MOST:
        reading.unreadable["network.interfaces[*]"] = f"there are more than {_MOST}"
    reading.facts.network.interfaces.extend(sorted_out[False][:_MOST])
    reading.facts.network.passing_interfaces.extend(sorted_out[True][: max(0, _MOST - len(sorted_out[False]))])
    return reading


async def measure(readout: Readout) -> Measured:
    """Read what the interfaces of a device count."""
    try:
        table, found = await _interfaces(readout)
    except UnreadableError:
        return Measured()
    if len(table.columns["ifHCInOctets"]) < len(found) or not any(
        isinstance(variable.data, int) and variable.data for variable in table.columns["ifHCInOctets"].values()
    ):
        table = await readout.table(*_FACTS, *_WIDE, *_NARROW)
    return measured(found.values(), {index[0]: row for index, row in table.rows() if len(index) == 1})


TOPIC = DeviceTopic(
    revision=1,
    fills=("network.interfaces", "network.passing_interfaces"),
    read=read,
    measure=measure,
    news=frozenset({"link", "configuration", "restart"}),
)
