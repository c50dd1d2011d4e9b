"""Drifts and the groups that one cause makes of them."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import partial_index, row_id, time_ms, time_ms_or_none


class DriftGroup(SQLModel, table=True):
    """Unexplained drifts of one cause over the fleet; it raises one RFC."""

    id: int = row_id()
    #: The cause, fixed at first sight (design section 6, rule 9).
    key: str = Field(index=True)
    #: For people: "apt-get install -y sl, by root".
    cause: str
    opened_ms: int = time_ms()
    #: Joining ends here.
    joinable_until_ms: int = time_ms()
    rfc_id: int | None = Field(default=None, foreign_key="rfc.id", index=True)


class Drift(SQLModel, table=True):
    """One attribute or element of one CI that is not as expected."""

    __table_args__ = (partial_index("drift_open", "ci_id", "path", where="closed_ms IS NULL", unique=True),)

    id: int = row_id()
    ci_id: int = Field(foreign_key="ci.id", index=True)
    #: Of the element where it is missing or unexpected, else of the attribute.
    path: str
    #: changed, missing, unexpected.
    kind: str
    #: Values as JSON: a scalar or list for an attribute, an object for an element; None means absent.
    expected: str | None = None
    actual: str | None = None
    #: open, explained, accepted, reverted, superseded.
    state: str = Field(default="open", index=True)
    severity: str = "warning"
    #: The change lies in (after_ms, observed_ms].
    after_ms: int | None = time_ms_or_none()
    observed_ms: int = time_ms()
    opened_ms: int = time_ms()
    closed_ms: int | None = time_ms_or_none()
    #: How often it came back while it was open.
    returns: int = 0
    #: Why it is in this state, for people.
    why: str = ""
    accepted_until_ms: int | None = time_ms_or_none()
    baseline_version_id: int | None = Field(default=None, foreign_key="baselineversion.id")
    revision_id: int | None = Field(default=None, foreign_key="revision.id", sa_type=BigInteger)
    transaction_id: int | None = Field(default=None, foreign_key="hosttransaction.id", sa_type=BigInteger)
    group_id: int | None = Field(default=None, foreign_key="driftgroup.id", index=True)
    #: The RFC that explains it: it predicted this, or records the use of a standing rule.
    explained_by_id: int | None = Field(default=None, foreign_key="rfc.id", index=True)
