"""Tells what changed on a host from what is read in another way, element by element (design section 6, rule 13)."""

from collections.abc import Mapping

from sqlmodel import Session, col, select

from driftline import facts, schema
from driftline.facts import Element
from driftline.paths import schema_path
from driftline_cmdb.packing import chunks
from driftline_cmdb.received import Applied
from driftline_cmdb.sections import PreparedSection
from driftline_cmdb.tables.elements import Element as ElementRow
from driftline_cmdb.tables.elements import Path


def rereading(before: Applied | None, section: PreparedSection) -> str:
    """Say what is read in another way than before: by a newer topic, or by a newer schema. Empty where nothing is."""
    if before is None or before.digest is None:
        return ""
    if before.topic_revision != section.revision:
        return f"{section.name} revision {section.revision}"
    return f"{section.name} by another schema" if before.schema != schema.FINGERPRINT else ""


def really_changed(
    session: Session,
    before: Applied,
    section: PreparedSection,
    holds: Mapping[int, tuple[int, int]],
    changed: set[int],
) -> set[int]:
    """Return those of the changed paths whose change was made on the host, as far as that can be known.

    Of the rest nobody knows, or it is known to be another reading; an operator sees it as such.

    :param holds: what is held of the section: path id -> (holding id, element id).
    :param changed: ids of paths whose element is another now, is new, or gone.
    """
    if before.topic_revision == section.revision:
        return _by_content(session, before, section, holds, changed)
    told = section.comparison
    if told is None or (told.revision, told.digest) != (before.topic_revision, before.digest):
        return set()
    return {path_id for path_id, text in _texts(session, changed).items() if facts.path_digest(text) in told.changed}


def _by_content(
    session: Session,
    before: Applied,
    section: PreparedSection,
    holds: Mapping[int, tuple[int, int]],
    changed: set[int],
) -> set[int]:
    """Return the paths at which something changed that the earlier schema knew of, too."""
    if before.digest == section.digest:
        return set()
    held = contents_of(session, [element for _, element in holds.values()])
    lists = {schema_path(path) for path in held}
    return {
        path_id
        for path_id, path in _texts(session, changed).items()
        if _known_change(path, held.get(path), section.elements.get(path), lists)
    }


def _known_change(path: str, earlier: bytes | None, now: Element | None, lists: set[str]) -> bool:
    if earlier is None:
        return schema_path(path) in lists
    if now is None:
        return True
    after = facts.attributes(path, now.content)
    fields = facts.plan_at(path).drifting
    return any(name in fields and after.get(name) != value for name, value in facts.attributes(path, earlier).items())


def _texts(session: Session, path_ids: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for wanted in chunks(sorted(path_ids)):
        found.update(session.exec(select(Path.id, Path.text).where(col(Path.id).in_(wanted))).all())
    return found


def contents_of(session: Session, element_ids: list[int]) -> dict[str, bytes]:
    """Return the content of elements by path."""
    found: dict[str, bytes] = {}
    for wanted in chunks(element_ids):
        query = (
            select(Path.text, ElementRow.content)
            .join(Path, col(Path.id) == col(ElementRow.path_id))
            .where(col(ElementRow.id).in_(wanted))
        )
        found.update(session.exec(query).all())
    return found
