"""Splitting an RFC: some of its CIs get one of their own, so that each part can be decided differently (rule 8)."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from driftline_baseline.lifecycle import UNDECIDED
from driftline_cmdb import audit
from driftline_cmdb.drift.raising import next_number
from driftline_cmdb.errors import Conflict, Invalid
from driftline_cmdb.rfcs.lifecycle import decide
from driftline_cmdb.rfcs.reading import deltas_of, find_rfc
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.rfcs import Rfc

#: Fields that are not carried over to the new RFC.
_OWN = {"id", "number", "created_ms", "title", "state", "closed_ms", "outcome", "ordered"}


def split(session: Session, number: int, cis: Sequence[Ci], actor: str, comment: str, now_ms: int) -> Rfc:
    """Move what an undecided RFC says of some CIs into a new one; return that.

    :raises Conflict: where it has been decided.
    :raises Invalid: where a CI is not in it, or nothing would be left.
    """
    rfc = find_rfc(session, number, to_decide=True)
    if rfc.state not in UNDECIDED or rfc.ordered is not None:
        raise Conflict(f"RFC {number} is {rfc.ordered or rfc.state}: only what nobody has decided can be split")
    deltas = deltas_of(session, rfc)
    there = {delta.ci_id for delta in deltas if delta.state != "withdrawn"}
    moved = {ci.id for ci in cis}
    for ci in cis:
        if ci.id not in there:
            raise Invalid(f"{ci.name} is not in RFC {number}")
    if not moved:
        raise Invalid("cis: name the CIs to split off")
    if not there - moved:
        raise Invalid(f"RFC {number} has no other CIs: nothing would be left of it")
    names = ", ".join(sorted(ci.name for ci in cis)[:5]) + (f" and {len(cis) - 5} more" if len(cis) > 5 else "")
    fields = {name: value for name, value in rfc.model_dump().items() if name not in _OWN}
    part = Rfc(
        number=next_number(session),
        created_ms=now_ms,
        title=f"{rfc.title} (on {names})"[:200],
        state=rfc.state,
        **fields,
    )
    session.add(part)
    session.flush()
    for delta in deltas:
        if delta.ci_id in moved:
            delta.rfc_id = part.id
            session.add(delta)
    _move_drifts(session, rfc, part, moved, now_ms)
    why = f"split off RFC {number}: {names}{f': {comment}' if comment else ''}"
    decide(session, part, actor, "split", rfc.state, now_ms, why)
    decide(session, rfc, actor, "split", rfc.state, now_ms, f"{names} went to RFC {part.number}")
    audit.record(
        session, actor, "rfc.split", f"RFC {number}", {"new": part.number, "cis": len(moved), "why": comment}, now_ms
    )
    session.flush()
    return part


def _move_drifts(session: Session, rfc: Rfc, part: Rfc, moved: set[int], now_ms: int) -> None:
    """Move drifts with their deltas. Late-comers of the cause join the first RFC only, as rule 9 fixes its key."""
    group = session.exec(select(DriftGroup).where(DriftGroup.rfc_id == rfc.id)).first()
    if group is None:
        return
    own = DriftGroup(key=group.key, cause=group.cause, opened_ms=now_ms, joinable_until_ms=now_ms, rfc_id=part.id)
    session.add(own)
    session.flush()
    for drift in session.exec(select(Drift).where(Drift.group_id == group.id, col(Drift.ci_id).in_(moved))):
        drift.group_id = own.id
        session.add(drift)
