"""What REST and pages show of findings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlmodel import Session, col, select

from driftline_cmdb.errors import Invalid
from driftline_cmdb.findings import WATCHED, find
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.integrity import FindingDecision
from driftline_server.evidence import CiRef
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

#: What a list may be narrowed to; an open finding may be acknowledged or not.
STATES = ("open", "acknowledged", "new", "closed", "all")


class FindingRow(BaseModel):
    """Something a person should look at that is no drift."""

    id: int
    kind: str
    ci: CiRef | None
    message: str
    #: What the message is made of; for silence: since_ms, site, behind, silent, back, classes, names.
    detail: dict[str, Any]
    opened: datetime
    closed: datetime | None
    #: Who acknowledged it, and when.
    acknowledged_by: str | None
    acknowledged: datetime | None


class FindingDecisionRow(BaseModel):
    """What a person decided about a finding."""

    at: datetime
    actor: str
    #: acknowledged, closed.
    action: str
    reason: str


class FindingDetail(FindingRow):
    """A finding with all that is known of it."""

    #: It closes by itself once what it found is over; a person can only acknowledge it.
    watched: bool
    decisions: list[FindingDecisionRow]


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings."""

    #: One of STATES.
    state: str = "open"
    kind: str | None = None
    ci_id: int | None = None
    #: Text in the message.
    q: str | None = None


def list_findings(session: Session, wanted: FindingFilter, window: Window) -> tuple[list[FindingRow], int]:
    """Return a part of the findings, and how many there are.

    :raises Invalid: a state that is none.
    """
    if wanted.state not in STATES:
        raise Invalid(f'state: "{wanted.state}" is not one of {", ".join(STATES)}')
    known = (
        (col(FindingDecision.finding_id) == col(Finding.id))
        & (col(FindingDecision.action) == "acknowledged")
        & col(FindingDecision.void_ms).is_(None)
    )
    statement: Any = (
        select(Finding, Ci, FindingDecision)
        .outerjoin(Ci, col(Ci.id) == col(Finding.ci_id))
        .outerjoin(FindingDecision, known)
    )
    is_open, by = col(Finding.closed_ms).is_(None), col(FindingDecision.id)
    conditions: dict[str, Sequence[Any]] = {
        "open": (is_open,),
        "acknowledged": (is_open, by.is_not(None)),
        "new": (is_open, by.is_(None)),
        "closed": (~is_open,),
        "all": (),
    }
    statement = statement.where(*conditions[wanted.state])
    if wanted.kind:
        statement = statement.where(Finding.kind == wanted.kind)
    if wanted.ci_id is not None:
        statement = statement.where(Finding.ci_id == wanted.ci_id)
    if wanted.q:
        statement = statement.where(contains(Finding.message, wanted.q))
    sorts = {"opened": Finding.opened_ms, "closed": Finding.closed_ms, "kind": Finding.kind, "ci": Ci.name}
    found, total = part(session, statement, window, sorts, "-opened", col(Finding.id).desc())
    return [_row(*one) for one in found], total


def show(session: Session, finding_id: int) -> FindingDetail:
    """Return one finding.

    :raises NotFound: where there is none.
    """
    finding = find(session, finding_id)
    ci = session.get(Ci, finding.ci_id) if finding.ci_id is not None else None
    query = select(FindingDecision).where(FindingDecision.finding_id == finding_id).order_by(col(FindingDecision.id))
    decisions = session.exec(query).all()
    known = next((one for one in decisions if one.action == "acknowledged" and one.void_ms is None), None)
    return FindingDetail(
        **_row(finding, ci, known).model_dump(),
        watched=finding.kind in WATCHED,
        decisions=[
            FindingDecisionRow(at=moment(one.at_ms), actor=one.actor, action=one.action, reason=one.reason)
            for one in decisions
        ],
    )


def _row(finding: Finding, ci: Ci | None, known: FindingDecision | None) -> FindingRow:
    return FindingRow(
        id=finding.id,
        kind=finding.kind,
        ci=CiRef(uid=ci.uid, name=ci.name) if ci else None,
        message=finding.message,
        detail=finding.detail,
        opened=moment(finding.opened_ms),
        closed=moment_or_none(finding.closed_ms),
        acknowledged_by=known.actor if known else None,
        acknowledged=moment(known.at_ms) if known else None,
    )
