"""The rows of the store, read: what is there of the hours of some sources."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Column, func, select
from sqlmodel import Session, SQLModel

from driftline_cmdb.utilization.fragments import FRAGMENTS

CHUNKS = SQLModel.metadata.tables["utilizationchunk"]
HOURS = SQLModel.metadata.tables["utilizationhour"]


@dataclass(slots=True)
class Stored:
    """All that is stored of one hour of one source."""

    source_id: int
    hour: int
    #: Of the sealed hour; None before it is sealed.
    version: int | None = None
    summary: bytes | None = None
    histograms: bytes | None = None
    #: None before the hour is sealed and after its minutes' retention.
    chunk: bytes | None = None
    #: Ids and data, in the order in which they came.
    fragments: list[tuple[int, bytes]] = field(default_factory=list)


class Hours:
    """What is stored of some sources between two hours; the parts are read on demand."""

    def __init__(self, session: Session, source_ids: Sequence[int], first_hour: int, last_hour: int) -> None:
        self._session = session
        self._sources = list(dict.fromkeys(source_ids))
        self._first, self._last = first_hour, last_hour
        self._found: dict[tuple[int, int], Stored] = {}

    def __iter__(self) -> Iterator[Stored]:
        """Yield what was read: source by source in the order asked for, hours ascending."""
        rank = {source: position for position, source in enumerate(self._sources)}
        for _, stored in sorted(self._found.items(), key=lambda item: (rank[item[0][0]], item[0][1])):
            yield stored

    def _at(self, source_id: int, hour: int) -> Stored:
        key = (source_id, hour)
        if key not in self._found:
            self._found[key] = Stored(source_id, hour)
        return self._found[key]

    def read_hours(self, *, histograms: bool, without_chunk: bool = False) -> None:
        """Read summaries, and histograms where asked for; of all sealed hours, or of those that have no chunk."""
        columns = [HOURS.c.source_id, HOURS.c.hour, HOURS.c.version, HOURS.c.summary]
        if histograms:
            columns.append(HOURS.c.histograms)
        query = select(*columns).where(
            HOURS.c.source_id.in_(self._sources), HOURS.c.hour.between(self._first, self._last)
        )
        if without_chunk:
            has_chunk = select(CHUNKS.c.hour).where(
                CHUNKS.c.source_id == HOURS.c.source_id, CHUNKS.c.hour == HOURS.c.hour
            )
            query = query.where(~has_chunk.exists())
        for source_id, hour, version, summary, *rest in self._session.connection().execute(query):
            stored = self._at(source_id, hour)
            stored.version, stored.summary = version, summary
            if rest:
                stored.histograms = rest[0]

    def read_chunks(self) -> None:
        """Read all chunks."""
        query = select(CHUNKS.c.source_id, CHUNKS.c.hour, CHUNKS.c.data).where(
            CHUNKS.c.source_id.in_(self._sources), CHUNKS.c.hour.between(self._first, self._last)
        )
        for source_id, hour, data in self._session.connection().execute(query):
            self._at(source_id, hour).chunk = data

    def read_chunks_where(self, wanted: Callable[[Stored], bool]) -> None:
        """Read the chunks of those of the hours found so far that are wanted."""
        for stored in self._found.values():
            if wanted(stored):
                query = select(CHUNKS.c.data).where(
                    CHUNKS.c.source_id == stored.source_id, CHUNKS.c.hour == stored.hour
                )
                stored.chunk = self._session.connection().execute(query).scalar_one_or_none()

    def read_fragments(self) -> None:
        """Read all fragments."""
        query = (
            select(FRAGMENTS.c.id, FRAGMENTS.c.source_id, FRAGMENTS.c.last_minute, FRAGMENTS.c.data)
            .where(
                FRAGMENTS.c.source_id.in_(self._sources),
                FRAGMENTS.c.last_minute.between(self._first * 60, self._last * 60 + 59),
            )
            .order_by(FRAGMENTS.c.id)
        )
        for id_, source_id, last_minute, data in self._session.connection().execute(query):
            self._at(source_id, last_minute // 60).fragments.append((id_, data))


def newest(session: Session, source_ids: Sequence[int]) -> list[tuple[int, int | None, int | None]]:
    """Return per source its newest fragment's last minute and its newest chunk's hour, None where it has none."""
    minutes = _newest(session, source_ids, FRAGMENTS.c.last_minute)
    hours = _newest(session, source_ids, CHUNKS.c.hour)
    return [(source_id, minutes.get(source_id), hours.get(source_id)) for source_id in dict.fromkeys(source_ids)]


def _newest(session: Session, source_ids: Sequence[int], column: Column[int]) -> dict[int, int]:
    source_id = column.table.c.source_id
    query = select(source_id, func.max(column)).where(source_id.in_(list(source_ids))).group_by(source_id)
    return {row[0]: row[1] for row in session.connection().execute(query)}


def fragments_since(session: Session, source_id: int, minute: int) -> list[bytes]:
    """Return the fragments of a source that end at or after a minute, in the order in which they came."""
    query = (
        select(FRAGMENTS.c.data)
        .where(FRAGMENTS.c.source_id == source_id, FRAGMENTS.c.last_minute >= minute)
        .order_by(FRAGMENTS.c.id)
    )
    return list(session.connection().execute(query).scalars())


def chunk_at(session: Session, source_id: int, hour: int) -> bytes:
    """Return the chunk of an hour that has one."""
    query = select(CHUNKS.c.data).where(CHUNKS.c.source_id == source_id, CHUNKS.c.hour == hour)
    return bytes(session.connection().execute(query).scalar_one())
