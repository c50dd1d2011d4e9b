"""Mergeable histograms with a bounded relative error, for percentiles over any span and group.

Log-linear buckets after DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees", VLDB 2019): bucket i holds (gamma^(i-1), gamma^i], gamma = (1 + a) / (1 - a), a = 1 %. Its
middle, 2 gamma^i / (gamma + 1), is at most 1 % away from anything in it. Zero has its own bucket, negative values
mirror the positive ones. Buckets are numbers that ascend with the value: 0 is zero, positive values are above.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

#: The bound of the relative error.
ERROR = 0.01

_GAMMA = (1 + ERROR) / (1 - ERROR)
#: Makes every bucket of a positive value positive: values reach down to 10^-9, which is bucket -1,036.
_OFFSET = 2000


def buckets_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bucket of each value, in the shape of the values."""
    sizes = np.abs(values)
    index = np.ceil(np.log(np.where(sizes > 0, sizes, 1)) / math.log(_GAMMA)) + _OFFSET
    buckets: NDArray[np.int64] = (np.sign(values) * index).astype(np.int64)  # the sign of zero is zero
    return buckets


def middle_of(bucket: int) -> float:
    """Return the value that a bucket stands for."""
    if bucket == 0:
        return 0.0
    return math.copysign(2 * _GAMMA ** (abs(bucket) - _OFFSET) / (_GAMMA + 1), bucket)


def quantile(counts: Mapping[int, int], q: float) -> float:
    """Return the value at the nearest rank, ceil(q n), within 1 % of it.

    :param counts: how many values each bucket holds; at least one.
    :param q: 0 to 1.
    """
    rank = max(1, math.ceil(q * sum(counts.values())))
    below = 0
    for bucket in sorted(counts):
        below += counts[bucket]
        if below >= rank:
            return middle_of(bucket)
    raise ValueError("q must lie between 0 and 1, and there must be a value")
