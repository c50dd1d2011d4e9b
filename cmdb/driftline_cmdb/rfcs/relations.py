"""Walks over the relations between CIs that hold now; cycles end by themselves.

The relations of a CI that was merged are those of the CI that stands for it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline_cmdb.identity.aliases import resolved
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Relation

#: Relations over which one CI needs another: from the one that needs to the one that is needed.
NEEDS = ("runs on", "installed on", "depends on")


@dataclass(frozen=True, slots=True)
class Step:
    """How a walk came to a CI."""

    #: The CI before it on the shortest way.
    via: int
    #: Kind of the relation between the two.
    kind: str
    #: How many relations lie between it and the nearest start.
    distance: int


def dependants(session: Session, starts: Collection[int]) -> Mapping[int, Step]:
    """Return the CIs that need one of some CIs, over any number of others."""
    return _walk(session, starts, NEEDS, up=True)


def needed(session: Session, starts: Collection[int], kinds: Collection[str] = NEEDS) -> Mapping[int, Step]:
    """Return the CIs that some CIs need, over any number of others."""
    return _walk(session, starts, kinds, up=False)


def _walk(session: Session, starts: Collection[int], kinds: Collection[str], *, up: bool) -> dict[int, Step]:
    here, there = (Relation.to_ci_id, Relation.from_ci_id) if up else (Relation.from_ci_id, Relation.to_ci_id)
    found: dict[int, Step] = {}
    now = resolved(session)
    merged: dict[int, list[int]] = {}
    for alias, stands in now.items():
        merged.setdefault(stands, []).append(alias)
    starts = {now.get(start, start) for start in starts}
    edge, distance = set(starts), 0
    while edge:
        distance += 1
        reached: set[int] = set()
        for chunk in chunks(sorted({one for ci_id in edge for one in (ci_id, *merged.get(ci_id, ()))})):
            query = select(here, there, Relation.kind).where(
                col(here).in_(chunk), col(Relation.kind).in_(kinds), col(Relation.until_ms).is_(None)
            )
            for via, ci_id, kind in session.exec(query.order_by(col(Relation.id))):
                via, ci_id = now.get(via, via), now.get(ci_id, ci_id)
                if ci_id not in found and ci_id not in starts:
                    found[ci_id] = Step(via, kind, distance)
                    reached.add(ci_id)
        edge = reached
    return found


def chain(steps: Mapping[int, Step], ci_id: int) -> list[tuple[int, str]]:
    """Return the way from a CI back to a start: each CI after it, with the relation that leads there."""
    way = []
    while ci_id in steps:
        step = steps[ci_id]
        way.append((step.via, step.kind))
        ci_id = step.via
    return way
