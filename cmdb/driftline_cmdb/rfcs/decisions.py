"""RFCs: the decisions that people make on them."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from driftline import paths
from driftline_baseline import scope, values
from driftline_baseline.expected import element_path
from driftline_baseline.scope import ScopeItem
from driftline_cmdb import audit
from driftline_cmdb.drift.assess import assess_ci, mark_due
from driftline_cmdb.drift.expectation import allowed_of
from driftline_cmdb.drift.raising import UNDECIDED, close_when_done, decide
from driftline_cmdb.errors import Conflict, Refused
from driftline_cmdb.rfcs.present import settle_what_is_so, snapshot
from driftline_cmdb.rfcs.reading import deltas_of, find_rfc, scope_of
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta

#: Authorising assesses so many CIs at once; more are left to the queue.
_ASSESS_AT_ONCE = 20


def authorise(session: Session, number: int, actor: str, seen: str, comment: str, now_ms: int) -> Rfc:
    """Authorise an RFC: its deltas join the expected state (design section 6, rules 7 and 8).

    :param seen: the scope that the actor saw, as `view` gave it.
    :raises Conflict: where it has been decided, or the scope is not the one that was seen; the message has the
        difference.
    :raises Refused: where the actor requested it.
    """
    rfc = find_rfc(session, number, to_decide=True)
    if rfc.requester == actor:
        raise Refused(f"RFC {number}: {actor} requested it, and who requested never approves; ask another approver")
    _require_undecided(rfc)
    deltas = deltas_of(session, rfc)
    cis = {ci.id: ci for ci in session.exec(select(Ci).where(col(Ci.id).in_({delta.ci_id for delta in deltas})))}
    items = scope_of(deltas, cis)
    if not items:
        raise Conflict(f"RFC {number} has nothing to authorise: what it found changed has been reverted or superseded")
    if seen != scope.digest(items):
        raise Conflict(f"RFC {number}: {_grown(seen, items, cis)}; look at it again and authorise what you see")
    _refuse_open_deltas(session, rfc, deltas)
    snapshot(session, rfc, cis.values(), now_ms)
    for delta in deltas:
        if delta.state == "proposed":
            delta.state, delta.authorised_ms = "authorised", now_ms
            session.add(delta)
    settle_what_is_so(session, deltas, now_ms)
    decide(session, rfc, actor, "authorised", "authorised", now_ms, comment, seen)
    audit.record(
        session, actor, "rfc.authorised", f"RFC {number}", {"scope": seen, "deltas": len(items), "why": comment}, now_ms
    )
    session.flush()
    close_when_done(session, rfc.id, now_ms)
    for count, ci in enumerate(cis.values()):
        if count < _ASSESS_AT_ONCE:
            assess_ci(session, ci, now_ms, also=places_of(session, ci, deltas))
        else:
            mark_due(session, ci.id, now_ms)
    return rfc


def places_of(session: Session, ci: Ci, deltas: Sequence[RfcDelta]) -> set[str]:
    """Return the element paths of a CI on which deltas bear: those they name, and drifts that fit their patterns."""
    here = [delta for delta in deltas if delta.ci_id == ci.id]
    patterns = [delta for delta in here if delta.predicate is not None and not allowed_of(delta).exact]
    places = {element_path(delta.path) for delta in here if delta not in patterns}
    if patterns:
        drifts = session.exec(select(Drift.path).where(Drift.ci_id == ci.id, col(Drift.closed_ms).is_(None)))
        places.update(
            element_path(path) for path in drifts if any(paths.matches(delta.path, path) for delta in patterns)
        )
    return places


def _grown(seen: str, items: Sequence[ScopeItem], cis: dict[int, Ci]) -> str:
    names = {ci.uid: ci.name for ci in cis.values()}
    joined = scope.grown_since(seen, items)
    if joined:
        listed = "; ".join(f"{names[item.ci_uid]} {item.path} = {values.show(item.after)}" for item in joined[:10])
        return f"{len(joined)} change{'s' if len(joined) > 1 else ''} joined since you looked: {listed}"
    return f"what it covers is not what you saw (scope {seen}): a value has moved, or a change is gone"


def _refuse_open_deltas(session: Session, rfc: Rfc, deltas: Sequence[RfcDelta]) -> None:
    """Rule 5: no authorising over another RFC's prediction that is still open on the same CI and path."""
    for delta in deltas:
        query = (
            select(Rfc.number)
            .join(RfcDelta, col(RfcDelta.rfc_id) == col(Rfc.id))
            .where(
                RfcDelta.ci_id == delta.ci_id,
                RfcDelta.path == delta.path,
                RfcDelta.state == "authorised",
                col(RfcDelta.predicate).is_not(None),
                Rfc.id != rfc.id,
                col(Rfc.closed_ms).is_(None),
            )
        )
        other = session.exec(query).first()
        if other is not None:
            raise Conflict(f"RFC {rfc.number}: RFC {other} still predicts {delta.path}; cancel it first")


def order_revert(session: Session, number: int, actor: str, comment: str, now_ms: int) -> Rfc:
    """Order what an RFC found changed to be reverted; it stays open until that is seen.

    :raises Conflict: where it has been decided.
    """
    rfc = find_rfc(session, number, to_decide=True)
    _require_undecided(rfc)
    if rfc.origin != "driftline":
        raise Conflict(f"RFC {number} is a planned change: there is nothing to revert; cancel it instead")
    if rfc.ordered == "revert":
        raise Conflict(f"RFC {number} is already ordered to be reverted")
    rfc.ordered = "revert"
    decide(session, rfc, actor, "revert ordered", rfc.state, now_ms, comment)
    audit.record(session, actor, "rfc.revert_ordered", f"RFC {number}", {"why": comment}, now_ms)
    return rfc


def cancel(session: Session, number: int, actor: str, comment: str, now_ms: int) -> Rfc:
    """Cancel a planned RFC; what it predicted is not predicted any more.

    :raises Refused: for an RFC that driftline raised: it is authorised or reverted.
    :raises Conflict: where it is closed, or its changes have been seen.
    """
    rfc = find_rfc(session, number, to_decide=True)
    if rfc.origin == "driftline":
        raise Refused(f"RFC {number} was raised for a change that is there: authorise it or order it reverted")
    if rfc.closed_ms is not None:
        raise Conflict(f"RFC {number} is {rfc.state}")
    for delta in deltas_of(session, rfc):
        if delta.state == "settled":
            raise Conflict(f"RFC {number}: {delta.path} has been changed as predicted; it cannot be cancelled any more")
        delta.state = "withdrawn"
        session.add(delta)
    rfc.closed_ms = now_ms
    decide(session, rfc, actor, "cancelled", "cancelled", now_ms, comment)
    audit.record(session, actor, "rfc.cancelled", f"RFC {number}", {"why": comment}, now_ms)
    return rfc


def _require_undecided(rfc: Rfc) -> None:
    if rfc.state not in UNDECIDED:
        raise Conflict(f"RFC {rfc.number} is {rfc.state}: it has been decided")
