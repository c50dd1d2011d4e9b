"""Integers to bytes and back: zigzag, split into byte planes, so that zstd finds the zeros and the small ones together.

A frame is zstd over: length of the header (4 bytes, little endian), header (JSON), planes. Every array in it has its
number of planes in the header: as many bytes as its largest entry needs.
"""

import json
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError

from driftline_cmdb.errors import Invalid

Int64s = NDArray[np.int64]

_LEVEL = 6


def pack(header: dict[str, Any], arrays: list[Int64s]) -> bytes:
    """Return one frame.

    :param header: what JSON can hold; its keys are the caller's, except ``planes``.
    :param arrays: any shapes; the reader must be able to tell the shapes from the header.
    """
    coded = [_planes(array) for array in arrays]
    text = json.dumps({**header, "planes": [len(planes) for planes in coded]}, separators=(",", ":")).encode()
    body = b"".join([struct.pack("<I", len(text)), text, *(planes.tobytes() for planes in coded)])
    return ZstdCompressor(level=_LEVEL).compress(body)


class Frame:
    """A frame being read: its header, and its arrays in the order in which they were packed."""

    def __init__(self, data: bytes) -> None:
        """Decompress.

        :raises Invalid: where the data is damaged.
        """
        try:
            self._body = ZstdDecompressor().decompress(data)
            (size,) = struct.unpack_from("<I", self._body)
            self.header: dict[str, Any] = _header(self._body[4 : 4 + size])
        except (ZstdError, struct.error, ValueError) as error:
            raise Invalid(f"stored utilization is damaged: {error}") from error
        self._position = 4 + size
        self._planes = iter(self.header["planes"])

    def take(self, outer: int, inner: int = 1, rows: Sequence[int] | None = None) -> Int64s:
        """Return the next array, which was packed in the shape (outer, inner).

        :param rows: indexes along the outer axis: only these are decoded; all by default.
        """
        count = next(self._planes)
        planes = np.frombuffer(self._body, np.uint8, count * outer * inner, self._position)
        planes = planes.reshape(count, outer, inner)
        self._position += planes.size
        if rows is not None:
            planes = planes[:, rows]
        wide = np.zeros((*planes.shape[1:], 8), np.uint8)
        wide[..., :count] = planes.transpose(1, 2, 0)
        zigzag = wide.view("<u8")[..., 0]
        return (zigzag >> np.uint64(1)).astype(np.int64) ^ -(zigzag & np.uint64(1)).astype(np.int64)


@lru_cache(maxsize=64)  # hours of one host have mostly the same
def _header(text: bytes) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(text)
    return header


def _planes(array: Int64s) -> NDArray[np.uint8]:
    """Return byte planes, least significant first, shape (planes, entries)."""
    flat = array.ravel()
    zigzag = ((flat << 1) ^ (flat >> 63)).astype("<u8")
    count = (int(zigzag.max(initial=0)).bit_length() + 7) // 8
    return zigzag.view(np.uint8).reshape(-1, 8).T[:count]
