"""Emergencies declared in one line: whose changes on which CIs belong to them."""

from collections.abc import Sequence

from sqlmodel import Session

from driftline_cmdb import audit
from driftline_cmdb.drift.groups import group_of
from driftline_cmdb.errors import Invalid
from driftline_cmdb.rfcs.emergencies import declare
from driftline_cmdb.rfcs.planning import Plan
from driftline_cmdb.rfcs.present import snapshot
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import Rfc
from driftline_cmdb.tables.standing import EmergencyScope


def open_emergency(
    session: Session, cis: Sequence[Ci], declarer: str, actors: Sequence[str], incident: str, end_ms: int, now_ms: int
) -> Rfc:
    """Declare an emergency on some CIs: until its end, what their logs say its declarer did belongs to its RFC.

    The state before is marked. What others change in that time stays unexplained.

    :param actors: accounts under which the declarer works on hosts; by default the declarer's name.
    :raises Invalid: without CIs or incident, or where it would end before now or last longer than a day.
    """
    if not cis:
        raise Invalid("hosts: name the CIs of the emergency")
    if not incident.strip():
        raise Invalid("incident: an emergency change names its incident")
    if not now_ms < end_ms <= now_ms + 86_400_000:
        raise Invalid("for: an emergency lasts for up to 24 hours")
    names = ", ".join(sorted(ci.name for ci in cis)[:5]) + (f" and {len(cis) - 5} more" if len(cis) > 5 else "")
    plan = Plan(
        title=f"Emergency on {names}: {incident}"[:200],
        reason=incident,
        kind="emergency",
        priority="high",
        implementer=declarer,
        planned_start_ms=now_ms,
        planned_end_ms=end_ms,
    )
    rfc = declare(session, plan, declarer, now_ms)
    accounts = list(actors) or [declarer]
    session.add_all(EmergencyScope(rfc_id=rfc.id, ci_id=ci.id, actors=accounts) for ci in cis)
    snapshot(session, rfc, cis, now_ms)
    group_of(session, rfc, "emergency", now_ms)
    detail = {"cis": len(cis), "incident": incident, "until_ms": end_ms, "accounts": accounts}
    audit.record(session, declarer, "rfc.emergency_declared", f"RFC {rfc.number}", detail, now_ms)
    session.flush()
    return rfc
