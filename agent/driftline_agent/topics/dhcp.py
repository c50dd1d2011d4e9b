"""Leases of addresses: who gave them. Source: files of dhclient, dhcpcd, systemd-networkd and NetworkManager."""

import time
from collections.abc import Iterator

from driftline import late
from driftline.v1.facts_pb2 import DhcpLease
from driftline_agent import leases
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_DHCLIENT = ("/var/lib/dhcp", "/var/lib/dhclient", "/var/lib/NetworkManager")
_DHCPCD = ("/var/lib/dhcpcd", "/var/db/dhcpcd", "/var/lib/dhcpcd5")
_NETWORKD, _NETWORK_MANAGER = "/run/systemd/netif/leases", "/var/lib/NetworkManager"
_INTERNAL = late.pattern(r"internal-.*-([^-]+)\.lease")
_FOLDERS = (_NETWORKD, *_DHCLIENT, *_DHCPCD)


def _links(host: Host) -> dict[str, str]:
    """Return the names of the interfaces by index."""
    return {host.line(f"/sys/class/net/{name}/ifindex") or "": name for name in host.names("/sys/class/net")}


def _found(host: Host, folder: str) -> Iterator[DhcpLease]:
    for name in host.names(folder):
        path = f"{folder}/{name}"
        if folder == _NETWORKD:
            interface = _links(host).get(name)
            lease = leases.parse_networkd(host.read(path) or "", interface, "systemd-networkd") if interface else None
        elif folder in _DHCPCD and name.endswith((".lease", ".lease4")):
            stat = host.stat(path)
            interface = name.rpartition(".")[0].removeprefix("dhcpcd-").partition("-")[0]
            packet = host.read_bytes(path) or b""
            lease = leases.parse_dhcpcd(packet, interface, int(stat.st_mtime) if stat else None)
        elif folder == _NETWORK_MANAGER and (match := _INTERNAL.fullmatch(name)):
            lease = leases.parse_networkd(host.read(path) or "", match[1], "NetworkManager")
        elif folder in _DHCLIENT and name.startswith("dhclient") and name.endswith((".leases", ".lease")):
            yield from leases.parse_dhclient(host.read(path) or "")
            continue
        else:
            continue
        if lease is not None:
            yield lease


def collect(host: Host) -> Reading:
    """Read the leases of interfaces that are there; what has run out is none."""
    reading = Reading()
    found: dict[tuple[str, str], DhcpLease] = {}
    present = set(host.names("/sys/class/net"))
    now = time.time() if host.live else 0.0
    for folder in _FOLDERS:
        try:
            for lease in _found(host, folder):
                if lease.interface in present and not (lease.HasField("expires_at") and lease.expires_at < now):
                    found[lease.interface, lease.address] = lease
        except UnreadableError as error:
            reading.unreadable["network.dhcp_leases"] = str(error)
    reading.facts.network.dhcp_leases.extend(found[key] for key in sorted(found))
    return reading


def _applies(host: Host) -> bool:
    return any(map(host.exists, _FOLDERS))


TOPIC = Topic(revision=1, fills=("network.dhcp_leases",), collect=collect, applies=_applies, watches=(_NETWORKD,))
