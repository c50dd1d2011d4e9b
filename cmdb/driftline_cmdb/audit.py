"""The audit trail: decisions, append-only, chained by hashes (design section 5)."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from driftline_cmdb.database import Database
from driftline_cmdb.tables.audit import AuditEntry

_START = b"\0" * 32


def record(session: Session, actor: str, action: str, subject: str, detail: dict[str, Any], now_ms: int) -> None:
    """Add one decision, in the transaction that carries it out.

    :param actor: the person's name, or ``driftline``.
    :param action: dotted, in the past: ``baseline.approved``.
    :param subject: what it was done to: ``baseline golden v1``.
    :param detail: what a reviewer needs; never a secret.
    """
    session.add(AuditEntry(at_ms=now_ms, actor=actor, action=action, subject=subject, detail=detail))


def link(previous: bytes, entry: AuditEntry) -> bytes:
    """Return an entry's place in the chain: SHA-256 over the one before and the entry's canonical JSON."""
    plain = json.dumps(
        [entry.position, entry.at_ms, entry.actor, entry.action, entry.subject, entry.detail],
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    return sha256(previous + plain.encode()).digest()


def seal(database: Database, limit: int = 1000) -> int:
    """Chain the entries that are not sealed yet, oldest first; return how many.

    Where two collectors seal at a time, one finds its places taken, writes nothing, and comes again.
    """
    try:
        return _seal(database, limit)
    except IntegrityError:
        return 0


def _seal(database: Database, limit: int) -> int:
    with database.write() as session:
        last = session.exec(
            select(AuditEntry)
            .where(col(AuditEntry.position).is_not(None))
            .order_by(col(AuditEntry.position).desc())
            .limit(1)
        ).first()
        position, previous = (last.position or 0, last.chain or _START) if last else (0, _START)
        entries = session.exec(
            select(AuditEntry).where(col(AuditEntry.position).is_(None)).order_by(col(AuditEntry.id)).limit(limit)
        ).all()
        for entry in entries:
            position += 1
            entry.position = position
            entry.chain = previous = link(previous, entry)
            session.add(entry)
        return len(entries)


def broken_at(entries: Iterable[AuditEntry]) -> int | None:
    """Return the position at which sealed entries no longer fit their chain, None where all fit.

    :param entries: all sealed entries, by position.
    """
    previous = _START
    for expected, entry in enumerate(entries, start=1):
        if entry.position != expected or entry.chain != link(previous, entry):
            return expected
        previous = entry.chain
    return None
