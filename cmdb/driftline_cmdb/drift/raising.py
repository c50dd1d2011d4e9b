"""RFCs that driftline raises for unexplained changes, and how they follow what becomes of their drifts."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_baseline import back_out, values
from driftline_baseline.back_out import Undo
from driftline_baseline.evidence import HostAct
from driftline_baseline.grouping import Cause
from driftline_baseline.lifecycle import IN_EFFECT
from driftline_baseline.wording import package_of, what
from driftline_cmdb.attention import events
from driftline_cmdb.record import names_in
from driftline_cmdb.rfcs import approvals, policies
from driftline_cmdb.rfcs.lifecycle import DRIFTLINE, decide, end_implementation, start
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta


def next_number(session: Session) -> int:
    """Return the number of the next RFC. A second writer that takes the same one fails and is repeated."""
    return (session.exec(select(func.max(Rfc.number))).one() or 0) + 1


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
    names = names_in(session, [drift.path for drift in drifts])
    rfc = Rfc(
        number=next_number(session),
        title=_title(cause, ci, drifts, names),
        description=_description(group, ci, drifts, act, names),
        requester=DRIFTLINE,
        origin=DRIFTLINE,
        created_ms=now_ms,
        priority="high" if any(drift.severity == "critical" for drift in drifts) else "medium",
        category=_category(drifts),
        reason="found changed without an approved change that predicted it",
        effect_of_not_doing="the change stays in production without review",
        impact=f"{ci.name}: {len(drifts)} attribute{'s' if len(drifts) > 1 else ''}",
        back_out_plan=back_out.text(
            {ci.name: [Undo(drift.path, drift.expected, drift.actual) for drift in drifts]}, names
        ),
    )
    session.add(rfc)
    session.flush()
    group.rfc_id = rfc.id
    session.add(group)
    _add_deltas(session, rfc, ci, drifts)
    decide(session, rfc, DRIFTLINE, "raise", "submitted", now_ms, f"cause: {group.cause}")
    severity = events.worst(drift.severity for drift in drifts)
    events.emit_rfc(session, "rfc.raised", rfc, severity, now_ms, text=rfc.description)
    return rfc


def join_rfc(session: Session, group: DriftGroup, ci: Ci, drifts: Sequence[Drift], now_ms: int) -> None:
    """Add another event of the same cause to the group's RFC."""
    rfc = session.get_one(Rfc, group.rfc_id)
    _add_deltas(session, rfc, ci, drifts)
    hosts = set(session.exec(select(RfcDelta.ci_id).where(RfcDelta.rfc_id == rfc.id, RfcDelta.state != "withdrawn")))
    rfc.impact = f"{len(hosts)} CI{'s' if len(hosts) > 1 else ''}, the last to join: {ci.name}"
    decide(session, rfc, DRIFTLINE, "join", rfc.state, now_ms, f"{ci.name}: {', '.join(d.path for d in drifts[:5])}")
    events.emit_join(session, rfc, ci.id, [drift.severity for drift in drifts], now_ms)
    given = [one.approval for one in approvals.of(session, rfc, None) if one.counts]
    if given and rfc.authorised_ms is None:
        people = ", ".join(sorted({one.person for one in given}))
        events.emit_rfc(
            session,
            "rfc.approval_refused",
            rfc,
            "warning",
            now_ms,
            text=f"what {people} approved has grown since: it needs the approval again",
            once=f"rfc.approval_refused:{given[-1].id}",
        )


def settle_rfc(
    session: Session, group_id: int, now_ms: int, superseded: str = "superseded: the values changed again"
) -> None:
    """Move a group's RFC on where none of its drifts is open any more.

    :param superseded: the outcome where nothing of it was explained or reverted.
    """
    group = session.get_one(DriftGroup, group_id)
    if group.rfc_id is None:
        return
    rfc = session.get_one(Rfc, group.rfc_id)
    drifts = session.exec(select(Drift).where(Drift.group_id == group_id)).all()
    if rfc.closed_ms is not None or rfc.origin != DRIFTLINE or any(drift.closed_ms is None for drift in drifts):
        return
    states = {drift.state for drift in drifts}
    if "explained" in states:
        action, state, outcome = "close", "closed", "explained; the expected state holds it now"
    elif "reverted" in states:
        ordered = rfc.ordered == "revert"
        action, state = "back out", "backed out"
        outcome = "reverted as ordered, verified" if ordered else "reverted before a decision was made, verified"
    else:
        action, state, outcome = "cancel", "cancelled", superseded
    rfc.outcome, rfc.closed_ms, rfc.actual_end_ms = outcome, now_ms, now_ms
    decide(session, rfc, DRIFTLINE, action, state, now_ms, outcome)


def close_when_done(session: Session, rfc_id: int, now_ms: int) -> None:
    """Close a planned RFC once all that it predicts has been seen, or have it reviewed where the policy says so."""
    rfc = session.get_one(Rfc, rfc_id)
    predicted = select(RfcDelta.state).where(RfcDelta.rfc_id == rfc_id, RfcDelta.part == "predicted")
    states = set(session.exec(predicted.distinct()))
    if rfc.state not in IN_EFFECT or rfc.ordered is not None:
        return
    if not states or states - {"settled", "superseded", "withdrawn"}:
        return
    if rfc.state in ("authorised", "scheduled"):
        start(session, rfc, DRIFTLINE, now_ms, "what it predicts has begun")
    seen, need = "every predicted change was seen", policies.need_of(session, rfc)
    if need.closes and not need.review:
        rfc.outcome, rfc.closed_ms, rfc.actual_end_ms = seen, now_ms, now_ms
        decide(session, rfc, DRIFTLINE, "verify", "closed", now_ms, seen)
    elif rfc.state == "implementing":
        end_implementation(session, rfc, DRIFTLINE, now_ms, f"{seen}; it waits for its review")


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
    rfc.outcome = rfc.closed_ms = rfc.actual_end_ms = rfc.authorised_ms = None
    rfc.ordered = None
    decide(session, rfc, DRIFTLINE, "reopen", "submitted", now_ms, why)
    approvals.void(session, rfc, now_ms)
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


def _words(drift: Drift, names: Mapping[str, str]) -> str:
    package = package_of(drift.path)
    subject = what(drift.path, names)
    if package is not None and drift.path.endswith((".version", "]")):
        subject = f"package {package[1]}"
    if drift.kind == "unexpected":
        version = f" {values.show(drift.actual)}" if package is not None else ""
        return f"{subject}{version} appeared"
    if drift.kind == "missing":
        version = f" {values.show(drift.expected)}" if package is not None else ""
        return f"{subject}{version} is gone"
    return f"{subject} {values.show(drift.expected)} -> {values.show(drift.actual)}"


def _title(cause: Cause, ci: Ci, drifts: Sequence[Drift], names: Mapping[str, str]) -> str:
    if any(drift.path == "record.announced" for drift in drifts):
        more = f", and {len(drifts) - 1} more differences" if len(drifts) > 1 else ""
        return f"New CI {ci.name} that nobody announced{more}"[:200]
    if cause.rereading:
        return f"{cause.title}: {len(drifts)} facts look different, first seen on {ci.name}"[:200]
    first = _words(drifts[0], names)
    more = f" and {len(drifts) - 1} more" if len(drifts) > 1 else ""
    return f"Unexplained change on {ci.name}: {first}{more}"[:200]


def _description(
    group: DriftGroup, ci: Ci, drifts: Sequence[Drift], act: HostAct | None, names: Mapping[str, str]
) -> str:
    """Say what changed, and apart from it what only changed at the time of a transaction whose log does not name it."""
    named = [drift for drift in drifts if act is None or package_of(drift.path) is not None]
    lines = [f"{ci.name}: {_words(drift, names)}" for drift in named]
    if act is not None:
        who = act.requested_by or "root"
        command = act.command_line or f"{act.manager} (the log names no command)"
        lines.append(f"evidence: {command}, by {who}, as the host's {act.manager} log says")
        by_time = [drift for drift in drifts if drift not in named]
        if by_time:
            lines.append("changed while it ran, but not named by that log, so look at these twice:")
            lines += [f"{ci.name}: {_words(drift, names)}" for drift in by_time]
    else:
        lines.append(f"cause: {group.cause}")
    return "\n".join(lines)


def _category(drifts: Sequence[Drift]) -> str:
    return "/".join(sorted({drift.path.split(".", 1)[0].split("[", 1)[0] for drift in drifts}))
