"""Which minutes of a source count for a CI: those in which it spoke for it. Two holders' utilization never mixes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from driftline_cmdb.identity.bindings import Span
from driftline_cmdb.utilization.stored import Stored

if TYPE_CHECKING:  # numpy comes late
    from driftline_cmdb.utilization.chunks import Group

_MINUTE = 60_000


class Windows:
    """Windows of minutes, by source. A minute belongs to who was bound when it began."""

    def __init__(self, spans: Iterable[Span]) -> None:
        """Take the spans in which sources spoke."""
        #: First minute, and the one after the last; None where it lasts.
        self._by_source: dict[int, list[tuple[int, int | None]]] = {}
        for span in spans:
            end = None if span.until_ms is None else -(-span.until_ms // _MINUTE)
            self._by_source.setdefault(span.source_id, []).append((-(-span.since_ms // _MINUTE), end))

    @property
    def sources(self) -> list[int]:
        """The sources, the one that counts first in front."""
        return list(self._by_source)

    def within(self, source_id: int, first: int, last: int) -> list[tuple[int, int]]:
        """Return the parts of a span of minutes, its last one included, in which a source spoke."""
        cut = [
            (max(begin, first), last if end is None else min(end - 1, last))
            for begin, end in self._by_source[source_id]
        ]
        return [(begin, end) for begin, end in cut if begin <= end]

    def has_whole(self, source_id: int, hour: int) -> bool:
        """Tell whether a source spoke for the whole of an hour."""
        return (hour * 60, hour * 60 + 59) in self.within(source_id, hour * 60, hour * 60 + 59)

    def clip(self, groups: Iterable["Group"], stored: Stored) -> list["Group"]:
        """Return those of the minutes of a source's hour in which it spoke."""
        import numpy as np

        first = stored.hour * 60
        spans = self.within(stored.source_id, first, first + 59)
        found = []
        for group in groups:
            kept = np.zeros(group.minutes.shape, np.bool_)
            for begin, end in spans:
                kept |= (group.minutes >= begin) & (group.minutes <= end)
            if kept.any():
                found.append(group._replace(minutes=group.minutes[kept], values=group.values[:, :, kept]))
        return found
