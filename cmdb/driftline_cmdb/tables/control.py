"""Baselines, drift, groups, RFCs with their deltas and approvals."""

from typing import Any

from sqlalchemy import JSON, BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, partial_index, row_id, time_ms, time_ms_or_none


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
    #: draft, in force, superseded, retired.
    state: str = Field(default="draft", index=True)
    #: YAML; `driftline_baseline.document` reads it.
    document: str
    author: str
    created_ms: int = time_ms()
    #: It holds all changes observed up to here; RFC deltas authorised later stay on top.
    as_of_ms: int = time_ms()
    captured_ci_id: int | None = Field(default=None, foreign_key="ci.id")
    approved_by: str | None = None
    approved_ms: int | None = time_ms_or_none()
    retired_ms: int | None = time_ms_or_none()


class BaselineElement(SQLModel, table=True):
    """An element that a version pins: part of its captured set."""

    version_id: int = Field(primary_key=True, foreign_key="baselineversion.id")
    path_id: int = Field(primary_key=True, foreign_key="path.id", sa_type=BigInteger)
    element_id: int = Field(foreign_key="element.id", sa_type=BigInteger)


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


class Rfc(SQLModel, table=True):
    """A request for change."""

    id: int = row_id()
    number: int = Field(unique=True)
    title: str
    description: str = ""
    requester: str
    #: person or driftline.
    origin: str = "person"
    created_ms: int = time_ms()
    #: standard, normal, emergency.
    kind: str = "normal"
    priority: str = "medium"
    category: str = "configuration"
    #: draft, submitted, assessed, authorised, scheduled, implementing, review, closed, rejected, cancelled, backed out.
    state: str = Field(default="submitted", index=True)
    #: None, or "revert" where the operator ordered it reverted.
    ordered: str | None = None
    reason: str = ""
    effect_of_not_doing: str = ""
    risk: str = ""
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
    review: str = ""
    outcome: str | None = None
    closed_ms: int | None = time_ms_or_none()


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
    #: What a planned change predicts: {"kind": "at_least", "operand": "3.0.14"}; None where `after` is exact.
    predicate: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    #: proposed, authorised (a predicate: not seen yet), settled (the predicate came true, `after` is exact now),
    #: superseded, withdrawn.
    state: str = "proposed"
    authorised_ms: int | None = time_ms_or_none()
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


class AuditEntry(SQLModel, table=True):
    """One decision in the audit trail; sealed rows form a hash chain."""

    id: int = row_id()
    at_ms: int = time_ms()
    actor: str
    #: Dotted: baseline.approved, rfc.authorised, token.created.
    action: str = Field(index=True)
    #: What it was done to: "baseline golden v1", "RFC 1".
    subject: str
    detail: dict[str, Any] = document(dict)
    #: Place in the chain and its hash, set by the sealer; None until then.
    position: int | None = Field(default=None, unique=True, sa_type=BigInteger)
    chain: bytes | None = None
