"""Drifts: looking at them, and accepting one for a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline import paths
from driftline_cmdb import audit
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.control import Drift, DriftGroup, Rfc
from driftline_cmdb.tables.elements import HostTransaction


@dataclass(frozen=True, slots=True)
class DriftView:
    """A drift with its CI, its evidence and its RFC."""

    drift: Drift
    ci: Ci
    transaction: HostTransaction | None
    rfc_number: int | None


def list_drifts(
    session: Session,
    state: str | None = "open",
    ci_id: int | None = None,
    match: Sequence[str] = (),
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[DriftView], int]:
    """Return drifts, the latest first, and how many there are in all.

    :param state: None for all states.
    :param match: path patterns; only what one of them matches.
    """
    query = (
        select(Drift, Ci, HostTransaction, Rfc.number)
        .join(Ci, col(Ci.id) == col(Drift.ci_id))
        .outerjoin(HostTransaction, col(HostTransaction.id) == col(Drift.transaction_id))
        .outerjoin(DriftGroup, col(DriftGroup.id) == col(Drift.group_id))
        .outerjoin(Rfc, col(Rfc.id) == col(DriftGroup.rfc_id))
        .order_by(col(Drift.id).desc())
    )
    if state is not None:
        query = query.where(Drift.state == state)
    if ci_id is not None:
        query = query.where(Drift.ci_id == ci_id)
    if match:  # patterns are not SQL's
        rows = [DriftView(*row) for row in session.exec(query) if paths.matches_any(match, row[0].path)]
        return rows[offset : offset + limit], len(rows)
    total = select(func.count()).select_from(query.with_only_columns(col(Drift.id)).order_by(None).subquery())
    rows = [DriftView(*row) for row in session.exec(query.limit(limit).offset(offset))]
    return rows, session.exec(total).one()


def find_drift(session: Session, drift_id: int) -> Drift:
    """Return a drift by its number.

    :raises NotFound: where there is none.
    """
    drift = session.get(Drift, drift_id)
    if drift is None:
        raise NotFound(f"there is no drift {drift_id}; driftline drift list shows them")
    return drift


def accept(session: Session, drift_id: int, actor: str, reason: str, until_ms: int, now_ms: int) -> Drift:
    """Accept a drift as it is for a time; another value is a new drift (design section 6, rule 7).

    :raises Conflict: where it is not open.
    :raises Invalid: where the end is past, or no reason is given.
    """
    drift = find_drift(session, drift_id)
    if drift.state != "open":
        raise Conflict(f"drift {drift_id} is {drift.state}: only an open one can be accepted")
    if until_ms <= now_ms:
        raise Invalid("until: an acceptance must end in the future")
    if not reason.strip():
        raise Invalid("reason: an acceptance needs one")
    drift.state, drift.accepted_until_ms, drift.why = "accepted", until_ms, f"accepted by {actor}: {reason}"
    session.add(drift)
    audit.record(session, actor, "drift.accepted", f"drift {drift_id}", {"until_ms": until_ms, "why": reason}, now_ms)
    return drift


def end_acceptances(session: Session, now_ms: int) -> set[int]:
    """Return the CIs that have an acceptance which has ended; they are to be assessed."""
    query = select(Drift.ci_id).where(Drift.state == "accepted", col(Drift.accepted_until_ms) <= now_ms)
    return set(session.exec(query))
