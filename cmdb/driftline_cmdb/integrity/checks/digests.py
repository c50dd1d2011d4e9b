"""Elements are what their digests say, and the schema reads them."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlmodel import Session
from sqlmodel import select as model_select

from driftline import facts
from driftline_cmdb.integrity.look import Batch, Deficiency, Look
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Binding
from driftline_cmdb.tables.elements import Element, Holding, Path

MEANING = "Every stored element hashes to its digest, and the fact schema reads it."

_ELEMENT, _PATH, _HOLDING, _BINDING = table_of(Element), table_of(Path), table_of(Holding), table_of(Binding)


def applies(session: Session) -> bool:
    """Tell whether there are elements."""
    return session.exec(model_select(Element.id).limit(1)).first() is not None


def examine(look: Look) -> Iterator[Batch]:
    """Hash and parse every element."""
    statement = select(_ELEMENT.c.id, _PATH.c.text, _ELEMENT.c.content, _ELEMENT.c.digest).select_from(
        _ELEMENT.outerjoin(_PATH, _PATH.c.id == _ELEMENT.c.path_id)
    )
    for rows in look.parts(statement, _ELEMENT.c.id, 500):  # an element may have 64 KiB
        wrong = [(id_, path, why) for id_, path, *rest in rows if (why := _wrong(path, *rest))]
        yield Batch(len(rows), [_deficiency(look, *item) for item in wrong])


def _wrong(path: str | None, content: bytes, digest: bytes) -> str:
    if path is None:
        return "its path is not on record"
    if facts.element_digest(path, content) != digest:
        return "its content does not hash to its digest: it was changed in the database, or the disk is damaged"
    try:
        facts.attributes(path, content)
    except ValueError as error:
        return f"the schema does not read it: {error}"
    return ""


def _deficiency(look: Look, element_id: int, path: str | None, why: str) -> Deficiency:
    query = (
        select(_BINDING.c.ci_id)
        .select_from(_HOLDING.join(_BINDING, _BINDING.c.source_id == _HOLDING.c.source_id))
        .where(_HOLDING.c.element_id == element_id, _HOLDING.c.until_revision.is_(None), _BINDING.c.until_ms.is_(None))
        .distinct()
    )
    with look.read() as session:
        ci_ids = tuple(session.connection().execute(query).scalars())
    text = f"element {element_id} ({path or 'no path'}), held by {len(ci_ids)} CIs: {why}"
    return Deficiency(f"element:{element_id}", text, ci_ids, (element_id,))
