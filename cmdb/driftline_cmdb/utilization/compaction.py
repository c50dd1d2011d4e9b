"""Sealing: complete hours become chunks and hours, fragments go, and what is too old goes too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from driftline_cmdb.database import Database
from driftline_cmdb.errors import Invalid
from driftline_cmdb.utilization.fragments import FRAGMENTS
from driftline_cmdb.utilization.stored import CHUNKS, HOURS, Hours, Stored

_HOUR = 3_600_000
_DAY = 24 * _HOUR

KEEP_MINUTES_MS = 14 * _DAY
KEEP_HOURS_MS = 2 * 365 * _DAY
#: How long after its end an hour is still open, so that what comes in time is sealed once.
GRACE_MS = 10 * 60_000

#: Hours of sources that one transaction seals; it holds SQLite's only write lock for about a millisecond each.
_BATCH = 16


@dataclass(slots=True)
class Compacted:
    """What one compaction did."""

    #: Hours of sources that were sealed, or sealed again with late minutes.
    hours: int = 0
    fragments: int = 0
    #: Hours that another process sealed at the same time; what is left of them waits for the next compaction.
    contended: int = 0
    #: Hours that went beyond the retention of minutes, and of hours.
    chunks_dropped: int = 0
    hours_dropped: int = 0
    #: Why some hours could not be sealed; they stay as they are.
    failures: list[str] = field(default_factory=list)


class _Sealed(NamedTuple):
    stored: Stored
    chunk: bytes | None
    summary: bytes
    histograms: bytes


def compact(
    database: Database,
    now_ms: int,
    *,
    grace_ms: int = GRACE_MS,
    keep_minutes_ms: int = KEEP_MINUTES_MS,
    keep_hours_ms: int = KEEP_HOURS_MS,
) -> Compacted:
    """Seal all complete hours and apply the retention.

    It may run in any number of processes, may be killed at any time and run again: an hour's chunk and summary are
    written, and its fragments deleted, in one transaction, if nobody else sealed the hour in between. The work between
    is done outside of transactions. Fragments that come after that open the hour again.

    :param now_ms: the collector's clock, ms since 1970.
    :param grace_ms: how long after its end an hour still waits for reports.
    :param keep_minutes_ms: retention of minutes.
    :param keep_hours_ms: retention of hours.
    """
    done = Compacted()
    oldest_chunk, oldest_hour = (now_ms - keep_minutes_ms) // _HOUR, (now_ms - keep_hours_ms) // _HOUR
    due = iter(_due(database, (now_ms - grace_ms) // _HOUR))
    while batch := list(islice(due, _BATCH)):
        sealed = []
        with database.read() as session:
            found = [stored for source_id, hour in batch for stored in _read(session, source_id, hour)]
        for stored in found:
            try:
                sealed.append(_seal(stored, keeps_chunk=stored.hour >= oldest_chunk))
            except Invalid as error:
                done.failures.append(str(error))
        with database.write() as session:
            written = [one for one in sealed if _write(session.connection(), one)]
        done.hours += len(written)
        done.fragments += sum(len(one.stored.fragments) for one in written)
        done.contended += len(sealed) - len(written)
    done.chunks_dropped = _drop(database, CHUNKS, oldest_chunk)
    done.hours_dropped = _drop(database, HOURS, oldest_hour)
    return done


def _due(database: Database, open_hour: int) -> Sequence[tuple[int, int]]:
    """Return source and hour of all fragments before the first hour that is not complete."""
    hour = FRAGMENTS.c.last_minute // 60
    query = (
        select(FRAGMENTS.c.source_id, hour)
        .where(FRAGMENTS.c.last_minute < open_hour * 60)
        .distinct()
        .order_by(FRAGMENTS.c.source_id, hour)
    )
    with database.read() as session:
        return [(source_id, int(hour)) for source_id, hour in session.connection().execute(query)]


def _read(session: Session, source_id: int, hour: int) -> Iterator[Stored]:
    span = Hours(session, [source_id], hour, hour)
    span.read_hours(histograms=True)
    span.read_chunks()
    span.read_fragments()
    return (stored for stored in span if stored.fragments)


def _seal(stored: Stored, *, keeps_chunk: bool) -> _Sealed:
    from driftline_cmdb.utilization import chunks, hours
    from driftline_cmdb.utilization.settled import settle

    settled = settle(stored)
    chunk = chunks.encode(settled.groups, stored.hour) if settled.groups is not None and keeps_chunk else None
    return _Sealed(stored, chunk, *hours.encode(settled.summary, settled.histograms))


def _write(connection: Connection, sealed: _Sealed) -> bool:
    """Write one sealed hour; False, and nothing written, where another process sealed it since it was read."""
    stored = sealed.stored
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    place = {"source_id": stored.source_id, "hour": stored.hour}
    values = {"summary": sealed.summary, "histograms": sealed.histograms}
    if stored.version is None:
        new = insert(HOURS).values(**place, **values, version=1).on_conflict_do_nothing()
        # Without the option SQLAlchemy does not keep the count of an INSERT, and says -1.
        changed = connection.execute(new, execution_options={"preserve_rowcount": True}).rowcount
    else:
        same = [HOURS.c.source_id == stored.source_id, HOURS.c.hour == stored.hour, HOURS.c.version == stored.version]
        changed = connection.execute(update(HOURS).where(*same).values(**values, version=stored.version + 1)).rowcount
    if not changed:
        return False
    if sealed.chunk is not None:
        chunk = insert(CHUNKS).values(**place, data=sealed.chunk)
        connection.execute(
            chunk.on_conflict_do_update(index_elements=["source_id", "hour"], set_={"data": chunk.excluded.data})
        )
    connection.execute(delete(FRAGMENTS).where(FRAGMENTS.c.id.in_([id_ for id_, _ in stored.fragments])))
    return True


def _drop(database: Database, table: Table, oldest_hour: int) -> int:
    """Delete the rows of hours before the oldest that is kept, one hour a transaction, and return how many."""
    with database.read() as session:
        hours = session.connection().execute(select(table.c.hour).where(table.c.hour < oldest_hour).distinct())
        expired = sorted(hours.scalars())
    dropped = 0
    for hour in expired:
        with database.write() as session:
            dropped += session.connection().execute(delete(table).where(table.c.hour == hour)).rowcount
    return dropped
