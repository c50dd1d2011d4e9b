"""Who was there when something changed, as hosts' own logs tell it. It attributes, and never explains."""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import row_id, time_ms, time_ms_or_none


class HostEvidence(SQLModel, table=True):
    """A command run as another user, a session, a unit's start, or a run of configuration management."""

    __table_args__ = (
        UniqueConstraint("source_id", "digest"),
        Index("hostevidence_time", "source_id", "started_ms"),
    )

    id: int = row_id()
    source_id: int = Field(foreign_key="source.id")
    #: Of all but its end: the same may come again with one.
    digest: bytes
    #: sudo, session, unit, management.
    kind: str
    who: str
    what: str
    #: Corrected by skew.
    started_ms: int = time_ms()
    #: None where it had not ended when it was reported last.
    ended_ms: int | None = time_ms_or_none()
    #: The log: journal, /var/log/wtmp ...
    log: str
