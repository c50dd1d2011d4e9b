"""Batches for tests: real encodings, and a model of what a store must answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_cmdb.database import Database
from driftline_cmdb.identity.bindings import Span
from driftline_cmdb.tables.sources import Source
from driftline_cmdb.utilization import Point, SeriesView
from driftline_cmdb.utilization.batch import MAX_VALUE, deltas_of
from driftline_cmdb.utilization.minutes import Row, SeriesKey

#: The first minute of an hour in November 2023.
T0 = 28_333_320
MINUTE = 60_000

Rows = Mapping[SeriesKey, Mapping[int, Row]]


def batch_of(rows: Rows) -> UtilizationBatch:
    """Encode rows as an agent does."""
    batch = UtilizationBatch()
    for key, by_minute in rows.items():
        series = batch.series.add(metric=key.metric, instance=key.instance, unit=key.unit, decimals=key.decimals)
        minutes = sorted(by_minute)
        series.minutes.extend(deltas_of(minutes))
        for position, name in enumerate(("min", "mean", "max", "last")):
            getattr(series, name).extend(deltas_of([by_minute[minute][position] for minute in minutes]))
    return batch


def new_source(database: Database) -> int:
    """Enrol a source without anything and return its id."""
    with database.write() as session:
        source = Source(uid=f"uid-{T0}", enrolled_ms=0)
        session.add(source)
        session.flush()
        source.uid = f"uid-{source.id}"
    return source.id


def always(*source_ids: int) -> list[Span]:
    """Return spans of sources that spoke for one CI all the time."""
    return [Span(source_id, 0, None) for source_id in source_ids]


@dataclass
class Model:
    """What a store that keeps plain rows would answer."""

    rows: dict[tuple[str, str], dict[int, tuple[SeriesKey, Row]]] = field(default_factory=dict)

    def report(self, rows: Rows) -> None:
        """Take a report in."""
        for key, by_minute in rows.items():
            self.rows.setdefault(key[:2], {}).update({minute: (key, row) for minute, row in by_minute.items()})

    def minutes(self) -> list[SeriesView]:
        """Return every minute of every series."""
        views = []
        for (metric, instance), by_minute in sorted(self.rows.items()):
            if by_minute:
                newest, _ = by_minute[max(by_minute)]
                points = [
                    Point(minute * MINUTE, *(float(value) / 10.0**key.decimals for value in row))
                    for minute, (key, row) in sorted(by_minute.items())
                ]
                views.append(SeriesView(metric, instance, newest.unit, points))
        return views


_numbers = st.integers(-MAX_VALUE, MAX_VALUE) | st.integers(-100, 100) | st.sampled_from([-MAX_VALUE, 0, MAX_VALUE])


@st.composite
def row(draw: st.DrawFn) -> Row:
    """Any row that an agent may send."""
    low, middle, high = sorted(draw(st.tuples(_numbers, _numbers, _numbers)))
    last = draw(st.sampled_from([low, middle, high]))
    return low, middle, high, last


def rows(last_minute: int, instances: tuple[str, ...] = ("", "sda", "/var/lib ü")) -> st.SearchStrategy[Rows]:
    """Any report over minutes from T0 to T0 + last_minute: few series, so that reports meet."""
    key = st.builds(
        SeriesKey,
        st.sampled_from(["system.cpu.utilization", "system.disk.io"]),
        st.sampled_from(instances),
        st.sampled_from(["1", "By/s"]),
        st.sampled_from([0, 3, 9]),
    )
    by_minute = st.dictionaries(st.integers(T0, T0 + last_minute), row(), max_size=12)
    pairs = st.lists(st.tuples(key, by_minute), max_size=4, unique_by=lambda pair: pair[0][:2])
    return pairs.map(dict)
