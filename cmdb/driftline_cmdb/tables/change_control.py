"""What governs changes: approvals, the approval policy, standard changes, freezes; and what is said about them."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import row_id, time_ms, time_ms_or_none


class RfcApproval(SQLModel, table=True):
    """One person's approval of an RFC. It binds to the scope that the person saw."""

    id: int = row_id()
    rfc_id: int = Field(foreign_key="rfc.id", index=True)
    #: Who approved.
    person: str
    #: The account that passed it on, where another system is the master.
    account: str | None = None
    at_ms: int = time_ms()
    #: Digest of the scope; it does not count for any other.
    scope: str
    comment: str = ""
    #: Since when it does not count any more, because the RFC was changed or opened again.
    void_ms: int | None = time_ms_or_none()


class RfcComment(SQLModel, table=True):
    """What someone said about an RFC."""

    id: int = row_id()
    rfc_id: int = Field(foreign_key="rfc.id", index=True)
    at_ms: int = time_ms()
    author: str
    text: str


class RfcLink(SQLModel, table=True):
    """Something that an RFC has to do with."""

    __table_args__ = (UniqueConstraint("rfc_id", "kind", "target"),)

    id: int = row_id()
    rfc_id: int = Field(foreign_key="rfc.id", index=True)
    #: url, incident, problem, rfc.
    kind: str
    #: An address, the other system's id, or an RFC's number.
    target: str
    at_ms: int = time_ms()
    author: str


class RfcTemplate(SQLModel, table=True):
    """One version of a standard change's template."""

    __table_args__ = (UniqueConstraint("name", "number"),)

    id: int = row_id()
    name: str = Field(index=True)
    number: int
    #: draft, in force, superseded, retired.
    state: str = Field(default="draft", index=True)
    #: YAML; `driftline_baseline.template` reads it.
    document: str
    author: str
    created_ms: int = time_ms()
    approver: str | None = None
    approved_ms: int | None = time_ms_or_none()
    retired_ms: int | None = time_ms_or_none()


class ApprovalPolicy(SQLModel, table=True):
    """One version of the approval policy; where none is in force, the one that driftline ships counts."""

    number: int = Field(primary_key=True)
    #: proposed, in force, superseded, withdrawn.
    state: str = Field(default="proposed", index=True)
    #: YAML; `driftline_baseline.policy` reads it.
    document: str
    author: str
    created_ms: int = time_ms()
    confirmed_by: str | None = None
    confirmed_ms: int | None = time_ms_or_none()


class ChangeFreeze(SQLModel, table=True):
    """A time in which some CIs are not to be changed."""

    id: int = row_id()
    name: str = Field(unique=True)
    #: YAML, as a baseline's selector; ``all`` means every CI.
    selector: str
    start_ms: int = time_ms()
    end_ms: int = time_ms(index=True)
    reason: str
    created_by: str
    created_ms: int = time_ms()
    #: Who ended it before its time, and when.
    ended_by: str | None = None
    ended_ms: int | None = time_ms_or_none()
