"""What people decide about findings: acknowledge, close."""

from sqlmodel import Session, col, select

from driftline_cmdb import audit
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.integrity import FindingDecision

#: Kinds whose end driftline sees by itself; closed by hand they would open again at the next look.
WATCHED = (
    "silent",
    "long silent",
    "retired reports",
    "integrity",
    "audit broken",
    "production gate",
    "limited",
    "identity",
    "sources disagree",
    "source silent",
    "unseen dependency",
    "cable disputed",
)


def find(session: Session, finding_id: int) -> Finding:
    """Return a finding.

    :raises NotFound: where there is none.
    """
    found = session.get(Finding, finding_id)
    if found is None:
        raise NotFound(f"there is no finding {finding_id}; driftline finding list shows them")
    return found


def acknowledge(session: Session, finding_id: int, actor: str, reason: str, now_ms: int) -> Finding:
    """Say that someone knows; the finding stays open until what it found is over.

    :raises Conflict: where it is closed, or acknowledged already.
    :raises Invalid: where there is no reason.
    """
    found = _open(session, finding_id, reason)
    known = acknowledgement(session, finding_id)
    if known is not None:
        raise Conflict(f"finding {finding_id} was acknowledged by {known.actor} already")
    _decide(session, found, actor, "acknowledged", reason, now_ms)
    return found


def acknowledgement(session: Session, finding_id: int) -> FindingDecision | None:
    """Return who acknowledged a finding, and when; None where nobody has, or not since it was put off."""
    query = select(FindingDecision).where(
        FindingDecision.finding_id == finding_id,
        FindingDecision.action == "acknowledged",
        col(FindingDecision.void_ms).is_(None),
    )
    return session.exec(query).first()


def release(session: Session, finding_id: int, now_ms: int) -> None:
    """Have a finding acknowledged by nobody any more."""
    known = acknowledgement(session, finding_id)
    if known is not None:
        known.void_ms = now_ms
        session.add(known)


def close(session: Session, finding_id: int, actor: str, reason: str, now_ms: int) -> Finding:
    """Close a finding.

    :raises Conflict: where it is closed already.
    :raises Refused: where driftline sees its end by itself.
    :raises Invalid: where there is no reason.
    """
    found = _open(session, finding_id, reason)
    if found.kind in WATCHED:
        raise Refused(
            f'finding {finding_id} ("{found.kind}") closes by itself once it is over, and would open again before; '
            "acknowledge it instead"
        )
    found.closed_ms = now_ms
    session.add(found)
    _decide(session, found, actor, "closed", reason, now_ms)
    return found


def _open(session: Session, finding_id: int, reason: str) -> Finding:
    found = find(session, finding_id)
    if found.closed_ms is not None:
        raise Conflict(f"finding {finding_id} is closed already")
    if not reason.strip():
        raise Invalid("reason: is empty; say why")
    return found


def _decide(session: Session, found: Finding, actor: str, action: str, reason: str, now_ms: int) -> None:
    session.add(FindingDecision(finding_id=found.id, at_ms=now_ms, actor=actor, action=action, reason=reason.strip()))
    detail = {"kind": found.kind, "message": found.message, "why": reason.strip()}
    audit.record(session, actor, f"finding.{action}", f"finding {found.id}", detail, now_ms)
