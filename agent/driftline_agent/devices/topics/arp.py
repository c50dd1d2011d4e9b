"""Who answers on the links of a device.

Source: IP-MIB ipNetToPhysicalTable (RFC 4293), else ipNetToMediaTable.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from driftline.v1.facts_pb2 import Neighbour
from driftline_agent.devices.mib import Row, Table
from driftline_agent.devices.mibs.interface_names import names_of
from driftline_agent.devices.mibs.ip_mib import NEIGHBOUR, OLD_NEIGHBOUR
from driftline_agent.devices.readout import Readout, must_answer
from driftline_agent.devices.snmp.indexes import Shape, decode
from driftline_agent.devices.snmp.values import Oid
from driftline_agent.devices.topic import DeviceTopic
from driftline_agent.topic import Reading

#: ipNetToPhysicalType and ipNetToMediaType; local(5) are the device's own addresses.
_INVALID, _STATIC, _LOCAL = 2, 4, 5
#: ipNetToPhysicalState: reachable, incomplete. The others say that nobody asked lately.
_REACHABLE = {1: True, 7: False}
#: Neighbours at most.
MOST = 20_000


def _place(index: Oid, old: bool) -> tuple[int, str] | None:
    """Return ifIndex and address of a row; None where it has none, or a multicast one."""
    try:
        number, address = decode(index, [Shape.INTEGER, Shape.IP_ADDRESS if old else Shape.INET_ADDRESS])
        plain = str(address or "").partition("%")[0]
        place = ip_address(plain)
    except ValueError:
        return None
    if not isinstance(number, int) or place.is_multicast or place.is_unspecified or plain == "255.255.255.255":
        return None
    return number, plain


def _neighbour(row: Row, interface: str, address: str, prefix: str) -> Neighbour | None:
    kind, mac = row.integer(f"{prefix}Type"), row.mac(f"{prefix}PhysAddress")
    if kind in (_INVALID, _LOCAL) or mac == "ff:ff:ff:ff:ff:ff" or (mac is not None and int(mac[:2], 16) & 1):
        return None
    out = Neighbour(interface=interface, address=address, mac=mac or "")
    if kind is not None:
        out.permanent = kind == _STATIC
    reachable = _REACHABLE.get(row.integer(f"{prefix}State") or 0)
    if reachable is not None and not out.permanent:
        out.reachable = reachable
    return out if mac is not None or reachable is False else None


def parse(table: Table, names: Mapping[int, str], prefix: str) -> Iterator[Neighbour]:
    """Yield the neighbours of a table.

    :param prefix: of its objects' names: ipNetToPhysical, ipNetToMedia.
    :param names: of the interfaces, by ifIndex; one that has none is called by its index: #7.
    """
    for index, row in table.rows():
        place = _place(index, prefix == "ipNetToMedia")
        found = place and _neighbour(row, names.get(place[0], f"#{place[0]}"), place[1], prefix)
        if found:
            yield found


async def read(readout: Readout) -> Reading | None:
    """Read the neighbours of a device; None where it tells of none."""
    current = await readout.table(*NEIGHBOUR.values())
    old = Table({}) if current and current.whole else await readout.table(*OLD_NEIGHBOUR.values())
    must_answer(Table({**current.columns, **old.columns}, {**current.cuts, **old.cuts}))
    names = await names_of(readout)
    found: dict[tuple[str, str], Neighbour] = {}
    for table, prefix in ((current, "ipNetToPhysical"), (old, "ipNetToMedia")):
        for one in parse(table, names.by_index, prefix):
            found.setdefault((one.interface, one.address), one)
    if not found:
        return None
    reading = Reading()
    reading.facts.network.neighbours.extend(found[key] for key in sorted(found)[:MOST])
    for cut in (*current.cuts.values(), *old.cuts.values()):
        reading.unreadable["network.neighbours[*]"] = cut
    if len(found) > MOST:
        reading.unreadable["network.neighbours[*]"] = f"there are more than {MOST}"
    return reading


TOPIC = DeviceTopic(revision=1, fills=("network.neighbours",), read=read, every_s=300)
