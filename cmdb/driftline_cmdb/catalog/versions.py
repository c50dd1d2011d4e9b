"""The catalog document: its versions, and the one in force."""

from sqlmodel import Session, col, select

from driftline_baseline.catalog import reading
from driftline_baseline.catalog.model import Catalog
from driftline_baseline.errors import DocumentError
from driftline_cmdb import audit
from driftline_cmdb.catalog import trial
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.tables.catalog import CatalogVersion

#: CIs that one refusal names.
_SHOWN = 20


def in_force(session: Session) -> CatalogVersion:
    """Return the newest version; number 0, without anything of its own, where nobody has written one."""
    newest = session.exec(select(CatalogVersion).order_by(col(CatalogVersion.number).desc()).limit(1)).first()
    return newest or _shipped()


def _shipped() -> CatalogVersion:
    return CatalogVersion(number=0, document=reading.SHIPPED, author="driftline", created_ms=0)


def version(session: Session, number: int | None = None) -> CatalogVersion:
    """Return a version, the one in force by default.

    :raises NotFound: where there is none.
    """
    newest = in_force(session)
    if number is None or number == newest.number:
        return newest
    if number == 0:
        return _shipped()
    found = session.exec(select(CatalogVersion).where(CatalogVersion.number == number)).first()
    if found is None:
        raise NotFound(f"the catalog has no version {number}; the newest is {newest.number}")
    return found


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
    newest = in_force(session)
    if after is not None and after != newest.number:
        raise Conflict(f"catalog v{newest.number} came since you read v{after}: look at it and write yours anew")
    found = check(session, document)
    if found.broken:
        named = "; ".join(one.show() for one in found.broken[:_SHOWN])
        more = f"; and {len(found.broken) - _SHOWN} more" if len(found.broken) > _SHOWN else ""
        raise Refused(f"{len(found.broken)} values of CIs would no longer fit: {named}{more}; change those first")
    if document == newest.document:
        raise Conflict(f"this is catalog v{newest.number}, which is in force already")
    made = CatalogVersion(
        number=newest.number + 1, document=document, author=author, comment=comment, created_ms=now_ms
    )
    session.add(made)
    session.flush()
    detail = {"why": comment, "changes": list(found.changes)}
    audit.record(session, author, "catalog.changed", f"catalog v{made.number}", detail, now_ms)
    return made, found


def history(session: Session) -> list[CatalogVersion]:
    """Return all versions, the newest first."""
    return [*session.exec(select(CatalogVersion).order_by(col(CatalogVersion.number).desc())), _shipped()]
