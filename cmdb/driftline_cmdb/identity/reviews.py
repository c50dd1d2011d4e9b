"""Questions of identity that wait for a person."""

from sqlmodel import Session

from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.identity import IdentityReview


def close(session: Session, review: IdentityReview, now_ms: int, decision_id: int | None = None) -> None:
    """Close a review and its finding."""
    review.closed_ms, review.decision_id = now_ms, decision_id
    session.add(review)
    finding = session.get(Finding, review.finding_id) if review.finding_id is not None else None
    if finding is not None and finding.closed_ms is None:
        finding.closed_ms = now_ms
        session.add(finding)
    session.flush()
