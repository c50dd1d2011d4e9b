"""RFCs: the decisions that people make on them: authorise, reject, order reverted, cancel."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from driftline import paths
from driftline_baseline import scope, values
from driftline_baseline.expected import element_path
from driftline_baseline.policy import Need
from driftline_baseline.scope import ScopeItem
from driftline_cmdb import audit
from driftline_cmdb.drift import carrying
from driftline_cmdb.drift.assess import assess_ci, mark_due
from driftline_cmdb.drift.expectation import allowed_of
from driftline_cmdb.drift.raising import close_when_done
from driftline_cmdb.errors import Conflict, Invalid, Refused
from driftline_cmdb.packing import chunks
from driftline_cmdb.rfcs import approvals, conflicts, policies
from driftline_cmdb.rfcs.emergencies import close_finding
from driftline_cmdb.rfcs.lifecycle import DRIFTLINE, begin, check, decide
from driftline_cmdb.rfcs.present import settle_what_is_so, snapshot
from driftline_cmdb.rfcs.reading import deltas_of, find_rfc, scope_of
from driftline_cmdb.tables.change_control import RfcApproval
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta

#: Authorising assesses so many CIs at once; more are left to the queue.
_ASSESS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Waivers:
    """What an approver knowingly passes over."""

    #: Number of an RFC whose open predictions on the same paths this one replaces (design section 6, rule 5).
    supersedes: int | None = None
    #: Why it is done although its CIs are frozen.
    despite_freeze: str | None = None
    despite_conflicts: bool = False
    #: Options that whoever decides may add; a refusal names them.
    offers: tuple[str, ...] = conflicts.OFFERS


_NOTHING = Waivers()


def authorise(
    session: Session,
    number: int,
    actor: str,
    seen: str,
    comment: str,
    now_ms: int,
    *,
    waivers: Waivers = _NOTHING,
    on_behalf_of: str | None = None,
) -> Rfc:
    """Approve an RFC. With its last approval it is authorised: its deltas join the expected state (rules 7 and 8).

    :param seen: the scope that the actor saw, as `view` gave it.
    :param on_behalf_of: the person who approved in the other system that is the RFC's master.
    :raises Conflict: where it has been decided, or the scope is not the one that was seen; the message has the
        difference.
    :raises Refused: where this person may not approve it, an assessment is missing, or it conflicts.
    """
    rfc = find_rfc(session, number, to_decide=True)
    person, account = actor, None
    if on_behalf_of is not None:
        check_account(session, actor, rfc.external_system, f"RFC {number}")
        person, account = on_behalf_of, actor
    approval = RfcApproval(rfc_id=rfc.id, person=person, account=account, at_ms=now_ms, scope=seen, comment=comment)
    return give(session, rfc, approval, waivers, now_ms)


def check_account(session: Session, account: str, system: str | None, what: str) -> None:
    """Pass where an account may act on behalf of people in another system.

    :raises Refused: where it may not.
    """
    if system is None:
        raise Refused(f"{what} is no record of another system: approve it in your own name")
    if account not in policies.in_force(session).external.get(system, ()):
        raise Refused(
            f"{what}: {account} may not act on behalf of people in {system}; the approval policy has to name it "
            f"under external.{system}"
        )


def give(session: Session, rfc: Rfc, approval: RfcApproval, waivers: Waivers, now_ms: int) -> Rfc:
    """Add one approval to an RFC, and authorise it where that is the last one it needs."""
    late = rfc.kind == "emergency" and rfc.state in ("implementing", "review")
    check(rfc, "approve afterwards" if late else "approve")
    standing = approvals.of(session, rfc, approval.scope)
    approvals.check_approver(rfc, approval.person, standing)
    need = policies.need_of(session, rfc)
    if need.assess and rfc.state == "submitted":
        raise Refused(f"RFC {rfc.number}: the policy asks for an assessment first: driftline rfc assess {rfc.number}")
    deltas = deltas_of(session, rfc)
    cis = _cis_of(session, deltas)
    items = scope_of(deltas, cis)
    if not items and not (late and rfc.authorised_ms is None):
        raise Conflict(
            f"RFC {rfc.number} has nothing to authorise: what it found changed has been reverted or superseded"
        )
    if approval.scope != scope.digest(items):
        difference = _grown(approval.scope, items, cis)
        raise Conflict(f"RFC {rfc.number}: {difference}; look at it again and authorise what you see")
    in_the_way = _open_deltas(session, rfc, deltas, waivers.supersedes)
    found = [] if late else conflicts.conflicts_of(session, rfc, now_ms)
    conflicts.refuse(
        rfc,
        [one for one in found if one.kind == "freeze" or one.name != str(waivers.supersedes)],
        despite_freeze=waivers.despite_freeze,
        despite_conflicts=waivers.despite_conflicts,
        offers=waivers.offers,
    )
    session.add(approval)
    session.flush()
    standing = approvals.of(session, rfc, approval.scope)
    detail: dict[str, Any] = {"despite": [one.show() for one in found[:50]]} if found else {}
    if waivers.despite_freeze:
        detail["despite freeze"] = waivers.despite_freeze
    if not _enough(session, rfc, approval, standing, need, detail, now_ms):
        return rfc
    for one in standing:
        if not one.counts and one.approval.void_ms is None:
            one.approval.void_ms = now_ms
            session.add(one.approval)
    _supersede(session, rfc, in_the_way, now_ms)
    for delta in deltas:
        if delta.state == "proposed":
            delta.state, delta.authorised_ms = "authorised", now_ms
            session.add(delta)
    snapshot(session, rfc, cis.values(), now_ms)
    settle_what_is_so(session, deltas, now_ms)
    _authorised(session, rfc, approval, late, len(items), detail, now_ms)
    close_when_done(session, rfc.id, now_ms)
    _assess(session, deltas, cis, now_ms)
    carrying.settle_authorised(session, rfc, now_ms)
    return rfc


def _enough(
    session: Session,
    rfc: Rfc,
    approval: RfcApproval,
    standing: Sequence[approvals.Standing],
    need: Need,
    detail: dict[str, Any],
    now_ms: int,
) -> bool:
    """Tell whether an RFC has all approvals that it needs; where it has not, keep that it got one."""
    count = len({one.approval.person for one in standing if one.counts})
    if count >= need.approvers:
        return True
    said = f"{count} of {need.approvers} approvals"
    lost = approvals.outgrown(standing)
    comment = "; ".join(part for part in (said, lost, approval.comment) if part)
    action = "approve" if rfc.state in ("submitted", "assessed") else "approve afterwards"
    decide(session, rfc, approval.person, action, rfc.state, now_ms, comment, approval.scope, detail)
    audited = {"scope": approval.scope, "approvals": said, "why": approval.comment, **_account(approval), **detail}
    audit.record(session, approval.person, "rfc.approved", f"RFC {rfc.number}", audited, now_ms)
    session.flush()
    return False


def _authorised(
    session: Session, rfc: Rfc, approval: RfcApproval, late: bool, count: int, detail: dict[str, Any], now_ms: int
) -> None:
    action, state = ("authorise afterwards", rfc.state) if late else ("authorise", "authorised")
    decide(session, rfc, approval.person, action, state, now_ms, approval.comment, approval.scope, detail)
    rfc.authorised_ms = now_ms
    audited = {"scope": approval.scope, "deltas": count, "why": approval.comment, **_account(approval), **detail}
    audit.record(session, approval.person, "rfc.authorised", f"RFC {rfc.number}", audited, now_ms)
    if late:
        close_finding(session, rfc, now_ms)
    elif rfc.origin == "person":
        begin(session, rfc, now_ms)
    session.flush()


def _account(approval: RfcApproval) -> dict[str, str]:
    return {"account": approval.account} if approval.account is not None else {}


def _assess(session: Session, deltas: Sequence[RfcDelta], cis: dict[int, Ci], now_ms: int) -> None:
    for count, ci in enumerate(cis.values()):
        if count < _ASSESS_AT_ONCE:
            assess_ci(session, ci, now_ms, also=places_of(session, ci, deltas))
        else:
            mark_due(session, ci.id, now_ms)


def _cis_of(session: Session, deltas: Sequence[RfcDelta]) -> dict[int, Ci]:
    ids = {delta.ci_id for delta in deltas}
    return {ci.id: ci for chunk in chunks(sorted(ids)) for ci in session.exec(select(Ci).where(col(Ci.id).in_(chunk)))}


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


def _open_deltas(
    session: Session, rfc: Rfc, deltas: Sequence[RfcDelta], supersedes: int | None
) -> list[tuple[RfcDelta, Rfc]]:
    """Return predictions of the RFC that is superseded which are open on the same CI and path.

    Rule 5: no authorising over another RFC's prediction that is still open, unless it is named.

    :raises Conflict: where there is one of an RFC that was not named, or the named one has none.
    """
    places = {(delta.ci_id, delta.path) for delta in deltas if delta.state == "proposed"}
    found: list[tuple[RfcDelta, Rfc]] = []
    for chunk in chunks(sorted({ci_id for ci_id, _ in places})):
        query = (
            select(RfcDelta, Rfc)
            .join(Rfc, col(Rfc.id) == col(RfcDelta.rfc_id))
            .where(
                col(RfcDelta.ci_id).in_(chunk),
                col(RfcDelta.state).in_(("authorised", "in progress")),
                RfcDelta.part == "predicted",
                Rfc.id != rfc.id,
                col(Rfc.closed_ms).is_(None),
            )
            .order_by(col(RfcDelta.id))
        )
        found += [(delta, other) for delta, other in session.exec(query) if (delta.ci_id, delta.path) in places]
    for delta, other in found:
        if other.number != supersedes:
            raise Conflict(
                f"RFC {rfc.number}: RFC {other.number} still predicts {delta.path}; cancel it first, or name it: "
                f"--supersedes {other.number}"
            )
    if supersedes is not None and not found:
        raise Conflict(
            f"RFC {rfc.number}: RFC {supersedes} has no open prediction on the same CI and path to supersede"
        )
    return found


def _supersede(session: Session, rfc: Rfc, found: Collection[tuple[RfcDelta, Rfc]], now_ms: int) -> None:
    others: dict[int, Rfc] = {}
    paths: dict[int, list[str]] = {}
    for delta, other in found:
        delta.state = "superseded"
        session.add(delta)
        others[other.id] = other
        paths.setdefault(other.id, []).append(delta.path)
    session.flush()
    for other in others.values():
        listed = ", ".join(paths[other.id][:5])
        decide(session, other, DRIFTLINE, "supersede", other.state, now_ms, f"by RFC {rfc.number}: {listed}")
        left = set(session.exec(select(RfcDelta.state).where(RfcDelta.rfc_id == other.id)))
        if left <= {"superseded", "withdrawn"}:
            other.outcome, other.closed_ms = f"superseded by RFC {rfc.number}", now_ms
            if other.state == "review":
                decide(session, other, DRIFTLINE, "close", "closed", now_ms, other.outcome)
            else:
                decide(session, other, DRIFTLINE, "cancel", "cancelled", now_ms, other.outcome)


def order_revert(session: Session, number: int, actor: str, comment: str, now_ms: int) -> Rfc:
    """Order what an RFC found changed to be reverted; it stays open until that is seen.

    :raises Conflict: where it has been decided.
    """
    rfc = find_rfc(session, number, to_decide=True)
    if rfc.origin != DRIFTLINE:
        raise Conflict(f"RFC {number} is a planned change: there is nothing to revert; cancel it instead")
    check(rfc, "order revert")
    if rfc.ordered == "revert":
        raise Conflict(f"RFC {number} is already ordered to be reverted")
    rfc.ordered = "revert"
    decide(session, rfc, actor, "order revert", rfc.state, now_ms, comment)
    audit.record(session, actor, "rfc.revert_ordered", f"RFC {number}", {"why": comment}, now_ms)
    return rfc


def reject(session: Session, number: int, actor: str, reason: str, now_ms: int) -> Rfc:
    """Reject a planned RFC.

    :raises Refused: for an RFC that driftline raised: it is authorised or reverted.
    :raises Invalid: where no reason is given.
    :raises Conflict: where it has been decided.
    """
    rfc = find_rfc(session, number, to_decide=True)
    _require_planned(rfc)
    check(rfc, "reject")
    if not reason.strip():
        raise Invalid("comment: rejecting needs a reason, for whoever requested it")
    _withdraw(session, rfc)
    rfc.closed_ms = now_ms
    decide(session, rfc, actor, "reject", "rejected", now_ms, reason)
    audit.record(session, actor, "rfc.rejected", f"RFC {number}", {"why": reason}, now_ms)
    return rfc


def cancel(session: Session, number: int, actor: str, comment: str, now_ms: int) -> Rfc:
    """Cancel a planned RFC; what it predicted is not predicted any more.

    :raises Refused: for an RFC that driftline raised: it is authorised or reverted.
    :raises Conflict: where it is closed, or its changes have been seen.
    """
    rfc = find_rfc(session, number, to_decide=True)
    _require_planned(rfc)
    check(rfc, "cancel")
    for delta in deltas_of(session, rfc):
        if delta.state == "settled":
            raise Conflict(
                f"RFC {number}: {delta.path} has been changed as predicted; it cannot be cancelled any more, "
                f"only closed or backed out"
            )
    _withdraw(session, rfc)
    rfc.closed_ms = now_ms
    close_finding(session, rfc, now_ms)
    decide(session, rfc, actor, "cancel", "cancelled", now_ms, comment)
    audit.record(session, actor, "rfc.cancelled", f"RFC {number}", {"why": comment}, now_ms)
    return rfc


def _require_planned(rfc: Rfc) -> None:
    if rfc.origin == DRIFTLINE:
        raise Refused(f"RFC {rfc.number} was raised for a change that is there: authorise it or order it reverted")


def _withdraw(session: Session, rfc: Rfc) -> None:
    for delta in deltas_of(session, rfc):
        if delta.state in ("proposed", "authorised"):
            delta.state = "withdrawn"
            session.add(delta)
