"""Relations between CIs. Each is a row, and a fact of the CI in front."""

from dataclasses import dataclass

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from driftline_baseline.graph import KINDS, Edge, dependants, dependencies
from driftline_cmdb import audit, recording
from driftline_cmdb.cis.creating import NewCi as NewCi  # callers put CIs on record and relate them
from driftline_cmdb.cis.creating import create_ci as create_ci
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.identity.aliases import aliases, resolved, survivor
from driftline_cmdb.tables.cis import Ci, Relation

#: How a relation is known that a person put on record.
BY_A_PERSON = "said by a person"


@dataclass(frozen=True, slots=True)
class Related:
    """An open relation with both its CIs."""

    relation: Relation
    from_ci: Ci
    to_ci: Ci


def relate(session: Session, from_ci: Ci, kind: str, to_ci: Ci, by: str, actor: str, now_ms: int) -> Relation:
    """Put a relation on record: ``web1 depends on db1``.

    :param by: how it is known; :data:`BY_A_PERSON`.
    :raises Invalid: no such kind, or a CI with itself.
    :raises Conflict: where it is on record already.
    """
    if kind not in KINDS:
        raise Invalid(f'kind: "{kind}" is not one of {", ".join(KINDS)}')
    if from_ci.id == to_ci.id:
        raise Invalid(f"{from_ci.name} cannot stand in a relation to itself")
    if _open(session, from_ci, kind, to_ci) is not None:
        raise Conflict(f"{from_ci.name} {kind} {to_ci.name} is on record already")
    recording.ensure(session, from_ci, now_ms)
    relation = Relation(from_ci_id=from_ci.id, to_ci_id=to_ci.id, kind=kind, by=by, since_ms=now_ms)
    session.add(relation)
    _decided(session, "ci.related", from_ci, kind, to_ci, by, actor, now_ms)
    return relation


def unrelate(session: Session, from_ci: Ci, kind: str, to_ci: Ci, actor: str, now_ms: int) -> Relation:
    """End a relation.

    :raises NotFound: where it is not on record.
    """
    relation = _open(session, from_ci, kind, to_ci)
    if relation is None:
        raise NotFound(f"{from_ci.name} {kind} {to_ci.name} is not on record; driftline ci relations {from_ci.name}")
    relation.until_ms = now_ms
    session.add(relation)
    _decided(session, "ci.unrelated", from_ci, kind, to_ci, relation.by, actor, now_ms)
    return relation


def _open(session: Session, from_ci: Ci, kind: str, to_ci: Ci) -> Relation | None:
    return session.exec(
        select(Relation).where(
            col(Relation.from_ci_id).in_(aliases(session, from_ci.id)),
            col(Relation.to_ci_id).in_(aliases(session, to_ci.id)),
            Relation.kind == kind,
            col(Relation.until_ms).is_(None),
        )
    ).first()


def _decided(
    session: Session, action: str, from_ci: Ci, kind: str, to_ci: Ci, by: str, actor: str, now_ms: int
) -> None:
    detail = {"kind": kind, "to": to_ci.uid, "name": to_ci.name, "by": by}
    audit.record(session, actor, action, f"CI {from_ci.name}", detail, now_ms)
    recording.write(session, [from_ci], now_ms)


def relations_of(session: Session, ci: Ci) -> list[Related]:
    """Return the open relations in which a CI stands in front, then those in which it stands behind."""
    ids = aliases(session, ci.id)
    found = _related(session, or_(col(Relation.from_ci_id).in_(ids), col(Relation.to_ci_id).in_(ids)))
    return sorted(found, key=lambda one: (one.relation.from_ci_id != ci.id, one.relation.kind, one.to_ci.name))


def chains_of(session: Session, ci: Ci) -> list[Related]:
    """Return the open relations between a CI and all that it leans on, and between it and all that leans on it."""
    edges = all_edges(session)
    sides = [set(found) | {ci.id} for found in (dependants(ci.id, edges), dependencies(ci.id, edges))]
    ids = {one for ci_id in set.union(*sides) for one in aliases(session, ci_id)}
    found = _related(session, col(Relation.from_ci_id).in_(sorted(ids)))
    wanted = [one for one in found if any({one.from_ci.id, one.to_ci.id} <= side for side in sides)]
    return sorted(wanted, key=lambda one: (one.from_ci.name, one.relation.kind, one.to_ci.name))


def all_edges(session: Session) -> list[Edge[int]]:
    """Return every open relation, CIs by id; the CI that stands for one that was merged."""
    query = select(Relation.from_ci_id, Relation.kind, Relation.to_ci_id).where(col(Relation.until_ms).is_(None))
    now = resolved(session)
    edges = [
        Edge(now.get(one, one), kind, now.get(two, two))
        for one, kind, two in session.exec(query.order_by(col(Relation.id)))
    ]
    return list(dict.fromkeys(edge for edge in edges if edge.from_ci != edge.to_ci)) if now else edges


def _related(session: Session, condition: object) -> list[Related]:
    front, behind = aliased(Ci), aliased(Ci)
    query = (
        select(Relation, front, behind)
        .join(front, col(front.id) == col(Relation.from_ci_id))
        .join(behind, col(behind.id) == col(Relation.to_ci_id))
        .where(condition, col(Relation.until_ms).is_(None))  # type: ignore[arg-type]  # a column's condition
    )
    found: dict[tuple[int, str, int], Related] = {}
    for relation, from_ci, to_ci in session.exec(query):
        one = Related(relation, survivor(session, from_ci), survivor(session, to_ci))
        if one.from_ci.id != one.to_ci.id:
            found.setdefault((one.from_ci.id, relation.kind, one.to_ci.id), one)
    return list(found.values())
