"""Rows that contradict each other."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session

from driftline_cmdb.integrity.look import GONE, Batch, Deficiency, Look
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.elements import Holding
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta

MEANING = (
    "Nothing ends before it begins, a source speaks for one CI, no drift is open on a CI that is gone, and the deltas \
of an RFC are as its state says."
)

_HOLDING, _BINDING, _CI, _DRIFT = table_of(Holding), table_of(Binding), table_of(Ci), table_of(Drift)
_RFC, _DELTA = table_of(Rfc), table_of(RfcDelta)

#: RFC states in which nothing was ever approved, so that no delta may be part of the expected state.
_UNAPPROVED = ("draft", "submitted", "assessed", "rejected", "cancelled")
_EXPECTED = ("authorised", "settled")
#: RFC states that end it.
_ENDED = ("closed", "rejected", "cancelled", "backed out")


def applies(_session: Session) -> bool:
    """Tell that it always applies."""
    return True


def examine(look: Look) -> Iterator[Batch]:
    """Look at holdings, bindings, drifts and RFCs."""
    yield from _holdings(look)
    yield from _bindings(look)
    joined = _DRIFT.join(_CI, _CI.c.id == _DRIFT.c.ci_id)
    statement = (
        select(_DRIFT.c.id, _DRIFT.c.path, _CI.c.id.label("ci"), _CI.c.name, _CI.c.status)
        .select_from(joined)
        .where(_DRIFT.c.closed_ms.is_(None))
    )
    yield from _rows(look, statement, _DRIFT.c.id, _open_on_what_is_gone)
    statement = select(_RFC.c.id, _RFC.c.number, _RFC.c.state, _RFC.c.closed_ms)
    yield from _rows(look, statement, _RFC.c.id, _ended)
    joined = _DELTA.join(_RFC, _RFC.c.id == _DELTA.c.rfc_id)
    statement = (
        select(_DELTA.c.id, _RFC.c.number, _RFC.c.state, _DELTA.c.state.label("delta"), _DELTA.c.ci_id, _DELTA.c.path)
        .select_from(joined)
        .where(_DELTA.c.state.in_(_EXPECTED))
    )
    yield from _rows(look, statement, _DELTA.c.id, _not_approved)


def _holdings(look: Look) -> Iterator[Batch]:
    for above, up_to in look.ranges(_HOLDING.c.id, 50_000):
        closed = (_HOLDING.c.id > above, _HOLDING.c.id <= up_to, _HOLDING.c.until_revision.is_not(None))
        bad = _HOLDING.c.until_revision <= _HOLDING.c.since_revision
        with look.read() as session:
            connection = session.connection()
            examined = connection.execute(select(func.count()).select_from(_HOLDING).where(*closed)).scalar_one()
            query = select(_HOLDING.c.source_id, func.count(), func.min(_HOLDING.c.id))
            rows = connection.execute(query.where(*closed, bad).group_by(_HOLDING.c.source_id)).all()
            cis = look.cis_of(session, [row[0] for row in rows])
        found = []
        for source_id, count, first in rows:
            text = f"{count} holdings of source {source_id} end before they begin, the first is holding {first}"
            ci_ids = (cis[source_id],) if source_id in cis else ()
            found.append(Deficiency(f"holding:{source_id}", text, ci_ids, count=count))
        yield Batch(examined, found)


def _bindings(look: Look) -> Iterator[Batch]:
    """Look for sources that speak for two CIs; an index forbids it, and an index can be damaged."""
    is_open = _BINDING.c.until_ms.is_(None)
    with look.read() as session:
        connection = session.connection()
        examined = connection.execute(select(func.count()).select_from(_BINDING).where(is_open)).scalar_one()
        query = select(_BINDING.c.source_id, func.count()).where(is_open).group_by(_BINDING.c.source_id)
        rows = connection.execute(query.having(func.count() > 1).limit(1000)).all()
        found = []
        for source_id, count in rows:
            query = select(_BINDING.c.ci_id).where(is_open, _BINDING.c.source_id == source_id)
            ci_ids = tuple(connection.execute(query).scalars())
            text = f"source {source_id} speaks for {count} CIs at a time"
            found.append(Deficiency(f"binding:{source_id}", text, ci_ids))
    yield Batch(examined, found)


def _rows(look: Look, statement: Any, key: Any, judge: Callable[[Any], Deficiency | None]) -> Iterator[Batch]:
    for rows in look.parts(statement, key):
        yield Batch(len(rows), [bad for row in rows if (bad := judge(row)) is not None])


def _open_on_what_is_gone(row: Any) -> Deficiency | None:
    if row.status not in GONE:
        return None
    return Deficiency(
        f"drift:{row.id}", f"drift {row.id} ({row.path}) is open, but {row.name} is {row.status}", (row.ci,)
    )


def _ended(row: Any) -> Deficiency | None:
    if (row.state in _ENDED) == (row.closed_ms is not None):
        return None
    what = "has no time of its end" if row.closed_ms is None else "has a time of its end"
    return Deficiency(f"rfc:{row.number}", f"RFC {row.number} is {row.state}, but {what}")


def _not_approved(row: Any) -> Deficiency | None:
    if row.state not in _UNAPPROVED:
        return None
    text = f"RFC {row.number} is {row.state}, but its delta of {row.path} is {row.delta}: nobody approved that"
    return Deficiency(f"delta:{row.id}", text, (row.ci_id,))
