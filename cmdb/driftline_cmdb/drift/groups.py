"""Groups: drifts of one cause over the fleet, and the RFC that they are put into."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from driftline_baseline.evidence import HostAct
from driftline_baseline.grouping import JOIN_WITHIN_MS, Cause
from driftline_baseline.interval import Interval, Window
from driftline_baseline.lifecycle import UNDECIDED
from driftline_cmdb.drift import cables, raising
from driftline_cmdb.identity.aliases import aliases
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta
from driftline_cmdb.tables.standing import EmergencyScope


def group(session: Session, ci: Ci, cause: Cause, drifts: Sequence[Drift], act: HostAct | None, now_ms: int) -> None:
    """Put drifts of one cause into their group, and the group into its RFC.

    What a back-out has yet to undo belongs to the RFC that is backed out; what the declarer of an emergency did on its
    CIs belongs to the emergency's RFC; links of one cable or one dead switch belong together; everything else is
    grouped by its cause.
    """
    rest = left_of_back_outs(session, ci, drifts, now_ms)
    if not rest:
        return
    found = _emergency(session, ci, rest, act, now_ms) or cables.joinable(session, ci, rest, now_ms)
    found = found or _joinable(session, cause, now_ms)
    _put(session, found, rest)
    if found.rfc_id is None:
        raising.raise_rfc(session, found, cause, ci, rest, act, now_ms)
    else:
        raising.join_rfc(session, found, ci, rest, now_ms)


def group_of(session: Session, rfc: Rfc, kind: str, now_ms: int) -> DriftGroup:
    """Return the group that an RFC of a person gathers drifts in: ``emergency`` or ``back-out``."""
    key = f"{kind}:{rfc.number}"
    found = session.exec(select(DriftGroup).where(DriftGroup.key == key)).first()
    if found is None:
        found = DriftGroup(
            key=key,
            cause=f"{kind} of RFC {rfc.number}",
            opened_ms=now_ms,
            joinable_until_ms=now_ms,
            rfc_id=rfc.id,
        )
        session.add(found)
        session.flush()
    return found


def _put(session: Session, found: DriftGroup, drifts: Sequence[Drift]) -> None:
    for drift in drifts:
        drift.group_id = found.id
    session.add_all(drifts)
    session.flush()


def left_of_back_outs(session: Session, ci: Ci, drifts: Sequence[Drift], now_ms: int) -> list[Drift]:
    """Put drifts that are what a back-out has yet to undo into its group; return the others."""
    query = (
        select(RfcDelta.path, RfcDelta.after, Rfc)
        .join(Rfc, col(Rfc.id) == col(RfcDelta.rfc_id))
        .where(col(RfcDelta.ci_id).in_(aliases(session, ci.id)))
        .where(RfcDelta.state == "backing out", col(Rfc.closed_ms).is_(None))
    )
    undone = {(path, after): rfc for path, after, rfc in session.exec(query)}
    rest = []
    for drift in drifts:
        rfc = undone.get((drift.path, drift.actual))
        if rfc is None:
            rest.append(drift)
        else:
            drift.why = f"RFC {rfc.number} is backed out: this is still to be undone"
            _put(session, group_of(session, rfc, "back-out", now_ms), [drift])
    return rest


def _emergency(
    session: Session, ci: Ci, drifts: Sequence[Drift], act: HostAct | None, now_ms: int
) -> DriftGroup | None:
    """Return the group of an emergency whose declarer made this change, by the host's own log, while it lasted."""
    if act is None:
        return None
    query = (
        select(EmergencyScope, Rfc)
        .join(Rfc, col(Rfc.id) == col(EmergencyScope.rfc_id))
        .where(col(EmergencyScope.ci_id).in_(aliases(session, ci.id)), col(Rfc.closed_ms).is_(None))
        .order_by(col(Rfc.id).desc())
    )
    change = Interval(act.started_ms - 1, act.ended_ms)
    for scope, rfc in session.exec(query):
        if act.actor in scope.actors and Window(rfc.planned_start_ms, rfc.planned_end_ms).covers(change):
            return group_of(session, rfc, "emergency", now_ms)
    return None


def _joinable(session: Session, cause: Cause, now_ms: int) -> DriftGroup:
    """Return the group that an event of this cause joins, a new one where none is open to it."""
    query = (
        select(DriftGroup)
        .join(Rfc, col(Rfc.id) == col(DriftGroup.rfc_id))
        .where(
            DriftGroup.key == cause.key,
            DriftGroup.joinable_until_ms > now_ms,
            col(Rfc.state).in_(UNDECIDED),
            col(Rfc.ordered).is_(None),
        )
        .order_by(col(DriftGroup.id).desc())
    )
    found = session.exec(query).first()
    if found is None:
        found = DriftGroup(
            key=cause.key, cause=cause.title, opened_ms=now_ms, joinable_until_ms=now_ms + JOIN_WITHIN_MS
        )
        session.add(found)
        session.flush()
    return found
