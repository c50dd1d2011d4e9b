"""The utilization store: one-minute aggregates of every source, in the record's own database.

These functions are the whole interface, so that another store (VictoriaMetrics, say) can take their place. Reports come
in as *fragments*, one row a report and hour. :func:`compact` seals each complete hour of a source: its minutes become
one compressed *chunk*, its summary and histograms one *hour*, its fragments go. Readers see no difference between the
two forms. Everything is exact, scaled integers, but for percentiles, whose error is bounded (`histogram.py`).

`numpy` is imported at the first reading or sealing, not with this package: what only writes (the collector's threads)
starts fast and stays small.
"""

from driftline_cmdb.utilization.batch import BatchError, CheckedBatch, check
from driftline_cmdb.utilization.compaction import Compacted, compact
from driftline_cmdb.utilization.fragments import append
from driftline_cmdb.utilization.reading import Point, SeriesView, latest_of, percentile, series_of

__all__ = [
    "BatchError",
    "CheckedBatch",
    "Compacted",
    "Point",
    "SeriesView",
    "append",
    "check",
    "compact",
    "latest_of",
    "percentile",
    "series_of",
]
