"""What is expected of a CI, and who says so."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlmodel import Session

from driftline_baseline.wording import what
from driftline_cmdb.drift.provenance import expected_at
from driftline_cmdb.tables.cis import Ci
from driftline_server.evidence import stored
from driftline_server.times import moment_or_none


class ExpectedRow(BaseModel):
    """What is expected at one path of a CI, with who says so."""

    path: str
    #: For people.
    what: str
    #: The exact value; null where it is absent, or where `rule` says what it must fulfil.
    expected: Any
    #: A condition in words: ``at least 3.0.14``; null where the exact value is expected.
    rule: str | None
    actual: Any
    #: Whether the actual value is as expected.
    holds: bool
    #: The baseline version or RFC that says so: ``golden v3``, ``RFC 7``.
    says: str
    since: datetime | None
    approved_by: str | None


def expected_rows(session: Session, ci: Ci, match: Sequence[str]) -> list[ExpectedRow]:
    """Return what is expected of a CI at the paths that some patterns match, all by default; by path."""
    return [
        ExpectedRow(
            path=item.path,
            what=what(item.path),
            expected=None if item.rule is not None else stored(item.expected),
            rule=item.rule,
            actual=stored(item.actual),
            holds=item.holds,
            says=item.says.title,
            since=moment_or_none(item.says.since_ms),
            approved_by=item.says.approved_by,
        )
        for item in expected_at(session, ci, match)
    ]
