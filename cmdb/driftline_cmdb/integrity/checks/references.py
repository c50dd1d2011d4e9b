"""What refers to something refers to what is there.

`holding` has no foreign keys (docs/adr/0001). The other tables have; they are looked at too: SQLite enforces them only
where the program that writes asks for it.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Table, and_, case, func, or_, select
from sqlmodel import Session

from driftline_cmdb.integrity.look import Batch, Deficiency, Look
from driftline_cmdb.tables import metadata
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.elements import Element, Holding, Path, Revision, Section
from driftline_cmdb.tables.sources import Source

MEANING = "Every source, section, path, element, revision, CI, RFC or baseline that a row names is there, and fits it."

_HOLDING, _ELEMENT, _PATH = table_of(Holding), table_of(Element), table_of(Path)
_SECTION, _SOURCE = table_of(Section), table_of(Source)
_SINCE, _UNTIL = table_of(Revision).alias("since"), table_of(Revision).alias("until")

#: What is wrong with a holding, worst first.
_WRONG: tuple[tuple[str, Any], ...] = (
    ("a source that is not there", _SOURCE.c.id.is_(None)),
    ("an element that is not there", _ELEMENT.c.id.is_(None)),
    ("a path that is not there", _PATH.c.id.is_(None)),
    ("a path that is not its element's", _ELEMENT.c.path_id != _HOLDING.c.path_id),
    ("a section that is not there", _SECTION.c.id.is_(None)),
    ("a section of another source", _SECTION.c.source_id != _HOLDING.c.source_id),
    ("a first revision that is not there", _SINCE.c.id.is_(None)),
    ("a first revision of another source", _SINCE.c.source_id != _HOLDING.c.source_id),
    ("a last revision that is not there", and_(_HOLDING.c.until_revision.is_not(None), _UNTIL.c.id.is_(None))),
    ("a last revision of another source", _UNTIL.c.source_id != _HOLDING.c.source_id),
)


def applies(_session: Session) -> bool:
    """Tell that it always applies."""
    return True


def examine(look: Look) -> Iterator[Batch]:
    """Look at every holding, then at every other reference."""
    yield from _holdings(look)
    for table in metadata.sorted_tables:
        for constraint in sorted(table.foreign_key_constraints, key=lambda one: list(one.column_keys)):
            yield from _foreign_keys(look, table, constraint)


def _holdings(look: Look) -> Iterator[Batch]:
    joined = (
        _HOLDING.outerjoin(_SOURCE, _SOURCE.c.id == _HOLDING.c.source_id)
        .outerjoin(_ELEMENT, _ELEMENT.c.id == _HOLDING.c.element_id)
        .outerjoin(_PATH, _PATH.c.id == _HOLDING.c.path_id)
        .outerjoin(_SECTION, _SECTION.c.id == _HOLDING.c.section_id)
        .outerjoin(_SINCE, _SINCE.c.id == _HOLDING.c.since_revision)
        .outerjoin(_UNTIL, _UNTIL.c.id == _HOLDING.c.until_revision)
    )
    what = case(*((wrong, text) for text, wrong in _WRONG))
    for above, up_to in look.ranges(_HOLDING.c.id):
        within = (_HOLDING.c.id > above, _HOLDING.c.id <= up_to)
        with look.read() as session:
            connection = session.connection()
            examined = connection.execute(select(func.count()).select_from(_HOLDING).where(*within)).scalar_one()
            bad = connection.execute(
                select(_HOLDING.c.source_id, what, func.count(), func.min(_HOLDING.c.id))
                .select_from(joined)
                .where(*within, or_(*(wrong for _, wrong in _WRONG)))
                .group_by(_HOLDING.c.source_id, what)
            ).all()
            cis = look.cis_of(session, [row[0] for row in bad])
        yield Batch(
            examined,
            [
                Deficiency(
                    f"holding:{source_id}:{text}",
                    f"{count} holdings of source {source_id} name {text}, the first is holding {first}",
                    (cis[source_id],) if source_id in cis else (),
                    count=count,
                )
                for source_id, text, count, first in bad
            ],
        )


def _foreign_keys(look: Look, table: Table, constraint: ForeignKeyConstraint) -> Iterator[Batch]:
    """Look for rows whose reference leads nowhere."""
    (element,) = constraint.elements  # every key of ours is one column
    child, parent = element.parent, element.column.table.alias("parent")
    lost = (child.is_not(None), parent.c[element.column.name].is_(None))
    key = table.c.id if "id" in table.c and table.c.id.type.python_type is int else None
    for above, up_to in look.ranges(key, 50_000) if key is not None else [(None, None)]:
        within = () if key is None else (key > above, key <= up_to)
        joined = table.outerjoin(parent, parent.c[element.column.name] == child)
        with look.read() as session:
            connection = session.connection()
            query = select(func.count()).select_from(table).where(child.is_not(None), *within)
            examined = connection.execute(query).scalar_one()
            query = select(func.count()).select_from(joined).where(*lost, *within)
            bad = connection.execute(query).scalar_one() if examined else 0
        name = f"{table.name}.{child.name}"
        text = f"{bad} rows of {table.name} name a {element.column.table.name} that is not there ({child.name})"
        yield Batch(examined, [Deficiency(name, text, count=bad)] if bad else [])
