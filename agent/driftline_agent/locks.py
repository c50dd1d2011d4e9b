"""Is a lock file locked by someone else? Asked without taking the lock.

Source: fcntl(2) F_GETLK, proc_locks(5).
"""

# descriptors, see driftline_agent/host.py

import fcntl
import os
import struct

from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

#: struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid.
_FLOCK = struct.Struct("hhqqi4x")


def parse_locks(text: str) -> set[int]:
    """Return the inodes that a /proc/locks names as locked for writing."""
    out: set[int] = set()
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 8 and words[1] in ("POSIX", "OFDLCK", "FLOCK") and words[3] == "WRITE":
            inode = words[5].rpartition(":")[2]
            if inode.isascii() and inode.isdigit():
                out.add(int(inode))
    return out


def is_locked(host: Host, path: str) -> bool:
    """Tell whether another process holds a write lock on a file; an absent file is not locked.

    Where the file may not be opened, /proc/locks answers by the inode alone: the device that it names differs from
    stat(2)'s on btrfs and overlayfs.
    """
    if not host.live:
        return False
    try:
        descriptor = os.open(host.real(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except PermissionError:
        found = host.stat(path)
        return found is not None and found.st_ino in parse_locks(host.read("/proc/locks") or "")
    except OSError as error:
        if isinstance(error, UnreadableError):
            raise
        return False
    try:
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, asked)
        return int(_FLOCK.unpack(answer)[0]) != fcntl.F_UNLCK
    except OSError as error:
        raise UnreadableError(f"{path}: its lock cannot be asked for: {(error.strerror or '').lower()}") from error
    finally:
        os.close(descriptor)
