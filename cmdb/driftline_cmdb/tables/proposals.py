"""Services and relations proposed from what is seen: what was seen, what is proposed, what people decided."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import DocumentVersion, document, row_id, time_ms, time_ms_or_none


class Look(SQLModel, table=True):
    """What of a CI was looked at for proposals, so that only what changed is looked at again."""

    ci_id: int = Field(primary_key=True, foreign_key="ci.id")
    #: Made of when the sections that count were read; another one asks for another look.
    stamp: int = time_ms()
    looked_ms: int = time_ms(index=True)
    #: The version of the service rules that it was looked at with.
    rules: int = 0
    #: It tells of its peers.
    talks: bool = False


class SeenAddress(SQLModel, table=True):
    """An address that a CI holds on an interface that stays."""

    id: int = row_id()
    ci_id: int = Field(foreign_key="ci.id", index=True)
    address: str = Field(index=True)


class SeenLink(SQLModel, table=True):
    """A CI connects to a port of another one, or did of late."""

    __table_args__ = (
        UniqueConstraint("front_ci_id", "behind_ci_id", "protocol", "port"),
        Index("seenlink_behind", "behind_ci_id", "protocol", "port"),
    )

    id: int = row_id()
    front_ci_id: int = Field(foreign_key="ci.id")
    behind_ci_id: int = Field(foreign_key="ci.id")
    protocol: str
    port: int
    #: Of the CI behind, as the one in front connects to it.
    address: str = ""
    front_unit: str = ""
    behind_unit: str = ""
    #: Which ends tell of it now; once neither does, `until_ms` is set.
    by_front: bool = False
    by_behind: bool = False
    since_ms: int = time_ms()
    until_ms: int | None = time_ms_or_none()


class ServiceMember(SQLModel, table=True):
    """A CI makes a service, or a part of one, as a rule says."""

    __table_args__ = (UniqueConstraint("ci_id", "name"),)

    id: int = row_id()
    name: str = Field(index=True)
    ci_id: int = Field(foreign_key="ci.id")
    rule: str
    ci_class: str
    relation: str
    owner: str | None = None
    #: Ports of the service there: tcp/5432.
    ports: list[str] = document(list)
    #: What it was known by, in words.
    why: list[str] = document(list)
    since_ms: int = time_ms()


class Proposal(SQLModel, table=True):
    """Something that a person may confirm or reject."""

    id: int = row_id()
    #: One of `driftline_baseline.proposals.KINDS`.
    kind: str
    key: str = Field(unique=True)
    #: open, accepted, rejected, ignored (by a pattern), lapsed (not seen any more before anyone decided).
    state: str = Field(default="open", index=True)
    #: In words: web1 depends on db1.
    title: str
    #: The CI in front: its owner may decide. Of a service the first of its hosts; of what everyone uses none.
    front_ci_id: int | None = Field(default=None, foreign_key="ci.id", index=True)
    behind_ci_id: int | None = Field(default=None, foreign_key="ci.id", index=True)
    #: What it rests on: ports, hosts.
    material: list[str] = document(list)
    #: For people: links, members, rule, purpose.
    evidence: dict[str, Any] = document(dict)
    first_seen_ms: int = time_ms()
    last_seen_ms: int = time_ms()
    decided_by: str | None = None
    decided_ms: int | None = time_ms_or_none()
    reason: str = ""
    #: What it rested on when it was decided.
    decided_material: list[str] = document(list)


class ProposalIgnore(SQLModel, table=True):
    """Addresses and ports that are never proposed, such as those of monitoring."""

    id: int = row_id()
    #: An address, or a network: 192.0.2.0/24. Empty for any.
    network: str = ""
    #: tcp/9100. Empty for any.
    port: str = ""
    reason: str
    actor: str
    since_ms: int = time_ms()
    until_ms: int | None = time_ms_or_none()


class ServiceRulesVersion(DocumentVersion, table=True):
    """One version of the rules by which services are proposed; the newest is in force."""
