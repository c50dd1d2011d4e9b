"""The service rules: their versions, and the one in force."""

from functools import lru_cache

from sqlmodel import Session

from driftline_baseline import services
from driftline_baseline.errors import DocumentError
from driftline_baseline.services import ServiceRules
from driftline_cmdb.errors import Invalid
from driftline_cmdb.tables.proposals import ServiceRulesVersion
from driftline_cmdb.versioned import Versioned

_VERSIONS = Versioned(ServiceRulesVersion, "service rules", "service_rules.changed", services.shipped)
in_force, version = _VERSIONS.in_force, _VERSIONS.version


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
    _VERSIONS.check_after(session, after)
    return _VERSIONS.put(session, document, author, comment, now_ms)
