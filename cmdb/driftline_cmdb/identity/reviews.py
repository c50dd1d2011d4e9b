"""Questions of identity that wait for a person; each has a finding, which is the alert."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from driftline_baseline.identity import THRESHOLD, Match
from driftline_cmdb import continuity
from driftline_cmdb.identity.matching import Candidate
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.identity import IdentityReview
from driftline_cmdb.tables.sources import Source

#: A new certificate claims a CI, and its reports wait.
CLAIM = "claim"
#: A bound source claims another CI's evidence.
MOVED = "moved"
#: A new CI was made, and another has its name.
SAME_NAME = "same name"
#: Kind of their findings.
FINDING = "identity"
_ASK = {
    CLAIM: "its reports wait until a person says whether it is the same, a clone or a replacement",
    MOVED: "was it moved to other hardware, or is it a clone?",
    SAME_NAME: "only the name is the same, so it got a CI of its own: is it the same, or a replacement?",
}


def of_source(session: Session, source_id: int) -> IdentityReview | None:
    """Return the open review of a source."""
    query = select(IdentityReview).where(IdentityReview.source_id == source_id, col(IdentityReview.closed_ms).is_(None))
    return session.exec(query).first()


def open_review(
    session: Session,
    source: Source,
    ci_id: int,
    kind: str,
    match: Match,
    others: Sequence[Candidate],
    now_ms: int,
    own_ci_id: int | None = None,
) -> IdentityReview:
    """Ask a person whether a source is a CI; what the source was asked about before is closed.

    :param others: further CIs that it may be, the likeliest first.
    :param own_ci_id: the CI that it speaks for meanwhile.
    """
    before = of_source(session, source.id)
    if before is not None:
        close(session, before, now_ms)
    named = {ci.id: ci for ci in session.exec(select(Ci).where(col(Ci.id).in_([ci_id, *(o.ci_id for o in others)])))}
    ci = named[ci_id]
    key = f"identity:{source.uid}"
    message = (
        f"{source.hostname or source.uid} ({source.uid}) claims to be {ci.name} ({ci.uid}), score {match.score} "
        f"({THRESHOLD} is a match): {_ASK[kind]}"
    )
    detail = {"source": source.uid, "ci": ci.uid, "kind": kind, "score": match.score}
    continuity.open_finding(session, FINDING, key, ci_id, message, detail, now_ms)
    finding = session.exec(select(Finding).where(Finding.key == key, col(Finding.closed_ms).is_(None))).one()
    review = IdentityReview(
        kind=kind,
        source_id=source.id,
        ci_id=ci_id,
        own_ci_id=own_ci_id,
        score=match.score,
        pieces=[piece.plain() for piece in match.pieces],
        others=[
            {"ci": named[one.ci_id].uid, "name": named[one.ci_id].name, "score": one.match.score} for one in others
        ],
        opened_ms=now_ms,
        finding_id=finding.id,
    )
    session.add(review)
    session.flush()
    return review


def close(session: Session, review: IdentityReview, now_ms: int, decision_id: int | None = None) -> None:
    """Close a review and its finding.

    :param decision_id: what was decided; None where the question went away by itself.
    """
    review.closed_ms, review.decision_id = now_ms, decision_id
    session.add(review)
    finding = session.get(Finding, review.finding_id) if review.finding_id is not None else None
    if finding is not None and finding.closed_ms is None:
        finding.closed_ms = now_ms
        session.add(finding)
    session.flush()
