"""Identity: what sources claim, what was learnt of claims, what waits for a person, and what was decided."""

from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, partial_index, row_id, time_ms, time_ms_or_none


class IdentityClaim(SQLModel, table=True):
    """One piece of evidence that a source claims now, in its normal form."""

    __table_args__ = (
        Index("identityclaim_key", "key", "ci_id"),
        Index("identityclaim_source", "source_id", "kind", "key", unique=True),
    )

    id: int = row_id()
    source_id: int = Field(foreign_key="source.id")
    #: The CI that the source is bound to, or was bound to last; None while it waits. Kept by `identity.bindings`.
    ci_id: int | None = Field(default=None, foreign_key="ci.id", index=True)
    #: One of the kinds of `driftline_baseline.identity`: system_uuid, machine_id, mac ...
    kind: str
    #: What is compared: the space of its kind and the normal form: ``uuid:4c4c4544-...``, ``serial:7x3kq2``.
    key: str


class SharedEvidence(SQLModel, table=True):
    """A key that more than a handful of machines share, so that it tells nobody apart and counts for nothing."""

    key: str = Field(primary_key=True)
    kind: str
    #: CIs that claimed it when this was learnt.
    machines: int
    learnt_ms: int = time_ms()
    #: driftline, or who said so.
    by: str
    note: str = ""


class IdentityReview(SQLModel, table=True):
    """A question of identity that waits for a person: is this source that CI?"""

    __table_args__ = (partial_index("identityreview_open", "source_id", where="closed_ms IS NULL", unique=True),)

    id: int = row_id()
    #: claim: a new certificate claims a CI, and its reports wait. moved: a bound source claims another CI's hardware.
    #: same name: a new CI was made, and another has its name.
    kind: str
    source_id: int = Field(foreign_key="source.id", index=True)
    #: The CI that it claims to be.
    ci_id: int = Field(foreign_key="ci.id", index=True)
    #: The CI that the source speaks for meanwhile; None while its reports wait.
    own_ci_id: int | None = Field(default=None, foreign_key="ci.id")
    score: int
    #: Pieces of evidence, `driftline_baseline.identity.Piece` as dicts.
    pieces: list[dict[str, Any]] = document(list)
    #: Other CIs that it may be, best first: {"ci": uid, "name": ..., "score": ...}.
    others: list[dict[str, Any]] = document(list)
    opened_ms: int = time_ms()
    closed_ms: int | None = time_ms_or_none()
    #: None where it closed by itself.
    decision_id: int | None = Field(default=None, foreign_key="identitydecision.id")
    finding_id: int | None = Field(default=None, foreign_key="finding.id")


class IdentityDecision(SQLModel, table=True):
    """What a person decided on identity; the audit trail has it too. Bindings carry its id."""

    id: int = row_id()
    at_ms: int = time_ms()
    actor: str
    #: same, clone, replacement, retire old, merge, split, replace, undo; of a source: split source, expect, retire
    #: source.
    action: str
    reason: str
    #: The CI that stands afterwards, and the other one that it is about.
    ci_id: int = Field(foreign_key="ci.id", index=True)
    other_ci_id: int | None = Field(default=None, foreign_key="ci.id", index=True)
    rfc_id: int | None = Field(default=None, foreign_key="rfc.id")
    #: Ids of the bindings that it ended and that it began, and what else an undo must set back.
    detail: dict[str, Any] = document(dict)
    #: The decision that undid this one.
    undone_by_id: int | None = Field(default=None, foreign_key="identitydecision.id")


class Asset(SQLModel, table=True):
    """A piece of hardware that is, was or will be a CI: what stays in the books when the CI moves to other hardware."""

    __table_args__ = (partial_index("asset_open", "ci_id", "serial_key", where="until_ms IS NULL", unique=True),)

    id: int = row_id()
    ci_id: int = Field(foreign_key="ci.id", index=True)
    #: As the maker writes it, and its normal form as in `IdentityClaim.key`.
    serial_number: str
    serial_key: str = Field(index=True)
    manufacturer: str | None = None
    model: str | None = None
    #: expected, in use, returned.
    status: str
    since_ms: int = time_ms()
    until_ms: int | None = time_ms_or_none()
    rfc_id: int | None = Field(default=None, foreign_key="rfc.id")
    decision_id: int | None = Field(default=None, foreign_key="identitydecision.id")
