"""Who was there when something changed: kept as hosts report it, and joined with changes by time (rule 15)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import bindparam, delete, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from driftline.v1.collector_pb2 import Evidence
from driftline_baseline.evidence import LOG_RESOLUTION_MS, Witness, likeliest
from driftline_baseline.interval import Interval
from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Binding
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.evidence import HostEvidence

#: Evidence that is older than this when another report comes is dropped: 400 days.
KEPT_MS = 400 * 86_400_000
_MOST_FOUND, _MOST_SHOWN = 1_000, 100
_EVIDENCE = table_of(HostEvidence)
_EARLIER = aliased(Binding)


def add_evidence(session: Session, source_id: int, evidence: Iterable[Evidence], skew_ms: int, now_ms: int) -> None:
    """Keep evidence, each once; what came before without an end gets it."""
    rows = [_row(source_id, one, skew_ms) for one in evidence]
    if not rows:
        return
    insert_ignoring(session, HostEvidence, rows)
    ends = [{"_digest": row["digest"], "_ended": row["ended_ms"]} for row in rows if row["ended_ms"] is not None]
    if ends:
        statement = (
            update(_EVIDENCE)
            .where(_EVIDENCE.c.source_id == source_id, _EVIDENCE.c.digest == bindparam("_digest"))
            .values(ended_ms=bindparam("_ended"))
        )
        session.connection().execute(statement, ends)
    session.execute(
        delete(_EVIDENCE).where(_EVIDENCE.c.source_id == source_id, _EVIDENCE.c.started_ms < now_ms - KEPT_MS)
    )


def _row(source_id: int, one: Evidence, skew_ms: int) -> dict[str, Any]:
    told = "\0".join((one.kind, one.who, one.what, str(one.started_at_ms), one.source))
    return {
        "source_id": source_id,
        "digest": blake2b(told.encode(), digest_size=16).digest(),
        "kind": one.kind,
        "who": one.who,
        "what": one.what,
        "started_ms": one.started_at_ms + skew_ms,
        "ended_ms": max(one.ended_at_ms, one.started_at_ms) + skew_ms if one.ended_at_ms else None,
        "log": one.source,
    }


@dataclass(frozen=True, slots=True)
class Present:
    """One who was there when a CI's drifts came about."""

    ci_id: int
    evidence: HostEvidence
    #: For at least one of the drifts nobody else was there who comes into question.
    alone: bool


def present_at(session: Session, drifts: Sequence[Drift]) -> list[Present]:
    """Return who was there when drifts came about, oldest first; bounded, the newest count.

    A drift of which nobody knows since when it may have been there has none.
    """
    changes: dict[int, list[Interval]] = defaultdict(list)
    for drift in drifts:
        if drift.after_ms is not None:
            changes[drift.ci_id].append(Interval(drift.after_ms, drift.observed_ms))
    if not changes:
        return []
    earliest = min(change.after_ms or 0 for found in changes.values() for change in found) - LOG_RESOLUTION_MS
    latest = max(change.until_ms for found in changes.values() for change in found) + LOG_RESOLUTION_MS
    query = (
        select(HostEvidence, Binding.ci_id)
        .join(Binding, col(Binding.source_id) == col(HostEvidence.source_id))
        .where(
            col(Binding.ci_id).in_(sorted(changes)),
            # While the source spoke for the CI; before its first binding it spoke for no other.
            or_(col(Binding.until_ms).is_(None), col(Binding.until_ms) > col(HostEvidence.started_ms)),
            or_(
                col(HostEvidence.ended_ms).is_(None),
                col(HostEvidence.ended_ms) >= col(Binding.since_ms),
                ~select(_EARLIER.id)
                .where(col(_EARLIER.source_id) == col(Binding.source_id), col(_EARLIER.since_ms) < Binding.since_ms)
                .exists(),
            ),
            HostEvidence.started_ms <= latest,
            or_(col(HostEvidence.ended_ms).is_(None), col(HostEvidence.ended_ms) >= earliest),
        )
        .order_by(col(HostEvidence.started_ms).desc(), col(HostEvidence.id).desc())
        .limit(_MOST_FOUND)
    )
    by_ci: dict[int, list[HostEvidence]] = defaultdict(list)
    for (_, ci_id), row in {(row.id, ci_id): row for row, ci_id in session.exec(query)}.items():  # bound twice: once
        by_ci[ci_id].append(row)
    out: list[Present] = []
    for ci_id, rows in by_ci.items():
        witnesses = [Witness(row.id, row.kind, row.who, row.what, row.started_ms, row.ended_ms) for row in rows]
        there = {one.id for one in witnesses for change in changes[ci_id] if one.was_there(change)}
        likely = {one.id for change in changes[ci_id] if (one := likeliest(change, witnesses)) is not None}
        out += [Present(ci_id, row, row.id in likely) for row in rows if row.id in there]
    out.sort(key=lambda present: (not present.alone, -present.evidence.started_ms, present.evidence.id))
    return sorted(out[:_MOST_SHOWN], key=lambda present: (present.evidence.started_ms, present.evidence.id))
