"""The utilization store's tables: fragments as they came, minutes of sealed hours, summaries of hours.

What the bytes hold is said in `driftline_cmdb.utilization`; only that package reads or writes these tables. Minutes and
hours are counted from 1970-01-01T00:00Z, by the host's clock.
"""

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import row_id, time_ms


class UtilizationFragment(SQLModel, table=True):
    """What one report said of one hour, until the hour is sealed."""

    __table_args__ = (Index("utilizationfragment_source_minute", "source_id", "last_minute"),)

    #: A later fragment of the same minute replaces an earlier one.
    id: int = row_id()
    source_id: int = Field(foreign_key="source.id")
    #: The last minute in it; all its minutes are of this one's hour.
    last_minute: int
    received_ms: int = time_ms()
    #: A serialized UtilizationBatch, zstd.
    data: bytes


class UtilizationChunk(SQLModel, table=True):
    """All minutes of one sealed hour of one source."""

    source_id: int = Field(primary_key=True, foreign_key="source.id")
    hour: int = Field(primary_key=True, index=True)
    data: bytes


class UtilizationHour(SQLModel, table=True):
    """What is kept of one sealed hour of one source when its minutes are gone."""

    source_id: int = Field(primary_key=True, foreign_key="source.id")
    hour: int = Field(primary_key=True, index=True)
    #: Counts how often it was sealed: once, and once more for each time that late minutes arrived.
    version: int = 1
    #: Per series: the minutes it covers, sum, min, max, last.
    summary: bytes
    #: Per series: a histogram of its minutes' means.
    histograms: bytes
