"""Explained changes join the expected state: by the RFC that predicted them, or by the record of a rule's use."""

from typing import Any

from sqlmodel import Session, col, select

from driftline_baseline.compare import Difference
from driftline_baseline.judge import Held, Settled
from driftline_cmdb.database import Database
from driftline_cmdb.drift import raising
from driftline_cmdb.identity.speaking import holding_deltas
from driftline_cmdb.rfcs.lifecycle import DRIFTLINE, decide, start
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta
from driftline_cmdb.tables.standing import StandingRule

#: Uses of one rule within this time are one standard change.
ONE_USE_MS = 24 * 3600 * 1000


def settle(session: Session, ci: Ci, verdict: Settled, now_ms: int) -> Rfc:
    """Make an explained change part of what is expected, exactly as it was observed (design section 6, rule 2).

    :return: the RFC that explains it.
    """
    explanation = verdict.explanation
    if explanation.prediction is None:
        return _by_rule(session, ci, verdict, now_ms)
    predicted = session.get_one(RfcDelta, explanation.prediction.delta_id)
    rfc = session.get_one(Rfc, predicted.rfc_id)
    itself = not explanation.consequential and predicted.path == verdict.difference.path
    if itself:
        _fill(predicted, verdict.difference, ci, now_ms)
        session.add(predicted)
        if predicted.ci_id != ci.id and not holding_deltas(session, ci.id, [predicted]):
            _add(session, rfc, ci, verdict.difference, "matched", now_ms)
    else:
        part = "consequential" if explanation.consequential else "matched"
        _add(session, rfc, ci, verdict.difference, part, now_ms)
    session.flush()
    if rfc.state in ("authorised", "scheduled"):
        start(session, rfc, DRIFTLINE, now_ms, "what it predicts has begun")
    raising.close_when_done(session, rfc.id, now_ms)
    return rfc


def hold(session: Session, verdict: Held) -> None:
    """Note that a change is on its way."""
    if verdict.explanation.prediction is not None:
        delta = session.get_one(RfcDelta, verdict.explanation.prediction.delta_id)
        delta.state, delta.before, delta.after = "in progress", verdict.difference.expected, verdict.difference.actual
        session.add(delta)


def _fill(delta: RfcDelta, difference: Difference, ci: Ci, now_ms: int) -> None:
    delta.state, delta.before, delta.after = "settled", difference.expected, difference.actual
    delta.settled_ms, delta.ci_version = now_ms, ci.version
    delta.authorised_ms = delta.authorised_ms or now_ms


def _add(session: Session, rfc: Rfc, ci: Ci, difference: Difference, part: str, now_ms: int) -> None:
    query = select(RfcDelta).where(RfcDelta.rfc_id == rfc.id, RfcDelta.ci_id == ci.id, RfcDelta.path == difference.path)
    before = session.exec(query).first()
    delta = before or RfcDelta(rfc_id=rfc.id, ci_id=ci.id, path=difference.path, part=part)
    first = before.before if before is not None and before.state == "settled" else difference.expected
    _fill(delta, difference, ci, now_ms)
    delta.before = first
    session.add(delta)


def _by_rule(session: Session, ci: Ci, verdict: Settled, now_ms: int) -> Rfc:
    if verdict.explanation.rule is None:
        raise TypeError("an explanation has a prediction or a rule")
    rule = session.get_one(StandingRule, verdict.explanation.rule.id)
    rfc = _standard_change(session, rule, now_ms)
    part = "consequential" if verdict.explanation.consequential else "matched"
    _add(session, rfc, ci, verdict.difference, part, now_ms)
    rule.hits += 1
    rule.last_hit_ms = now_ms
    session.add(rule)
    return rfc


def _standard_change(session: Session, rule: StandingRule, now_ms: int) -> Rfc:
    query = select(Rfc).where(Rfc.rule_id == rule.id, Rfc.state == "implementing", Rfc.created_ms > now_ms - ONE_USE_MS)
    rfc = session.exec(query.order_by(col(Rfc.id).desc())).first()
    if rfc is not None:
        return rfc
    told: dict[str, Any] = {
        "title": f"Standard change by rule {rule.name}",
        "description": f"What standing rule {rule.name} v{rule.number} permitted from now on for a day.",
        "reason": f"pre-approved by {rule.approved_by}",
        "back_out_plan": "bring back the versions before, as listed",
    }
    rfc = Rfc(
        number=raising.next_number(session),
        requester=rule.author,
        origin="rule",
        kind="standard",
        rule_id=rule.id,
        created_ms=now_ms,
        actual_start_ms=now_ms,
        state="draft",
        **told,
    )
    session.add(rfc)
    session.flush()
    why = f"permitted by rule {rule.name} v{rule.number}, approved by {rule.approved_by}"
    decide(session, rfc, DRIFTLINE, "record", "implementing", now_ms, why)
    session.flush()
    return rfc


def close_standard_changes(database: Database, now_ms: int) -> int:
    """Close the records of rules' uses that are a day old; return how many."""
    ended = select(Rfc).where(Rfc.origin == "rule", Rfc.state == "implementing", Rfc.created_ms <= now_ms - ONE_USE_MS)
    with database.read() as session:
        if session.exec(ended.limit(1)).first() is None:
            return 0
    with database.write() as session:
        found = session.exec(ended).all()
        for rfc in found:
            rfc.outcome, rfc.closed_ms, rfc.actual_end_ms = "as the rule permits", now_ms, now_ms
            decide(session, rfc, DRIFTLINE, "close", "closed", now_ms, rfc.outcome)
        return len(found)
