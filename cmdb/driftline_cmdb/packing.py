"""Sets of ids in few bytes (sorted, delta coded, zstd), and lists cut to the size of a statement."""

from array import array
from collections.abc import Iterable
from itertools import accumulate, pairwise
from typing import TypeVar

import zstandard

_T = TypeVar("_T")


def pack_ids(ids: Iterable[int]) -> bytes:
    """Return a set of ids, each below 2**63, packed."""
    ordered = sorted(set(ids))
    if not ordered:
        return b""
    deltas = array("q", [ordered[0], *(after - before for before, after in pairwise(ordered))])
    return zstandard.compress(deltas.tobytes(), 1)


def unpack_ids(packed: bytes) -> list[int]:
    """Return the ids, ascending."""
    if not packed:
        return []
    deltas = array("q")
    deltas.frombytes(zstandard.decompress(packed))
    return list(accumulate(deltas))


def chunks(items: Iterable[_T], size: int = 500) -> Iterable[list[_T]]:
    """Cut items into lists that fit into one statement's parameters."""
    ordered = list(items)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
