"""What REST, the page and the command show of why a CI is what it is."""

from datetime import datetime

from pydantic import BaseModel
from sqlmodel import Session

from driftline_baseline.identity import THRESHOLD
from driftline_cmdb import record
from driftline_cmdb.identity import why
from driftline_cmdb.tables.cis import Ci
from driftline_server.evidence import CiRef, ci_ref
from driftline_server.times import moment


class OtherRow(BaseModel):
    """Another CI that has the same piece of evidence."""

    ci: CiRef
    #: Of all that the two claim.
    score: int


class SharedRow(BaseModel):
    """Evidence that so many share that it counts for nothing."""

    #: CIs that claimed it when this was learnt.
    machines: int
    since: datetime
    #: driftline, or who said so.
    by: str
    note: str


class ClaimRow(BaseModel):
    """One piece of evidence that a source claims."""

    kind: str
    value: str
    #: What is compared; None where it does not count.
    key: str | None
    #: What it weighs where another claims the same; 0 where it does not count.
    weight: int
    #: Why it does not count; None where it does.
    junk: str | None
    shared: SharedRow | None
    others: list[OtherRow]


class DecisionRow(BaseModel):
    """The decision that bound a source."""

    at: datetime
    actor: str
    action: str
    reason: str


class SourceOfWhy(BaseModel):
    """A source that speaks for the CI, with what it claims."""

    uid: str
    kind: str
    hostname: str
    since: datetime
    #: Why it was bound.
    reason: str
    #: None where identification bound it.
    decision: DecisionRow | None
    evidence: list[ClaimRow]


class PieceRow(BaseModel):
    """One piece of a comparison of two CIs."""

    kind: str
    #: What the one claims, and the other.
    value: str
    other_value: str | None
    #: Negative where it contradicts.
    weight: int
    why: str


class Comparison(BaseModel):
    """Why two CIs are one machine, or not."""

    ci: CiRef
    score: int
    #: The score from which on two are taken for one.
    threshold: int
    pieces: list[PieceRow]


class Why(BaseModel):
    """Why a CI is what it is."""

    ci: CiRef
    threshold: int
    sources: list[SourceOfWhy]
    #: With the CI that was asked for; None where none was.
    compared: Comparison | None


def of_ci(session: Session, ci: Ci, other: str | None) -> Why:
    """Return why a CI is what it is.

    :param other: name or uid of a CI to compare it with.
    """
    compared = None if other is None else _compared(session, ci, record.find_ci(session, other))
    sources = [_source(one) for one in why.of_ci(session, ci)]
    return Why(ci=ci_ref(ci), threshold=THRESHOLD, sources=sources, compared=compared)


def _compared(session: Session, ci: Ci, other: Ci) -> Comparison:
    found = why.pair(session, ci, other)
    pieces = [PieceRow(**piece.plain()) for piece in found.pieces]
    return Comparison(ci=ci_ref(other), score=found.score, threshold=THRESHOLD, pieces=pieces)


def _source(one: why.OfSource) -> SourceOfWhy:
    made = one.decision
    decision = (
        None
        if made is None
        else DecisionRow(at=moment(made.at_ms), actor=made.actor, action=made.action, reason=made.reason)
    )
    return SourceOfWhy(
        uid=one.source.uid,
        kind=one.source.kind,
        hostname=one.source.hostname,
        since=moment(one.binding.since_ms),
        reason=one.binding.reason,
        decision=decision,
        evidence=[_claim(piece) for piece in one.pieces],
    )


def _claim(piece: why.Claimed) -> ClaimRow:
    known = piece.shared
    shared = (
        None
        if known is None
        else SharedRow(machines=known.machines, since=moment(known.learnt_ms), by=known.by, note=known.note)
    )
    others = [OtherRow(ci=ci_ref(other.ci), score=other.score) for other in piece.others]
    return ClaimRow(
        kind=piece.kind,
        value=piece.value,
        key=piece.key,
        weight=piece.weight,
        junk=piece.junk,
        shared=shared,
        others=others,
    )
