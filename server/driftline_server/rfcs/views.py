"""What REST and pages show of RFCs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import distinct, func
from sqlmodel import Session, col, or_, select

from driftline_baseline.lifecycle import possible
from driftline_baseline.wording import what
from driftline_cmdb.drift.expectation import allowed_of
from driftline_cmdb.record import names_in
from driftline_cmdb.rfcs import reading
from driftline_cmdb.rfcs.approvals import Standing
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta
from driftline_server.drift import views as drift_views
from driftline_server.drift.views import DriftRow
from driftline_server.evidence import CiRef, Evidence, Presence, ci_ref, evidences, presence, stored
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

#: States in which someone has to decide.
WAITING = ("submitted", "assessed", "review")


class RfcRow(BaseModel):
    """A request for change."""

    number: int
    title: str
    requester: str
    #: person, or driftline.
    origin: str
    kind: str
    #: low, medium, high.
    risk_level: str
    priority: str
    category: str
    state: str
    #: ``revert`` where an operator ordered it reverted.
    ordered: str | None
    outcome: str | None
    #: How many CIs it affects.
    cis: int
    created: datetime
    closed: datetime | None


class Delta(BaseModel):
    """What it changes (or found changed) at one path of one CI."""

    ci: CiRef
    path: str
    #: For people.
    what: str
    #: None means absent.
    before: Any
    after: Any
    #: proposed, authorised, superseded, withdrawn.
    #: What a planned change is to make of it: ``at least 3.0.14``; None for a change that was found.
    predicted: str | None
    state: str
    authorised: datetime | None
    #: Version of the CI when the delta was recorded.
    ci_version: int


class Decision(BaseModel):
    """A transition with who made it and why."""

    at: datetime
    actor: str
    action: str
    from_state: str | None
    to_state: str
    comment: str
    #: Digest of the scope that the actor saw.
    scope: str | None


class Needs(BaseModel):
    """What the approval policy asks for this RFC: the strictest over its CIs."""

    approvers: int
    #: It has to be assessed before it can be authorised.
    assess: bool
    #: A person has to review it before it is closed.
    review: bool
    #: It closes by itself once everything that it predicts was seen, where it needs no review.
    closes: bool


class Approval(BaseModel):
    """One person's approval, bound to the scope that the person saw."""

    person: str
    #: The account that passed it on, where another system is the master.
    account: str | None
    at: datetime
    scope: str
    comment: str
    #: False where the scope is another one now, or the RFC was changed or opened again.
    counts: bool


class Comment(BaseModel):
    """What someone said."""

    at: datetime
    author: str
    text: str


class Link(BaseModel):
    """Something that it has to do with."""

    #: url, incident, problem, rfc.
    kind: str
    target: str
    author: str


class RfcDetail(RfcRow):
    """A request for change with its scope, its evidence and its decisions."""

    description: str
    reason: str
    effect_of_not_doing: str
    risk: str
    impact: str
    benefit: str
    cost: str
    implementer: str | None
    test_plan: str
    back_out_plan: str
    planned_start: datetime | None
    planned_end: datetime | None
    actual_start: datetime | None
    actual_end: datetime | None
    #: When it was authorised last.
    authorised: datetime | None
    #: An emergency that began without approval must have it by then.
    approve_by: datetime | None
    #: Its record in another system that is the master.
    external_system: str | None
    external_id: str | None
    needs: Needs
    #: How many people's approvals count now.
    approved: int
    approvals: list[Approval]
    #: What its state allows, by the names of the life cycle's table.
    possible: list[str]
    review: str
    #: What one cause it has; None for one that a person wrote.
    cause: str | None
    #: Digest of deltas and CIs: authorise with this, so that only what was seen is authorised.
    scope: str
    #: Earliest and latest time of the changes it found; None where it found none, or they came with a first report.
    not_before: datetime | None
    observed: datetime | None
    deltas: list[Delta]
    drifts: list[DriftRow]
    evidence: list[Evidence]
    #: Who was there, not who did it.
    present: list[Presence]
    decisions: list[Decision]
    comments: list[Comment]
    links: list[Link]


@dataclass(frozen=True, slots=True)
class RfcFilter:
    """Which RFCs."""

    #: One state, ``waiting`` for those on which someone has to decide, or None for all.
    state: str | None = None
    #: Text in the title, or the number.
    q: str | None = None
    requester: str | None = None
    kind: str | None = None


_CIS = (
    select(func.count(distinct(col(RfcDelta.ci_id))))
    .where(col(RfcDelta.rfc_id) == col(Rfc.id))
    .correlate(Rfc)
    .scalar_subquery()
)
_SORTS = {
    "number": Rfc.number,
    "title": Rfc.title,
    "state": Rfc.state,
    "kind": Rfc.kind,
    "priority": Rfc.priority,
    "requester": Rfc.requester,
    "cis": _CIS,
    "created": Rfc.created_ms,
    "closed": Rfc.closed_ms,
}


def list_rfcs(session: Session, wanted: RfcFilter, window: Window) -> tuple[list[RfcRow], int]:
    """Return a part of the RFCs, and how many there are.

    :raises Invalid: a column that cannot be sorted by.
    """
    statement = select(Rfc, _CIS)
    if wanted.state == "waiting":
        statement = statement.where(col(Rfc.state).in_(WAITING), col(Rfc.ordered).is_(None))
    elif wanted.state:
        statement = statement.where(Rfc.state == wanted.state)
    if wanted.q:
        by_number = Rfc.number == int(wanted.q) if wanted.q.isdecimal() and len(wanted.q) < 10 else None
        by_title = contains(Rfc.title, wanted.q)
        statement = statement.where(by_title if by_number is None else or_(by_title, by_number))
    if wanted.requester:
        statement = statement.where(Rfc.requester == wanted.requester)
    if wanted.kind:
        statement = statement.where(Rfc.kind == wanted.kind)
    found, total = part(session, statement, window, _SORTS, "-number", col(Rfc.id))
    return [_row(rfc, cis) for rfc, cis in found], total


def show(session: Session, number: int) -> RfcDetail:
    """Return one RFC.

    :raises NotFound: no such RFC.
    """
    return detail(session, reading.view(session, number))


def detail(session: Session, found: reading.RfcView) -> RfcDetail:
    """Return an RFC that was read as it is shown."""
    rfc = found.rfc
    drifts = drift_views.rows_of(session, [drift.id for drift in found.drifts])
    names = names_in(session, (delta.path for delta in found.deltas))
    bounds = [drift.not_before for drift in drifts]
    return RfcDetail(
        **_row(rfc, len({delta.ci_id for delta in found.deltas})).model_dump(),
        description=rfc.description,
        reason=rfc.reason,
        effect_of_not_doing=rfc.effect_of_not_doing,
        risk=rfc.risk,
        impact=rfc.impact,
        benefit=rfc.benefit,
        cost=rfc.cost,
        implementer=rfc.implementer,
        test_plan=rfc.test_plan,
        back_out_plan=rfc.back_out_plan,
        planned_start=moment_or_none(rfc.planned_start_ms),
        planned_end=moment_or_none(rfc.planned_end_ms),
        actual_start=moment_or_none(rfc.actual_start_ms),
        actual_end=moment_or_none(rfc.actual_end_ms),
        authorised=moment_or_none(rfc.authorised_ms),
        approve_by=moment_or_none(rfc.approve_by_ms),
        external_system=rfc.external_system,
        external_id=rfc.external_id,
        needs=Needs(
            approvers=found.need.approvers,
            assess=found.need.assess,
            review=found.need.review,
            closes=found.need.closes,
        ),
        approved=len({one.approval.person for one in found.approvals if one.counts}),
        approvals=[_approval(one) for one in found.approvals],
        possible=list(possible(rfc.origin, rfc.kind, rfc.state)),
        review=rfc.review,
        cause=found.cause,
        scope=found.scope,
        not_before=min((bound for bound in bounds if bound is not None), default=None) if None not in bounds else None,
        observed=max((drift.observed for drift in drifts), default=None),
        deltas=[
            Delta(
                ci=ci_ref(found.cis[delta.ci_id]),
                path=delta.path,
                what=what(delta.path, names),
                before=stored(delta.before),
                after=stored(delta.after),
                predicted=None if delta.predicate is None else allowed_of(delta).show(),
                state=delta.state,
                authorised=moment_or_none(delta.authorised_ms),
                ci_version=delta.ci_version,
            )
            for delta in found.deltas
        ],
        drifts=drifts,
        evidence=evidences(found.transactions),
        present=[presence(one, found.cis[one.ci_id]) for one in found.present if one.ci_id in found.cis],
        decisions=[
            Decision(
                at=moment(decision.at_ms),
                actor=decision.actor,
                action=decision.action,
                from_state=decision.from_state,
                to_state=decision.to_state,
                comment=decision.comment,
                scope=decision.scope,
            )
            for decision in found.decisions
        ],
        comments=[Comment(at=moment(one.at_ms), author=one.author, text=one.text) for one in found.comments],
        links=[Link(kind=one.kind, target=one.target, author=one.author) for one in found.links],
    )


def _approval(found: Standing) -> Approval:
    one = found.approval
    return Approval(
        person=one.person,
        account=one.account,
        at=moment(one.at_ms),
        scope=one.scope,
        comment=one.comment,
        counts=found.counts,
    )


def _row(rfc: Rfc, cis: int) -> RfcRow:
    return RfcRow(
        number=rfc.number,
        title=rfc.title,
        requester=rfc.requester,
        origin=rfc.origin,
        kind=rfc.kind,
        risk_level=rfc.risk_level,
        priority=rfc.priority,
        category=rfc.category,
        state=rfc.state,
        ordered=rfc.ordered,
        outcome=rfc.outcome,
        cis=cis,
        created=moment(rfc.created_ms),
        closed=moment_or_none(rfc.closed_ms),
    )
