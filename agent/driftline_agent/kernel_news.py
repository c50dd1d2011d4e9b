"""The kernel's own news: rtnetlink's multicast groups, uevents of devices, changes of the mounts.

Source: rtnetlink(7), linux/rtnetlink.h (RTNLGRP_*), lib/kobject_uevent.c, systemd's libsystemd (the form of udev's own
messages), proc_pid_mountinfo(5). Any user may join these groups. A message says only that there is something to be
read: none is looked into, but for the subsystem of a device.

Each kind has a socket of its own with a small buffer. A storm overruns it, and costs what fits into it: the kernel
drops the rest, and says so (ENOBUFS), which is news as well.
"""

import contextlib
import errno
import os
import select
import socket
import struct
from typing import Protocol

#: RTMGRP_LINK; IPv4 and IPv6 of address, route, rule (RTNLGRP_IPV4_RULE 8, RTNLGRP_IPV6_RULE 19); RTMGRP_NEIGH.
_GROUPS = {
    "link": 0x1,
    "address": 0x10 | 0x100,
    "route": 0x40 | 0x400,
    "rule": 1 << 7 | 1 << 18,
    "neighbour": 0x4,
}
#: The kernel's own uevents, and what udev makes of them when its database has them.
_UEVENTS = 0x1 | 0x2
_BUFFER = 32 << 10
_MAX_MESSAGES = 256
#: Devices that come and go, or change, on a host that nobody touches: interfaces of containers (rtnetlink tells of
#: those), battery and temperature.
_PASSING = frozenset({b"net", b"queues", b"bdi", b"power_supply", b"thermal", b"hwmon", b"workqueue", b"drm", b"cpu"})
_UDEV_MAGIC = struct.Struct(">I")


class News(Protocol):
    """A source of one kind of news."""

    #: What poll(2) is to wait for.
    wants: int

    def fileno(self) -> int:
        """Return the descriptor, for poll(2)."""
        ...

    def take(self) -> bool:
        """Take up what has come; tell whether it matters."""
        ...

    def close(self) -> None:
        """Listen no more."""
        ...


class _Socket:
    wants = select.POLLIN

    def __init__(self, protocol: int, groups: int) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, protocol)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self._socket.bind((0, groups))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def take(self) -> bool:
        matters = False
        for _ in range(_MAX_MESSAGES):
            try:
                matters = self.matters(self._socket.recv(8192)) or matters
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                matters = True  # some are lost
        return matters

    def matters(self, message: bytes) -> bool:
        return bool(message)


class Routing(_Socket):
    """Links, addresses, routes, rules or neighbours.

    :raises OSError: where the kernel has no such group.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(socket.NETLINK_ROUTE, _GROUPS[kind])


class Devices(_Socket):
    """Devices that are added, removed or changed.

    :raises OSError: where the kernel has no such group.
    """

    def __init__(self) -> None:
        super().__init__(15, _UEVENTS)  # NETLINK_KOBJECT_UEVENT; the socket module has no name for it

    def matters(self, message: bytes) -> bool:
        """Tell whether a uevent is about a device that stays."""
        return subsystem_of(message) not in _PASSING


class Mounts:
    """The mounts that this process sees.

    :raises OSError: where /proc is not there.
    """

    wants = select.POLLPRI | select.POLLERR

    def __init__(self, path: str = "/proc/self/mountinfo") -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def fileno(self) -> int:
        """Return the descriptor, for poll(2)."""
        return self._descriptor

    def take(self) -> bool:
        """Tell that they are others now: poll(2) returns only then, once."""
        with contextlib.suppress(OSError):
            poll = select.poll()
            poll.register(self._descriptor, self.wants)
            poll.poll(0)
        return True

    def close(self) -> None:
        """Listen no more."""
        os.close(self._descriptor)


def subsystem_of(message: bytes) -> bytes:
    """Return the subsystem that a uevent names, empty where it names none.

    The kernel's begins with ``add@/devices/...``, udev's with "libudev" and a header that says where the properties
    are.
    """
    if message.startswith(b"libudev\0") and len(message) >= 20 and _UDEV_MAGIC.unpack_from(message, 8)[0] == 0xFEEDCAFE:
        message = message[struct.unpack_from("=I", message, 16)[0] :]
    for entry in message.split(b"\0"):
        if entry.startswith(b"SUBSYSTEM="):
            return entry[10:]
    return b""


def listen(kind: str) -> News:
    """Listen to one kind of :data:`driftline_agent.topic.EVENTS`.

    :raises OSError: where the kernel does not tell of it here.
    """
    if kind == "mount":
        return Mounts()
    return Devices() if kind == "device" else Routing(kind)
