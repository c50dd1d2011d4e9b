"""RFCs: finding one, with all that belongs to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline_baseline import scope
from driftline_baseline.policy import Need
from driftline_baseline.scope import ScopeItem
from driftline_cmdb.errors import NotFound
from driftline_cmdb.rfcs import approvals, policies
from driftline_cmdb.rfcs.approvals import Standing
from driftline_cmdb.tables.change_control import RfcComment, RfcLink
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.elements import HostTransaction
from driftline_cmdb.tables.rfcs import Rfc, RfcDecision, RfcDelta
from driftline_cmdb.witnesses import Present, present_at


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
    need: Need
    approvals: list[Standing]
    comments: list[RfcComment]
    links: list[RfcLink]
    #: Who was there when its drifts came about. Says who may have done it; explains nothing.
    present: list[Present]


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
    deltas = deltas_of(session, rfc)
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
    seen = scope.digest(scope_of(deltas, cis))
    return RfcView(
        rfc,
        deltas,
        cis,
        drifts,
        list(transactions),
        list(decisions),
        seen,
        group.cause if group is not None else None,
        policies.need_of(session, rfc),
        approvals.of(session, rfc, seen if rfc.authorised_ms is None else None),
        list(session.exec(select(RfcComment).where(RfcComment.rfc_id == rfc.id).order_by(col(RfcComment.id)))),
        list(session.exec(select(RfcLink).where(RfcLink.rfc_id == rfc.id).order_by(col(RfcLink.id)))),
        present_at(session, drifts),
    )


def deltas_of(session: Session, rfc: Rfc) -> list[RfcDelta]:
    return list(session.exec(select(RfcDelta).where(RfcDelta.rfc_id == rfc.id).order_by(col(RfcDelta.id))))


def affected(session: Session, rfc: Rfc) -> dict[int, Ci]:
    """Return the CIs that an RFC changes, by id; not those whose deltas were all withdrawn, unless it has no others."""
    ids = select(RfcDelta.ci_id).where(RfcDelta.rfc_id == rfc.id)
    live = ids.where(col(RfcDelta.state).not_in(("withdrawn", "superseded")))
    for wanted in (live, ids):
        found = {ci.id: ci for ci in session.exec(select(Ci).where(col(Ci.id).in_(wanted)))}
        if found:
            return found
    return {}


def scope_of(deltas: Sequence[RfcDelta], cis: dict[int, Ci]) -> list[ScopeItem]:
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
