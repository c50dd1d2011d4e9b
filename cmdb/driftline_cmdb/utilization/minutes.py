"""Minutes of one source, merged from reports and chunks: where two speak of the same minute, the later one counts."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from google.protobuf.message import DecodeError
from zstandard import ZstdDecompressor, ZstdError

from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_cmdb.errors import Invalid

#: Tells whether a metric is wanted.
Wanted = Callable[[str], bool]
#: min, mean, max, last of one minute, scaled integers.
Row = tuple[int, int, int, int]


class SeriesKey(NamedTuple):
    """What makes values comparable without conversion: a series, and how its integers are to be read."""

    metric: str
    instance: str
    unit: str
    #: value = integer / 10^decimals.
    decimals: int


def everything(_metric: str) -> bool:
    """Want every metric."""
    return True


class Minutes:
    """Mutable, mergeable minutes of one source."""

    def __init__(self) -> None:
        #: By series: minute since 1970 -> row. A minute of a metric and instance stands under one key only.
        self.rows: dict[SeriesKey, dict[int, Row]] = {}
        self._keys: dict[tuple[str, str], list[SeriesKey]] = {}

    def add(self, key: SeriesKey, minutes: Sequence[int], rows: Iterator[Row]) -> None:
        """Add rows of a series; they replace what is known of the same minutes, in whatever unit or scale."""
        known = self.rows.get(key)
        if known is None:
            known = self.rows[key] = {}
            self._keys.setdefault(key[:2], []).append(key)
        known.update(zip(minutes, rows, strict=True))
        same = self._keys[key[:2]]
        if len(same) == 1:
            return
        for other in same:
            if other != key:
                for minute in minutes:
                    self.rows[other].pop(minute, None)

    def of_hour(self, hour: int) -> "Minutes":
        """Return the minutes of one hour."""
        part = Minutes()
        for key, rows in self.rows.items():
            kept = {minute: row for minute, row in rows.items() if minute // 60 == hour}
            part.add(key, list(kept), iter(kept.values()))
        return part

    def add_fragment(self, data: bytes) -> None:
        """Add the content of a fragment.

        :raises Invalid: where it is damaged.
        """
        try:
            batch = UtilizationBatch.FromString(ZstdDecompressor().decompress(data))
        except (ZstdError, DecodeError) as error:
            raise Invalid(f"the fragment is damaged: {error}") from error
        for series in batch.series:
            key = SeriesKey(series.metric, series.instance, series.unit, series.decimals)
            columns = accumulate(series.min), accumulate(series.mean), accumulate(series.max), accumulate(series.last)
            self.add(key, list(accumulate(series.minutes)), zip(*columns, strict=True))
