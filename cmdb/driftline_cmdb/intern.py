"""Numbers for paths and elements: each is stored once for the whole fleet.

What is missing is inserted sorted, in a short transaction of its own before the holdings that refer to it: unsorted,
PostgreSQL's writers deadlock.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from driftline.facts import Element as FactElement
from driftline_cmdb.database import Database
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.elements import Element, Path


class Interned:
    """Ids of elements by digest: a bounded memory of the two tables, whose rows are never deleted meanwhile.

    What came first goes first when it is full: elements that the fleet shares come again with the next report.
    """

    def __init__(self, database: Database, size: int = 200_000) -> None:
        """Start empty.

        :param size: elements remembered; about 150 bytes each.
        """
        self._database = database
        self._size = size
        self._known: dict[bytes, tuple[int, int]] = {}

    def ids(self, elements: Iterable[FactElement]) -> dict[bytes, tuple[int, int]]:
        """Return (element id, path id) by digest, inserting what the record does not have yet."""
        found: dict[bytes, tuple[int, int]] = {}
        unknown: dict[bytes, FactElement] = {}
        known = self._known
        for element in elements:
            digest = element[2]
            if digest in known:
                found[digest] = known[digest]
            else:
                unknown[digest] = element
        if unknown:
            with self._database.read() as session:
                read = _select_elements(session, unknown.keys())
            missing = {digest: element for digest, element in unknown.items() if digest not in read}
            if missing:
                with self._database.write() as session:
                    read.update(_insert(session, missing))
            found.update(read)
            known.update(read)
            for digest in list(islice(known, max(0, len(known) - self._size))):
                del known[digest]
        return found


def ids_within(session: Session, elements: Iterable[FactElement]) -> dict[bytes, tuple[int, int]]:
    """Return ids as `Interned.ids` does, inside a transaction that may yet be rolled back; nothing is remembered."""
    wanted = {element.digest: element for element in elements}
    known = _select_elements(session, wanted.keys())
    missing = {digest: element for digest, element in wanted.items() if digest not in known}
    return known | _insert(session, missing) if missing else known


def _select_elements(session: Session, digests: Iterable[bytes]) -> dict[bytes, tuple[int, int]]:
    found: dict[bytes, tuple[int, int]] = {}
    table = table_of(Element)
    for chunk in chunks(digests):
        query = select(table.c.digest, table.c.id, table.c.path_id).where(table.c.digest.in_(chunk))
        for digest, element_id, path_id in session.execute(query):
            found[digest] = (element_id, path_id)
    return found


def path_ids(session: Session, texts: Iterable[str]) -> dict[str, int]:
    """Return the ids of the paths that the record knows."""
    found: dict[str, int] = {}
    table = table_of(Path)
    for chunk in chunks(texts):
        found.update(
            (text, id_)
            for id_, text in session.execute(select(table.c.id, table.c.text).where(table.c.text.in_(chunk)))
        )
    return found


def _insert(session: Session, missing: Mapping[bytes, FactElement]) -> dict[bytes, tuple[int, int]]:
    texts = sorted({element.path for element in missing.values()})
    ids = path_ids(session, texts)
    insert_ignoring(session, Path, [{"text": text} for text in texts if text not in ids])
    ids = path_ids(session, texts)
    rows = [
        {"path_id": ids[element.path], "content": element.content, "digest": element.digest}
        for element in sorted(missing.values(), key=lambda element: element.digest)
    ]
    insert_ignoring(session, Element, rows)
    return _select_elements(session, missing.keys())


def insert_ignoring(session: Session, model: type[Any], rows: list[dict[str, Any]]) -> None:
    """Insert rows, leaving out those that a unique constraint already holds."""
    if not rows:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(table_of(model)).on_conflict_do_nothing(), rows)
