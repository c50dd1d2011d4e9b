"""What people may change of a CI."""

from sqlmodel import Session

from driftline_cmdb import audit, record
from driftline_cmdb.drift.assess import mark_due
from driftline_cmdb.errors import Invalid
from driftline_cmdb.identity import retiring
from driftline_cmdb.releases import gate
from driftline_cmdb.tables.cis import Ci
from driftline_server.cis.views import CiEdit

_LONGEST = 200


def edit(session: Session, name: str, wanted: CiEdit, actor: str, now_ms: int) -> Ci:
    """Set what is given of a CI, and record it in the audit trail.

    :raises NotFound: no such CI.
    :raises Ambiguous: several of that name.
    :raises Invalid: a status or a text that does not do.
    """
    ci = record.find_ci(session, name)
    given = wanted.model_dump(exclude_unset=True)
    if "status" in given:
        retiring.check_edit(ci, given["status"])
    for field in ("services", "labels"):
        if field in given and given[field] is None:
            given[field] = type(getattr(ci, field))()
    for field, value in given.items():
        if any(len(text) > _LONGEST for text in _texts(value)):
            raise Invalid(f"{field}: longer than {_LONGEST} characters")
    changed = {field: value for field, value in given.items() if getattr(ci, field) != value}
    before = {field: getattr(ci, field) for field in changed}
    for field, value in changed.items():
        setattr(ci, field, value)
    if changed:
        session.add(ci)
        session.flush()
        mark_due(session, ci.id, now_ms)  # it may be in other baselines now
        audit.record(session, actor, "ci.edited", f"CI {ci.name}", {"before": before, "after": changed}, now_ms)
        gate.look_at(session, [ci], now_ms)
    return ci


def _texts(value: str | list[str] | dict[str, str] | None) -> list[str]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else [value or ""]
