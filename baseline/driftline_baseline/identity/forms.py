"""Normal forms: two texts that mean one thing have one form. A text that cannot be what it should be raises NoForm."""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from uuid import UUID

_BLANKS = re.compile(r"\s+")
_HEX = re.compile(r"[0-9a-f]+")
_ENDS = " \t\r\n.,;:/\\\"'"


class NoForm(ValueError):
    """A text that is no value of its kind; says what it is not."""


def words(text: str) -> str:
    """Lower case, blanks as one."""
    return _BLANKS.sub(" ", text.strip().lower())


def serial(text: str) -> str:
    """Lower case, without what makers put around a serial number: ``/7X3KQ2/`` is ``7x3kq2``."""
    plain = words(text)
    return plain.strip(_ENDS) or plain


def disk(text: str) -> str:
    """A serial number as udev or lsblk write it, or a WWN with or without its kind in front."""
    plain = serial(text).replace(" ", "")
    for front in ("naa.", "eui.", "wwn-", "0x"):
        plain = plain.removeprefix(front)
    return plain


def uuid(text: str) -> str:
    """The smaller of both byte orders: SMBIOS has the first three fields little-endian, and not all swap them."""
    plain = words(text).strip("{}").removeprefix("urn:uuid:")
    try:
        found = UUID(plain)
    except ValueError as error:
        raise NoForm("no UUID") from error
    return min(str(found), str(UUID(bytes=found.bytes_le)))


def machine(text: str) -> str:
    """As machine-id(5) writes it; a D-Bus id may have dashes."""
    return words(text).replace("-", "")


def mac(text: str) -> str:
    """Pairs with colons. Of an InfiniBand address only its port's GUID: what stands before changes with each boot."""
    plain = re.sub(r"[:.\-\s]", "", text.lower())
    if not _HEX.fullmatch(plain) or len(plain) not in (12, 16, 40):
        raise NoForm("no MAC address")
    plain = plain[-16:] if len(plain) == 40 else plain
    return ":".join(plain[at : at + 2] for at in range(0, len(plain), 2))


def engine(text: str) -> str:
    """Hexadecimal (SNMP-FRAMEWORK-MIB::snmpEngineID, 5 to 32 octets)."""
    plain = re.sub(r"[:.\-\s]", "", text.lower().removeprefix("0x"))
    if not _HEX.fullmatch(plain) or not 10 <= len(plain) <= 64:
        raise NoForm("no SNMP engine id")
    return plain


def name(text: str) -> str:
    """A host's name without its domain."""
    return words(text).partition(".")[0]


def fqdn(text: str) -> str:
    """A name with its domain."""
    plain = words(text).rstrip(".")
    first, dot, domain = plain.partition(".")
    if not dot or not first or not domain:
        raise NoForm("no name with a domain")
    return plain


def address(text: str) -> str:
    """An address of IPv4 or IPv6, without zone and prefix length; one mapped into IPv6 is of IPv4."""
    try:
        found = ip_address(text.strip().partition("%")[0].partition("/")[0])
    except ValueError as error:
        raise NoForm("no IP address") from error
    return str(getattr(found, "ipv4_mapped", None) or found)


#: By name, as evidence.yaml says it.
FORMS: Mapping[str, Callable[[str], str]] = {
    "words": words,
    "serial": serial,
    "disk": disk,
    "uuid": uuid,
    "machine": machine,
    "mac": mac,
    "engine": engine,
    "lldp": words,
    "fqdn": fqdn,
    "name": name,
    "address": address,
}
