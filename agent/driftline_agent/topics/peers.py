"""Other hosts that this one talks to: one entry an address and port, whoever connected to whom.

Source: sock_diag(7) with INET_DIAG_CGROUP_ID (Linux 5.8), or /proc/net/{tcp,tcp6}; /proc/net/{udp,udp6}; cgroups(7),
/proc/*/fd.
"""

import socket
import time
from dataclasses import dataclass, field

from driftline.v1.facts_pb2 import Peer
from driftline_agent import cgroups, ownership, sockdiag
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.peers import Holder, Key, Memory, key_of, parse_table
from driftline_agent.sockdiag import Connection
from driftline_agent.topic import Reading, Topic
from driftline_agent.topics.sockets import owners, parse_address

#: Where the control groups are that sockets belong to: systemd's own hierarchy, alone or beside others.
_CGROUPS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")
#: Control groups that are looked at, at most.
_MAX_CGROUPS = 5_000
#: Seconds after which what has no holder is looked for again: every process is looked into for it.
_EVERY_S = 600.0


@dataclass(slots=True)
class _Kept:
    memory: Memory = field(default_factory=Memory)
    #: Unit by the id of a control group; empty where it is of none.
    units: dict[int, str] = field(default_factory=dict)
    walked: float = 0.0
    looked: float | None = None


def _tcp(host: Host) -> tuple[list[Connection], set[int]]:
    """Return the connections, and the ports that wait for some."""
    tables = {"/proc/net/tcp": socket.AF_INET, "/proc/net/tcp6": socket.AF_INET6}
    waiting: set[int] = set()
    for table in tables:
        host.real(table)
    asked = sockdiag.connections() if sockdiag.available(host) else None
    if asked is not None:
        for family in tables.values():
            waiting.update(port for _, port, _ in sockdiag.listening(family) or ())
        return asked, waiting
    found = [one for table in tables for one in parse_table(host.read(table) or "", parse_address)]
    waiting.update(one.local_port for one in found if not one.remote_port)
    return [one for one in found if one.remote_port], waiting


def _udp(host: Host) -> list[Connection]:
    return [
        one
        for table in ("/proc/net/udp", "/proc/net/udp6")
        for one in parse_table(host.read(table) or "", parse_address)
        if one.remote_port
    ]


def _walk(host: Host) -> dict[int, str]:
    """Return the unit of each control group, by the number of its folder, which is its id."""
    root = next((path for path in _CGROUPS if host.exists(f"{path}/cgroup.procs")), None)
    out: dict[int, str] = {}
    waiting = [""] if root is not None else []
    while waiting and len(out) < _MAX_CGROUPS:
        path = waiting.pop()
        found = host.stat(f"{root}{path}")
        if found is not None:
            out[found.st_ino] = cgroups.unit_of(f"0::{path}").replace("init.scope", "")
            waiting += [f"{path}/{name}" for name in host.folders(f"{root}{path}")]
    return out


def _note_units(host: Host, kept: _Kept, held: list[tuple[Connection, Holder]], now: float) -> None:
    """Note the unit of each connection's control group; the groups are looked through only where one is not known."""
    unknown = {one.cgroup for one, holder in held if one.cgroup and one.cgroup not in kept.units}
    urgent = any(one.cgroup in unknown and not holder.unit for one, holder in held)
    if urgent or (unknown and now - kept.walked > _EVERY_S):
        kept.walked = now
        try:
            kept.units = _walk(host)
        except UnreadableError:
            kept.units = {}
        kept.units.update(dict.fromkeys(unknown - kept.units.keys(), ""))
    for one, holder in held:
        unit = kept.units.get(one.cgroup, "")
        if unit and unit != holder.unit:
            if holder.unit:  # another program has the port now
                holder.process = holder.executable = holder.package = ""
            holder.unit = unit


def _look(host: Host, wanted: dict[int, Holder]) -> None:
    """Fill in who has these sockets, by inode, as far as processes can be looked into."""
    found, _ = owners(host, set(wanted))
    native: dict[str, list[Holder]] = {}
    for inode, process in found.items():
        holder, folder = wanted[inode], f"/proc/{process}"
        try:
            holder.process = host.line(f"{folder}/comm") or ""
            group = host.read(f"{folder}/cgroup") or ""
            holder.unit = holder.unit or cgroups.unit_of(group)
            holder.executable = (host.link(f"{folder}/exe") or "").removesuffix(" (deleted)")
            if holder.executable and not cgroups.in_container(group):
                native.setdefault(holder.executable, []).append(holder)
        except OSError:
            continue  # it ended, or is not ours to see
    packages = ownership.owners(host, native)
    for executable, holders in native.items():
        for holder in holders:
            holder.package = packages.get(executable, "")


def collect(host: Host) -> Reading:
    """Read the connections of the agent's own network namespace."""
    kept: _Kept = host.kept.setdefault("peers", _Kept())
    now = time.monotonic()
    connections, waiting = _tcp(host)
    found: dict[Key, Connection] = {}
    for protocol, part, ports in (("tcp", connections, waiting), ("udp", _udp(host), frozenset[int]())):
        for one in part:
            key = key_of(protocol, one, ports)
            # One that some process has is preferred: of others nobody is known.
            if key is not None and (one.inode or key not in found):
                found[key] = one
    kept.memory.see(found, now)
    entries = kept.memory.entries
    held = [(one, entries[key].holder) for key, one in found.items() if key in entries]
    _note_units(host, kept, held, now)
    nobodys = {one.inode: holder for one, holder in held if one.inode and not holder.process}
    if nobodys and (kept.looked is None or now - kept.looked > _EVERY_S):
        kept.looked = now
        _look(host, nobodys)
    reading = Reading()
    for key, holder in kept.memory.told().items():
        reading.facts.network.peers.append(
            Peer(
                direction=key.direction,
                protocol=key.protocol,
                address=key.address,
                port=key.port,
                unit=holder.unit,
                process=holder.process,
                executable=holder.executable,
                package=holder.package,
            )
        )
    return reading


TOPIC = Topic(revision=1, fills=("network.peers",), collect=collect, applies=lambda host: host.exists("/proc/net/tcp"))
