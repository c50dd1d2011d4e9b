"""Evidence that so many machines share that it tells none from another: learnt from the record, or said by a person."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_cmdb import audit, continuity
from driftline_cmdb.attention import events
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.identity.matching import MOST
from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.identity import IdentityClaim, SharedEvidence

#: Kind and key of the one finding that lists what was learnt.
FINDING = "shared evidence"
_BY = "driftline"


def learn(session: Session, crowded: Mapping[str, set[int]], kinds: Mapping[str, str], now_ms: int) -> None:
    """Learn keys that more than a handful of CIs claim.

    :param crowded: the CIs that claim each key.
    :param kinds: the kind of each key.
    """
    if crowded:
        rows = [
            {"key": key, "kind": kinds[key], "machines": len(crowded[key]), "learnt_ms": now_ms, "by": _BY, "note": ""}
            for key in sorted(crowded)
        ]
        insert_ignoring(session, SharedEvidence, rows)
        _note(session, {key: kinds[key] for key in sorted(crowded)}, now_ms)


def _note(session: Session, learnt: Mapping[str, str], now_ms: int) -> None:
    query = select(Finding).where(Finding.key == FINDING, col(Finding.closed_ms).is_(None))
    finding = session.exec(query).first()
    listed = dict(finding.detail["evidence"]) if finding is not None else {}
    listed |= learnt
    named = ", ".join(f"{key} ({kind})" for key, kind in list(listed.items())[:5])
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    message = (
        f"more than {MOST} CIs claim {named}{more}: this counts for nothing any more where machines are told apart; "
        "give them values of their own, or leave it so"
    )
    if finding is None:
        continuity.open_finding(session, FINDING, FINDING, None, message, {"evidence": listed}, now_ms)
        return
    finding.message, finding.detail = message, {"evidence": listed}
    session.add(finding)
    session.flush()
    events.emit_finding(session, finding, now_ms)


def list_shared(session: Session) -> Sequence[SharedEvidence]:
    """Return what is shared, the latest first."""
    query = select(SharedEvidence).order_by(col(SharedEvidence.learnt_ms).desc(), col(SharedEvidence.key))
    return session.exec(query).all()


def claimants(session: Session, key: str) -> int:
    """Return how many CIs claim a key."""
    query = select(func.count(func.distinct(IdentityClaim.ci_id))).where(IdentityClaim.key == key)
    return session.exec(query).one()


def add_shared(session: Session, key: str, actor: str, reason: str, now_ms: int) -> SharedEvidence:
    """Have a key count for nothing.

    :raises Invalid: where there is no reason.
    :raises NotFound: where no source claims it.
    :raises Conflict: where it is on record already.
    """
    if not reason.strip():
        raise Invalid("reason: is empty; say why")
    claimed = session.exec(select(IdentityClaim).where(IdentityClaim.key == key).limit(1)).first()
    if claimed is None:
        raise NotFound(f'no source claims "{key}"; name it as driftline ci why prints it')
    if session.get(SharedEvidence, key) is not None:
        raise Conflict(f'"{key}" counts for nothing already')
    row = SharedEvidence(
        key=key,
        kind=claimed.kind,
        machines=claimants(session, key),
        learnt_ms=now_ms,
        by=actor,
        note=reason.strip(),
    )
    session.add(row)
    detail = {"machines": row.machines, "why": row.note}
    audit.record(session, actor, "evidence.shared", f"evidence {key}", detail, now_ms)
    return row


def forget_shared(session: Session, key: str, actor: str, reason: str, now_ms: int) -> SharedEvidence:
    """Have a key count again; return it as it was.

    :raises Invalid: where there is no reason.
    :raises NotFound: where it is not on record.
    :raises Conflict: while so many CIs claim it that it would be learnt again at once.
    """
    if not reason.strip():
        raise Invalid("reason: is empty; say why")
    row = session.get(SharedEvidence, key)
    if row is None:
        raise NotFound(f'"{key}" is not on record as shared')
    count = claimants(session, key)
    if count > MOST:
        raise Conflict(f'{count} CIs claim "{key}", more than {MOST}: it would be learnt again; give them other values')
    session.delete(row)
    session.flush()
    detail = {"machines": count, "why": reason.strip()}
    audit.record(session, actor, "evidence.counts", f"evidence {key}", detail, now_ms)
    return row
