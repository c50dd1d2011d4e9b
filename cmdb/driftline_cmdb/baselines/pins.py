"""What baseline versions pin: the elements of their captured sets."""

from collections.abc import Collection, Iterable, Mapping

from sqlmodel import Session, col, select

from driftline import facts
from driftline_baseline.values import Attributes
from driftline_cmdb.intern import ids_within
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.baselines import BaselineElement, BaselineVersion
from driftline_cmdb.tables.elements import Element, Path


def pinned_elements(session: Session, version_id: int, only: Collection[str] | None = None) -> dict[str, bytes]:
    """Return the captured elements of a baseline version: content by path."""
    query = (
        select(Path.text, Element.content)
        .select_from(BaselineElement)
        .join(Path, col(Path.id) == col(BaselineElement.path_id))
        .join(Element, col(Element.id) == col(BaselineElement.element_id))
        .where(BaselineElement.version_id == version_id)
    )
    if only is None:
        return dict(session.exec(query).all())
    found: dict[str, bytes] = {}
    for chunk in chunks(only):
        found.update(session.exec(query.where(col(Path.text).in_(chunk))).all())
    return found


def pin(session: Session, version: BaselineVersion, elements: Mapping[int, int]) -> None:
    """Pin elements that the record has: element ids by path id."""
    rows = [{"version_id": version.id, "path_id": path, "element_id": one} for path, one in elements.items()]
    if rows:
        session.connection().execute(table_of(BaselineElement).insert(), rows)


def copy_pins(session: Session, from_version: int, to_version: BaselineVersion) -> int:
    """Let a version pin what another one pins; return how many elements that is."""
    pins = table_of(BaselineElement)
    rows = session.connection().execute(pins.select().where(pins.c.version_id == from_version)).all()
    pin(session, to_version, {row.path_id: row.element_id for row in rows})
    return len(rows)


def ids_of(session: Session, wanted: Iterable[tuple[str, Attributes]]) -> dict[int, int]:
    """Return element ids by path id of elements with just these attributes, putting into the record what it lacks."""
    elements = [facts.element_of(path, attributes) for path, attributes in wanted]
    ids = ids_within(session, elements)
    return {path_id: element_id for element_id, path_id in ids.values()}


def pinned_ids(session: Session, version_id: int) -> dict[str, int]:
    """Return the ids of the elements that a version pins, by path."""
    query = (
        select(Path.text, BaselineElement.element_id)
        .join(BaselineElement, col(BaselineElement.path_id) == col(Path.id))
        .where(BaselineElement.version_id == version_id)
    )
    return dict(session.exec(query).all())


def attributes_of(session: Session, ids: Collection[int]) -> dict[int, Attributes]:
    """Return the attributes of elements by their ids."""
    found: dict[int, Attributes] = {}
    query = select(Element.id, Path.text, Element.content).join(Path, col(Path.id) == col(Element.path_id))
    for chunk in chunks(sorted(ids)):
        for element_id, path, content in session.exec(query.where(col(Element.id).in_(chunk))):
            found[element_id] = facts.attributes(path, content)
    return found
