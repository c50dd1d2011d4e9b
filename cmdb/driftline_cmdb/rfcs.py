"""RFCs: looking at them, and the decisions people make on them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlmodel import Session, col, select

from driftline.schema import Value
from driftline_baseline import predict, scope, values
from driftline_baseline.document import misfit
from driftline_baseline.errors import VersionError
from driftline_baseline.expected import element_path
from driftline_baseline.scope import ScopeItem
from driftline_cmdb import audit
from driftline_cmdb.assess import assess_ci, mark_due
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.raising import UNDECIDED, decide, next_number
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.control import Drift, DriftGroup, Rfc, RfcDecision, RfcDelta
from driftline_cmdb.tables.elements import HostTransaction

#: Authorising assesses so many CIs at once; more are left to the queue.
_ASSESS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class RfcView:
    """An RFC with all that belongs to it."""

    rfc: Rfc
    deltas: list[RfcDelta]
    cis: dict[int, Ci]
    drifts: list[Drift]
    transactions: list[HostTransaction]
    decisions: list[RfcDecision]
    #: Digest of what an authorisation binds to.
    scope: str
    cause: str | None


@dataclass(frozen=True, slots=True)
class Planned:
    """One predicted change of a planned RFC."""

    ci: Ci
    path: str
    kind: str
    operand: Value | None = None


def find_rfc(session: Session, number: int, *, to_decide: bool = False) -> Rfc:
    """Return the RFC with this number.

    :param to_decide: nobody else may decide on it until this transaction ends.
    :raises NotFound: where there is none.
    """
    query = select(Rfc).where(Rfc.number == number)
    rfc = session.exec(query.with_for_update() if to_decide else query).first()
    if rfc is None:
        raise NotFound(f"there is no RFC {number}; driftline rfc list shows them all")
    return rfc


def view(session: Session, number: int) -> RfcView:
    """Return an RFC with its deltas, CIs, drifts, evidence and decisions.

    :raises NotFound: where there is none.
    """
    rfc = find_rfc(session, number)
    deltas = _deltas(session, rfc)
    ci_ids = {delta.ci_id for delta in deltas}
    cis = {ci.id: ci for ci in session.exec(select(Ci).where(col(Ci.id).in_(ci_ids)))}
    group = session.exec(select(DriftGroup).where(DriftGroup.rfc_id == rfc.id)).first()
    drifts: list[Drift] = []
    if group is not None:
        drifts = list(session.exec(select(Drift).where(Drift.group_id == group.id).order_by(col(Drift.id))))
    acts = {drift.transaction_id for drift in drifts if drift.transaction_id is not None}
    transactions = session.exec(
        select(HostTransaction).where(col(HostTransaction.id).in_(acts)).order_by(col(HostTransaction.started_ms))
    )
    decisions = session.exec(select(RfcDecision).where(RfcDecision.rfc_id == rfc.id).order_by(col(RfcDecision.id)))
    return RfcView(
        rfc,
        deltas,
        cis,
        drifts,
        list(transactions),
        list(decisions),
        scope.digest(_scope(deltas, cis)),
        group.cause if group is not None else None,
    )


def _deltas(session: Session, rfc: Rfc) -> list[RfcDelta]:
    return list(session.exec(select(RfcDelta).where(RfcDelta.rfc_id == rfc.id).order_by(col(RfcDelta.id))))


def _scope(deltas: Sequence[RfcDelta], cis: dict[int, Ci]) -> list[ScopeItem]:
    return [
        ScopeItem(
            cis[delta.ci_id].uid,
            delta.path,
            delta.before,
            delta.after if delta.predicate is None else str(sorted(delta.predicate.items())),
        )
        for delta in deltas
        if delta.state == "proposed"
    ]


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
    deltas = _deltas(session, rfc)
    cis = {ci.id: ci for ci in session.exec(select(Ci).where(col(Ci.id).in_({delta.ci_id for delta in deltas})))}
    items = _scope(deltas, cis)
    if not items:
        raise Conflict(f"RFC {number} has nothing to authorise: what it found changed has been reverted or superseded")
    if seen != scope.digest(items):
        raise Conflict(f"RFC {number}: {_grown(seen, items, cis)}; look at it again and authorise what you see")
    _refuse_open_deltas(session, rfc, deltas)
    for delta in deltas:
        if delta.state == "proposed":
            delta.state, delta.authorised_ms = "authorised", now_ms
            session.add(delta)
    decide(session, rfc, actor, "authorised", "authorised", now_ms, comment, seen)
    audit.record(
        session, actor, "rfc.authorised", f"RFC {number}", {"scope": seen, "deltas": len(items), "why": comment}, now_ms
    )
    session.flush()
    for count, ci in enumerate(cis.values()):
        if count < _ASSESS_AT_ONCE:
            places = {element_path(delta.path) for delta in deltas if delta.ci_id == ci.id}
            assess_ci(session, ci, now_ms, also=places)
        else:
            mark_due(session, ci.id, now_ms)
    return rfc


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
    for delta in _deltas(session, rfc):
        if delta.state == "settled":
            raise Conflict(f"RFC {number}: {delta.path} has been changed as predicted; it cannot be cancelled any more")
        delta.state = "withdrawn"
        session.add(delta)
    rfc.closed_ms = now_ms
    decide(session, rfc, actor, "cancelled", "cancelled", now_ms, comment)
    audit.record(session, actor, "rfc.cancelled", f"RFC {number}", {"why": comment}, now_ms)
    return rfc


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person writes into a planned RFC."""

    title: str
    reason: str = ""
    description: str = ""
    kind: str = "normal"
    priority: str = "medium"
    effect_of_not_doing: str = ""
    risk: str = ""
    impact: str = ""
    benefit: str = ""
    cost: str = ""
    implementer: str | None = None
    test_plan: str = ""
    back_out_plan: str = ""
    planned_start_ms: int | None = None
    planned_end_ms: int | None = None


def propose(session: Session, plan: Plan, requester: str, planned: Sequence[Planned], now_ms: int) -> Rfc:
    """Submit a planned change with what it is predicted to do.

    :raises Invalid: where a prediction cannot be one; the message names it and the mend.
    """
    if not planned:
        raise Invalid("predictions: a planned RFC needs at least one predicted change")
    start_ms, end_ms = plan.planned_start_ms, plan.planned_end_ms
    if start_ms is not None and end_ms is not None and end_ms <= start_ms:
        raise Invalid("end: the planned window ends before it starts")
    rfc = Rfc(number=next_number(session), requester=requester, created_ms=now_ms, **asdict(plan))
    session.add(rfc)
    session.flush()
    places = set()
    for item in planned:
        _check_planned(item)
        if (item.ci.id, item.path) in places:
            raise Invalid(f"{item.path}: is predicted twice for {item.ci.name}")
        places.add((item.ci.id, item.path))
        session.add(
            RfcDelta(
                rfc_id=rfc.id,
                ci_id=item.ci.id,
                path=item.path,
                predicate={"kind": item.kind, "operand": item.operand},
                ci_version=item.ci.version,
            )
        )
    decide(session, rfc, requester, "submitted", "submitted", now_ms, plan.reason)
    audit.record(session, requester, "rfc.submitted", f"RFC {rfc.number}", {"title": plan.title}, now_ms)
    session.flush()
    return rfc


def _check_planned(item: Planned) -> None:
    if item.kind not in predict.KINDS:
        raise Invalid(f'{item.path}: "{item.kind}" is not one of {", ".join(predict.KINDS)}')
    if "*" in item.path or "?" in item.path:
        raise Invalid(f"{item.path}: a prediction names one place, without wild cards")
    problem = misfit(item.path, item.kind)
    if problem is not None:
        raise Invalid(problem)
    if item.kind == "at_least":
        try:
            predict.version(str(item.operand), predict.ecosystem_of(item.path))
        except VersionError as error:
            raise Invalid(f"{item.path}: {error}") from error


def _require_undecided(rfc: Rfc) -> None:
    if rfc.state not in UNDECIDED:
        raise Conflict(f"RFC {rfc.number} is {rfc.state}: it has been decided")
