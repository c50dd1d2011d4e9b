"""Configuration items, their relations, and which source speaks for which."""

from typing import Any

from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, partial_index, row_id, time_ms, time_ms_or_none

#: Life cycle of a CI.
STATUSES = (
    "planned",
    "in stock",
    "installed",
    "in production",
    "in maintenance",
    "silent",
    "retired",
    "disposed",
)


class Ci(SQLModel, table=True):
    """A configuration item."""

    id: int = row_id()
    #: Stable identity for the outside, a UUID.
    uid: str = Field(unique=True)
    #: server, network device, application, service ...
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
    fields: dict[str, Any] = document(dict)
    first_seen_ms: int = time_ms()
    last_seen_ms: int = time_ms()


class Relation(SQLModel, table=True):
    """A relation between two CIs while it held."""

    id: int = row_id()
    from_ci_id: int = Field(foreign_key="ci.id", index=True)
    to_ci_id: int = Field(foreign_key="ci.id", index=True)
    #: runs on, installed on, connected to, member of, depends on.
    kind: str
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
    since_ms: int = time_ms()
    until_ms: int | None = time_ms_or_none()


class Finding(SQLModel, table=True):
    """Something a person should look at that is no drift: silence, a clone, a failed integrity check."""

    __table_args__ = (partial_index("finding_open", "key", where="closed_ms IS NULL", unique=True),)

    id: int = row_id()
    #: silent, roll-back, stale section, integrity ...
    kind: str
    #: What makes it the same finding when it is seen again: ``silent:<source uid>``.
    key: str
    ci_id: int | None = Field(default=None, foreign_key="ci.id", index=True)
    message: str
    detail: dict[str, Any] = document(dict)
    opened_ms: int = time_ms()
    closed_ms: int | None = time_ms_or_none()
