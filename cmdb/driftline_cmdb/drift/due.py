"""CIs that are due for assessment."""

from sqlmodel import Session

from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.tables.elements import Due


def mark_due(session: Session, ci_id: int, now_ms: int) -> None:
    """Have a CI compared whole, in the transaction that gives the reason for it."""
    due = session.get(Due, ci_id)
    if due is None:
        insert_ignoring(session, Due, [{"ci_id": ci_id, "since_ms": now_ms, "whole": True}])
    else:
        due.whole = True
        session.add(due)
