"""Reads the values of a Berkeley DB hash database, which rpm before 4.16 keeps: /var/lib/rpm/Packages.

Nothing of Berkeley DB is needed, nothing is written or locked. Source: Berkeley DB's dbinc/db_page.h (release 5.3) and
rpm's lib/backend/bdb_ro.c for what rpm puts in: a number of 4 bytes as the key, a header as the value.
"""

import struct
from collections.abc import Callable, Iterator

_MAGIC = 0x061561
_HASH_UNSORTED, _OVERFLOW, _HASH_META, _HASH = 2, 7, 8, 13
_KEYDATA, _OFFPAGE = 1, 3
_PAGE_HEAD = 26
#: A header of rpm is no larger.
_MAX_VALUE = 64 << 20

#: Gives so many bytes from a position.
Read = Callable[[int, int], bytes]


def _layout(meta: bytes) -> tuple[str, int, int]:
    """Return byte order, size of pages and number of the last one.

    :raises ValueError: where it is no such database.
    """
    for order in "<>":
        magic, _, size = struct.unpack_from(f"{order}III", meta, 12)
        if magic == _MAGIC and meta[25] == _HASH_META and 512 <= size <= 65536 and not size & (size - 1):
            return order, size, struct.unpack_from(f"{order}I", meta, 32)[0]
    raise ValueError("no hash database of Berkeley DB")


def values(read: Read, size: int) -> Iterator[bytes]:
    """Yield every value of the database but rpm's own counter, whose key is 0.

    :param read: reads the file.
    :param size: bytes that the file has.
    :raises ValueError: where it is damaged.
    """
    meta = read(0, 512)
    if len(meta) < 512:
        raise ValueError("database is truncated")
    order, page_size, last = _layout(meta)
    shorts, offpage = struct.Struct(f"{order}HH"), struct.Struct(f"{order}II")
    for number in range(1, min(last, size // page_size) + 1):
        page = read(number * page_size, page_size)
        if len(page) < page_size or page[25] not in (_HASH_UNSORTED, _HASH):
            continue
        entries, _ = shorts.unpack_from(page, 20)
        if _PAGE_HEAD + 2 * entries > page_size:
            raise ValueError("page is damaged")
        at = (page_size, *struct.unpack_from(f"{order}{entries}H", page, _PAGE_HEAD))
        for place in range(2, entries + 1, 2):
            start, end, key = at[place], at[place - 1], at[place - 1]
            if not _PAGE_HEAD <= start < end <= page_size:
                raise ValueError("page is damaged")
            if page[key] == _KEYDATA and page[key + 1 : at[place - 2]] == b"\0\0\0\0":
                continue
            if page[start] == _KEYDATA:
                yield page[start + 1 : end]
            elif page[start] == _OFFPAGE and start + 12 <= page_size:
                first, length = offpage.unpack_from(page, start + 4)
                yield _overflow(read, order, page_size, first, length)


def _overflow(read: Read, order: str, page_size: int, number: int, length: int) -> bytes:
    if length > _MAX_VALUE:
        raise ValueError("value is too large")
    parts: list[bytes] = []
    left = length
    while left > 0:
        page = read(number * page_size, page_size) if number else b""
        if len(page) < page_size or page[25] != _OVERFLOW:
            raise ValueError("value is truncated")
        here = struct.unpack_from(f"{order}H", page, 22)[0]
        if not 0 < here <= page_size - _PAGE_HEAD:
            raise ValueError("page is damaged")
        parts.append(page[_PAGE_HEAD : _PAGE_HEAD + here])
        left -= here
        number = struct.unpack_from(f"{order}I", page, 16)[0]
    return b"".join(parts)[:length]
