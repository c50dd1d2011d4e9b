"""What the agent and the firewall's process say to each other: as with the reader, but a request has no path.

A request is an operation and a length of 0. An answer is a status, a length and as many bytes. After anything else the
connection is closed.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

#: What the programs print, see :func:`pack`.
RULES = 16
#: A digest that is another one whenever rules have changed. It may be another one although none has.
GENERATION = 17
#: From then on the connection is for this only: a byte comes whenever rules have changed, at most one a second.
WATCH = 18
OPERATIONS = (RULES, GENERATION, WATCH)

#: Hundreds of thousands of rules; more is a mistake.
MAX_RULES = 16 << 20

_HEAD = struct.Struct("<BHI")


class Said(NamedTuple):
    """What a program printed, or why there is nothing."""

    program: str
    text: str
    failed: bool = False


def pack(said: Said) -> bytes:
    """Return it as it goes over the socket."""
    name, text = said.program.encode(), said.text.encode("utf-8", "replace")
    return _HEAD.pack(said.failed, len(name), len(text)) + name + text


def unpack(content: bytes) -> Iterator[Said]:
    """Yield what was packed.

    :raises ValueError: where the content is cut.
    """
    position = 0
    while position < len(content):
        if position + _HEAD.size > len(content):
            raise ValueError("the firewall's answer is cut")
        failed, name, length = _HEAD.unpack_from(content, position)
        start = position + _HEAD.size
        position = start + name + length
        if position > len(content):
            raise ValueError("the firewall's answer is cut")
        text = content[start + name : position].decode("utf-8", "replace")
        yield Said(content[start : start + name].decode("utf-8", "replace"), text, bool(failed))
