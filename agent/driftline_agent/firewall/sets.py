"""Sets of addresses and the like: their elements in one order, where neither time nor rules change them."""

import hashlib
import re
from collections.abc import Iterable, Mapping

from driftline import late
from driftline.v1.facts_pb2 import FirewallSet

#: More elements than so many are told of as a digest.
MAX_ELEMENTS = 1000
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0}
_TIME = late.pattern(r"(\d+)(ms|[wdhms])")
_COUNTED = late.pattern(r" counter packets \d+ bytes \d+")
#: Flags of sets that change by themselves.
MOVING = frozenset({"timeout", "dynamic"})


def seconds(text: str) -> int | None:
    """Return a time like ``1h30m`` in seconds; of nft's."""
    found = _TIME.findall(text)
    return sum(int(number) * _UNITS[unit] for number, unit in found) if found else None


def split(text: str) -> Iterable[str]:
    """Yield what is separated by commas, but for those within braces or quotes."""
    depth, start, quoted = 0, 0, False
    for position, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif letter in "{[":
            depth += 1
        elif letter in "}]":
            depth -= 1
        elif letter == "," and depth == 0:
            yield text[start:position].strip()
            start = position + 1
    if text[start:].strip():
        yield text[start:].strip()


def add_elements(out: FirewallSet, elements: Iterable[str]) -> None:
    """Add elements, sorted, or their digest where they are many."""
    found = sorted(set(elements))
    if len(found) <= MAX_ELEMENTS:
        out.elements.extend(found)
    else:
        out.elements_digest = hashlib.sha256("\n".join(found).encode("utf-8", "replace")).hexdigest()


def fill(out: FirewallSet, properties: Mapping[str, str]) -> None:
    """Add what stands in a set's block of ``nft list ruleset``."""
    out.type = properties.get("type") or properties.get("typeof", "")
    flags = sorted(filter(None, re.split(r"[,\s]+", properties.get("flags", ""))))
    out.flags.extend(flags)
    timeout = seconds(properties.get("timeout", ""))
    if timeout:
        out.timeout = timeout
    size = properties.get("size", "")
    if size.isdecimal() and len(size) < 19:
        out.size = int(size)
    elements = properties.get("elements", "")
    if elements and not timeout and not MOVING.intersection(flags):
        inner = elements.removeprefix("{").removesuffix("}")
        add_elements(out, (_COUNTED.sub("", element) for element in split(inner)))
