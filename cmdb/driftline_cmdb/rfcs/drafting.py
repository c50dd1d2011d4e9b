"""RFCs that are written: drafted, edited, submitted; and kept in step with another system that is their master."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from sqlmodel import Session, select

from driftline_baseline import values
from driftline_cmdb import audit
from driftline_cmdb.attention import events
from driftline_cmdb.drift.raising import next_number
from driftline_cmdb.errors import Conflict, Invalid, Refused
from driftline_cmdb.rfcs import approvals
from driftline_cmdb.rfcs.decisions import check_account
from driftline_cmdb.rfcs.lifecycle import check, decide
from driftline_cmdb.rfcs.planning import Plan, Planned, add_planned, check_window, propose, require_predictions
from driftline_cmdb.rfcs.reading import deltas_of, find_rfc
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta


@dataclass(frozen=True, slots=True)
class Master:
    """A change's record in another system that is its master."""

    system: str
    id: str
    #: Who requested it there; None: the account that passes it on.
    requester: str | None = None


def draft(session: Session, plan: Plan, requester: str, planned: Sequence[Planned], now_ms: int) -> Rfc:
    """Draft a planned change; it may lack predictions until it is submitted.

    :raises Invalid: where the window or a prediction cannot be one.
    """
    check_window(plan.planned_start_ms, plan.planned_end_ms)
    rfc = Rfc(number=next_number(session), requester=requester, created_ms=now_ms, **asdict(plan))
    session.add(rfc)
    session.flush()
    add_planned(session, rfc, planned)
    decide(session, rfc, requester, "draft", "draft", now_ms)
    audit.record(session, requester, "rfc.drafted", f"RFC {rfc.number}", {"title": plan.title}, now_ms)
    session.flush()
    return rfc


def plan_of(rfc: Rfc) -> Plan:
    """Return what a person wrote into an RFC."""
    return Plan(**{field.name: getattr(rfc, field.name) for field in fields(Plan)})


def edit(session: Session, number: int, actor: str, plan: Plan, planned: Sequence[Planned] | None, now_ms: int) -> Rfc:
    """Change a draft; only its requester may.

    :param planned: its predictions; None leaves them as they are.
    :raises Refused: where the actor is not its requester.
    :raises Conflict: where it is no draft.
    :raises Invalid: where the window or a prediction cannot be one.
    """
    rfc = find_rfc(session, number, to_decide=True)
    check(rfc, "edit")
    _require_requester(rfc, actor, "edits")
    changed = _write(session, rfc, plan, planned)
    decide(session, rfc, actor, "edit", "draft", now_ms, f"changed: {', '.join(changed) or 'nothing'}")
    audit.record(session, actor, "rfc.edited", f"RFC {number}", {"changed": changed}, now_ms)
    return rfc


def submit(session: Session, number: int, actor: str, now_ms: int) -> Rfc:
    """Submit a draft; only its requester may.

    :raises Refused: where the actor is not its requester.
    :raises Conflict: where it is no draft.
    :raises Invalid: where it predicts nothing.
    """
    rfc = find_rfc(session, number, to_decide=True)
    check(rfc, "submit")
    _require_requester(rfc, actor, "submits")
    require_predictions(deltas_of(session, rfc))
    decide(session, rfc, actor, "submit", "submitted", now_ms, rfc.reason)
    audit.record(session, actor, "rfc.submitted", f"RFC {number}", {"title": rfc.title}, now_ms)
    return rfc


def mirror(
    session: Session, master: Master, plan: Plan, planned: Sequence[Planned], account: str, now_ms: int
) -> tuple[Rfc, bool]:
    """Put a change in that another system keeps: submit it, or bring what is here up to date.

    :return: the RFC, and whether it is new.
    :raises Refused: where the account may not act on behalf of the requester.
    :raises Conflict: where what was authorised is to be changed.
    :raises Invalid: where the window or a prediction cannot be one.
    """
    if not master.system or not master.id:
        raise Invalid("external_system, external_id: name both, or none")
    if master.requester is not None:
        check_account(session, account, master.system, f"{master.system} {master.id}")
    query = select(Rfc).where(Rfc.external_system == master.system, Rfc.external_id == master.id)
    rfc = session.exec(query.with_for_update()).first()
    if rfc is None:
        rfc = propose(session, plan, master.requester or account, planned, now_ms)
        rfc.external_system, rfc.external_id = master.system, master.id
        session.add(rfc)
        session.flush()
        return rfc, True
    if plan_of(rfc) == plan and not _differ(session, rfc, planned):
        return rfc, False
    if rfc.state not in ("submitted", "assessed"):
        raise Conflict(
            f"RFC {rfc.number} ({master.system} {master.id}) is {rfc.state}: it can be changed only before it is "
            "authorised; cancel it and put in a new one"
        )
    require_predictions(planned)
    changed = _write(session, rfc, plan, planned)
    lost = approvals.void(session, rfc, now_ms)
    decide(session, rfc, account, "update", "submitted", now_ms, f"changed in {master.system}: {', '.join(changed)}")
    if lost:
        text = f"it was changed in {master.system} after {', '.join(lost)} approved it: it needs the approval again"
        events.emit_rfc(session, "rfc.approval_refused", rfc, "warning", now_ms, text=text)
    audit.record(session, account, "rfc.updated", f"RFC {rfc.number}", {"changed": changed}, now_ms)
    return rfc, False


def _require_requester(rfc: Rfc, actor: str, does: str) -> None:
    if rfc.requester != actor:
        raise Refused(f"RFC {rfc.number}: only {rfc.requester}, who requested it, {does} it; comment on it instead")


def _write(session: Session, rfc: Rfc, plan: Plan, planned: Sequence[Planned] | None) -> list[str]:
    """Write what has changed into an RFC; return its names."""
    check_window(plan.planned_start_ms, plan.planned_end_ms)
    changed = []
    for name, value in asdict(plan).items():
        if getattr(rfc, name) != value:
            setattr(rfc, name, value)
            changed.append(name)
    if planned is not None and _differ(session, rfc, planned):
        for delta in deltas_of(session, rfc):
            session.delete(delta)
        session.flush()
        add_planned(session, rfc, planned)
        changed.append("predictions")
    session.add(rfc)
    return changed


def _differ(session: Session, rfc: Rfc, planned: Sequence[Planned]) -> bool:
    """Tell whether an RFC predicts something else."""
    there = {(d.ci_id, d.path): _plain(d) for d in deltas_of(session, rfc) if d.predicate is not None}
    return there != {(item.ci.id, item.path): (item.kind, values.encode(item.operand)) for item in planned}


def _plain(delta: RfcDelta) -> tuple[object, str | None]:
    predicate = delta.predicate or {}
    operand = predicate.get("operand")
    return predicate.get("kind"), values.encode(tuple(operand) if isinstance(operand, list) else operand)
