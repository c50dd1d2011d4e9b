"""What else a source's calls tell beside its reports: that its agent stops and why, and that its calls are refused."""

from sqlalchemy import or_, update
from sqlmodel import col, select

from driftline_cmdb.database import Database
from driftline_cmdb.tables.sources import Source

#: A refusal is noted at most so often for a source, ms.
REFUSED_EVERY_MS = 60_000
_LONGEST = 300


def note_leave(database: Database, source_id: int, reason: str, now_ms: int) -> None:
    """Note that a source's agent stops; its next report clears it.

    :param reason: name of a `LeaveReason`.
    """
    with database.read() as session:
        if session.exec(select(Source.left_reason).where(Source.id == source_id)).first() == reason:
            return  # said already: who repeats it costs no write
    with database.write() as session:
        session.execute(update(Source).where(col(Source.id) == source_id).values(left_ms=now_ms, left_reason=reason))


def note_refusal(database: Database, uid: str, reason: str, now_ms: int) -> None:
    """Note that a source's call was refused, at most once a minute."""
    with database.write() as session:
        before = col(Source.refused_ms)
        session.execute(
            update(Source)
            .where(col(Source.uid) == uid, or_(before.is_(None), before <= now_ms - REFUSED_EVERY_MS))
            .values(refused_ms=now_ms, refused_reason=reason[:_LONGEST])
        )
