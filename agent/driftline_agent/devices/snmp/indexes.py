"""What the index of a row says: RFC 2578 section 7.7, and the addresses of RFC 4001."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from driftline_agent.devices.snmp import textual
from driftline_agent.devices.snmp.values import Oid

IndexValue = int | str | bytes | Oid | None


class Shape(Enum):
    """How a part of an INDEX clause is spelled in an OID."""

    INTEGER = auto()
    #: Four sub-identifiers.
    IP_ADDRESS = auto()
    #: Six sub-identifiers: MacAddress of RFC 2579.
    MAC_ADDRESS = auto()
    #: OCTET STRING with a fixed size, given in :class:`Part`.
    FIXED = auto()
    #: OCTET STRING of any size: its length comes first.
    VARIABLE = auto()
    #: IMPLIED OCTET STRING: all that is left.
    IMPLIED = auto()
    #: OBJECT IDENTIFIER, its length first.
    OID = auto()
    #: IMPLIED OBJECT IDENTIFIER.
    IMPLIED_OID = auto()
    #: Two columns in one: InetAddressType and InetAddress of RFC 4001; gives the address as text.
    INET_ADDRESS = auto()


class Part(NamedTuple):
    """One object of an INDEX clause."""

    shape: Shape
    size: int = 0


def decode(index: Oid, parts: Sequence[Part | Shape]) -> tuple[IndexValue, ...]:
    """Return the values of an index, one for each part.

    :raises ValueError: where the index is too short, too long, or no bytes where there should be.
    """
    out: list[IndexValue] = []
    rest = index
    for entry in parts:
        part = entry if isinstance(entry, Part) else Part(entry)
        value, used = _one(rest, part)
        out.append(value)
        rest = rest[used:]
    if rest:
        raise ValueError(f"index {index} is longer than its parts")
    return tuple(out)


def _one(rest: Oid, part: Part) -> tuple[IndexValue, int]:
    shape = part.shape
    if shape is Shape.INTEGER:
        return _need(rest, 1)[0], 1
    if shape is Shape.IP_ADDRESS:
        return ".".join(map(str, _octets(_need(rest, 4)))), 4
    if shape is Shape.MAC_ADDRESS:
        return textual.phys_address(_octets(_need(rest, 6))), 6
    if shape is Shape.FIXED:
        return _octets(_need(rest, part.size)), part.size
    if shape is Shape.IMPLIED:
        return _octets(rest), len(rest)
    if shape is Shape.IMPLIED_OID:
        return rest, len(rest)
    if shape is Shape.INET_ADDRESS:
        kind, size = _need(rest, 2)
        content = _octets(_need(rest[2:], size))
        address = textual.inet_address(kind, content)
        if address is None and kind != 0:
            raise ValueError(f"index with {size} bytes is no address of InetAddressType {kind}")
        return address, 2 + size
    size = _need(rest, 1)[0]
    content_oid = _need(rest[1:], size)
    return (content_oid if shape is Shape.OID else _octets(content_oid)), 1 + size


def _need(rest: Oid, size: int) -> Oid:
    if len(rest) < size:
        raise ValueError(f"index ends {size - len(rest)} sub-identifiers too early")
    return rest[:size]


def _octets(arcs: Oid) -> bytes:
    try:
        return bytes(arcs)
    except ValueError as error:
        raise ValueError(f"index has {max(arcs)} where bytes should be") from error
