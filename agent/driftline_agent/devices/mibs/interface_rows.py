"""Rows of ifTable and ifXTable to facts. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

from driftline.v1.facts_pb2 import Interface
from driftline_agent.devices.mib import Row, Table
from driftline_agent.devices.mibs import interface_types, macs
from driftline_agent.devices.mibs.interface_names import MOST

#: RFC 2863, as a host's agent says them; unknown(4) is none.
_OPERATION = {1: "up", 2: "down", 3: "testing", 5: "dormant", 6: "notpresent", 7: "lowerlayerdown"}
_DOWN = frozenset({"down", "notpresent", "lowerlayerdown"})
_ENABLED = {1: True, 2: False}
_DUPLEX = {2: "half", 3: "full"}
_AUTONEGOTIATION = {1: True, 2: False}
#: ifSpeed of what is faster than it can say; ifHighSpeed above it is taken for bit/s, as some devices mean it.
_FASTER, _LARGEST_MBIT = 4294967295, 10_000_000
_EXACT = 20_000_000
_MOST_TEXT = 1000


def parse_speed(low: int | None, high: int | None) -> int | None:
    """Return a speed, bit/s.

    :param low: ifSpeed, bit/s.
    :param high: ifHighSpeed, Mbit/s, rounded.
    """
    if high is not None and high > _LARGEST_MBIT:
        return high if high == low or low == _FASTER else None
    if high is not None and high > 0:
        # Below 20 Mbit/s ifSpeed says what is rounded there: 1,544,000. Above, some let it wrap around.
        exact = low is not None and 0 < low < _EXACT and abs(low - high * 1_000_000) <= 500_000
        return low if exact else high * 1_000_000
    return low if low is not None and 0 < low < _FASTER else None


def parse_interfaces(table: Table, names: Mapping[int, str], system: str) -> dict[int, Interface]:
    """Return interfaces by ifIndex, without what other tables say of them.

    :param names: of :func:`.interface_names.interface_names`. A row that has none is left out, and one whose kind may
        be missing because ifType was cut short.
    :param system: sysDescr.
    """
    out: dict[int, Interface] = {}
    for index, row in table.rows():
        name = names.get(index[0]) if len(index) == 1 else None
        if name is None or not 0 <= index[0] < 2**31 or ("ifType" in table.cuts and "ifType" not in row.variables):
            continue
        out[index[0]] = _interface(index[0], name, row, system)
    _settle_macs(out.values(), {index[0]: row.mac("ifPhysAddress") for index, row in table.rows()}, system)
    return out


def _interface(index: int, name: str, row: Row, system: str) -> Interface:
    kind = interface_types.type_of(row.integer("ifType"), row.text("ifName") or name, system)
    out = Interface(name=name, type=kind, index=index, link=_OPERATION.get(row.integer("ifOperStatus") or 0, ""))
    description = (row.text("ifDescr") or "")[:_MOST_TEXT]
    if description[:MOST] != name:
        out.description = description
    alias = (row.text("ifAlias") or "")[:_MOST_TEXT]
    if alias not in (name, description):  # some say one of them again where nobody gave it an alias
        out.alias = alias
    enabled, promiscuous = _ENABLED.get(row.integer("ifAdminStatus") or 0), row.truth("ifPromiscuousMode")
    if enabled is not None:
        out.enabled = enabled
    if promiscuous is not None:
        out.promiscuous = promiscuous
    mtu = row.integer("ifMtu")
    if mtu is not None and 0 < mtu < 2**31 - 1:
        # A bridge's follows its ports
        setattr(out, "mtu_in_use" if kind == "bridge" else "mtu", mtu)
    speed = parse_speed(row.integer("ifSpeed"), row.integer("ifHighSpeed"))
    # What is down has agreed on none, whatever number it shows
    if speed is not None and speed < 2**63 and kind != "loopback" and out.link not in _DOWN:
        out.speed = speed
    vlan = interface_types.vlan_of(kind, row.text("ifName") or "", description)
    if vlan is not None:
        out.vlan_id = vlan
    return out


def _settle_macs(interfaces: Iterable[Interface], found: Mapping[int, str | None], system: str) -> None:
    """Add hardware addresses: what is the interface's own, or where it is nobody's decision to what is state.

    Own are only those of hardware, given by its maker. On Linux a bond's members all have its address, and its bridges,
    which net-snmp calls Ethernet, one of their ports'; only what stands on the PCI bus has another description than its
    name there.
    """
    every = list(interfaces)
    linux = interface_types.is_linux(system)
    on_bus = {one.index for one in every if one.description and one.type in interface_types.HARDWARE}
    of_bonds = {found.get(one.index) for one in every if one.type == "bond"}
    shared = Counter(found.get(one.index) for one in every if one.type in interface_types.HARDWARE)
    for one in every:
        mac = found.get(one.index)
        if mac is None:
            continue
        own = one.type in interface_types.HARDWARE and macs.is_own(mac)
        lent = mac in of_bonds and shared[mac] > 1
        virtual = linux and bool(on_bus) and one.index not in on_bus
        if own and not lent and not virtual:
            one.mac = mac
        else:
            one.mac_in_use = mac


def add_duplex(found: Mapping[int, Interface], etherlike: Table, mau: Table) -> None:
    """Add what EtherLike-MIB and MAU-MIB say."""
    for index, row in etherlike.rows():
        if len(index) == 1 and index[0] in found:
            found[index[0]].duplex = _DUPLEX.get(row.integer("dot3StatsDuplexStatus") or 0, "")
    for index, row in mau.rows():
        on = _AUTONEGOTIATION.get(row.integer("ifMauAutoNegAdminStatus") or 0)
        if len(index) == 2 and index[0] in found and on is not None:
            found[index[0]].autonegotiation = on
