"""The only place that writes what people say of CIs: rows, audit trail, what is due, the gate, in few statements."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from driftline_cmdb import audit, recording
from driftline_cmdb.cis.changes import Plan, columns_of
from driftline_cmdb.drift.due import mark_all_due
from driftline_cmdb.errors import Invalid
from driftline_cmdb.packing import chunks
from driftline_cmdb.releases import gate
from driftline_cmdb.tables.cis import Ci

_SHOWN = 20


def refuse(plans: Sequence[Plan]) -> None:
    """Refuse plans that something is wrong with.

    :raises Invalid: says all of it.
    """
    wrong = [problem for made in plans for problem in made.problems]
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise Invalid("; ".join(wrong[:_SHOWN]) + more)


def write(session: Session, plans: Sequence[Plan], actor: str, now_ms: int, more: dict[str, Any] | None = None) -> None:
    """Write plans that have no problem; those that change nothing are left out.

    :param more: what the audit trail says beside, of each.
    """
    refuse(plans)
    changed = [made for made in plans if made.ci is None or made.changes]
    decisions: list[tuple[str, str, dict[str, Any]]] = []
    for made in changed:
        columns = columns_of(made.after)
        if made.ci is None:
            made.ci = Ci(uid=made.uid, name=made.name, announced=True, **columns)
            detail: dict[str, Any] = {"uid": made.uid, **made.after}
            action = "ci.created"
        else:
            for name, value in columns.items():
                if getattr(made.ci, name) != value:
                    setattr(made.ci, name, value)
            pairs = made.changes
            action = "ci.edited"
            detail = {
                "before": {name: before for name, (before, _) in pairs.items()},
                "after": {name: after for name, (_, after) in pairs.items()},
            }
        session.add(made.ci)
        decisions.append((action, f"CI {made.name}", detail | (more or {})))
    audit.record_all(session, actor, decisions, now_ms)
    for chunk in chunks(changed):
        ids = {made.ci.id: bool(made.before) for made in chunk if made.ci is not None}
        recording.write(session, [made.ci for made in chunk if made.ci is not None and not made.before], now_ms)
        # They may be in other baselines now; one that is new has nothing yet to compare.
        mark_all_due(session, [ci_id for ci_id, there in ids.items() if there], now_ms)
        cis = session.exec(select(Ci).where(col(Ci.id).in_(ids)).order_by(col(Ci.id))).all()  # the record expired them
        gate.look_at(session, cis, now_ms)
