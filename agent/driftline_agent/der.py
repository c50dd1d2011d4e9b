"""A small, bounded reader of DER. Source: ITU-T X.690.

Takes only what certificates are made of: definite lengths, tags of one byte. Whatever else, or a length that leads out
of what surrounds it, raises :class:`DerError`; nothing recurses, so nothing can be nested too deep.
"""

import calendar
from dataclasses import dataclass

from driftline_agent.errors import AgentError

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OBJECT = 0x01, 0x02, 0x03, 0x04, 0x06
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31
#: Character strings to their encodings. T61 is read as Latin-1, as everybody does.
_ENCODINGS = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1A: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}


class DerError(AgentError, ValueError):
    """Bytes that are no DER, or not of the kind that is asked for."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its tag, its bytes, and the bytes with tag and length around them."""

    tag: int
    content: bytes
    whole: bytes


def take(data: bytes, start: int = 0) -> tuple[Value, int]:
    """Return the value at a place, and the place behind it."""
    end = len(data)
    if start + 2 > end:
        raise DerError("der: cut off")
    tag, length, place = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        raise DerError("der: a tag of more than one byte")
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= 4 or place + count > end:
            raise DerError("der: a length that is not definite or too large")
        length = int.from_bytes(data[place : place + count], "big")
        place += count
    if place + length > end:
        raise DerError("der: longer than what is there")
    return Value(tag, data[place : place + length], data[start : place + length]), place + length


def children(value: Value, tag: int, most: int = 10_000) -> list[Value]:
    """Return what a constructed value holds.

    :param tag: that it must have.
    :param most: how many it may hold.
    """
    if value.tag != tag:
        raise DerError(f"der: tag {value.tag:#04x} in place of {tag:#04x}")
    out: list[Value] = []
    place = 0
    while place < len(value.content):
        child, place = take(value.content, place)
        out.append(child)
        if len(out) > most:
            raise DerError(f"der: more than {most} values in one")
    return out


def integer(value: Value) -> int:
    """Return a whole number."""
    if value.tag != INTEGER or not value.content or len(value.content) > 8192:
        raise DerError("der: no whole number")
    return int.from_bytes(value.content, "big", signed=True)


def identifier(value: Value) -> str:
    """Return an object identifier, dotted."""
    if value.tag != OBJECT or not 0 < len(value.content) <= 64 or value.content[-1] & 0x80:
        raise DerError("der: no object identifier")
    arcs: list[int] = []
    arc = 0
    for byte in value.content:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def text(value: Value) -> str | None:
    """Return a character string; None where it is none. What its encoding does not allow is replaced."""
    encoding = _ENCODINGS.get(value.tag)
    return None if encoding is None else value.content.decode(encoding, "replace")


def seconds(value: Value) -> int:
    """Return a time, in seconds since 1970. RFC 5280 section 4.1.2.5: UTC, with seconds; UTCTime is of 1950 to 2049."""
    digits = value.content.decode("ascii", "replace")
    if value.tag == UTC_TIME and len(digits) == 13:
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    if value.tag not in (UTC_TIME, GENERALIZED_TIME) or len(digits) != 15 or digits[14] != "Z":
        raise DerError("der: no time of a certificate")
    if not (digits[:14].isascii() and digits[:14].isdigit()):
        raise DerError("der: no time of a certificate")
    year, *rest = int(digits[:4]), *(int(digits[place : place + 2]) for place in range(4, 14, 2))
    month, day, hour, minute, second = rest
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        raise DerError("der: a time that there is not")
    return calendar.timegm((year, month, day, hour, minute, second))
