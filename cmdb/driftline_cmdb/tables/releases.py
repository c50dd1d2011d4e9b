"""Releases with their RFCs and waves, the production gate's policy, waivers of it."""

from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, partial_index, row_id, time_ms, time_ms_or_none


class Release(SQLModel, table=True):
    """RFCs that go together through test into production."""

    id: int = row_id()
    name: str = Field(unique=True)
    #: major, minor, emergency.
    kind: str = "minor"
    planned_ms: int | None = time_ms_or_none()
    description: str = ""
    #: One of `driftline_baseline.release.STATES`; only `driftline_cmdb.releases.editing.move` changes it.
    state: str = Field(default="planned", index=True)
    author: str
    created_ms: int = time_ms()
    #: Acceptance criteria: YAML, a list of a baseline's rules.
    criteria: str = ""
    #: Counts what changes its content; a check is of one revision.
    revision: int = 1
    #: None until somebody wrote one; then it is no longer drafted from its RFCs.
    reverse_plan: str | None = None
    #: A baseline that is promoted once the release is accepted, the name it gets there, what changes in its selector.
    promotes: str | None = None
    promote_to: str | None = None
    promote_set: dict[str, str] = document(dict)
    #: What was drafted then: "web-prod v1".
    promoted: str | None = None
    accepted_by: str | None = None
    accepted_ms: int | None = time_ms_or_none()
    #: What came of it, every count with its denominator.
    result: str = ""
    review: str = ""
    closed_ms: int | None = time_ms_or_none()


class ReleaseRfc(SQLModel, table=True):
    """An RFC of a release. On each CI it waits until a wave of the release with that CI has started."""

    rfc_id: int = Field(primary_key=True, foreign_key="rfc.id")
    release_id: int = Field(foreign_key="release.id", index=True)
    #: In this order they are carried out, and backed out in the reverse.
    position: int
    added_by: str
    at_ms: int = time_ms()
    #: When a wave first started it.
    started_ms: int | None = time_ms_or_none()


class ReleaseWave(SQLModel, table=True):
    """CIs of a release that are changed together."""

    __table_args__ = (UniqueConstraint("release_id", "number"),)

    id: int = row_id()
    release_id: int = Field(foreign_key="release.id")
    number: int
    name: str
    environment: str
    #: YAML, as a baseline's.
    selector: str
    planned_start_ms: int | None = time_ms_or_none()
    planned_end_ms: int | None = time_ms_or_none()
    #: One of `driftline_baseline.release.WAVE_STATES`.
    state: str = "planned"
    started_by: str | None = None
    started_ms: int | None = time_ms_or_none()
    ended_ms: int | None = time_ms_or_none()


class ReleaseWaveCi(SQLModel, table=True):
    """A CI of a wave, as it was when the release was accepted or the wave started."""

    wave_id: int = Field(primary_key=True, foreign_key="releasewave.id")
    ci_id: int = Field(primary_key=True, foreign_key="ci.id", index=True)


class ReleaseCheck(SQLModel, table=True):
    """An evaluation of a release's acceptance criteria."""

    id: int = row_id()
    release_id: int = Field(foreign_key="release.id", index=True)
    at_ms: int = time_ms()
    asked_by: str
    #: The release's, at the time.
    revision: int
    criteria: str
    passed: bool
    #: CIs of its test waves, and those of them that reported since their wave began.
    cis: int
    reporting: int
    #: For each rule: rule, holds, text, hosts, applies, failing (how many), and the first of them: [{ci, why}].
    results: list[dict[str, Any]] = document(list)


class GatePolicyVersion(SQLModel, table=True):
    """One version of the production gate's policy; where none is in force, the one that driftline ships counts."""

    number: int = Field(primary_key=True)
    #: proposed, in force, superseded, withdrawn.
    state: str = Field(default="proposed", index=True)
    #: YAML; `driftline_baseline.gate` reads it.
    document: str
    author: str
    created_ms: int = time_ms()
    confirmed_by: str | None = None
    confirmed_ms: int | None = time_ms_or_none()


class GateWaiver(SQLModel, table=True):
    """For a time a CI may be in production without what the gate asks for."""

    __table_args__ = (partial_index("gatewaiver_open", "ci_id", where="ended_ms IS NULL", unique=True),)

    id: int = row_id()
    ci_id: int = Field(foreign_key="ci.id")
    reason: str
    requested_by: str
    requested_ms: int = time_ms()
    until_ms: int = time_ms()
    #: Somebody else.
    approved_by: str | None = None
    approved_ms: int | None = time_ms_or_none()
    #: None for driftline, when its time is over.
    ended_by: str | None = None
    ended_ms: int | None = time_ms_or_none()


class GateLook(SQLModel, table=True):
    """When the production gate last looked at all CIs, and what of its grounds it saw then; one row."""

    id: int = Field(primary_key=True)
    looked_ms: int = time_ms()
    stamp: str
