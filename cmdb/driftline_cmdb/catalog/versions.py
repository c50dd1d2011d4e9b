"""The catalog document: its versions, and the one in force."""

from sqlmodel import Session

from driftline_baseline.catalog import reading
from driftline_baseline.catalog.model import Catalog
from driftline_baseline.errors import DocumentError
from driftline_cmdb.catalog import trial
from driftline_cmdb.errors import Conflict, Invalid, Refused
from driftline_cmdb.tables.catalog import CatalogVersion
from driftline_cmdb.versioned import Versioned

#: CIs that one refusal names.
_SHOWN = 20


_VERSIONS = Versioned(CatalogVersion, "catalog", "catalog.changed", lambda: reading.SHIPPED)
in_force, version, history = _VERSIONS.in_force, _VERSIONS.version, _VERSIONS.history


def catalog_of(session: Session) -> Catalog:
    """Return the catalog in force; a version's text never changes, so it is read once."""
    return reading.parse(in_force(session).document)


def parsed(document: str, source: str = reading.SOURCE) -> Catalog:
    """Read a catalog document.

    :raises Invalid: where it breaks its rules; the message names line, column and the mend.
    """
    try:
        return reading.parse(document, source)
    except DocumentError as error:
        raise Invalid(str(error)) from error


def check(session: Session, document: str) -> trial.Trial:
    """Say what a document would change, and which CIs would no longer fit; nothing is written.

    :raises Invalid: where the document breaks its rules.
    """
    return trial.of(session, catalog_of(session), parsed(document))


def put(
    session: Session, document: str, author: str, comment: str, now_ms: int, after: int | None = None
) -> tuple[CatalogVersion, trial.Trial]:
    """Put a new version in force; return it and what it changed.

    :param after: the version that the author started from.
    :raises Invalid: where the document breaks its rules.
    :raises Refused: where CIs would no longer fit; names them.
    :raises Conflict: where another version came meanwhile, or the document is the one in force.
    """
    newest = _VERSIONS.check_after(session, after)
    found = check(session, document)
    if found.broken:
        named = "; ".join(one.show() for one in found.broken[:_SHOWN])
        more = f"; and {len(found.broken) - _SHOWN} more" if len(found.broken) > _SHOWN else ""
        raise Refused(f"{len(found.broken)} values of CIs would no longer fit: {named}{more}; change those first")
    if document == newest.document:
        raise Conflict(f"this is catalog v{newest.number}, which is in force already")
    return _VERSIONS.put(session, document, author, comment, now_ms, {"changes": list(found.changes)}), found
