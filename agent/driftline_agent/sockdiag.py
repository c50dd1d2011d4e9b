"""TCP sockets in LISTEN, asked of the kernel. Source: sock_diag(7), linux/inet_diag.h.

/proc/net/tcp walks through the table of all connections, whose size follows the machine's memory: ten milliseconds
where this takes a tenth of one. A kernel that has not loaded its part for it is not asked: the question alone would
load it.
"""

import socket
import struct

from driftline_agent.firewall.ask import loaded
from driftline_agent.host import Host
from driftline_agent.netlink import NLMSG_DONE, NLMSG_ERROR, messages

_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, _LISTEN = 4, 20, 0x301, 1 << 10
_HEADER = struct.Struct("=IHHII")
#: struct inet_diag_req_v2: family, protocol, extensions, states, and a socket's id that is not set.
_REQUEST = struct.Struct("=BBBxI48x")
#: struct inet_diag_msg: family, state, local port and address, and at its end the inode.
_SOCKET = struct.Struct("=BBxx2s2x16s16x12x16xI")


def available(host: Host) -> bool:
    """Tell whether the kernel can be asked."""
    known = host.kept.get("sockdiag")
    if known is None:
        known = host.kept["sockdiag"] = host.live and loaded("tcp_diag")
    return bool(known)


def listening(family: int) -> list[tuple[str, int, int]] | None:
    """Return address, port and inode of each socket; None where the kernel does not tell.

    :param family: AF_INET or AF_INET6.
    """
    body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _LISTEN)
    data = b""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as link:
            link.settimeout(5)
            link.send(_HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + body)
            while True:
                part = link.recv(1 << 18)
                kinds = _kinds(part)
                if NLMSG_ERROR in kinds or not part:
                    return None
                data += part
                if NLMSG_DONE in kinds:
                    break
    except OSError:
        return None
    return parse(data)


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
        family, _, port, address, inode = _SOCKET.unpack_from(message.body)
        text = socket.inet_ntop(family, address[:4] if family == socket.AF_INET else address)
        out.append((text, int.from_bytes(port, "big"), inode))
    return out
