"""Predictions taken from a test host: the change is made there, and what changed is what is predicted elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from driftline.schema import Value
from driftline_baseline.values import Attributes
from driftline_cmdb.errors import Invalid
from driftline_cmdb.record import Change, history_of
from driftline_cmdb.tables.cis import Ci

_MOST = 2000


@dataclass(frozen=True, slots=True)
class Recorded:
    """One change of the test host, as a prediction for others."""

    path: str
    kind: str
    operand: Value | Attributes | None


def record(session: Session, ci: Ci, since_ms: int, until_ms: int, ignore: Sequence[str] = ()) -> list[Recorded]:
    """Return what changed on a test host between two times, as predictions: what is there now, exactly.

    What changed and went back in between is left out.

    :param ignore: element paths that are left out.
    :raises Invalid: where nothing changed, or the span ends before it starts.
    """
    if until_ms <= since_ms:
        raise Invalid("until: the recording ends before it starts")
    first: dict[str, Change] = {}
    last: dict[str, Change] = {}
    before_revision: int | None = None
    while True:
        changes = history_of(session, ci, limit=200, before_revision=before_revision)
        for change in changes:
            if since_ms < change.observed_ms <= until_ms:
                first[change.path] = change
                last.setdefault(change.path, change)
        if not changes or changes[-1].observed_ms <= since_ms or len(first) > _MOST:
            break
        before_revision = changes[-1].revision_id
    found = [
        _recorded(path, last[path])
        for path in sorted(first)
        if path not in ignore and first[path].before != last[path].after
    ]
    if not found:
        raise Invalid(f"nothing has changed on {ci.name} in that time, so there is nothing to predict")
    if len(found) > _MOST:
        raise Invalid(f"{ci.name}: more than {_MOST} changes in that time; record a shorter one")
    return found


def _recorded(path: str, change: Change) -> Recorded:
    if change.after is None:
        return Recorded(path, "absent" if path.endswith("]") else "is", None)
    return Recorded(path, "is", change.after)
