"""The sealer: gives entries their places in the chain."""

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from driftline_cmdb.audit.chain import START, link
from driftline_cmdb.database import Database
from driftline_cmdb.tables.audit import AuditEntry


def seal(database: Database, limit: int = 1000) -> int:
    """Chain the entries that are not sealed yet, oldest first; return how many.

    Where two collectors seal at a time, one finds its places taken, writes nothing, and comes again.
    """
    try:
        with database.write() as session:
            return _seal(session, limit)
    except IntegrityError:
        return 0


def _seal(session: Session, limit: int) -> int:
    position, previous = last_sealed(session) or (0, START)
    entries = session.exec(
        select(AuditEntry)
        .where(col(AuditEntry.position).is_(None))
        .order_by(col(AuditEntry.id))
        .limit(limit)
        # One that another collector seals meanwhile is sealed then, and drops out here: never is a place given twice.
        .with_for_update()
    ).all()
    for entry in entries:
        position += 1
        entry.position = position
        entry.chain = previous = link(previous, entry)
        session.add(entry)
    return len(entries)


def last_sealed(session: Session) -> tuple[int, bytes] | None:
    """Return position and chain hash of the last sealed entry; None where none is."""
    query = (
        select(AuditEntry.position, AuditEntry.chain)
        .where(col(AuditEntry.position).is_not(None))
        .order_by(col(AuditEntry.position).desc())
        .limit(1)
    )
    row = session.exec(query).first()
    return None if row is None else (row[0] or 0, row[1] or START)
