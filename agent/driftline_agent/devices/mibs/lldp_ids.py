"""Ids and texts of LLDP as devices answer them, spelled as lldpd and with it the agent of a host spells them.

Source: LLDP-MIB LldpChassisId, LldpPortId, LldpManAddress, LldpSystemCapabilitiesMap; IEEE 802.1AB 8.5.
"""

import ipaddress
from collections.abc import Callable

from driftline_agent import lldp
from driftline_agent.devices.snmp import textual

#: Control characters become blanks; lines of a description stay lines.
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160)), " ")
#: Bits of the capabilities that IEEE 802.1AB leaves without meaning: a device that sets one sends something else.
_MEANINGLESS = 0x1F


def words(octets: bytes) -> str:
    """Return a text up to its first NUL; it may have several lines."""
    return octets.partition(b"\0")[0].decode("utf-8", "replace").translate(_CONTROLS).strip()


def chassis_id(subtype: int | None, octets: bytes) -> str:
    """Return a chassis id: a MAC or network address (subtypes 4 and 5), or text; empty where it is."""
    return _spell(subtype, octets, (4, 5), lldp.chassis_id)


def port_id(subtype: int | None, octets: bytes) -> str:
    """Return a port id: a MAC or network address (subtypes 3 and 4), or text; empty where it is."""
    return _spell(subtype, octets, (3, 4), lldp.port_id)


def _spell(subtype: int | None, octets: bytes, kinds: tuple[int, int], spell: Callable[[bytes], str]) -> str:
    mac, address = kinds
    if not octets:
        return ""
    if subtype is None:
        subtype = mac if len(octets) == 6 and not octets.isascii() else 0
    if subtype == mac:
        as_text = textual.phys_address(octets) if len(octets) > 8 else None
        return as_text or spell(bytes([mac]) + octets)
    if subtype == address:
        return _address(octets) or spell(bytes([address]) + octets)
    return words(octets)


def _address(octets: bytes) -> str | None:
    """Return a network address of those that leave the family out, or write it as text."""
    if len(octets) in (4, 16):
        return str(ipaddress.ip_address(octets))
    try:
        return str(ipaddress.ip_address(words(octets)))
    except ValueError:
        return None


def management_address(arcs: tuple[int, ...]) -> str | None:
    """Return an address that ends an index: its family, its length (which some leave out), its octets."""
    if len(arcs) < 2:
        return None
    octets = arcs[2:] if arcs[1] == len(arcs) - 2 else arcs[1:]
    if (arcs[0], len(octets)) not in ((1, 4), (2, 16)) or max(octets) > 255:
        return None
    return str(ipaddress.ip_address(bytes(octets)))


def capabilities(octets: bytes | None) -> list[str]:
    """Return what a system is, of BITS whose first is the most significant; sorted."""
    if not octets or len(octets) > 2 or (len(octets) == 2 and octets[1] & _MEANINGLESS):
        return []
    return sorted(name for bit, name in enumerate(lldp.CAPABILITIES) if octets[0] & 0x80 >> bit)
