"""TCP sockets, asked of the kernel: those in LISTEN, or the connections. Source: sock_diag(7), linux/inet_diag.h.

/proc/net/tcp walks through the table of all connections, whose size follows the machine's memory: ten milliseconds
where this takes a tenth of one. A kernel that has not loaded its part for it is not asked: the question alone would
load it.
"""

import socket
import struct
import sys
from typing import NamedTuple

from driftline_agent.firewall.ask import loaded
from driftline_agent.host import Host
from driftline_agent.netlink import NLMSG_DONE, NLMSG_ERROR, attributes, messages

_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, _LISTEN = 4, 20, 0x301, 1 << 10
#: Linux's TCP states (net/tcp_states.h) in which both ends have answered: ESTABLISHED, FIN_WAIT1 and 2, TIME_WAIT,
#: CLOSE_WAIT, LAST_ACK, CLOSING.
CONNECTED = frozenset({1, 4, 5, 6, 8, 9, 11})
_CONNECTED = sum(1 << state for state in CONNECTED)
#: linux/inet_diag.h: INET_DIAG_CGROUP_ID, since Linux 5.8.
_CGROUP_ID = 21
_HEADER = struct.Struct("=IHHII")
#: struct inet_diag_req_v2: family, protocol, extensions, states, and a socket's id that is not set.
_REQUEST = struct.Struct("=BBBxI48x")
#: The older question, the only one that is answered for both families by one walk through the table of connections:
#: TCPDIAG_GETSOCK with struct inet_diag_req (net/ipv4/inet_diag.c, inet_diag_rcv_msg_compat).
_TCPDIAG_GETSOCK = 18
_OLD_REQUEST = struct.Struct("=BBBB48xII")
#: struct inet_diag_msg: family, state, both ports and addresses, and at its end the inode.
_SOCKET = struct.Struct("=BBxx2s2s16s16s12x16xI")


class Connection(NamedTuple):
    """A connection: its two ends, and who has it at this one."""

    local: str
    local_port: int
    remote: str
    remote_port: int
    #: 0 where no process has it any more.
    inode: int
    #: Id of its control group; 0 where the kernel does not tell.
    cgroup: int = 0


def available(host: Host) -> bool:
    """Tell whether the kernel can be asked."""
    known = host.kept.get("sockdiag")
    if known is None:
        known = host.kept["sockdiag"] = host.live and loaded("tcp_diag")
    return bool(known)


def listening(family: int) -> list[tuple[str, int, int]] | None:
    """Return address, port and inode of each socket in LISTEN; None where the kernel does not tell.

    :param family: AF_INET or AF_INET6.
    """
    data = _ask(_SOCK_DIAG_BY_FAMILY, _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _LISTEN))
    return None if data is None else parse(data)


def connections() -> list[Connection] | None:
    """Return the connections of both families; None where the kernel does not tell."""
    data = _ask(_TCPDIAG_GETSOCK, _OLD_REQUEST.pack(socket.AF_UNSPEC, 0, 0, 0, _CONNECTED, 0))
    return None if data is None else parse_connections(data)


def _ask(kind: int, body: bytes) -> bytes | None:
    data: list[bytes] = []
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as link:
            link.settimeout(5)
            link.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, 1, 0) + body)
            while True:
                part = link.recv(1 << 18)
                kinds = _kinds(part)
                if NLMSG_ERROR in kinds or not part:
                    return None
                data.append(part)
                if NLMSG_DONE in kinds:
                    break
    except OSError:
        return None
    return b"".join(data)


def _kinds(data: bytes) -> set[int]:
    out: set[int] = set()
    position = 0
    while position + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, position)
        out.add(kind)
        position += max((length + 3) & ~3, _HEADER.size)
    return out


def parse(data: bytes) -> list[tuple[str, int, int]]:
    """Return address, port and inode of each socket of a dump."""
    out: list[tuple[str, int, int]] = []
    for message in messages(data):
        if message.type != _SOCK_DIAG_BY_FAMILY or len(message.body) < _SOCKET.size:
            continue
        family, _, port, _, address, _, inode = _SOCKET.unpack_from(message.body)
        out.append((_address(family, address), int.from_bytes(port, "big"), inode))
    return out


def parse_connections(data: bytes) -> list[Connection]:
    """Return the connections of a dump."""
    out: list[Connection] = []
    for message in messages(data):
        if message.type != _TCPDIAG_GETSOCK or len(message.body) < _SOCKET.size:
            continue
        family, _, local_port, remote_port, local, remote, inode = _SOCKET.unpack_from(message.body)
        ports = (int.from_bytes(port, "big") for port in (local_port, remote_port))
        group = int.from_bytes(attributes(message.body, _SOCKET.size).get(_CGROUP_ID, b""), sys.byteorder)
        out.append(
            Connection(_address(family, local), next(ports), _address(family, remote), next(ports), inode, group)
        )
    return out


def _address(family: int, address: bytes) -> str:
    return socket.inet_ntop(family, address[:4] if family == socket.AF_INET else address)
