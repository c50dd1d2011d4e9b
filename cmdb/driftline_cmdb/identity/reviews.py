"""Questions of identity that wait for a person; each has a finding, which is the alert."""

from collections.abc import Sequence

from sqlmodel import Session

from driftline_baseline.identity import THRESHOLD, Match
from driftline_cmdb import continuity, driven
from driftline_cmdb.identity.matching import Candidate
from driftline_cmdb.tables.cis import Finding
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
_OPEN = "SELECT id FROM identityreview WHERE source_id IN ({asked}) AND closed_ms IS NULL"
_NAMES = "SELECT id, uid, name FROM ci WHERE id IN ({asked})"
_FINDING = "SELECT id FROM finding WHERE key IN ({asked}) AND closed_ms IS NULL"


def of_source(session: Session, source_id: int) -> IdentityReview | None:
    """Return the open review of a source."""
    found = driven.ask(session, _OPEN, [source_id])
    return session.get_one(IdentityReview, found[0][0]) if found else None


def open_review(
    session: Session,
    source: Source,
    ci_id: int,
    kind: str,
    match: Match,
    others: Sequence[Candidate],
    now_ms: int,
    own_ci_id: int | None = None,
) -> None:
    """Ask a person whether a source is a CI; what the source was asked about before is closed.

    :param others: further CIs that it may be, the likeliest first.
    :param own_ci_id: the CI that it speaks for meanwhile.
    """
    before = of_source(session, source.id)
    if before is not None:
        close(session, before, now_ms)
    rows = driven.ask(session, _NAMES, [ci_id, *(one.ci_id for one in others)])
    named = {row_id: (uid, name) for row_id, uid, name in rows}
    ci_uid, ci_name = named[ci_id]
    key = f"identity:{source.uid}"
    message = (
        f"{source.hostname or source.uid} ({source.uid}) claims to be {ci_name} ({ci_uid}), score {match.score} "
        f"({THRESHOLD} is a match): {_ASK[kind]}"
    )
    detail = {"source": source.uid, "ci": ci_uid, "kind": kind, "score": match.score}
    continuity.open_finding(session, FINDING, key, ci_id, message, detail, now_ms)
    driven.add(
        session,
        IdentityReview,
        kind=kind,
        source_id=source.id,
        ci_id=ci_id,
        own_ci_id=own_ci_id,
        score=match.score,
        pieces=[piece.plain() for piece in match.pieces],
        others=[
            {"ci": uid, "name": name, "score": one.match.score} for one in others for uid, name in (named[one.ci_id],)
        ],
        opened_ms=now_ms,
        finding_id=driven.ask(session, _FINDING, [key])[0][0],
    )


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
