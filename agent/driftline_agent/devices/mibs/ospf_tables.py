"""Tables of OSPF. OSPF-MIB (RFC 4750), OSPFV3-MIB (RFC 5643)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from driftline.v1.device_pb2 import OspfArea, OspfInterface, OspfNeighbour
from driftline_agent.devices.mib import MibObject, Row, Table, mib
from driftline_agent.devices.mibs.lldp_ids import words
from driftline_agent.devices.snmp import textual
from driftline_agent.devices.snmp.values import Oid

_KINDS = {1: "importExternal", 2: "importNoExternal", 3: "importNssa"}
_TYPES = {1: "broadcast", 2: "nbma", 3: "pointToPoint", 5: "pointToMultipoint"}
_AUTHENTICATIONS = {0: "none", 1: "simplePassword", 2: "md5"}
_NEIGHBOUR_STATES = dict(
    enumerate(("down", "attempt", "init", "twoWay", "exchangeStart", "exchange", "loading", "full"), 1)
)
_STATES = ("down", "loopback", "waiting", "pointToPoint", "designatedRouter", "backupDesignatedRouter")

_NUMBERS = {"RtrPriority": "priority", "HelloInterval": "hello_interval", "RtrDeadInterval": "dead_interval"}
#: Fields of an interface by the ends of their columns' names.
FIELDS = {
    "AreaId": "area",
    "Type": "type",
    "AdminStat": "enabled",
    "AdminStatus": "enabled",
    "AuthType": "authentication",
    **_NUMBERS,
}


@dataclass(frozen=True, slots=True)
class Version:
    """The objects of a version of OSPF, by the beginning of their names."""

    prefix: str
    scalars: Mapping[str, MibObject]
    areas: Mapping[str, MibObject]
    interfaces: Mapping[str, MibObject]
    neighbours: Mapping[str, MibObject]
    #: OspfNeighbour and interfaces have numbers of the interface in their index, no address.
    by_index: bool
    states: Mapping[int, str]
    #: Names of objects that differ: the end of AdminStat, that of an area's kind.
    enabled: str
    kind: str


V2 = Version(
    "ospf",
    mib("OSPF-MIB", "1.3.6.1.2.1.14.1", ospfRouterId=1, ospfAdminStat=2),
    mib("OSPF-MIB", "1.3.6.1.2.1.14.2.1", ospfImportAsExtern=3),
    mib(
        "OSPF-MIB",
        "1.3.6.1.2.1.14.7.1",
        ospfIfAreaId=3,
        ospfIfType=4,
        ospfIfAdminStat=5,
        ospfIfRtrPriority=6,
        ospfIfHelloInterval=9,
        ospfIfRtrDeadInterval=10,
        ospfIfState=12,
        ospfIfAuthType=20,
    ),
    mib("OSPF-MIB", "1.3.6.1.2.1.14.10.1", ospfNbrIpAddr=1, ospfNbrRtrId=3, ospfNbrState=6),
    by_index=False,
    states=dict(enumerate((*_STATES, "otherDesignatedRouter"), 1)),
    enabled="AdminStat",
    kind="ospfImportAsExtern",
)
V3 = Version(
    "ospfv3",
    mib("OSPFV3-MIB", "1.3.6.1.2.1.191.1.1", ospfv3RouterId=1, ospfv3AdminStatus=2),
    mib("OSPFV3-MIB", "1.3.6.1.2.1.191.1.2.1", ospfv3AreaImportAsExtern=2),
    mib(
        "OSPFV3-MIB",
        "1.3.6.1.2.1.191.1.7.1",
        ospfv3IfAreaId=3,
        ospfv3IfType=4,
        ospfv3IfAdminStatus=5,
        ospfv3IfRtrPriority=6,
        ospfv3IfHelloInterval=9,
        ospfv3IfRtrDeadInterval=10,
        ospfv3IfState=12,
    ),
    mib("OSPFV3-MIB", "1.3.6.1.2.1.191.1.9.1", ospfv3NbrAddressType=4, ospfv3NbrAddress=5, ospfv3NbrState=8),
    by_index=True,
    states=dict(enumerate((*_STATES, "otherDesignatedRouter", "standby"), 1)),
    enabled="AdminStatus",
    kind="ospfv3AreaImportAsExtern",
)


def enabled(number: int | None) -> bool | None:
    """Return Status of OSPF-MIB: enabled(1), disabled(2)."""
    return None if number is None else textual.truth_value(number)


def identifier(row: Row, name: str) -> str | None:
    """Return a router's or area's id, which is written like an address; some versions send it as a number."""
    found = row.address(name)
    number = row.integer(name)
    if found is None and number is not None and 0 <= number < 1 << 32:
        found = str(IPv4Address(number))
    return found


def areas(table: Table, version: Version) -> list[OspfArea]:
    """Return the areas by id."""
    out = {}
    for index, row in table.rows():
        size = 1 if version is V3 else 4
        if len(index) == size and max(index) < 1 << 32 // size:
            number = index[0] if size == 1 else int.from_bytes(bytes(index))
            name = str(IPv4Address(number))
            out[name] = OspfArea(id=name, kind=_KINDS.get(row.integer(version.kind) or 0, ""))
    return [out[name] for name in sorted(out)]


def interfaces(table: Table, version: Version, names: Mapping[int, str]) -> list[OspfInterface]:
    """Return the interfaces by what they are named after."""
    out: dict[str, OspfInterface] = {}
    for index, row in table.rows():
        name = _interface(index, version, names)
        if name and name not in out:
            out[name] = _build(name, row, version)
    return [out[name] for name in sorted(out)]


def _interface(index: Oid, version: Version, names: Mapping[int, str]) -> str | None:
    if version.by_index:  # ospfv3IfIndex, ospfv3IfInstId
        return names.get(index[0], f"#{index[0]}") if len(index) == 2 else None
    if len(index) != 5 or max(index[:4]) > 255:  # ospfIfIpAddress, ospfAddressLessIf
        return None
    return ".".join(map(str, index[:4])) if any(index[:4]) else names.get(index[4], f"#{index[4]}")


def _build(name: str, row: Row, version: Version) -> OspfInterface:
    prefix = f"{version.prefix}If"
    out = OspfInterface(
        address=name,
        area=identifier(row, f"{prefix}AreaId") or "",
        type=_TYPES.get(row.integer(f"{prefix}Type") or 0, ""),
        state=version.states.get(row.integer(f"{prefix}State") or 0, ""),
        enabled=enabled(row.integer(f"{prefix}{version.enabled}")),
    )
    for column, field in _NUMBERS.items():
        number = row.integer(f"{prefix}{column}")
        if number is not None and 0 <= number < 1 << 31:
            setattr(out, field, number)
    authentication = row.integer(f"{prefix}AuthType")
    if authentication is not None:
        out.authentication = _AUTHENTICATIONS.get(authentication, "")
    return out


def neighbours(table: Table, version: Version, names: Mapping[int, str]) -> list[OspfNeighbour]:
    """Return the neighbours by address."""
    out = {one.address: one for one in _neighbours(table, version, names)}
    return [out[address] for address in sorted(out)]


def _neighbours(table: Table, version: Version, names: Mapping[int, str]) -> Iterator[OspfNeighbour]:
    for index, row in table.rows():
        state = _NEIGHBOUR_STATES.get(row.integer(f"{version.prefix}NbrState") or 0, "")
        if version.by_index:  # ospfv3NbrIfIndex, ospfv3NbrIfInstId, ospfv3NbrRtrId
            address = _inet_address(row)
            if len(index) == 3 and address:
                interface = names.get(index[0], str(index[0]))
                router = str(IPv4Address(index[2] & 0xFFFFFFFF))
                yield OspfNeighbour(address=f"{address}%{interface}", router_id=router, state=state)
        elif len(index) == 5:  # ospfNbrIpAddr, ospfNbrAddressLessIndex
            address = row.address("ospfNbrIpAddr") or ".".join(map(str, index[:4]))
            yield OspfNeighbour(address=address, router_id=identifier(row, "ospfNbrRtrId") or "", state=state)


def _inet_address(row: Row) -> str | None:
    """Return ospfv3NbrAddress; FortiOS sends it as text."""
    octets = row.octets("ospfv3NbrAddress") or b""
    found = textual.inet_address(row.integer("ospfv3NbrAddressType") or 0, octets) if len(octets) in (4, 16) else None
    return found or words(octets) or None
