"""The service rules: their versions, and the one in force."""

from functools import lru_cache

from sqlmodel import Session, col, select

from driftline_baseline import services
from driftline_baseline.errors import DocumentError
from driftline_baseline.services import ServiceRules
from driftline_cmdb import audit
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.tables.proposals import ServiceRulesVersion


def in_force(session: Session) -> ServiceRulesVersion:
    """Return the newest version; number 0, what driftline is shipped with, where nobody has written one."""
    newest = session.exec(select(ServiceRulesVersion).order_by(col(ServiceRulesVersion.number).desc()).limit(1)).first()
    return newest or _shipped()


def version(session: Session, number: int | None) -> ServiceRulesVersion:
    """Return a version, the one in force by default.

    :raises NotFound: where there is none.
    """
    newest = in_force(session)
    if number is None or number == newest.number:
        return newest
    if number == 0:
        return _shipped()
    found = session.exec(select(ServiceRulesVersion).where(ServiceRulesVersion.number == number)).first()
    if found is None:
        raise NotFound(f"the service rules have no version {number}; the newest is {newest.number}")
    return found


def _shipped() -> ServiceRulesVersion:
    return ServiceRulesVersion(number=0, document=services.shipped(), author="driftline", comment="", created_ms=0)


@lru_cache(maxsize=16)
def parsed(document: str) -> ServiceRules:
    """Return a document, read; a version's text never changes.

    :raises Invalid: where it breaks its rules; the message names line, column and the mend.
    """
    try:
        return services.parse(document)
    except DocumentError as error:
        raise Invalid(str(error)) from error


def put(
    session: Session, document: str, author: str, comment: str, now_ms: int, after: int | None = None
) -> ServiceRulesVersion:
    """Put a new version in force. It only proposes: what people decided stays.

    :param after: the version that the author started from.
    :raises Invalid: where the document breaks its rules.
    :raises Conflict: where another version came meanwhile.
    """
    parsed(document)
    newest = in_force(session)
    if after is not None and after != newest.number:
        raise Conflict(f"service rules v{newest.number} came since you read v{after}: look at it and write yours anew")
    made = ServiceRulesVersion(
        number=newest.number + 1, document=document, author=author, comment=comment, created_ms=now_ms
    )
    session.add(made)
    session.flush()
    audit.record(session, author, "service_rules.changed", f"service rules v{made.number}", {"why": comment}, now_ms)
    return made
