"""inotify(7) by way of libc: one descriptor, folders and files added one by one.

The kernel tells of a limit by errno: ENOSPC is fs.inotify.max_user_watches, EMFILE is fs.inotify.max_user_instances or
the process' own number of descriptors.
"""

import errno
import os
import struct
from typing import NamedTuple

MODIFY, ATTRIB, CLOSE_WRITE = 0x2, 0x4, 0x8
MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x40, 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF = 0x400, 0x800
UNMOUNT, OVERFLOW, IGNORED = 0x2000, 0x4000, 0x8000
DONT_FOLLOW, ISDIR = 0x2000000, 0x40000000

_HEADER = struct.Struct("iIII")
#: The queue's own bound is 16,384 events; what is over it comes as OVERFLOW.
_READ = 1 << 20


class Event(NamedTuple):
    """One event: what was watched, what happened, and to which name in it ("" for the watched thing itself)."""

    watch: int
    mask: int
    name: str


class Inotify:
    """One inotify instance.

    :raises OSError: where the kernel gives none.
    """

    def __init__(self) -> None:
        try:
            import ctypes
        except (ImportError, MemoryError) as error:  # libffi before 3.4, where memory may not be written and run
            raise OSError(errno.ENOSYS, "libc cannot be called from Python here") from error
        self._ctypes = ctypes
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def fileno(self) -> int:
        """Return the descriptor, for poll(2)."""
        return self._descriptor

    def add(self, path: str, mask: int) -> int:
        """Watch a path, links not followed, or change what it is watched for; return the watch's number.

        :raises OSError: where it is not there, may not be read, or a limit is reached.
        """
        return self._checked(
            self._libc.inotify_add_watch(
                self._descriptor, os.fsencode(path), self._ctypes.c_uint32(mask | DONT_FOLLOW)
            ),
            path,
        )

    def remove(self, watch: int) -> None:
        """Watch no more; nothing happens where it had ended already."""
        self._libc.inotify_rm_watch(self._descriptor, watch)

    def read(self) -> list[Event]:
        """Return what has happened; empty where nothing has."""
        try:
            return parse(os.read(self._descriptor, _READ))
        except BlockingIOError:
            return []

    def close(self) -> None:
        """Give the instance back."""
        os.close(self._descriptor)

    def _checked(self, result: int, path: str | None = None) -> int:
        if result < 0:
            number = self._ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
        return int(result)


def parse(data: bytes) -> list[Event]:
    """Return the events of one read(2)."""
    out: list[Event] = []
    position, end = 0, len(data)
    while position + _HEADER.size <= end:
        watch, mask, _, length = _HEADER.unpack_from(data, position)
        position += _HEADER.size
        name = data[position : position + length].rstrip(b"\0") if length else b""
        position += length
        out.append(Event(watch, mask, os.fsdecode(name)))
    return out


def limit_of(error: OSError) -> str | None:
    """Return the limit that an error speaks of, in words; None where it speaks of none."""
    if error.errno == errno.ENOSPC:
        return "fs.inotify.max_user_watches is reached"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "fs.inotify.max_user_instances is reached"
    return f"inotify: {(error.strerror or '').lower()}" if error.errno == errno.ENOMEM else None
