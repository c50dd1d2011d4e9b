"""Decisions on the end of a CI's life: retire, reinstate, dispose. Each has an actor and a reason, and is audited.

A retired CI keeps its row, history, relations and sources. Its sources may not report
(`driftline_cmdb.identity.reporting`), and their certificates stay good, so that reinstating it needs no new enrolment;
disposing of it revokes them. It is compared with nothing: its open drifts close, and the RFCs that driftline raised for
them follow.
"""

from sqlmodel import Session, col, select

from driftline_baseline import life_cycle, silence
from driftline_cmdb import audit, sources
from driftline_cmdb.devices import fencing
from driftline_cmdb.drift import raising
from driftline_cmdb.drift.due import mark_due
from driftline_cmdb.errors import Conflict, Invalid
from driftline_cmdb.identity import bindings
from driftline_cmdb.releases import gate
from driftline_cmdb.tables.cis import Ci, Finding, Relation
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.life_cycle import LifeDecision
from driftline_cmdb.tables.silence import SilentCi
from driftline_cmdb.tables.sources import Source
from driftline_cmdb.topology import due as topology

#: Kinds of findings that say how a CI fares: of one that is gone they mean nothing.
_MOOT = (
    "silent",
    "source silent",
    "sources disagree",
    "long silent",
    "limited",
    "narrowed",
    "production gate",
    "baseline conflict",
    "cable disputed",
    "planned",
)


def retire(session: Session, ci: Ci, actor: str, reason: str, now_ms: int, *, even_so: bool = False) -> LifeDecision:
    """Take a CI out of use.

    :param even_so: although others depend on it.
    :raises Conflict: where its status does not allow it, or others depend on it.
    :raises Invalid: where there is no reason.
    """
    _check(ci, "retire", reason)
    if (depending := dependants(session, ci)) and not even_so:
        raise Conflict(life_cycle.refusal_over_dependants(ci.name, tuple(depending)))
    for binding in bindings.of_ci(session, ci.id):
        fencing.drop(session, binding.source_id, now_ms)
    decision = _decide(session, ci, "retire", actor, reason, now_ms, {"dependants": depending} if depending else {})
    why = f"{ci.name} was retired by {actor}: {decision.reason}"
    _close_drifts(session, ci, why, now_ms)
    _close_findings(session, ci, f"{ci.name} was retired by {actor}", now_ms)
    topology.mark_ci(session, ci.id, now_ms)
    gate.look_at(session, [ci], now_ms)
    return decision


def reinstate(session: Session, ci: Ci, actor: str, reason: str, now_ms: int) -> LifeDecision:
    """Bring a retired CI back to what it was: its sources may report, and it is compared whole.

    :raises Conflict: where it is not retired.
    :raises Invalid: where there is no reason.
    """
    _check(ci, "reinstate", reason)
    decision = _decide(session, ci, "reinstate", actor, reason, now_ms, {})
    reported = select(Finding).where(
        Finding.kind == "retired reports", Finding.ci_id == ci.id, col(Finding.closed_ms).is_(None)
    )
    for finding in session.exec(reported):
        _close(session, finding, f"reinstated by {actor}", now_ms)
    mark_due(session, ci.id, now_ms)
    topology.mark_ci(session, ci.id, now_ms)
    gate.look_at(session, [ci], now_ms)
    return decision


def dispose(session: Session, ci: Ci, actor: str, reason: str, now_ms: int) -> LifeDecision:
    """Have a CI gone for good: certificates of its sources are revoked, so that none reports or renews any more.

    :raises Conflict: where it is in use; it is to be retired first.
    :raises Invalid: where there is no reason.
    """
    _check(ci, "dispose", reason)
    decision = _decide(session, ci, "dispose", actor, reason, now_ms, {})
    for binding in bindings.of_ci(session, ci.id):
        source = session.get_one(Source, binding.source_id)
        sources.revoke_certificates(session, source, actor, f"{ci.name} was disposed of: {decision.reason}", now_ms)
    why = f"{ci.name} was disposed of by {actor}"
    _close_drifts(session, ci, f"{why}: {decision.reason}", now_ms)
    _close_findings(session, ci, why, now_ms)
    return decision


def last_decision(session: Session, ci_id: int) -> LifeDecision | None:
    """Return what was decided last of a CI; None where nothing was."""
    query = select(LifeDecision).where(LifeDecision.ci_id == ci_id).order_by(col(LifeDecision.id).desc())
    return session.exec(query.limit(1)).first()


def dependants(session: Session, ci: Ci) -> list[str]:
    """Return the names of the CIs in use that depend on a CI."""
    query = (
        select(Ci.name)
        .join(Relation, col(Relation.from_ci_id) == col(Ci.id))
        .where(Relation.to_ci_id == ci.id, Relation.kind == "depends on", col(Relation.until_ms).is_(None))
        .where(col(Ci.status).not_in(life_cycle.GONE), col(Ci.merged_into_id).is_(None))
    )
    return list(session.exec(query.order_by(Ci.name)))


def _check(ci: Ci, decision: str, reason: str) -> None:
    if not reason.strip():
        raise Invalid("reason: is empty; say why")
    if ci.merged_into_id is not None:
        raise Conflict(f"{ci.name} was merged into another CI, which stands for it; decide on that one")
    if (wrong := life_cycle.refusal_of_decision(ci.name, decision, ci.status)) is not None:
        raise Conflict(wrong)


def _decide(
    session: Session, ci: Ci, decision: str, actor: str, reason: str, now_ms: int, more: dict[str, list[str]]
) -> LifeDecision:
    last = last_decision(session, ci.id)
    after = life_cycle.DECISIONS[decision][1] or (last.before if last is not None else "installed")
    row = LifeDecision(
        ci_id=ci.id,
        at_ms=now_ms,
        actor=actor,
        decision=decision,
        reason=reason.strip(),
        before=ci.status,
        after=after,
    )
    ci.status = after
    session.add_all([ci, row])
    session.flush()
    word = {"retire": "retired", "reinstate": "reinstated", "dispose": "disposed"}[decision]
    detail = {"before": row.before, "after": after, "reason": row.reason, **more}
    audit.record(session, actor, f"ci.{word}", f"CI {ci.name}", detail, now_ms)
    return row


def _close_drifts(session: Session, ci: Ci, why: str, now_ms: int) -> None:
    groups: set[int] = set()
    for drift in session.exec(select(Drift).where(Drift.ci_id == ci.id, col(Drift.closed_ms).is_(None))).all():
        drift.state, drift.why, drift.closed_ms = "superseded", why, now_ms
        session.add(drift)
        raising.move_delta(session, drift, "proposed", "withdrawn")
        if drift.group_id is not None:
            groups.add(drift.group_id)
    session.flush()
    for group_id in sorted(groups):
        raising.settle_rfc(session, group_id, now_ms, f"superseded: {why}")


def _close_findings(session: Session, ci: Ci, why: str, now_ms: int) -> None:
    rows = session.exec(select(SilentCi).where(SilentCi.ci_id == ci.id, col(SilentCi.until_ms).is_(None))).all()
    for row in rows:
        row.until_ms = now_ms
        session.add(row)
    session.flush()
    moot = select(Finding).where(Finding.ci_id == ci.id, col(Finding.kind).in_(_MOOT), col(Finding.closed_ms).is_(None))
    for finding in session.exec(moot).all():
        others = select(SilentCi.id).where(SilentCi.finding_id == finding.id, col(SilentCi.until_ms).is_(None))
        if session.exec(others.limit(1)).first() is None:  # a router's silence goes on for what is behind it
            _close(session, finding, why, now_ms)


def _close(session: Session, finding: Finding, why: str, now_ms: int) -> None:
    finding.message = silence.words_ended(finding.message, why)
    finding.closed_ms = now_ms
    if "silent" in finding.detail:
        finding.detail = {**finding.detail, "silent": 0}
    session.add(finding)
