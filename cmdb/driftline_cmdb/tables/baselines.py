"""Baselines, their versions and what those pin."""

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document as document_column
from driftline_cmdb.tables._columns import row_id, time_ms, time_ms_or_none


class Baseline(SQLModel, table=True):
    """A baseline by name; what it says is in its versions."""

    id: int = row_id()
    name: str = Field(unique=True)
    created_by: str
    created_ms: int = time_ms()


class BaselineVersion(SQLModel, table=True):
    """One version of a baseline's document."""

    __table_args__ = (UniqueConstraint("baseline_id", "number"),)

    id: int = row_id()
    baseline_id: int = Field(foreign_key="baseline.id")
    number: int
    #: draft, approved (comes into force later), in force, superseded, retired.
    state: str = Field(default="draft", index=True)
    #: YAML; `driftline_baseline.document` reads it.
    document: str
    author: str
    created_ms: int = time_ms()
    #: It holds all changes observed up to here; RFC deltas authorised later stay on top.
    as_of_ms: int = time_ms()
    #: When each rule was first drafted as it stands, by `driftline_baseline.document.key_of`: deltas authorised later
    #: stay on top of it.
    rule_times: dict[str, int] = document_column(dict)
    captured_ci_id: int | None = Field(default=None, foreign_key="ci.id")
    approved_by: str | None = None
    approved_ms: int | None = time_ms_or_none()
    #: When it is to come into force; None for at once.
    force_at_ms: int | None = time_ms_or_none()
    #: Since when it is, or from when on it was, in force.
    in_force_ms: int | None = time_ms_or_none()
    retired_ms: int | None = time_ms_or_none()
    #: What its document and pins were taken from, where they were: "golden v1", "90 % of 40 CIs with role web".
    taken_from: str | None = None


class BaselineElement(SQLModel, table=True):
    """An element that a version pins: part of its captured set."""

    version_id: int = Field(primary_key=True, foreign_key="baselineversion.id")
    path_id: int = Field(primary_key=True, foreign_key="path.id", sa_type=BigInteger)
    element_id: int = Field(foreign_key="element.id", sa_type=BigInteger)
