"""What REST and pages show of identity: the queue, decisions, shared evidence."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from driftline_cmdb.errors import Invalid
from driftline_cmdb.identity import deciding, undoing
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.identity import IdentityDecision, IdentityReview, SharedEvidence
from driftline_cmdb.tables.rfcs import Rfc
from driftline_cmdb.tables.sources import Source
from driftline_server.evidence import CiRef, ci_ref
from driftline_server.identity.sides import Side, of_ci, of_source
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

#: What the queue may be narrowed to.
STATES = ("open", "closed", "all")
KINDS = ("claim", "moved", "same name")


class ReviewRow(BaseModel):
    """A question of identity: is this source that CI?"""

    id: int
    #: claim (its reports wait), moved (it claims another CI's hardware), same name (only the name is the same).
    kind: str
    #: uid and host name of the source.
    source: str
    hostname: str
    #: The CI that it claims to be, and the one that it speaks for meanwhile.
    ci: CiRef
    own: CiRef | None
    score: int
    opened: datetime
    closed: datetime | None
    #: What was decided, and by whom; None while it is open, or where it closed by itself.
    action: str | None
    actor: str | None


class Choice(BaseModel):
    """Something that may be decided, and what it will do."""

    action: str
    does: str


class Piece(BaseModel):
    """One piece of evidence."""

    kind: str
    value: str
    #: What the other side says; None where it is the same.
    other_value: str | None
    #: Points for the match; negative where it speaks against it.
    weight: int
    why: str


class ReviewDetail(ReviewRow):
    """A question with both its sides, the evidence, and what may be decided."""

    #: What asks: the source, with the CI that it speaks for where it has one.
    left: Side
    #: The CI that it claims to be.
    right: Side
    pieces: list[Piece]
    #: Other CIs that it may be, best first: ci (uid), name, score.
    others: list[dict[str, Any]]
    decision: int | None
    choices: list[Choice]


class DecisionRow(BaseModel):
    """What a person decided on identity."""

    id: int
    at: datetime
    actor: str
    #: same, clone, replacement, retire old, merge, split, replace, undo.
    action: str
    #: What it did, in a line.
    summary: str
    reason: str
    #: The CI that stands afterwards, and the other one that it is about.
    ci: CiRef
    other: CiRef | None
    rfc: int | None
    #: The decision that undid it.
    undone_by: int | None
    #: False where it gave out or took away identities, or was undone.
    can_undo: bool
    #: What else is to be said: why the RFC predicts nothing.
    note: str


class SharedRow(BaseModel):
    """A piece of evidence that more than a handful of machines share, so that it counts for nothing."""

    key: str
    kind: str
    machines: int
    learnt: datetime
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    """Which questions."""

    #: One of STATES.
    state: str = "open"
    kind: str | None = None
    #: Text in a host's or a CI's name.
    q: str | None = None


def list_reviews(session: Session, wanted: ReviewFilter, window: Window) -> tuple[list[ReviewRow], int]:
    """Return a part of the queue, and how many there are.

    :raises Invalid: a state or kind that is none.
    """
    if wanted.state not in STATES:
        raise Invalid(f'state: "{wanted.state}" is not one of {", ".join(STATES)}')
    if wanted.kind and wanted.kind not in KINDS:
        raise Invalid(f'kind: "{wanted.kind}" is not one of {", ".join(KINDS)}')
    own = aliased(Ci)
    statement: Any = (
        select(IdentityReview, Source, Ci, own, IdentityDecision)  # type: ignore[call-overload]  # typed up to four
        .join(Source, col(Source.id) == col(IdentityReview.source_id))
        .join(Ci, col(Ci.id) == col(IdentityReview.ci_id))
        .outerjoin(own, col(own.id) == col(IdentityReview.own_ci_id))
        .outerjoin(IdentityDecision, col(IdentityDecision.id) == col(IdentityReview.decision_id))
    )
    if wanted.state != "all":
        is_open = col(IdentityReview.closed_ms).is_(None)
        statement = statement.where(is_open if wanted.state == "open" else ~is_open)
    if wanted.kind:
        statement = statement.where(IdentityReview.kind == wanted.kind)
    if wanted.q:
        statement = statement.where(or_(contains(Source.hostname, wanted.q), contains(Ci.name, wanted.q)))
    sorts = {
        "opened": IdentityReview.opened_ms,
        "score": IdentityReview.score,
        "kind": IdentityReview.kind,
        "hostname": Source.hostname,
        "ci": Ci.name,
    }
    found, total = part(session, statement, window, sorts, "-opened", col(IdentityReview.id).desc())
    return [_review(*row) for row in found], total


def show(session: Session, review_id: int) -> ReviewDetail:
    """Return one question with both its sides.

    :raises NotFound: where there is none.
    """
    review = deciding.find_review(session, review_id)
    source, ci = session.get_one(Source, review.source_id), session.get_one(Ci, review.ci_id)
    own = session.get(Ci, review.own_ci_id) if review.own_ci_id is not None else None
    decision = session.get(IdentityDecision, review.decision_id) if review.decision_id is not None else None
    row = _review(review, source, ci, own, decision)
    return ReviewDetail(
        **row.model_dump(),
        left=of_source(session, source, own),
        right=of_ci(session, ci),
        pieces=[
            Piece(
                kind=str(one.get("kind", "")),
                value=str(one.get("value", "")),
                other_value=None if one.get("other_value") is None else str(one["other_value"]),
                weight=int(one.get("weight", 0)),
                why=str(one.get("why", "")),
            )
            for one in review.pieces
        ],
        others=review.others,
        decision=review.decision_id,
        choices=[Choice(action=action, does=does) for action, does in deciding.ACTIONS.items()],
    )


def _review(
    review: IdentityReview, source: Source, ci: Ci, own: Ci | None, decision: IdentityDecision | None
) -> ReviewRow:
    return ReviewRow(
        id=review.id,
        kind=review.kind,
        source=source.uid,
        hostname=source.hostname,
        ci=ci_ref(ci),
        own=ci_ref(own) if own is not None else None,
        score=review.score,
        opened=moment(review.opened_ms),
        closed=moment_or_none(review.closed_ms),
        action=decision.action if decision is not None else None,
        actor=decision.actor if decision is not None else None,
    )


def list_decisions(
    session: Session, window: Window, action: str | None = None, q: str | None = None
) -> tuple[list[DecisionRow], int]:
    """Return a part of what was decided, and how much there is."""
    other = aliased(Ci)
    statement: Any = (
        select(IdentityDecision, Ci, other, Rfc.number)
        .join(Ci, col(Ci.id) == col(IdentityDecision.ci_id))
        .outerjoin(other, col(other.id) == col(IdentityDecision.other_ci_id))
        .outerjoin(Rfc, col(Rfc.id) == col(IdentityDecision.rfc_id))
    )
    if action:
        statement = statement.where(IdentityDecision.action == action)
    if q:
        named = (contains(Ci.name, q), contains(other.name, q), contains(IdentityDecision.reason, q))
        statement = statement.where(or_(*named))
    sorts = {
        "at": IdentityDecision.at_ms,
        "actor": IdentityDecision.actor,
        "action": IdentityDecision.action,
        "ci": Ci.name,
    }
    found, total = part(session, statement, window, sorts, "-at", col(IdentityDecision.id).desc())
    return [_decision(*row) for row in found], total


def show_decision(session: Session, decision: IdentityDecision) -> DecisionRow:
    """Return one decision."""
    other = session.get(Ci, decision.other_ci_id) if decision.other_ci_id is not None else None
    rfc = session.get(Rfc, decision.rfc_id) if decision.rfc_id is not None else None
    return _decision(decision, session.get_one(Ci, decision.ci_id), other, rfc.number if rfc is not None else None)


def _decision(decision: IdentityDecision, ci: Ci, other: Ci | None, rfc: int | None) -> DecisionRow:
    return DecisionRow(
        id=decision.id,
        at=moment(decision.at_ms),
        actor=decision.actor,
        action=decision.action,
        summary=str(decision.detail.get("summary", "")),
        reason=decision.reason,
        ci=ci_ref(ci),
        other=ci_ref(other) if other is not None else None,
        rfc=rfc,
        undone_by=decision.undone_by_id,
        can_undo=decision.undone_by_id is None and decision.action not in undoing.FINAL,
        note=str(decision.detail.get("why_not", "")),
    )


def actions() -> Iterable[str]:
    """Return what may be decided on identity, for filters."""
    return (*deciding.ACTIONS, "merge", "split", "replace", *undoing.FINAL, "undo")


def list_shared(
    session: Session, window: Window, kind: str | None = None, q: str | None = None
) -> tuple[list[SharedRow], int]:
    """Return a part of the evidence that tells nobody apart, and how much there is."""
    statement: Any = select(SharedEvidence)
    if kind:
        statement = statement.where(SharedEvidence.kind == kind)
    if q:
        statement = statement.where(contains(SharedEvidence.key, q))
    sorts = {
        "machines": SharedEvidence.machines,
        "learnt": SharedEvidence.learnt_ms,
        "kind": SharedEvidence.kind,
        "key": SharedEvidence.key,
    }
    found, total = part(session, statement, window, sorts, "-machines", col(SharedEvidence.key))
    return [shared_row(row) for row in found], total


def shared_row(row: SharedEvidence) -> SharedRow:
    """Return shared evidence as it is shown."""
    return SharedRow(
        key=row.key, kind=row.kind, machines=row.machines, learnt=moment(row.learnt_ms), by=row.by, note=row.note
    )
