"""Requests for change with their deltas and decisions."""

from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, row_id, time_ms, time_ms_or_none


class Rfc(SQLModel, table=True):
    """A request for change."""

    __table_args__ = (UniqueConstraint("external_system", "external_id"),)

    id: int = row_id()
    number: int = Field(unique=True)
    title: str
    description: str = ""
    requester: str
    #: person, driftline, or rule: the record of what a standing rule permitted.
    origin: str = "person"
    created_ms: int = time_ms()
    #: standard, normal, emergency.
    kind: str = "normal"
    priority: str = "medium"
    category: str = "configuration"
    #: One of `driftline_baseline.lifecycle.STATES`; only `driftline_cmdb.rfcs.lifecycle.decide` changes it.
    state: str = Field(default="draft", index=True)
    #: None, or "revert" where the operator ordered it reverted.
    ordered: str | None = None
    reason: str = ""
    effect_of_not_doing: str = ""
    risk: str = ""
    #: low, medium, high.
    risk_level: str = "medium"
    impact: str = ""
    benefit: str = ""
    cost: str = ""
    implementer: str | None = None
    test_plan: str = ""
    back_out_plan: str = ""
    planned_start_ms: int | None = time_ms_or_none()
    planned_end_ms: int | None = time_ms_or_none()
    actual_start_ms: int | None = time_ms_or_none()
    actual_end_ms: int | None = time_ms_or_none()
    #: When it was authorised last.
    authorised_ms: int | None = time_ms_or_none()
    #: An emergency that began without approval must have it by then.
    approve_by_ms: int | None = time_ms_or_none()
    review: str = ""
    outcome: str | None = None
    #: Its record in another system that is the master: name of that system, and id there.
    external_system: str | None = None
    external_id: str | None = None
    closed_ms: int | None = time_ms_or_none()
    #: The standing rule whose uses it records.
    rule_id: int | None = Field(default=None, foreign_key="standingrule.id", index=True)


class RfcDelta(SQLModel, table=True):
    """What an RFC changes (or found changed) at one path of one CI."""

    __table_args__ = (UniqueConstraint("rfc_id", "ci_id", "path"),)

    id: int = row_id()
    rfc_id: int = Field(foreign_key="rfc.id", index=True)
    ci_id: int = Field(foreign_key="ci.id", index=True)
    path: str
    #: As in Drift: JSON, None means absent.
    before: str | None = None
    after: str | None = None
    #: What a planned change predicts: {"kind": "at_least", "operand": "3.0.14", "origin": null}, and then `path` may be
    #: a pattern; None where `after` is exact.
    predicate: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    #: predicted, found (changed already when the RFC was raised), matched (fits a predicted pattern), consequential
    #: (follows from a predicted change by the host's package database).
    part: str = "found"
    #: proposed, authorised (a predicate: not seen yet), in progress (seen on its way), settled (it came true, `after`
    #: is exact now), missed (not seen by the window's end), superseded, withdrawn, backing out.
    state: str = "proposed"
    authorised_ms: int | None = time_ms_or_none()
    #: When a prediction came true; from then on its value is expected.
    settled_ms: int | None = time_ms_or_none()
    #: Version of the CI when the delta was recorded.
    ci_version: int = 0


class RfcDecision(SQLModel, table=True):
    """A transition of an RFC with who made it, what they saw, and why."""

    id: int = row_id()
    rfc_id: int = Field(foreign_key="rfc.id", index=True)
    at_ms: int = time_ms()
    actor: str
    #: raised, joined, authorised, revert ordered, rejected, closed, backed out, reopened ...
    action: str
    from_state: str | None = None
    to_state: str
    comment: str = ""
    #: Digest of the scope that the actor saw.
    scope: str | None = None
    detail: dict[str, Any] = document(dict)
