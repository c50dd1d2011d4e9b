"""Reads the values of rpm's NDB database, which SUSE uses: /usr/lib/sysimage/rpm/Packages.db.

Source: rpm's lib/backend/ndb/rpmpkg.c. A header, slots of 16 bytes that name blobs by number, place and length in
blocks of 16 bytes; each blob between a head and a tail.
"""

import struct
from collections.abc import Callable, Iterator

_HEADER = struct.Struct("<4sIIII")
_SLOT = struct.Struct("<4sIII")
_BLOB = struct.Struct("<4sIII")
_BLOCK, _PAGE, _FIRST = 16, 4096, 2
#: rpm writes no more pages of slots, nor larger blobs.
_MAX_PAGES, _MAX_BLOB = 16384, 64 << 20

Read = Callable[[int, int], bytes]


def values(read: Read, size: int) -> Iterator[bytes]:
    """Yield every blob.

    :param read: reads the file.
    :param size: bytes that the file has.
    :raises ValueError: where it is damaged.
    """
    head = read(0, _HEADER.size)
    if len(head) < _HEADER.size:
        raise ValueError("database is truncated")
    magic, version, _, pages, _ = _HEADER.unpack(head)
    if magic != b"RpmP" or version != 0:
        raise ValueError("no NDB database of version 0")
    if not 0 < pages <= _MAX_PAGES or pages * _PAGE > size:
        raise ValueError("database is truncated")
    for page in range(pages):
        slots = read(page * _PAGE, _PAGE)
        for number, (slot, package, place, blocks) in enumerate(_SLOT.iter_unpack(slots)):
            if page == 0 and number < _FIRST:
                continue  # where the header stands
            if slot != b"Slot":
                raise ValueError("slot is damaged")
            if package:
                yield _blob(read, package, place * _BLOCK, blocks * _BLOCK)


def _blob(read: Read, package: int, place: int, room: int) -> bytes:
    if not _BLOB.size <= room <= _MAX_BLOB:
        raise ValueError("slot is damaged")
    data = read(place, room)
    if len(data) < room:
        raise ValueError("blob is truncated")
    magic, number, _, length = _BLOB.unpack_from(data)
    if magic != b"BlbS" or number != package or _BLOB.size + length > room:
        raise ValueError("blob is damaged")
    return data[_BLOB.size : _BLOB.size + length]
