"""rtnetlink in pure Python: dumps of links, addresses, routes, rules and neighbours, without a fork.

Source: rtnetlink(7), netlink(7), linux/rtnetlink.h, linux/if_link.h.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from driftline_agent.errors import UnreadableError

NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR, RTM_GETADDR, RTM_NEWROUTE, RTM_GETROUTE = 16, 18, 20, 22, 24, 26
RTM_NEWNEIGH, RTM_GETNEIGH, RTM_NEWRULE, RTM_GETRULE = 28, 30, 32, 34
_NLM_F_REQUEST, _NLM_F_DUMP, _NLM_F_DUMP_INTR = 0x001, 0x300, 0x010
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
#: The two high bits of an attribute's type are flags: NLA_F_NESTED, NLA_F_NET_BYTEORDER.
_TYPE_MASK = 0x3FFF

#: Name of a dump: message type, address family, size of the family's own header.
DUMPS = {
    "link": (RTM_GETLINK, socket.AF_UNSPEC, 16),
    "address": (RTM_GETADDR, socket.AF_UNSPEC, 8),
    "route4": (RTM_GETROUTE, socket.AF_INET, 12),
    "route6": (RTM_GETROUTE, socket.AF_INET6, 12),
    "rule4": (RTM_GETRULE, socket.AF_INET, 12),
    "rule6": (RTM_GETRULE, socket.AF_INET6, 12),
    "neighbour": (RTM_GETNEIGH, socket.AF_UNSPEC, 12),
}


class NetlinkMessage(NamedTuple):
    """One message of a dump: its type, and what follows the netlink header."""

    type: int
    body: bytes


def dump(name: str) -> bytes:
    """Return the kernel's whole answer to a dump request, message after message.

    :raises UnreadableError: where the kernel refuses, or the tables changed under each of five attempts.
    """
    kind, family, size = DUMPS[name]
    body = bytes([family]) + bytes(size - 1)
    for _ in range(5):
        answer = _ask(name, kind, body)
        if answer is not None:
            return answer
    raise UnreadableError(f"rtnetlink {name}: the tables kept changing while they were read")


def _ask(name: str, kind: int, body: bytes) -> bytes | None:
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as link:
            link.settimeout(5)
            link.bind((0, 0))
            header = _HEADER.pack(_HEADER.size + len(body), kind, _NLM_F_REQUEST | _NLM_F_DUMP, 1, 0)
            link.send(header + body)
            parts: list[bytes] = []
            while True:
                data = link.recv(1 << 18)
                parts.append(data)
                end = _ends(name, data)
                if end is not None:
                    return b"".join(parts) if end else None
    except OSError as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(f"rtnetlink {name}: {(error.strerror or str(error)).lower()}") from error


def _ends(name: str, data: bytes) -> bool | None:
    """Tell whether the dump ends here: None not yet, true well, false because it has to be repeated."""
    position = 0
    while position + _HEADER.size <= len(data):
        length, kind, flags, _, _ = _HEADER.unpack_from(data, position)
        if flags & _NLM_F_DUMP_INTR:
            return False
        if kind == NLMSG_DONE:
            return True
        if kind == NLMSG_ERROR:
            code = -struct.unpack_from("=i", data, position + _HEADER.size)[0]
            if code == errno.EOPNOTSUPP:
                return True  # a kernel without policy routing, or without IPv6: there is nothing
            raise UnreadableError(f"rtnetlink {name}: error {code}")
        position += max(_align(length), _HEADER.size)
    return None


def messages(data: bytes) -> Iterator[NetlinkMessage]:
    """Yield the messages of a dump; stops at its end or where it is cut."""
    position = 0
    while position + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, position)
        if kind == NLMSG_DONE or length < _HEADER.size or position + length > len(data):
            return
        yield NetlinkMessage(kind, data[position + _HEADER.size : position + length])
        position += _align(length)


def attributes(data: bytes, position: int = 0) -> dict[int, bytes]:
    """Return the attributes of a message or of a nested attribute, by type."""
    return dict(attribute_list(data, position))


def attribute_list(data: bytes, position: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the attributes from a position on, as (type, payload)."""
    while position + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, position)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _TYPE_MASK, data[position + _ATTRIBUTE.size : position + length]
        position += _align(length)


def u32(data: bytes) -> int:
    """Return a 32-bit number in host order."""
    return int(struct.unpack_from("=I", data)[0])


def ip(data: bytes) -> str:
    """Return an address of 4 or 16 bytes as text, in the canonical form."""
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


def _align(length: int) -> int:
    return (length + 3) & ~3
