"""The part of BER (X.690) that SNMP uses: RFC 3417 section 8.

Written for speed where answers are read: the loop over variables looks at bytes directly, and names that share their
beginning, as those of a column do, decode it once.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache

from driftline_agent.devices.snmp.values import Data, Kind, Oid, Var

_FLOAT, _DOUBLE = b"\x9f\x78\x04", b"\x9f\x79\x08"
_UNSIGNED = {
    0x41: Kind.COUNTER32,
    0x42: Kind.GAUGE32,
    0x43: Kind.TIME_TICKS,
    0x46: Kind.COUNTER64,
    0x47: Kind.UINTEGER32,
}
_NOTHING = {
    0x05: Kind.NULL,
    0x80: Kind.NO_SUCH_OBJECT,
    0x81: Kind.NO_SUCH_INSTANCE,
    0x82: Kind.END_OF_MIB_VIEW,
}
_LARGEST = {0x46: 0xFFFFFFFFFFFFFFFF}


class BerError(ValueError):
    """Bytes that are not what was expected."""


def tlv(tag: int, content: bytes) -> bytes:
    """Return a value with its tag and length."""
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    if size < 256:
        return bytes((tag, 0x81, size)) + content
    return bytes((tag, 0x82)) + size.to_bytes(2) + content


def integer(number: int) -> bytes:
    """Return an INTEGER."""
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, signed=True))


def oid(arcs: Oid) -> bytes:
    """Return the content of an OBJECT IDENTIFIER."""
    out = bytearray()
    for arc in (arcs[0] * 40 + arcs[1], *arcs[2:]):
        if arc < 128:
            out.append(arc)
            continue
        parts = [arc & 127]
        while arc := arc >> 7:
            parts.append(arc & 127 | 128)
        out += bytes(reversed(parts))
    return bytes(out)


def pdu(tag: int, request_id: int, first: int, second: int, oids: Sequence[Oid]) -> bytes:
    """Return a request: RFC 3416 section 3."""
    variables = b"".join([tlv(0x30, tlv(0x06, oid(arcs)) + b"\x05\x00") for arcs in oids])
    return tlv(tag, integer(request_id) + integer(first) + integer(second) + tlv(0x30, variables))


def element(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at a position begins and ends.

    :raises BerError: where it has another tag, or does not end before `end`.
    """
    if at + 2 > end:
        raise BerError("truncated")
    if data[at] != tag:
        raise BerError(f"tag {data[at]:#04x} instead of {tag:#04x}")
    size = data[at + 1]
    at += 2
    if size > 127:
        count = size & 127
        if not 1 <= count <= 4 or at + count > end:
            raise BerError("a length that cannot be")
        size = int.from_bytes(data[at : at + count])
        at += count
    if at + size > end:
        raise BerError("truncated")
    return at, at + size


def number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return an INTEGER of at most 8 bytes and where it ends."""
    begin, stop = element(data, at, end, 0x02)
    if not 1 <= stop - begin <= 8:
        raise BerError("an integer of a size that cannot be")
    return int.from_bytes(data[begin:stop], signed=True), stop


@lru_cache(8192)
def arcs_of(content: bytes) -> Oid:
    """Return the sub-identifiers of an OBJECT IDENTIFIER's content.

    :raises BerError: where it ends within one, or one is larger than RFC 2578 allows.
    """
    if not content or content[-1] > 127:
        raise BerError("an object identifier that does not end")
    out: list[int] = []
    arc = 0
    for byte in content:
        if byte < 128:
            out.append(arc | byte)
            arc = 0
        else:
            arc = (arc | byte & 127) << 7
    if max(out) > 0xFFFFFFFF or len(out) > 128:
        raise BerError("an object identifier that is too large")
    first = min(out[0] // 40, 2)
    return (first, out[0] - 40 * first, *out[1:])


def variables(data: bytes, at: int, end: int) -> list[Var]:
    """Return the variables of a VarBindList's content.

    A value that is not what its tag says is kept as UNKNOWN; one broken object loses no others.

    :raises BerError: where the list itself is broken.
    """
    out: list[Var] = []
    make = tuple.__new__
    from_bytes = int.from_bytes
    unsigned = _UNSIGNED
    try:
        while at < end:
            if data[at] != 0x30:
                raise BerError(f"tag {data[at]:#04x} instead of a variable")
            size = data[at + 1]
            at += 2
            if size > 127:
                at, size = _long(data, at, size)
            stop = at + size
            size = data[at + 1]
            if stop > end or data[at] != 0x06 or not size:
                raise BerError("truncated" if stop > end else "a variable without a name")
            at += 2
            if size > 127:
                at, size = _long(data, at, size)
            name_end = at + size
            if size > 2 and data[name_end - 2] < 128 and data[name_end - 1] < 128:
                name = (*arcs_of(data[at : name_end - 1]), data[name_end - 1])
            else:
                name = arcs_of(data[at:name_end])
            tag = data[name_end]
            size = data[name_end + 1]
            at = name_end + 2
            if size > 127:
                at, size = _long(data, at, size)
            if at + size != stop:
                raise BerError("a value that does not end where its variable does")
            content = data[at:stop]
            at = stop
            if tag == 0x04:
                out.append(make(Var, (name, Kind.OCTETS, content)))
            elif tag == 0x02 and size <= 8:
                out.append(make(Var, (name, Kind.INTEGER, from_bytes(content, "big", signed=True))))
            elif tag in unsigned and size <= 9:
                value = from_bytes(content, "big")
                if size > 4 and value > _LARGEST.get(tag, 0xFFFFFFFF):
                    out.append(make(Var, (name, Kind.UNKNOWN, content)))
                else:
                    out.append(make(Var, (name, unsigned[tag], value)))
            else:
                out.append(make(Var, (name, *_other(tag, content))))
    except IndexError as error:
        raise BerError("truncated") from error
    return out


def _long(data: bytes, at: int, size: int) -> tuple[int, int]:
    count = size & 127
    if not 1 <= count <= 4:
        raise BerError("a length that cannot be")
    return at + count, int.from_bytes(data[at : at + count])


def _other(tag: int, content: bytes) -> tuple[Kind, Data]:
    if tag in _NOTHING:
        return _NOTHING[tag], None
    if tag == 0x06:
        try:
            return Kind.OID, arcs_of(content)
        except BerError:
            return Kind.UNKNOWN, content
    if tag == 0x40 and len(content) == 4:
        return Kind.IP_ADDRESS, "{}.{}.{}.{}".format(*content)
    if tag == 0x44:
        return opaque(content)
    return Kind.UNKNOWN, content


def opaque(content: bytes) -> tuple[Kind, Data]:
    """Return what an Opaque holds: NET-SNMP-TC has floats and doubles in it, 9F 78 04 and 9F 79 08 before them."""
    if len(content) == 7 and content[:3] == _FLOAT:
        return Kind.FLOAT, struct.unpack(">f", content[3:])[0]
    if len(content) == 11 and content[:3] == _DOUBLE:
        return Kind.DOUBLE, struct.unpack(">d", content[3:])[0]
    return Kind.OPAQUE, content
