"""What nothing leads to: CIs that nothing speaks for, sources that speak for nothing, elements that nobody holds."""

from collections.abc import Iterator

from sqlalchemy import exists, func, select
from sqlmodel import Session

from driftline_cmdb.integrity.look import NOT_IN_USE, Batch, Deficiency, Look
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.baselines import BaselineElement
from driftline_cmdb.tables.cis import Binding, Ci, Relation
from driftline_cmdb.tables.elements import Element, Holding
from driftline_cmdb.tables.sources import RECORD, Source

MEANING = (
    "Every CI in use has a source or a relation, every source that reported has a CI; counts elements nobody holds."
)

_CI, _BINDING, _RELATION, _SOURCE = table_of(Ci), table_of(Binding), table_of(Relation), table_of(Source)
_ELEMENT, _HOLDING, _PINNED = table_of(Element), table_of(Holding), table_of(BaselineElement)


def applies(_session: Session) -> bool:
    """Tell that it always applies."""
    return True


def examine(look: Look) -> Iterator[Batch]:
    """Look at CIs, sources and elements."""
    bound = exists().where(
        _BINDING.c.ci_id == _CI.c.id,
        _BINDING.c.until_ms.is_(None),
        _SOURCE.c.id == _BINDING.c.source_id,
        _SOURCE.c.kind != RECORD,  # the record's own word for a CI is no evidence that it is there
    )
    related = exists().where(
        (_RELATION.c.from_ci_id == _CI.c.id) | (_RELATION.c.to_ci_id == _CI.c.id), _RELATION.c.until_ms.is_(None)
    )
    statement = select(_CI.c.id, _CI.c.name, _CI.c.uid, _CI.c.status.in_(NOT_IN_USE) | bound | related)
    for rows in look.parts(statement, _CI.c.id):
        found = [
            Deficiency(f"ci:{uid}", f"{name} ({uid}) is in use, but has neither a source nor a relation", (id_,))
            for id_, name, uid, good in rows
            if not good
        ]
        yield Batch(len(rows), found)
    speaks = exists().where(_BINDING.c.source_id == _SOURCE.c.id, _BINDING.c.until_ms.is_(None))
    statement = select(_SOURCE.c.id, _SOURCE.c.hostname, _SOURCE.c.uid, _SOURCE.c.epoch.is_(None) | speaks)
    for rows in look.parts(statement, _SOURCE.c.id):
        found = [
            Deficiency(f"source:{uid}", f"source {hostname or uid} ({uid}) reports, but speaks for no CI")
            for _, hostname, uid, good in rows
            if not good
        ]
        yield Batch(len(rows), found)
    yield from _elements(look)


def _elements(look: Look) -> Iterator[Batch]:
    """Count the elements that nobody holds or pins: no deficiency, but what a retention could remove."""
    unheld = ~exists().where(_HOLDING.c.element_id == _ELEMENT.c.id)
    unpinned = _ELEMENT.c.id.not_in(select(_PINNED.c.element_id))
    total = 0
    for above, up_to in look.ranges(_ELEMENT.c.id):
        within = (_ELEMENT.c.id > above, _ELEMENT.c.id <= up_to)
        with look.read() as session:
            connection = session.connection()
            examined = connection.execute(select(func.count()).select_from(_ELEMENT).where(*within)).scalar_one()
            query = select(func.count()).select_from(_ELEMENT).where(*within, unheld, unpinned)
            total += connection.execute(query).scalar_one()
        yield Batch(examined)
    yield Batch(0, note=f"{total} elements are held by no source and pinned by no baseline")
