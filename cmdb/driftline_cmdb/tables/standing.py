"""Standing rules (pre-approved standard changes), and what origins publish."""

from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, row_id, time_ms, time_ms_or_none


class StandingRule(SQLModel, table=True):
    """One version of a standing rule."""

    __table_args__ = (UniqueConstraint("name", "number"),)

    id: int = row_id()
    name: str = Field(index=True)
    number: int
    #: draft, in force, superseded, retired, expired.
    state: str = Field(default="draft", index=True)
    #: YAML; `driftline_baseline.standing` reads it.
    document: str
    author: str
    created_ms: int = time_ms()
    approved_by: str | None = None
    approved_ms: int | None = time_ms_or_none()
    expires_ms: int = time_ms()
    ended_ms: int | None = time_ms_or_none()
    #: How many changes it has explained, and when the last.
    hits: int = 0
    last_hit_ms: int | None = time_ms_or_none()
    #: What it would have explained of the past, as its approver sees it; None until it was replayed.
    replay: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class OriginVersion(SQLModel, table=True):
    """A version of a package that an origin publishes, as its own index says; hosts have no say in it."""

    origin: str = Field(primary_key=True)
    manager: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    architecture: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    #: When it was first loaded.
    since_ms: int = time_ms()


class EmergencyScope(SQLModel, table=True):
    """A CI on which an emergency was declared: what its declarer changes there belongs to the emergency's RFC."""

    rfc_id: int = Field(primary_key=True, foreign_key="rfc.id")
    ci_id: int = Field(primary_key=True, foreign_key="ci.id", index=True)
    #: Accounts under which the declarer works on hosts.
    actors: list[str] = document(list)


class Snapshot(SQLModel, table=True):
    """The state of a CI before an RFC or release touched it: facts are read back as of this time."""

    __table_args__ = (UniqueConstraint("rfc_id", "ci_id"), UniqueConstraint("release_id", "ci_id"))

    id: int = row_id()
    #: One of the two.
    rfc_id: int | None = Field(default=None, foreign_key="rfc.id")
    release_id: int | None = Field(default=None, foreign_key="release.id")
    ci_id: int = Field(foreign_key="ci.id", index=True)
    at_ms: int = time_ms()
    ci_version: int
