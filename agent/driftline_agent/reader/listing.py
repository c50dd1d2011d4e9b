"""What stands in a folder: each name with its lstat(2) and, of a link, its target."""

import os
import stat
import struct
from collections.abc import Iterator

#: Mode, user, group, inode, size, times of content and of inode (ns), lengths of name and target.
_HEAD = struct.Struct("<IIIQQqqHH")

#: Name, mode, user, group, inode, size, times of content and of inode (ns), a link's target.
Entry = tuple[str, int, int, int, int, int, int, int, str]


def entry_of(name: str, found: os.stat_result, target: str = "") -> Entry:
    """Return the entry of a name's lstat(2)."""
    return (
        name,
        found.st_mode,
        found.st_uid,
        found.st_gid,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        target,
    )


def read(descriptor: int) -> Iterator[Entry]:
    """Yield the entries of an open folder, in no order; what vanishes meanwhile is left out."""
    for name in os.listdir(descriptor):  # a descriptor, not a path
        try:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)  # a descriptor
            target = os.readlink(name, dir_fd=descriptor) if stat.S_ISLNK(found.st_mode) else ""
        except OSError:
            continue
        yield entry_of(name, found, target)


def pack(entry: Entry) -> bytes:
    """Return an entry as it goes over the reader's socket."""
    name, target = os.fsencode(entry[0]), os.fsencode(entry[8])
    return _HEAD.pack(*entry[1:8], len(name), len(target)) + name + target


def unpack(content: bytes) -> Iterator[Entry]:
    """Yield the entries of packed ones.

    :raises ValueError: where the content is cut.
    """
    position = 0
    while position < len(content):
        if position + _HEAD.size > len(content):
            raise ValueError("a folder's entries are cut")
        *numbers, name_length, target_length = _HEAD.unpack_from(content, position)
        start = position + _HEAD.size
        middle, position = start + name_length, start + name_length + target_length
        if position > len(content):
            raise ValueError("a folder's entries are cut")
        mode, user, group, inode, size, written, changed = numbers
        name, target = os.fsdecode(content[start:middle]), os.fsdecode(content[middle:position])
        yield (name, mode, user, group, inode, size, written, changed, target)
