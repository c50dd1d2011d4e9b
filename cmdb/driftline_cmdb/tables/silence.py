"""Who is part of a finding of silence."""

from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import partial_index, row_id, time_ms, time_ms_or_none


class SilentCi(SQLModel, table=True):
    """A CI's silence as part of a finding: a site's, what is behind a router, or only its own."""

    __table_args__ = (partial_index("silentci_open", "ci_id", where="until_ms IS NULL", unique=True),)

    id: int = row_id()
    finding_id: int = Field(foreign_key="finding.id", index=True)
    ci_id: int = Field(foreign_key="ci.id")
    #: When it was last heard.
    since_ms: int = time_ms()
    #: When it was heard again, or no longer expected to be; None while it is silent.
    until_ms: int | None = time_ms_or_none()
