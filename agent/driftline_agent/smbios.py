"""The SMBIOS table as the kernel hands it on. Source: SMBIOS specification (DMTF DSP0134) 3.7, section 6.1."""

from collections.abc import Iterator
from typing import NamedTuple

TABLE = "/sys/firmware/dmi/tables/DMI"
_END_OF_TABLE = 127


class Structure(NamedTuple):
    """One structure: its type, its formatted part, header included, and its strings."""

    type: int
    data: bytes
    strings: tuple[str, ...]

    def number(self, offset: int, size: int = 1) -> int | None:
        """Return the little-endian number at an offset, or None where the structure is too short for it."""
        part = self.data[offset : offset + size]
        return int.from_bytes(part, "little") if len(part) == size else None

    def text(self, offset: int) -> str:
        """Return the string whose number stands at an offset, or nothing."""
        index = self.number(offset) or 0
        return self.strings[index - 1].strip() if 0 < index <= len(self.strings) else ""


def parse(table: bytes) -> Iterator[Structure]:
    """Yield the structures of a table, up to its end or to where it is cut."""
    position = 0
    while position + 4 <= len(table):
        kind, length = table[position], table[position + 1]
        end = table.find(b"\0\0", position + length)
        if length < 4 or end < 0 or kind == _END_OF_TABLE:
            return
        strings = table[position + length : end].decode("latin-1").split("\0")
        yield Structure(kind, table[position : position + length], tuple(strings))
        position = end + 2
