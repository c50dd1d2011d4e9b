"""Addresses of interfaces, by whichever MIB tells of them. Pure.

Facts are those that an agent on the host would give: what came by itself over a link apart from what was given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from driftline.v1.facts_pb2 import Address
from driftline_agent.devices.mib import Row, Table
from driftline_agent.devices.snmp.indexes import Part, Shape, decode
from driftline_agent.devices.snmp.values import Oid

#: IP-MIB: IpAddressOriginTC, and ipAddressType.
_MANUAL, _DHCP, _LINK_LAYER, _RANDOM = 2, 4, 5, 6
_BROADCAST = 3


@dataclass(frozen=True, slots=True)
class Found:
    """An address as a table has it."""

    index: int
    #: Without a zone.
    address: str
    #: None where the device does not tell.
    length: int | None = None
    #: IpAddressOriginTC; None where the table does not tell.
    origin: int | None = None


def parse_current(table: Table, prefix: str) -> Iterator[Found]:
    """Yield the addresses of ipAddressTable, or of the draft of it.

    :param prefix: of the objects' names: ipAddress, cIpAddress.
    """
    for index, row in table.rows():
        number = _index(row.integer(f"{prefix}IfIndex"))
        address = _inet(index)
        if number is None or address is None or row.integer(f"{prefix}Type") == _BROADCAST:
            continue
        yield Found(number, address, _length(row.oid(f"{prefix}Prefix"), address), row.integer(f"{prefix}Origin"))


def parse_old(table: Table) -> Iterator[Found]:
    """Yield the addresses of ipAddrTable."""
    for index, row in table.rows():
        number = _index(row.integer("ipAdEntIfIndex"))
        try:
            (address,) = decode(index, [Shape.IP_ADDRESS])
        except ValueError:
            continue
        if number is not None:
            yield Found(number, str(address), _of_mask(row))


def parse_old_6(table: Table) -> Iterator[Found]:
    """Yield the addresses of ipv6AddrTable. Some have the address's length in front of it."""
    for index, row in table.rows():
        try:
            parts = [Shape.INTEGER, Shape.VARIABLE if len(index) == 18 else Part(Shape.FIXED, 16)]
            number, octets = decode(index, parts)
        except ValueError:
            continue
        if isinstance(number, int) and isinstance(octets, bytes) and len(octets) == 16 and _index(number) is not None:
            yield Found(number, str(IPv6Address(octets)), _bounded(row.integer("ipv6AddrPfxLength"), 128))


def _index(number: int | None) -> int | None:
    return number if number is not None and 0 <= number < 2**31 else None


def _bounded(length: int | None, most: int) -> int | None:
    # 0 is what devices send that do not know it
    return length if length is not None and 0 < length <= most else None


def _inet(index: Oid) -> str | None:
    try:
        (address,) = decode(index, [Shape.INET_ADDRESS])
    except ValueError:
        return None
    plain = str(address or "").partition("%")[0]
    try:
        ip_address(plain)
    except ValueError:
        return None  # dns(16), or none at all
    return plain


def _length(pointer: Oid | None, address: str) -> int | None:
    """Return the length of the prefix that a row of ipAddressPrefixTable stands for: it ends the row's index."""
    return None if pointer is None else _bounded(pointer[-1], 128 if ":" in address else 32)


def _of_mask(row: Row) -> int | None:
    mask = row.address("ipAdEntNetMask")
    try:
        return None if mask is None else _bounded(ip_network(f"0.0.0.0/{mask}").prefixlen, 32)
    except ValueError:
        return None  # no netmask: 255.0.255.0


def merged(*tables: list[Found]) -> list[Found]:
    """Return the addresses of some tables, each once; the first that has one says what it is, later ones its length."""
    known: dict[tuple[int, str], Found] = {}
    for one in (one for table in tables for one in table):
        before = known.get((one.index, one.address))
        if before is None:
            known[one.index, one.address] = one
        elif before.length is None:
            known[one.index, one.address] = Found(one.index, one.address, one.length, before.origin)
    return [known[key] for key in sorted(known)]


def to_facts(found: Found) -> tuple[Address, bool] | None:
    """Return an address and whether it came by itself; None for one that tells nothing, or is gone tomorrow.

    Unspecified ones are what devices have that have none. Temporary ones (RFC 8981) a host leaves out, too.
    """
    place = ip_address(found.address)
    temporary = place.version == 6 and found.origin == _RANDOM and not place.is_link_local
    if place.is_unspecified or place.is_multicast or temporary:
        return None
    out = Address(address=found.address if found.length is None else f"{found.address}/{found.length}")
    by_itself = place.version == 6 and place.is_link_local and _is_made(place, found.origin)
    if place.is_loopback:
        out.scope = "host"
    elif place.is_link_local:
        out.scope = "link" if place.version == 6 else ""
    else:
        out.scope = "global"
    if found.origin == _MANUAL or by_itself:
        out.dynamic = False
    elif found.origin in (_DHCP, _LINK_LAYER):
        out.dynamic = True
    return out, by_itself


def _is_made(place: IPv4Address | IPv6Address, origin: int | None) -> bool:
    """Tell whether a link-local address was made by the device: it says so, or its host part is long."""
    if origin in (_MANUAL, _LINK_LAYER, _RANDOM):
        return origin != _MANUAL
    return int(place) & 0xFFFFFFFF_00000000 != 0
