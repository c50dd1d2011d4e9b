"""Configuration items, their relations, and which source speaks for which."""

from typing import Any

from sqlmodel import Field, SQLModel

from driftline_baseline import life_cycle
from driftline_cmdb.tables._columns import document, partial_index, row_id, time_ms, time_ms_or_none

#: Of a CI from which no report is expected.
UNSEEN_STATUSES = life_cycle.UNSEEN

#: Life cycle of a CI; "silent" stands in no row, `driftline_cmdb.identity.life`.
STATUSES = life_cycle.STATUSES


class Ci(SQLModel, table=True):
    """A configuration item."""

    id: int = row_id()
    #: Stable identity for the outside, a UUID.
    uid: str = Field(unique=True)
    #: A class of the catalog: `driftline_cmdb.catalog.versions.catalog_of`.
    ci_class: str = "server"
    name: str = Field(index=True)
    status: str = "installed"
    #: Counts the changes of its configuration; a change of facts makes a new version.
    version: int = 0
    owner: str | None = None
    responsible: str | None = None
    environment: str | None = None
    location: str | None = None
    criticality: str | None = None
    services: list[str] = document(list)
    labels: dict[str, str] = document(dict)
    #: The fields that the catalog gives its class, by name.
    fields: dict[str, Any] = document(dict)
    #: The CI that this one was merged into; it stands for this one since. `driftline_cmdb.identity.aliases`.
    merged_into_id: int | None = Field(default=None, foreign_key="ci.id", index=True)
    #: True where it was on record before its first report; None where it never reported and nobody said.
    announced: bool | None = None
    #: When a source first and last reported of it; None where none did yet.
    first_seen_ms: int | None = time_ms_or_none()
    last_seen_ms: int | None = time_ms_or_none()


class Relation(SQLModel, table=True):
    """A relation between two CIs while it held. The CI in front holds it as a fact too, `record.relations`."""

    __table_args__ = (
        partial_index("relation_open", "from_ci_id", "kind", "to_ci_id", where="until_ms IS NULL", unique=True),
    )

    id: int = row_id()
    from_ci_id: int = Field(foreign_key="ci.id", index=True)
    to_ci_id: int = Field(foreign_key="ci.id", index=True)
    #: One of `driftline_baseline.graph.KINDS`.
    kind: str
    #: How it is known.
    by: str = ""
    since_ms: int = time_ms()
    until_ms: int | None = time_ms_or_none()


class Binding(SQLModel, table=True):
    """A source speaks for a CI, for a time. Merging and splitting CIs changes these rows only."""

    __table_args__ = (partial_index("binding_open", "source_id", where="until_ms IS NULL", unique=True),)

    id: int = row_id()
    source_id: int = Field(foreign_key="source.id")
    ci_id: int = Field(foreign_key="ci.id", index=True)
    #: Higher speaks first, per section.
    rank: int = 0
    #: Why it was bound: the evidence that matched, or the decision.
    reason: str = ""
    #: The decision that began it; None where identification did.
    decision_id: int | None = Field(default=None, foreign_key="identitydecision.id")
    since_ms: int = time_ms()
    until_ms: int | None = time_ms_or_none()


class Finding(SQLModel, table=True):
    """Something a person should look at that is no drift: silence, a clone, a failed integrity check."""

    __table_args__ = (partial_index("finding_open", "key", where="closed_ms IS NULL", unique=True),)

    id: int = row_id()
    #: silent, roll-back, stale section, integrity ...
    kind: str
    #: What makes it the same finding when it is seen again: ``silent:site:fra1``.
    key: str
    ci_id: int | None = Field(default=None, foreign_key="ci.id", index=True)
    message: str
    detail: dict[str, Any] = document(dict)
    opened_ms: int = time_ms()
    closed_ms: int | None = time_ms_or_none()
