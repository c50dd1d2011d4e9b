"""Opens what a path says and nothing else: name by name, without following a single symbolic link.

Source: openat(2), symlink(7). Whoever plants or swaps a link gets an error, never another file.
"""

import errno
import os
import stat

from driftline_agent.reader.allowed import parts_of
from driftline_agent.reader.protocol import MAX_CONTENT

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def folder_of(root: int, path: str) -> tuple[int, str]:
    """Return a descriptor of the folder that a path's last name is in, and that name.

    :param root: descriptor of the folder that stands for ``/``.
    :raises OSError: where there is none, or a link is on the way.
    """
    *folders, name = parts_of(path)
    here = os.dup(root)
    for folder in folders:
        try:
            below = os.open(folder, _LOOK | os.O_DIRECTORY, dir_fd=here)
        except NotADirectoryError:  # mostly a link; it must not look like "not there"
            raise OSError(errno.ELOOP, "a link on the way") from None
        finally:
            os.close(here)
        here = below
    return here, name


def open_at(root: int, path: str, folder: bool = False) -> int:
    """Return a descriptor for reading a regular file, or a folder.

    :raises OSError: where it is neither, a link included; nothing but a regular file is ever opened for reading.
    """
    at, name = folder_of(root, path)
    try:
        found = os.open(name, _LOOK, dir_fd=at)
    finally:
        os.close(at)
    try:
        mode = os.fstat(found).st_mode
        if not (stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode)):
            raise OSError(errno.ELOOP if stat.S_ISLNK(mode) else errno.EINVAL, "neither file nor folder")
        return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    finally:
        os.close(found)


def content_of(descriptor: int, most: int) -> bytes:
    """Return the content of an open file, and close it.

    :raises OSError: EFBIG where it is larger than so many bytes.
    """
    try:
        parts: list[bytes] = []
        left = most + 1
        while left > 0 and (data := os.read(descriptor, min(left, 65536))):
            parts.append(data)
            left -= len(data)
    finally:
        os.close(descriptor)
    if left <= 0:
        raise OSError(errno.EFBIG, "too large")
    return b"".join(parts)


def read(root: int, path: str) -> bytes:
    """Return a regular file's content.

    :raises OSError: EFBIG where it is larger than an answer may be.
    """
    return content_of(open_at(root, path), MAX_CONTENT)


def link(root: int, path: str) -> bytes:
    """Return a symbolic link's target."""
    at, name = folder_of(root, path)
    try:
        return os.fsencode(os.readlink(name, dir_fd=at))
    finally:
        os.close(at)


def sockets(root: int, path: str) -> bytes:
    """Return the sockets that a folder of descriptors has links to."""
    out: list[bytes] = []
    descriptor = open_at(root, path, folder=True)
    try:
        for name in os.listdir(descriptor):  # noqa: PTH208  # a descriptor, not a path
            try:
                target = os.readlink(name, dir_fd=descriptor)
            except OSError:
                continue  # closed meanwhile
            if target.startswith("socket:["):
                out.append(os.fsencode(target) + b"\0")
    finally:
        os.close(descriptor)
    content = b"".join(out)
    if len(content) > MAX_CONTENT:
        raise OSError(errno.EFBIG, "too large")
    return content
