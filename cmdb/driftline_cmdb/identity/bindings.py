"""Bindings: which sources speak for a CI, from when to when. Every change of a binding goes through here."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, or_
from sqlmodel import Session, col, select

from driftline_cmdb import driven
from driftline_cmdb.tables.cis import Binding
from driftline_cmdb.tables.sources import RECORD, Source
from driftline_cmdb.tables.topology import TopologyDue


@dataclass(frozen=True, slots=True)
class Span:
    """A source spoke for a CI in this time."""

    source_id: int
    since_ms: int
    #: None: it still does.
    until_ms: int | None

    def covers(self, at_ms: int) -> bool:
        """Tell whether it spoke at a time."""
        return self.since_ms <= at_ms and (self.until_ms is None or at_ms < self.until_ms)


@dataclass(frozen=True, slots=True)
class Voice:
    """A source that speaks for a CI now."""

    source_id: int
    #: agent, how a device is reached, or RECORD.
    kind: str
    since_ms: int


def precedence(at_ms: int | None = None, *, lowest_first: bool = False) -> list[ColumnElement[Any]]:
    """Return what to sort bindings, joined with their sources, by: the one whose word counts most comes first.

    A quarantined source comes last; else the higher rank, an agent before a device, the source that joined later: what
    was installed anew is newer, whichever of the two was bound first.

    :param at_ms: as quarantine was at this time, as far as that is still known; now by default.
    :param lowest_first: the other way round, for who reads rows so that the later one wins.
    """
    quarantined = col(Source.quarantined_ms)
    free = quarantined.is_(None) if at_ms is None else or_(quarantined.is_(None), quarantined > at_ms)
    agent = col(Source.kind) == "agent"
    best = [case((free, 1), else_=0), col(Binding.rank), case((agent, 1), else_=0), col(Source.enrolled_ms)]
    return [one.asc() if lowest_first else one.desc() for one in (*best, col(Binding.id))]


def voices(session: Session, ci_id: int) -> list[Voice]:
    """Return the sources that speak for a CI now, its record too, the one whose word counts most first."""
    query = (
        select(Binding.source_id, Source.kind, Binding.since_ms)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(Binding.ci_id == ci_id, col(Binding.until_ms).is_(None))
        .order_by(*precedence())
    )
    return [Voice(*row) for row in session.exec(query)]


def bind(
    session: Session,
    source_id: int,
    ci_id: int,
    reason: str,
    since_ms: int,
    *,
    rank: int = 0,
    decision_id: int | None = None,
    claims_follow: bool = True,
) -> int:
    """Let a source speak for a CI from a time on; what it was bound to before must have been ended.

    Returns the binding's id.

    :param reason: the evidence that matched, or the decision, for people.
    :param since_ms: may lie before now, for a source whose reports waited for the decision.
    :param claims_follow: False where the caller stores what the source claims for this CI, too.
    """
    values = {"source_id": source_id, "ci_id": ci_id, "rank": rank, "reason": reason, "since_ms": since_ms}
    binding_id = driven.add(session, Binding, **values, decision_id=decision_id)
    driven.add(session, TopologyDue, ci_id=ci_id, since_ms=since_ms)  # others may see it by another name now
    if claims_follow:
        _claims_follow(session, source_id, ci_id)
    return binding_id


def bind_records(session: Session, cis_of: Mapping[int, int], rank: int, now_ms: int) -> None:
    """Let the records of CIs speak for them, many at once: they have just been made, and claim nothing.

    :param cis_of: the CI's id by the id of its record's source.
    """
    session.add_all(
        Binding(source_id=source_id, ci_id=ci_id, rank=rank, reason="its own record", since_ms=now_ms)
        for source_id, ci_id in cis_of.items()
    )
    session.flush()


def end(session: Session, binding: Binding, now_ms: int) -> None:
    """Have a source speak for its CI no longer. Its claims stay the CI's until the source is bound elsewhere."""
    binding.until_ms = now_ms
    session.add_all([binding, TopologyDue(ci_id=binding.ci_id, since_ms=now_ms)])
    session.flush()


def reopen(session: Session, binding: Binding) -> None:
    """Let a source speak for a CI again as if it had never stopped; what it was bound to since must have been ended."""
    binding.until_ms = None
    session.add_all([binding, TopologyDue(ci_id=binding.ci_id, since_ms=binding.since_ms)])
    session.flush()
    _claims_follow(session, binding.source_id, binding.ci_id)


def _claims_follow(session: Session, source_id: int, ci_id: int) -> None:
    """Have the claims of a source follow its binding, so that a look-up by evidence is one index."""
    driven.write(session, "UPDATE identityclaim SET ci_id = ? WHERE source_id = ?", [(ci_id, source_id)])


def of_source(session: Session, source_id: int) -> Binding | None:
    """Return the open binding of a source."""
    query = select(Binding).where(Binding.source_id == source_id, col(Binding.until_ms).is_(None))
    return session.exec(query).first()


def of_ci(session: Session, ci_id: int, *, agents_only: bool = True) -> list[Binding]:
    """Return the open bindings of a CI, the one whose word counts most first.

    :param agents_only: without that of the CI's own record.
    """
    query = (
        select(Binding)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(Binding.ci_id == ci_id, col(Binding.until_ms).is_(None))
        .order_by(*precedence())
    )
    if agents_only:
        query = query.where(Source.kind != RECORD)
    return list(session.exec(query))


def spans_of(session: Session, ci_ids: Collection[int]) -> dict[int, list[Span]]:
    """Return who ever spoke for each CI and when, the record too, oldest first."""
    found: dict[int, list[Span]] = {ci_id: [] for ci_id in ci_ids}
    query = (
        select(Binding).where(col(Binding.ci_id).in_(sorted(found))).order_by(col(Binding.since_ms), col(Binding.id))
    )
    for row in session.exec(query):
        found[row.ci_id].append(Span(row.source_id, row.since_ms, row.until_ms))
    return found


def rows(session: Session, ids: Iterable[int]) -> list[Binding]:
    """Return bindings by id, in the order of their ids."""
    return list(session.exec(select(Binding).where(col(Binding.id).in_(sorted(ids))).order_by(col(Binding.id))))
