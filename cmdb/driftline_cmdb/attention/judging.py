"""Verdicts: what each change that driftline found turned out to be, and what that says of driftline's precision."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_cmdb import audit
from driftline_cmdb.errors import Conflict, Invalid
from driftline_cmdb.rfcs.reading import find_rfc
from driftline_cmdb.tables.attention import RfcVerdict
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.rfcs import Rfc

UNAUTHORISED = "unauthorised"
LATE_PAPERWORK = "late paperwork"
FALSE = "false"
VERDICTS = (UNAUTHORISED, LATE_PAPERWORK, FALSE)

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Precision:
    """Of the RFCs that driftline raised in a time, how many deserved it. Only what people said counts."""

    days: int
    raised: int
    #: A person has said what it was.
    judged: int
    #: Of those, not false: the numerator of the precision; `judged` is the denominator.
    right: int
    #: Nobody has said it, but the end suggests it.
    proposed: int
    #: Neither.
    without: int
    #: By verdict, of those that were judged.
    unauthorised: int
    late_paperwork: int
    false: int

    @property
    def precision(self) -> float | None:
        """None where nothing was judged."""
        return self.right / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class Latency:
    """From the first observation of a change to its RFC, ms, over the RFCs raised in a time."""

    days: int
    rfcs: int
    median_ms: int | None
    p95_ms: int | None


def propose(session: Session, rfc: Rfc, now_ms: int) -> None:
    """Note what the end of an RFC suggests: authorised after the fact, or reverted as ordered."""
    if rfc.origin != "driftline":
        return
    suggested = None
    if rfc.state == "closed":
        suggested = LATE_PAPERWORK
    elif rfc.ordered == "revert":
        suggested = UNAUTHORISED
    row = session.get(RfcVerdict, rfc.id) or RfcVerdict(rfc_id=rfc.id)
    row.proposed, row.proposed_ms = suggested, now_ms
    session.add(row)


def give(session: Session, number: int, verdict: str, actor: str, comment: str, now_ms: int) -> RfcVerdict:
    """Say what a change that driftline found was; a later word replaces an earlier one, the audit trail has both.

    :raises Invalid: where it is no verdict.
    :raises Conflict: for an RFC that a person wrote.
    """
    rfc = find_rfc(session, number, to_decide=True)
    if verdict not in VERDICTS:
        raise Invalid(f'verdict: "{verdict}" is not one of {", ".join(VERDICTS)}')
    if rfc.origin != "driftline":
        raise Conflict(f"RFC {number} was planned by {rfc.requester}: only what driftline found gets a verdict")
    row = session.get(RfcVerdict, rfc.id) or RfcVerdict(rfc_id=rfc.id)
    before = row.verdict
    row.verdict, row.by, row.at_ms, row.comment = verdict, actor, now_ms, comment
    session.add(row)
    detail = {"verdict": verdict, "before": before, "proposed": row.proposed, "why": comment}
    audit.record(session, actor, "rfc.verdict", f"RFC {number}", detail, now_ms)
    return row


def precision(session: Session, days: int, now_ms: int) -> Precision:
    """Return the precision over the RFCs raised in the last days."""
    query = (
        select(RfcVerdict.verdict, RfcVerdict.proposed, func.count())
        .select_from(Rfc)
        .outerjoin(RfcVerdict, col(RfcVerdict.rfc_id) == col(Rfc.id))
        .where(Rfc.origin == "driftline", col(Rfc.created_ms) > now_ms - days * _DAY_MS)
        .group_by(col(RfcVerdict.verdict), col(RfcVerdict.proposed))
    )
    rows = session.exec(query).all()

    def number(verdict: str) -> int:
        return sum(count for given, _, count in rows if given == verdict)

    judged = sum(count for given, _, count in rows if given is not None)
    proposed = sum(count for given, suggested, count in rows if given is None and suggested is not None)
    raised = sum(count for _, _, count in rows)
    return Precision(
        days=days,
        raised=raised,
        judged=judged,
        right=judged - number(FALSE),
        proposed=proposed,
        without=raised - judged - proposed,
        unauthorised=number(UNAUTHORISED),
        late_paperwork=number(LATE_PAPERWORK),
        false=number(FALSE),
    )


def latency(session: Session, days: int, now_ms: int) -> Latency:
    """Return how long it took from a change's first observation to its RFC, over the last days."""
    query = (
        select(Rfc.created_ms, func.min(Drift.observed_ms))
        .join(DriftGroup, col(DriftGroup.rfc_id) == col(Rfc.id))
        .join(Drift, col(Drift.group_id) == col(DriftGroup.id))
        .where(Rfc.origin == "driftline", col(Rfc.created_ms) > now_ms - days * _DAY_MS)
        .group_by(col(Rfc.id), col(Rfc.created_ms))
    )
    # A host's clock is corrected by an estimate, which may put an observation some ms after its RFC
    spans = sorted(max(0, created_ms - observed_ms) for created_ms, observed_ms in session.exec(query))
    return Latency(days, len(spans), _percentile(spans, 50), _percentile(spans, 95))


def _percentile(ordered: Sequence[int], percent: int) -> int | None:
    """Return the smallest value that at least so many percent do not exceed."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None
