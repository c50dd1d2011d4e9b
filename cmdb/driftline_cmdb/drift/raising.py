"""RFCs that driftline raises for unexplained changes, and how they follow what becomes of their drifts."""

from collections.abc import Iterable, Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_baseline import values
from driftline_baseline.evidence import HostAct
from driftline_baseline.grouping import Cause
from driftline_baseline.wording import package_of, what
from driftline_cmdb.attention import events, judging
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.rfcs import Rfc, RfcDecision, RfcDelta

#: driftline's own name as requester and actor.
DRIFTLINE = "driftline"

#: States in which nobody has decided yet.
UNDECIDED = ("draft", "submitted", "assessed")


def next_number(session: Session) -> int:
    """Return the number of the next RFC. A second writer that takes the same one fails and is repeated."""
    return (session.exec(select(func.max(Rfc.number))).one() or 0) + 1


def decide(
    session: Session,
    rfc: Rfc,
    actor: str,
    action: str,
    to_state: str,
    now_ms: int,
    comment: str = "",
    scope: str | None = None,
) -> None:
    """Move an RFC on and keep who did it and why."""
    session.add(
        RfcDecision(
            rfc_id=rfc.id,
            at_ms=now_ms,
            actor=actor,
            action=action,
            from_state=rfc.state,
            to_state=to_state,
            comment=comment,
            scope=scope,
        )
    )
    rfc.state = to_state
    session.add(rfc)


def raise_rfc(
    session: Session,
    group: DriftGroup,
    cause: Cause,
    ci: Ci,
    drifts: Sequence[Drift],
    act: HostAct | None,
    now_ms: int,
) -> Rfc:
    """Raise the one RFC of a new group."""
    rfc = Rfc(
        number=next_number(session),
        title=_title(cause, ci, drifts),
        description=_description(group, ci, drifts, act),
        requester=DRIFTLINE,
        origin=DRIFTLINE,
        created_ms=now_ms,
        priority="high" if any(drift.severity == "critical" for drift in drifts) else "medium",
        category=_category(drifts),
        reason="found changed without an approved change that predicted it",
        effect_of_not_doing="the change stays in production without review",
        impact=f"{ci.name}: {len(drifts)} attribute{'s' if len(drifts) > 1 else ''}",
        back_out_plan=back_out_plan(drifts),
    )
    session.add(rfc)
    session.flush()
    group.rfc_id = rfc.id
    session.add(group)
    _add_deltas(session, rfc, ci, drifts)
    decide(session, rfc, DRIFTLINE, "raised", "submitted", now_ms, f"cause: {group.cause}")
    severity = events.worst(drift.severity for drift in drifts)
    events.emit_rfc(session, "rfc.raised", rfc, severity, now_ms, text=rfc.description)
    return rfc


def join_rfc(session: Session, group: DriftGroup, ci: Ci, drifts: Sequence[Drift], now_ms: int) -> None:
    """Add another event of the same cause to the group's RFC."""
    rfc = session.get_one(Rfc, group.rfc_id)
    _add_deltas(session, rfc, ci, drifts)
    hosts = set(session.exec(select(RfcDelta.ci_id).where(RfcDelta.rfc_id == rfc.id, RfcDelta.state != "withdrawn")))
    rfc.impact = f"{len(hosts)} CI{'s' if len(hosts) > 1 else ''}, the last to join: {ci.name}"
    decide(session, rfc, DRIFTLINE, "joined", rfc.state, now_ms, f"{ci.name}: {', '.join(d.path for d in drifts[:5])}")
    events.emit_join(session, rfc, ci.id, [drift.severity for drift in drifts], now_ms)


def settle_rfc(session: Session, group_id: int, now_ms: int) -> None:
    """Move a group's RFC on where none of its drifts is open any more."""
    group = session.get_one(DriftGroup, group_id)
    if group.rfc_id is None:
        return
    rfc = session.get_one(Rfc, group.rfc_id)
    drifts = session.exec(select(Drift).where(Drift.group_id == group_id)).all()
    if rfc.closed_ms is not None or any(drift.closed_ms is None for drift in drifts):
        return
    states = {drift.state for drift in drifts}
    if "explained" in states:
        state, outcome = "closed", "explained; the expected state holds it now"
    elif "reverted" in states:
        ordered = rfc.ordered == "revert"
        state = "backed out"
        outcome = "reverted as ordered, verified" if ordered else "reverted before a decision was made, verified"
    else:
        state, outcome = "cancelled", "superseded: the values changed again"
    rfc.outcome, rfc.closed_ms, rfc.actual_end_ms = outcome, now_ms, now_ms
    decide(session, rfc, DRIFTLINE, state, state, now_ms, outcome)
    judging.propose(session, rfc, now_ms)
    events.emit_rfc(session, "rfc.closed", rfc, "info", now_ms, text=outcome)


def close_when_done(session: Session, rfc_id: int, now_ms: int) -> None:
    """Close a planned RFC once everything that it predicts has been seen."""
    rfc = session.get_one(Rfc, rfc_id)
    waiting = select(RfcDelta.id).where(RfcDelta.rfc_id == rfc_id, RfcDelta.state == "authorised")
    if rfc.closed_ms is None and session.exec(waiting).first() is None:
        rfc.outcome, rfc.closed_ms, rfc.actual_end_ms = "every predicted change was seen", now_ms, now_ms
        decide(session, rfc, DRIFTLINE, "verified", "closed", now_ms, rfc.outcome)
        events.emit_rfc(session, "rfc.closed", rfc, "info", now_ms, text=rfc.outcome)


def reopen_rfc(session: Session, group_id: int, why: str, now_ms: int) -> bool:
    """Open a group's RFC again, because one of its drifts is; tell whether it is open.

    One that a person has decided stays decided: what comes back later was not part of that decision.
    """
    group = session.get_one(DriftGroup, group_id)
    rfc = session.get_one(Rfc, group.rfc_id)
    if rfc.closed_ms is None:
        return True
    if rfc.state != "backed out":
        return False
    rfc.outcome = rfc.closed_ms = rfc.actual_end_ms = None
    rfc.ordered = None
    decide(session, rfc, DRIFTLINE, "reopened", "submitted", now_ms, why)
    events.emit_rfc(session, "rfc.reopened", rfc, events.severity_of(rfc), now_ms, text=why)
    return True


def move_delta(session: Session, drift: Drift, from_state: str, to_state: str) -> None:
    """Let the delta that a drift gave its RFC follow the drift: an RFC proposes only what is there."""
    query = (
        select(RfcDelta)
        .join(DriftGroup, col(DriftGroup.rfc_id) == col(RfcDelta.rfc_id))
        .where(
            DriftGroup.id == drift.group_id,
            RfcDelta.ci_id == drift.ci_id,
            RfcDelta.path == drift.path,
            RfcDelta.state == from_state,
        )
    )
    for delta in session.exec(query):
        delta.state = to_state
        session.add(delta)


def _add_deltas(session: Session, rfc: Rfc, ci: Ci, drifts: Iterable[Drift]) -> None:
    there = {
        delta.path: delta
        for delta in session.exec(select(RfcDelta).where(RfcDelta.rfc_id == rfc.id, RfcDelta.ci_id == ci.id))
    }
    for drift in drifts:
        delta = there.get(drift.path) or RfcDelta(rfc_id=rfc.id, ci_id=ci.id, path=drift.path)
        delta.before, delta.after, delta.ci_version, delta.state = drift.expected, drift.actual, ci.version, "proposed"
        session.add(delta)
    session.flush()


def _words(drift: Drift) -> str:
    package = package_of(drift.path)
    subject = what(drift.path)
    if package is not None and drift.path.endswith((".version", "]")):
        subject = f"package {package[1]}"
    if drift.kind == "unexpected":
        version = f" {values.show(drift.actual)}" if package is not None else ""
        return f"{subject}{version} appeared"
    if drift.kind == "missing":
        version = f" {values.show(drift.expected)}" if package is not None else ""
        return f"{subject}{version} is gone"
    return f"{subject} {values.show(drift.expected)} -> {values.show(drift.actual)}"


def _title(cause: Cause, ci: Ci, drifts: Sequence[Drift]) -> str:
    if cause.rereading:
        return f"{cause.title}: {len(drifts)} facts look different, first seen on {ci.name}"[:200]
    first = _words(drifts[0])
    more = f" and {len(drifts) - 1} more" if len(drifts) > 1 else ""
    return f"Unexplained change on {ci.name}: {first}{more}"[:200]


def _description(group: DriftGroup, ci: Ci, drifts: Sequence[Drift], act: HostAct | None) -> str:
    """Say what changed, and apart from it what only changed at the time of a transaction whose log does not name it."""
    named = [drift for drift in drifts if act is None or package_of(drift.path) is not None]
    lines = [f"{ci.name}: {_words(drift)}" for drift in named]
    if act is not None:
        who = act.requested_by or "root"
        command = act.command_line or f"{act.manager} (the log names no command)"
        lines.append(f"evidence: {command}, by {who}, as the host's {act.manager} log says")
        by_time = [drift for drift in drifts if drift not in named]
        if by_time:
            lines.append("changed while it ran, but not named by that log, so look at these twice:")
            lines += [f"{ci.name}: {_words(drift)}" for drift in by_time]
    else:
        lines.append(f"cause: {group.cause}")
    return "\n".join(lines)


def _category(drifts: Sequence[Drift]) -> str:
    return "/".join(sorted({drift.path.split(".", 1)[0].split("[", 1)[0] for drift in drifts}))


def back_out_plan(drifts: Sequence[Drift]) -> str:
    """Return the steps that bring back what is expected, for a person to carry out."""
    added, wanted, steps = [], [], []
    for drift in drifts:
        package = package_of(drift.path)
        if package is None or package[0] != "dpkg" or not drift.path.endswith((".version", "]")):
            steps.append(_step(drift))
        elif drift.kind == "unexpected":
            added.append(package[1])
        else:
            wanted.append(f"{package[1]}={values.show(drift.expected)}")
    if wanted:
        steps.insert(0, f"apt-get install --allow-downgrades {' '.join(wanted)}")
    if added:
        steps.insert(0, f"apt-get purge {' '.join(added)}")
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))


def _step(drift: Drift) -> str:
    if drift.kind == "unexpected":
        return f"take away the {what(drift.path)}"
    if drift.kind == "missing":
        return f"bring back the {what(drift.path)}: {values.show(drift.expected)}"
    return f"set the {what(drift.path)} back to {values.show(drift.expected)} (it is {values.show(drift.actual)})"
