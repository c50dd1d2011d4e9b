"""Verification of the record: runs at planned intervals, and attestations by people (ISO/IEC 20000-1, 8.2.6)."""

from typing import Any

from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, partial_index, row_id, time_ms, time_ms_or_none


class IntegrityRun(SQLModel, table=True):
    """One verification of the record by all checks."""

    # One at a time: whoever asks while one waits or runs gets that one.
    __table_args__ = (partial_index("integrityrun_open", "lane", where="ended_ms IS NULL", unique=True),)

    id: int = row_id()
    lane: int = 1
    #: asked, running, done, failed.
    state: str = "asked"
    #: A person's name, or "schedule".
    asked_by: str
    asked_ms: int = time_ms()
    started_ms: int | None = time_ms_or_none()
    ended_ms: int | None = time_ms_or_none()
    #: When the collector that runs it last said so; where that is long ago, it is there no more.
    alive_ms: int | None = time_ms_or_none()
    #: Results, in the order of the checks; `driftline_cmdb.integrity.results.CheckResult` as dicts.
    checks: list[dict[str, Any]] = document(list)
    #: CIs and elements on record, and how many of them no deficiency names; None until the run is done.
    cis: int | None = None
    cis_accurate: int | None = None
    elements: int | None = None
    elements_accurate: int | None = None
    #: Why it failed.
    error: str | None = None


class Attestation(SQLModel, table=True):
    """A person looked at a CI itself and says that the record is right."""

    id: int = row_id()
    ci_id: int = Field(foreign_key="ci.id", index=True)
    at_ms: int = time_ms()
    actor: str
    #: What was looked at, and how.
    note: str
    #: Version of the CI then.
    ci_version: int


class FindingDecision(SQLModel, table=True):
    """What a person decided about a finding."""

    id: int = row_id()
    finding_id: int = Field(foreign_key="finding.id", index=True)
    at_ms: int = time_ms()
    actor: str
    #: acknowledged, closed.
    action: str
    reason: str
    #: When an acknowledgement ended, because what was put off is due again.
    void_ms: int | None = time_ms_or_none()
