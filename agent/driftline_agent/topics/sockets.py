"""Listening sockets and who holds them.

Source: sock_diag(7), /proc/net/{tcp,tcp6,udp,udp6,raw,raw6}, /proc/net/sctp/eps, /proc/*/fd (proc(5)).
"""

import socket
import struct
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from driftline.v1.facts_pb2 import ListeningSocket
from driftline_agent import cgroups, ownership, sockdiag
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.numbers import whole
from driftline_agent.topic import Reading, Topic

_TCP_LISTEN, _UDP_UNCONNECTED, _SCTP_LISTENING = "0A", "07", "10"


#: Seconds after which sockets that nobody was seen to hold are looked for again.
_EVERY_S = 600.0


@dataclass(slots=True)
class _Kept:
    holders: dict[int, int] = field(default_factory=dict)
    nobodys: set[int] = field(default_factory=set)
    hidden: bool = False
    at: float = 0.0


class Waiting(NamedTuple):
    """A socket that waits: protocol, local address and port, and its inode."""

    protocol: str
    address: str
    port: int
    inode: int


_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")


def parse_address(text: str, byteorder: str = sys.byteorder) -> str:
    """Return an address as the kernel prints it, 8 or 32 hexadecimal digits in words of the host's byte order."""
    words = [int(text[i : i + 8], 16) for i in range(0, len(text), 8)]
    data = struct.pack(f"{'<' if byteorder == 'little' else '>'}{len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


def parse_table(protocol: str, text: str) -> list[Waiting]:
    """Return the waiting sockets of one table: TCP in LISTEN, UDP and raw ones bound and not connected.

    :param protocol: tcp, udp or raw.
    """
    out: list[Waiting] = []
    wanted = _TCP_LISTEN if protocol == "tcp" else _UDP_UNCONNECTED
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != wanted or not fields[2].endswith(":0000"):
            continue
        address, _, port = fields[1].partition(":")
        number, inode = whole(port, 65_535, 16), whole(fields[9])
        if number is not None and inode is not None and len(address) in (8, 32) and not set(address) - _HEXADECIMAL:
            out.append(Waiting(protocol, parse_address(address), number, inode))
    return out


def parse_sctp(text: str) -> list[Waiting]:
    """Return the endpoints in LISTEN of /proc/net/sctp/eps (net/sctp/proc.c): one an address."""
    out: list[Waiting] = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        # ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS
        if len(fields) < 8 or fields[3] != _SCTP_LISTENING or not (fields[5] + fields[7]).isdecimal():
            continue
        for address in fields[8:] or ["0.0.0.0"]:  # noqa: S104  # read, nothing is bound
            out.append(Waiting("sctp", address, int(fields[5]), int(fields[7])))
    return out


def _targets(host: Host, process: int, wanted: Mapping[str, int], found: dict[int, int]) -> bool:
    """Add the wanted sockets that a process holds; tell whether it could be looked into."""
    try:
        targets = host.sockets(process)
    except UnreadableError:
        return False
    for target in targets:
        inode = wanted.get(target)
        if inode is not None:
            found.setdefault(inode, process)
    return True


def owners(host: Host, inodes: set[int]) -> tuple[dict[int, int], bool]:
    """Return the lowest process number that holds each socket, and whether some process could not be looked into."""
    found: dict[int, int] = {}
    hidden = False
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    for name in sorted((name for name in host.names("/proc") if name.isdigit()), key=int):
        hidden = not _targets(host, int(name), wanted, found) or hidden
        if len(found) == len(wanted):
            break
    return found, hidden and len(found) < len(wanted)


def known_owners(host: Host, inodes: set[int]) -> tuple[dict[int, int], bool]:
    """Return the same, looking only into the processes that held the sockets at the last reading, where that is enough.

    To look into every process costs more than all the rest. What nobody was seen to hold (the kernel's own, those of
    hidden processes) is looked for again after a while.
    """
    kept: _Kept = host.kept.setdefault("sockets", _Kept())
    found: dict[int, int] = {}
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    for process in sorted({kept.holders[inode] for inode in inodes & kept.holders.keys()}):
        _targets(host, process, wanted, found)
    now = time.monotonic()
    if inodes - found.keys() - kept.nobodys or (kept.nobodys and now - kept.at > _EVERY_S):
        found, kept.hidden = owners(host, inodes)
        kept.at = now
    kept.holders, kept.nobodys = found, inodes - found.keys()
    return found, kept.hidden and bool(kept.nobodys)


def build(host: Host, waiting: list[Waiting], holders: Mapping[int, int]) -> list[ListeningSocket]:
    """Return one entry a protocol, address and port, sorted, with the process that holds it."""
    out: dict[tuple[str, str, int], ListeningSocket] = {}
    native: dict[tuple[str, str, int], str] = {}
    for entry in sorted(waiting, key=lambda entry: (entry[:3], holders.get(entry.inode, 1 << 31))):
        if entry[:3] in out:
            continue
        result = ListeningSocket(protocol=entry.protocol, address=entry.address, port=entry.port)
        if entry.inode in holders:
            folder = f"/proc/{holders[entry.inode]}"
            try:
                result.process = host.line(f"{folder}/comm") or ""
                group = host.read(f"{folder}/cgroup") or ""
                result.unit = cgroups.unit_of(group)
                executable = (host.link(f"{folder}/exe") or "").removesuffix(" (deleted)")
                result.executable = executable
                # A container's /usr/sbin/nginx is another one than the host's.
                if executable and not cgroups.in_container(group):
                    native[entry[:3]] = executable
            except OSError:
                pass  # it ended, or is not ours to see: the socket is still there
        out[entry[:3]] = result
    packages = ownership.owners(host, native.values())
    for key, executable in native.items():
        out[key].package = packages.get(executable, "")
    return list(out.values())


def _tables(host: Host) -> Iterable[Waiting]:
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        yield from _asked(host, table) or parse_table(table.rstrip("6"), host.read(f"/proc/net/{table}") or "")
    if host.exists("/proc/net/sctp"):
        yield from parse_sctp(host.read("/proc/net/sctp/eps") or "")


def _asked(host: Host, table: str) -> list[Waiting]:
    """Return what the kernel says without walking through all connections; nothing where it does not."""
    if not table.startswith("tcp") or not sockdiag.available(host):
        return []
    host.real(f"/proc/net/{table}")
    found = sockdiag.listening(socket.AF_INET6 if table == "tcp6" else socket.AF_INET)
    return [Waiting("tcp", *entry) for entry in found or ()]


def collect(host: Host) -> Reading:
    """Read the sockets of the agent's own network namespace."""
    reading = Reading()
    waiting = list(_tables(host))
    holders, hidden = known_owners(host, {entry.inode for entry in waiting if entry.inode}) if waiting else ({}, False)
    if hidden:
        for name in ("process", "executable", "package", "unit"):
            reading.unreadable[f"network.listening[*].{name}"] = "/proc/*/fd: permission denied for other users"
    reading.facts.network.listening.extend(build(host, waiting, holders))
    return reading


TOPIC = Topic(
    revision=2, fills=("network.listening",), collect=collect, applies=lambda host: host.exists("/proc/net/tcp")
)
