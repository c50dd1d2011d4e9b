"""What a check sees of the record, and what it says: small reads, one after the other, so that none lasts for long."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy import func as sql_func
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from driftline_baseline import life_cycle
from driftline_cmdb.database import Database
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Binding

_DAY_MS = 86_400_000

#: Statuses of CIs that are not expected to report.
NOT_IN_USE = life_cycle.UNSEEN
#: CIs that the accuracy figure leaves out.
GONE = life_cycle.GONE


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on something is a deficiency."""

    #: A CI in use that no source has seen for this long.
    unseen_ms: int = 7 * _DAY_MS
    #: A section that cannot be read for this long.
    stale_ms: int = _DAY_MS
    #: A host's clock this far from the collector's.
    skew_ms: int = 300_000
    #: A decision that is not sealed after this time.
    unsealed_ms: int = 3_600_000


@dataclass(frozen=True, slots=True)
class Deficiency:
    """Something on record that is not as it must be."""

    #: What makes it the same one in the next run, within its check.
    key: str
    message: str
    #: CIs and elements that are not accurate because of it.
    ci_ids: tuple[int, ...] = ()
    element_ids: tuple[int, ...] = ()
    #: How many rows it stands for.
    count: int = 1


@dataclass(frozen=True, slots=True)
class Batch:
    """A part of what a check looked at."""

    examined: int
    deficiencies: Sequence[Deficiency] = ()
    #: Said of the whole, with the result: "12 elements are held by nobody".
    note: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A module of ``checks``."""

    #: The module's.
    name: str
    #: Its MEANING: what is right, in one sentence.
    meaning: str
    #: Its ``applies``: tells whether there is anything to look at.
    applies: Callable[[Session], bool]
    #: Its ``examine``: looks at everything, in parts; only reads.
    examine: "Callable[[Look], Iterator[Batch]]"


@dataclass(frozen=True)
class Look:
    """The record as a check may see it."""

    database: Database
    now_ms: int
    limits: Limits = field(default_factory=Limits)
    #: Called between reads: rests, so that other work goes before, and raises where the run must end.
    rest: Callable[[], None] = lambda: None

    def read(self) -> AbstractContextManager[Session]:
        """One short read."""
        self.rest()
        return self.database.read()

    def parts(self, statement: Any, key: ColumnElement[Any], size: int = 2000) -> Iterator[Sequence[Any]]:
        """Yield a statement's rows in the order of a unique key, in parts, each a read of its own.

        :param key: a column of the statement.
        """
        after: Any = None
        while True:
            part = statement.order_by(key).limit(size)
            with self.read() as session:
                rows = session.connection().execute(part if after is None else part.where(key > after)).all()
            if rows:
                yield rows
            if len(rows) < size:
                return
            after = rows[-1]._mapping[key]

    def ranges(self, key: ColumnElement[Any], size: int = 20_000) -> Iterator[tuple[int, int]]:
        """Yield ranges (above, up to) of a numeric key that cover a table."""
        with self.read() as session:
            query = sql_select(sql_func.min(key), sql_func.max(key))
            first, last = session.connection().execute(query).one()
        if first is not None:
            for above in range(first - 1, last, size):
                yield above, min(above + size, last)

    def cis_of(self, session: Session, source_ids: Sequence[int]) -> dict[int, int]:
        """Return the CIs that some sources speak for, by source."""
        found: dict[int, int] = {}
        for chunk in chunks(set(source_ids)):
            query = select(Binding.source_id, Binding.ci_id).where(
                col(Binding.source_id).in_(chunk), col(Binding.until_ms).is_(None)
            )
            found.update((source_id, ci_id) for source_id, ci_id in session.exec(query))
        return found
