"""What REST, pages and commands show of relations, and how people write them."""

from datetime import datetime

from pydantic import BaseModel, Field
from sqlmodel import Session

from driftline_baseline.graph import KINDS, REVERSED
from driftline_cmdb import record, relations
from driftline_cmdb.cis import creating
from driftline_cmdb.cis.creating import create_ci
from driftline_cmdb.relations import Related
from driftline_cmdb.tables.cis import Ci
from driftline_server.evidence import CiRef, ci_ref
from driftline_server.times import moment

_KINDS = ", ".join(KINDS)


class RelationRow(BaseModel):
    """A relation between two CIs, read from the front: web1 depends on db1."""

    front: CiRef
    kind: str
    behind: CiRef
    #: The same words read from behind: db1 is needed by web1.
    reversed: str
    #: How it is known.
    by: str
    since: datetime


class NewRelation(BaseModel):
    """A relation of a CI to another."""

    kind: str = Field(description=f"The words between the two: {_KINDS}.")
    to: str = Field(description="Name or uid of the other CI.")


class NewCi(BaseModel):
    """A CI that is put on record before, or without, any report."""

    name: str
    ci_class: str = "server"
    status: str = Field(default="planned", description="planned becomes installed with its first report.")
    owner: str | None = None
    environment: str | None = None
    location: str | None = None
    criticality: str | None = None
    responsible: str | None = None
    services: list[str] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)
    fields: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Fields that the catalog gives its class, by name."
    )


def create(session: Session, wanted: NewCi, actor: str, now_ms: int) -> Ci:
    """Put a CI on record."""
    given = wanted.model_dump()
    return create_ci(session, creating.NewCi(**{**given, "services": tuple(wanted.services)}), actor, now_ms)


def relate(session: Session, ci: str, wanted: NewRelation, actor: str, now_ms: int) -> RelationRow:
    """Put a relation on record."""
    front, behind = record.find_ci(session, ci), record.find_ci(session, wanted.to)
    relation = relations.relate(session, front, wanted.kind, behind, relations.BY_A_PERSON, actor, now_ms)
    return row(Related(relation, front, behind))


def unrelate(session: Session, ci: str, kind: str, to: str, actor: str, now_ms: int) -> RelationRow:
    """End a relation."""
    front, behind = record.find_ci(session, ci), record.find_ci(session, to)
    relation = relations.unrelate(session, front, kind, behind, actor, now_ms)
    return row(Related(relation, front, behind))


def rows_of(session: Session, ci: Ci, *, chains: bool = False) -> list[RelationRow]:
    """Return the relations of a CI, those in which it stands in front first.

    :param chains: also those further on: of all that it leans on, and of all that leans on it.
    """
    found = relations.chains_of(session, ci) if chains else relations.relations_of(session, ci)
    return [row(one) for one in found]


def row(one: Related) -> RelationRow:
    """Return a relation as it is shown."""
    return RelationRow(
        front=ci_ref(one.from_ci),
        kind=one.relation.kind,
        behind=ci_ref(one.to_ci),
        reversed=REVERSED[one.relation.kind],
        by=one.relation.by,
        since=moment(one.relation.since_ms),
    )
