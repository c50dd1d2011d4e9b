"""When which section of a source did not count for its CI."""

from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import partial_index, row_id, time_ms, time_ms_or_none


class Muting(SQLModel, table=True):
    """Another source spoke for all that a section says, for a time. `Section.muted` tells whether one is open."""

    __table_args__ = (partial_index("muting_open", "section_id", where="until_ms IS NULL", unique=True),)

    id: int = row_id()
    section_id: int = Field(foreign_key="section.id", index=True)
    since_ms: int = time_ms()
    until_ms: int | None = time_ms_or_none()
