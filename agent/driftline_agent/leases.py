"""Leases of addresses, as DHCP clients keep them.

Source: dhclient.leases(5), the lease files of systemd-networkd and NetworkManager (sd-dhcp-lease.c), RFC 2131 and 2132
(the packets that dhcpcd keeps).
"""

import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

from driftline import late
from driftline.v1.facts_pb2 import DhcpLease

_BLOCK = late.pattern(r"(?:^|\n)[ \t]*lease6?[ \t]*\{(.*?)\n[ \t]*\}", re.DOTALL)
_STATEMENT = late.pattern(r'^\s*(?:option\s+)?([\w.-]+)\s+("(?:[^"\\]|\\.)*"|[^;"]*);', re.MULTILINE)
#: dhcp-options(5) to fields that are lists of addresses.
_LISTS = {"routers": "routers", "domain-name-servers": "dns_servers", "ntp-servers": "ntp_servers"}
_NETWORKD_LISTS = {"ROUTER": "routers", "DNS": "dns_servers", "NTP": "ntp_servers"}
_MAGIC = b"\x63\x82\x53\x63"
#: Options of RFC 2132.
_ROUTER, _DNS, _DOMAIN, _NTP, _LEASE_TIME, _SERVER = 3, 6, 15, 42, 51, 54


def _moment(value: str) -> int | None:
    """Return the time of a dhclient statement: ``5 2030/07/16 03:46:08``, ``epoch 1700000000``, ``never``."""
    words = value.partition("#")[0].split()
    try:
        if words[:1] == ["epoch"]:
            return int(words[1])
        if len(words) >= 3:
            found = datetime.strptime(f"{words[1]} {words[2]}", "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
            return int(found.timestamp())
    except (ValueError, IndexError, OverflowError):
        return None
    return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def parse_dhclient(text: str) -> list[DhcpLease]:
    """Return the leases of a dhclient.leases(5) file, the last one of each interface and address, sorted."""
    out: dict[tuple[str, str], DhcpLease] = {}
    for block in _BLOCK.finditer(text):
        lease = DhcpLease(client="dhclient")
        for name, value in _STATEMENT.findall(block[1]):
            plain = value.strip().strip('"')
            if name == "interface":
                lease.interface = plain
            elif name == "fixed-address":
                lease.address = plain
            elif name == "dhcp-server-identifier":
                lease.server = plain
            elif name == "domain-name":
                lease.domain = plain
            elif name in _LISTS:
                getattr(lease, _LISTS[name]).extend(re.split(r"[,\s]+", plain))
            elif name == "dhcp-lease-time" and (seconds := _number(plain)) is not None:
                lease.lease_time = seconds
            elif name == "expire" and (moment := _moment(plain)) is not None:
                lease.expires_at = moment
        if lease.interface and lease.address:
            out[lease.interface, lease.address] = lease
    return [out[key] for key in sorted(out)]


def parse_networkd(text: str, interface: str, client: str) -> DhcpLease | None:
    """Return the lease of a file of systemd-networkd's or NetworkManager's own client; None where it has no address.

    :param client: whose it is.
    """
    lease = DhcpLease(interface=interface, client=client)
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name == "ADDRESS":
            lease.address = value
        elif name == "SERVER_ADDRESS":
            lease.server = value
        elif name == "DOMAINNAME":
            lease.domain = value
        elif name in _NETWORKD_LISTS:
            getattr(lease, _NETWORKD_LISTS[name]).extend(value.split())
        elif name == "LIFETIME" and (seconds := _number(value)) is not None:
            lease.lease_time = seconds
    return lease if lease.address else None


def _options(packet: bytes) -> Iterator[tuple[int, bytes]]:
    position = packet.find(_MAGIC, 236) + 4
    while 4 <= position < len(packet) - 1 and packet[position] != 255:
        kind, length = packet[position], packet[position + 1]
        if kind == 0:
            position += 1
            continue
        yield kind, packet[position + 2 : position + 2 + length]
        position += 2 + length


def _addresses(data: bytes) -> list[str]:
    return [socket.inet_ntoa(data[i : i + 4]) for i in range(0, len(data) - 3, 4)]


def parse_dhcpcd(packet: bytes, interface: str, written: int | None) -> DhcpLease | None:
    """Return the lease in the server's last answer, which dhcpcd keeps as it came; None where it is none.

    :param written: when the file was written, s since epoch.
    """
    if len(packet) < 240 or packet[0] != 2:
        return None
    lease = DhcpLease(interface=interface, client="dhcpcd", address=socket.inet_ntoa(packet[16:20]))
    for kind, data in _options(packet):
        if kind == _ROUTER:
            lease.routers.extend(_addresses(data))
        elif kind == _DNS:
            lease.dns_servers.extend(_addresses(data))
        elif kind == _NTP:
            lease.ntp_servers.extend(_addresses(data))
        elif kind == _DOMAIN:
            lease.domain = data.rstrip(b"\0").decode("ascii", "replace")
        elif kind == _SERVER and len(data) == 4:
            lease.server = socket.inet_ntoa(data)
        elif kind == _LEASE_TIME and len(data) == 4:
            lease.lease_time = int.from_bytes(data, "big")
            if written is not None and lease.lease_time != 0xFFFFFFFF:
                lease.expires_at = written + lease.lease_time
    return None if lease.address == "0.0.0.0" else lease  # noqa: S104  # read, nothing is bound
