"""Object identifiers as text and as tuples, whose order is the order of RFC 3416 section 4.2.2."""

from driftline_agent.devices.snmp.values import Oid

#: Sub-identifiers of a name, and their largest value (RFC 2578 section 3.5).
MOST_ARCS, LARGEST_ARC = 128, 0xFFFFFFFF


def parse(text: str) -> Oid:
    """Return the OID of a text like "1.3.6.1" or ".1.3.6.1".

    :raises ValueError: where it is none.
    """
    parts = text.strip().removeprefix(".").split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f'"{text}" is not an object identifier; write it like 1.3.6.1.2.1.1')
    return check(tuple(map(int, parts)))


def check(oid: Oid) -> Oid:
    """Return an OID that can be sent.

    :raises ValueError: where it cannot (X.690 8.19: the first two arcs share a byte, so there are at least two).
    """
    if not 2 <= len(oid) <= MOST_ARCS or oid[0] > 2 or (oid[0] < 2 and oid[1] > 39) or max(oid) > LARGEST_ARC:
        raise ValueError(f"{show(oid)} is not an object identifier that can be sent")
    return oid


def show(oid: Oid) -> str:
    """Return an OID as text, without a leading dot."""
    return ".".join(map(str, oid))


def within(oid: Oid, base: Oid) -> bool:
    """Whether an OID is below another one."""
    return len(oid) > len(base) and oid[: len(base)] == base


def suffix(oid: Oid, base: Oid) -> Oid:
    """Return what follows `base`: a column's index.

    :raises ValueError: where the OID is not below it.
    """
    if not within(oid, base):
        raise ValueError(f"{show(oid)} is not below {show(base)}")
    return oid[len(base) :]
