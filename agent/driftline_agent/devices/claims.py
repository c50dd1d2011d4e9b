"""What a device says of its identity. Source: collector.proto (HostClaims); what counts: docs/identity.md.

Values are as a host's agent claims them, so that a server that is read over SNMP today and has an agent tomorrow is one
machine.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from driftline.v1.collector_pb2 import HostClaims
from driftline.v1.facts_pb2 import Component, Facts, Interface
from driftline_agent.devices.mibs import macs
from driftline_agent.devices.mibs.interface_types import HARDWARE
from driftline_agent.devices.profile import Profile
from driftline_agent.devices.snmp.transport import Target

#: Values of one kind at most, and characters of each, as the collector takes them.
_MOST = 256
_LONGEST = 256
#: SnmpEngineID, fifth octet (RFC 3411 section 5).
_BY_IPV4, _BY_IPV6, _BY_MAC = 1, 2, 3
#: Enterprise of net-snmp, and the format that it made up: eight random octets.
_NET_SNMP, _RANDOM = 8072, 128


def build(facts: Facts, target: Target, profile: Profile) -> HostClaims:
    """Return the claims that a device's facts make.

    :param target: how it was reached.
    """
    name = _fits(facts.device.snmp.system_name) or _fits(facts.os.host.name)
    serial = _fits(facts.hardware.system.serial_number)
    chassis = sorted({_fits(part.serial_number) for part in facts.device.components if _is_chassis(part)} - {""})
    own = sorted(set(_macs(facts)))
    return HostClaims(
        hostname=_fits(facts.os.host.name) or _first(name),
        fqdn=_fits(facts.os.host.fqdn) or (name.rstrip(".") if _first(name) != name.rstrip(".") else ""),
        system_serial_number=serial,
        entity_serial_numbers=chassis[:_MOST],
        macs=own[:_MOST],
        snmp_engine_id=_engine(facts.device.snmp.engine_id, own, [serial, *chassis]),
        lldp_chassis_id=_fits(facts.device.lldp_chassis_id),
        management_addresses=_management(facts, target),
        ci_class=profile.ci_class,
    )


def _fits(text: str) -> str:
    """Return a text that can be claimed; one that is too long is nobody's name or number."""
    return text if len(text) <= _LONGEST else ""


def _is_chassis(part: Component) -> bool:
    """Tell whether a part is what the whole stands in: the members of a stack are chassis."""
    return str(getattr(part, "class")) == "chassis"


def _first(name: str) -> str:
    """Return a name without its domain; an address is no name with one."""
    try:
        ip_address(name)
    except ValueError:
        return name.partition(".")[0]
    return name


def _macs(facts: Facts) -> Iterator[str]:
    """Yield hardware addresses that its maker gave to it: of what has a connector, and of the bridge that it is."""
    for interface in facts.network.interfaces:
        if interface.type in HARDWARE and macs.is_own(interface.mac):
            yield interface.mac
    if macs.is_own(facts.device.spanning_tree.address):
        yield facts.device.spanning_tree.address


def _engine(text: str, own: Iterable[str], serials: Iterable[str]) -> str:
    """Return an SNMP engine id where no other device can have it; else nothing.

    Unique are those that are made of a hardware address that a maker gave, of the device's own hardware address or
    serial number in any other way, or of net-snmp's random numbers. One that is made of an IP address moves with the
    address, and a text is what someone wrote, on as many devices as they liked.
    """
    try:
        octets = bytes.fromhex(text.removeprefix("0x").replace(":", ""))
    except ValueError:
        return ""
    if not 5 <= len(octets) <= 32:
        return ""
    plain, data = octets.hex(), octets[5:]
    form = octets[4] if octets[0] & 0x80 else None
    if form in (_BY_IPV4, _BY_IPV6):
        return ""
    if form == _BY_MAC:
        return plain if len(data) >= 6 and macs.is_own(data[:6].hex(":")) else ""
    if form == _RANDOM and int.from_bytes(octets[:4]) & 0x7FFFFFFF == _NET_SNMP:
        return plain if len(data) >= 8 and len(set(data)) > 2 else ""
    holds = [bytes.fromhex(mac.replace(":", "")) for mac in own]
    holds += [serial.encode() for serial in serials if len(serial) >= 6]
    return plain if any(one in data for one in holds) else ""


def _management(facts: Facts, target: Target) -> list[str]:
    """Return the address that it was reached at, unless it is the agent's own or a translated one."""
    try:
        address = ip_address(target.address.partition("%")[0])
    except ValueError:
        return []
    if address.is_loopback or address.is_link_local or address.is_unspecified:
        return []
    known = {place for interface in facts.network.interfaces for place in _addresses(interface)}
    same = {place for place in known if place.version == address.version and not place.is_loopback}
    return [str(address)] if not same or address in same else []


def _addresses(interface: Interface) -> Iterator[IPv4Address | IPv6Address]:
    for entry in (*interface.addresses, *interface.automatic_addresses):
        try:
            yield ip_address(entry.address.partition("/")[0])
        except ValueError:
            continue
