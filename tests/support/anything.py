"""A device that has every table and every object that it is asked for, with what a test wants in them.

It learns from the questions what there is, so it needs no list of what topics and profiles read.
"""

import itertools
import random
from collections.abc import Callable, Mapping

from tests.support import badsnmp
from tests.support.badsnmp import Arcs, Request, integer, octets, oid, tlv

#: What a cell holds, encoded: by a chance of its own, and one that gives the same for all cells of its column.
Cells = Callable[[random.Random, random.Random], bytes]
NUMBERS = (0, 1, 2, 3, 4, 5, 6, 7, 20, 255, 4094, 65535, -1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
_SYSTEM: Arcs = (1, 3, 6, 1, 2, 1, 1)
_MOST_BYTES = 1400


def of_any_type(chance: random.Random, _: random.Random) -> bytes:
    """Return a value of any type, now and then one that is not what its tag says."""
    size = chance.choice((0, 1, 2, 4, 5, 6, 7, 8, 11, 16, 17, 200))
    return chance.choice(
        (
            lambda: octets(chance.randbytes(size)),
            lambda: octets(chance.choice((b"port 1", b"1.2.3", b"00:1b:00:00:00:07", b"\0" * size))),
            lambda: integer(chance.choice(NUMBERS), chance.choice((2, 0x41, 0x42, 0x43, 0x46, 0x47))),
            lambda: oid((1, 3, *chance.choices(NUMBERS[:11], k=size // 2))),
            lambda: tlv(0x40, chance.randbytes(chance.choice((4, 4, 4, 0, 3, 16)))),
            lambda: tlv(0x44, chance.choice((b"\x9f\x78\x04", b"\x9f\x79\x08", b"")) + chance.randbytes(size)),
            lambda: tlv(
                chance.choice((0x01, 0x03, 0x05, 0x06, 0x30, 0x80, 0x81)), chance.randbytes(chance.choice((0, size)))
            ),
        )
    )()


def texts(chance: random.Random, _: random.Random) -> bytes:
    """Return a text that is no good text."""
    words = (
        b"\xff\xfe",
        b"\0",
        b"\n\r\x1b[2J",
        b"caf\xe9",
        b"\xed\xa0\x80",
        b"]",
        b"[",
        b"/",
        b"\\",
        b"a" * 300,
        b"\x85",
        b" ",
    )
    return octets(b"".join(chance.choices(words, k=chance.randrange(5))))


def numbers(chance: random.Random, _: random.Random) -> bytes:
    """Return a number that no device counts to, some in more bytes than there may be."""
    value = chance.choice((2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63), 2**64 - 1, 2**160, -(2**160), 10**17))
    return integer(value, chance.choice((2, 0x41, 0x42, 0x43, 0x46, 0x47)))


def of_one_type(chance: random.Random, column: random.Random) -> bytes:
    """Return a value that could be a good one, of the column's type."""
    number = chance.randrange(12)
    return column.choice(
        (
            lambda: octets(b"port %d" % number),
            lambda: octets(b"\0\x1b\0\0\0%c" % number),
            lambda: octets(bytes([192, 0, 2, number])),
            lambda: integer(number),
            lambda: integer(number),
            lambda: integer(number * 10**8, 0x42),
            lambda: integer(number * 10**15, 0x46),
            lambda: oid((1, 3, 6, 1, 2, 1, 1, number)),
            lambda: tlv(0x40, bytes([192, 0, 2, number])),
        )
    )()


CELLS: Mapping[str, Cells] = {
    "one type a column": of_one_type,
    "any type": of_any_type,
    "texts that are none": texts,
    "huge numbers": numbers,
    "one byte": lambda _, __: octets(b"\x01"),
    "one number": lambda _, __: integer(1),
    "nothing": lambda _, __: octets(b""),
    "zero": lambda _, __: integer(0),
    "blanks and NULs": lambda _, __: octets(b" \0\0\0"),
    "long texts": lambda chance, _: octets(chance.randbytes(1200)),
}


class Everything:
    """The device.

    :param seed: the same gives the same device.
    :param system: encoded values of objects of the system group, by arc: 1 is sysDescr, 2 is sysObjectID.
    """

    def __init__(self, cells: Cells, seed: int, system: Mapping[int, bytes] | None = None, rows: int = 6) -> None:
        self._cells, self._seed, self._rows = cells, seed, rows
        self._system = {(*_SYSTEM, arc, 0): value for arc, value in (system or {}).items()}
        #: What follows a name that it gave, and the name after the last of a column.
        self._next: dict[Arcs, Arcs] = {}
        self._column: dict[Arcs, Arcs] = {}

    def following(self, name: Arcs) -> tuple[Arcs, bytes]:
        """Return the next name and its value. A name that it did not give is a column that it has from now on."""
        if name not in self._next:
            names = [name, *((*name, *index) for index in self._indexes(name)), (*name[:-1], name[-1] + 1, 0)]
            self._next.update(itertools.pairwise(names))
            self._column.update(dict.fromkeys(names[1:-1], name))
        found = self._next.get(name, name)
        return found, self.value(found)

    def value(self, name: Arcs) -> bytes:
        """Return what it has by a name."""
        column = self._column.get(name, name)
        chances = random.Random(f"{self._seed} {name}"), random.Random(f"{self._seed} column {column}")
        return self._system.get(name) or self._cells(*chances)

    def _indexes(self, base: Arcs) -> list[Arcs]:
        """Return the rows of a column; those of a table have most of them in common."""
        own, shared = random.Random(f"{self._seed} {base}"), random.Random(f"{self._seed} {base[:-1]}")
        sources = [*[shared] * self._rows, own]
        return sorted({_index(source) for source in sources if self._rows})

    def answer(self, request: Request) -> bytes:
        """Return its answer to a request."""
        if request.tag == badsnmp.GET:
            return request.answer([badsnmp.bind(one, self.value(one)) for one in request.oids])
        return badsnmp.honest(request, self.following, room=_MOST_BYTES)


def _index(chance: random.Random) -> Arcs:
    size = chance.choice((1, 1, 1, 2, 3, 4, 5, 6, 7, 9, 17))
    numbers = (*NUMBERS[:9], chance.randrange(300), chance.choice((2**31, 2**32 - 1)))
    return tuple(chance.choice(numbers) for _ in range(size))
