"""What hosts' own logs say happened, kept as evidence."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from sqlmodel import Session, col, func, select

from driftline.v1.collector_pb2 import Transaction
from driftline_baseline.evidence import HostAct, PackageStep
from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.tables.elements import HostTransaction

MAX_COMMAND_LINE = 4_000
MAX_CHANGES = 20_000


def add_transactions(session: Session, source_id: int, transactions: Iterable[Transaction], skew_ms: int) -> bool:
    """Keep transactions, each once; tell whether one was new."""
    rows = [_row(source_id, transaction, skew_ms) for transaction in transactions]
    if not rows:
        return False

    def count() -> int:
        query = select(func.count()).select_from(HostTransaction).where(HostTransaction.source_id == source_id)
        return session.exec(query).one()

    before = count()
    insert_ignoring(session, HostTransaction, rows)
    return count() > before


def _row(source_id: int, transaction: Transaction, skew_ms: int) -> dict[str, Any]:
    return {
        "source_id": source_id,
        "digest": blake2b(transaction.SerializeToString(deterministic=True), digest_size=16).digest(),
        "manager": transaction.manager,
        "command_line": transaction.command_line[:MAX_COMMAND_LINE],
        "requested_by": transaction.requested_by,
        "started_ms": transaction.started_at_ms + skew_ms,
        "ended_ms": transaction.ended_at_ms + skew_ms,
        "changes": [
            {
                "action": change.action,
                "name": change.name,
                "architecture": change.architecture,
                "version_before": change.version_before,
                "version_after": change.version_after,
                "automatic": change.automatic,
            }
            for change in transaction.changes[:MAX_CHANGES]
        ],
    }


def acts_since(session: Session, source_ids: Iterable[int], since_ms: int) -> list[HostAct]:
    """Return the transactions of some sources that ended at or after a time, oldest first."""
    query = (
        select(HostTransaction)
        .where(col(HostTransaction.source_id).in_(list(source_ids)), HostTransaction.ended_ms >= since_ms)
        .order_by(col(HostTransaction.ended_ms))
    )
    return [as_act(row) for row in session.exec(query)]


def as_act(row: HostTransaction) -> HostAct:
    """Return a transaction as the domain logic knows it."""
    steps = tuple(
        PackageStep(
            change["name"],
            change["architecture"],
            change["version_before"],
            "" if change["action"] in ("remove", "purge") else change["version_after"],
            change["automatic"],
        )
        for change in row.changes
    )
    return HostAct(row.id, row.manager, row.command_line, row.requested_by, row.started_ms, row.ended_ms, steps)
