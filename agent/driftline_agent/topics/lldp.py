"""Neighbours that speak LLDP.

Source: lldpctl(8) where lldpd runs, /run/systemd/netif/lldp where systemd-networkd listens.
"""

import time
from dataclasses import dataclass, field

from driftline.v1.facts_pb2 import LldpNeighbour
from driftline_agent import lldp
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_SOCKETS = ("/run/lldpd.socket", "/var/run/lldpd.socket")
_NETWORKD = "/run/systemd/netif/lldp"
#: To ask lldpd costs a program's start. Cables are not moved by the minute.
EVERY_S = 900.0


@dataclass(slots=True)
class _Kept:
    at: float = 0.0
    #: What the daemon's socket was: another one is another daemon.
    daemon: int = 0
    found: list[LldpNeighbour] = field(default_factory=list)
    reason: str = ""


def _daemon(host: Host) -> int:
    for path in _SOCKETS:
        found = host.stat(path)
        if found is not None:
            return found.st_ino
    return 0


def _ask_now_and_then(host: Host, daemon: int) -> _Kept:
    kept: _Kept = host.kept.setdefault("lldp", _Kept())
    now = time.monotonic()
    if kept.at and daemon == kept.daemon and now - kept.at < EVERY_S:
        return kept
    kept.at, kept.daemon, kept.reason, kept.found = now, daemon, "", []
    try:
        text = host.run("lldpctl", "-f", "json")
        kept.found = lldp.parse(text) if text else []
    except UnreadableError as error:
        # lldpctl says "unable to connect to socket" on its own where the group _lldpd is missing.
        kept.reason = f"{error}; the agent's user must be in the group of {_SOCKETS[0]}"
    return kept


def collect(host: Host) -> Reading:
    """Ask lldpd, now and then, and read what networkd has written down."""
    reading = Reading()
    found: list[LldpNeighbour] = []
    daemon = _daemon(host)
    if daemon:
        kept = _ask_now_and_then(host, daemon)
        found = list(kept.found)
        if kept.reason:
            reading.unreadable["network.lldp_neighbours"] = kept.reason
    known = {(one.interface, one.chassis_id, one.port_id) for one in found}
    for index in host.names(_NETWORKD):
        name = next(
            (name for name in host.names("/sys/class/net") if host.line(f"/sys/class/net/{name}/ifindex") == index), ""
        )
        for one in lldp.parse_networkd(host.read_bytes(f"{_NETWORKD}/{index}") or b"", name) if name else []:
            if (one.interface, one.chassis_id, one.port_id) not in known:
                found.append(one)
    found.sort(key=lambda one: (one.interface, one.chassis_id, one.port_id))
    reading.facts.network.lldp_neighbours.extend(found)
    return reading


def _applies(host: Host) -> bool:
    return bool(_daemon(host)) or host.exists(_NETWORKD)


TOPIC = Topic(
    revision=1, fills=("network.lldp_neighbours",), collect=collect, applies=_applies, events=frozenset({"link"})
)
