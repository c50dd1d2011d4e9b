"""CIs that are due for assessment."""

from collections.abc import Iterable

from sqlalchemy import update
from sqlmodel import Session, col

from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.elements import Due


def mark_due(session: Session, ci_id: int, now_ms: int) -> None:
    """Have a CI compared whole, in the transaction that gives the reason for it."""
    due = session.get(Due, ci_id)
    if due is None:
        insert_ignoring(session, Due, [{"ci_id": ci_id, "since_ms": now_ms, "whole": True}])
    else:
        due.whole = True
        session.add(due)


def mark_all_due(session: Session, ci_ids: Iterable[int], now_ms: int) -> None:
    """Have many CIs compared whole, in few statements."""
    session.flush()
    for chunk in chunks(sorted(set(ci_ids))):
        insert_ignoring(session, Due, [{"ci_id": ci_id, "since_ms": now_ms, "whole": True} for ci_id in chunk])
        session.exec(update(Due).where(col(Due.ci_id).in_(chunk)).values(whole=True))
