"""Drifts of links that one cause made, though they are of several CIs: each link stands with one of its two ends.

A cable that is put from one port into another is one link that is gone and one that came. A switch that is dead ends
all its links, each as its other end notices.
"""

from collections.abc import Iterable, Sequence

from sqlmodel import Session, col, select

from driftline import paths
from driftline_baseline.lifecycle import UNDECIDED
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.rfcs import Rfc

_LINKS = "record.links["
#: Links of one CI that go within this time go for one reason, ms: devices are read every 5 minutes.
_TOGETHER_MS = 300_000

#: A CI's uid and its port.
_End = tuple[str, str]


def ends_of(front_uid: str, path: str) -> frozenset[_End]:
    """Return the two ends that a path of a link names."""
    keys = next(keys for _, keys in paths.steps(path) if keys)
    return frozenset([(front_uid, keys[0]), (keys[1], keys[2])])


def joinable(session: Session, ci: Ci, drifts: Sequence[Drift], now_ms: int) -> DriftGroup | None:
    """Return the undecided group that drifts of links belong to: of the same port, or of a CI whose links go now."""
    if not all(drift.path.startswith(_LINKS) for drift in drifts):
        return None
    ends = {end for drift in drifts for end in ends_of(ci.uid, drift.path)}
    gone = all(drift.kind == "missing" for drift in drifts)
    query = (
        select(Drift, Ci.uid, DriftGroup)
        .join(Ci, col(Ci.id) == col(Drift.ci_id))
        .join(DriftGroup, col(DriftGroup.id) == col(Drift.group_id))
        .join(Rfc, col(Rfc.id) == col(DriftGroup.rfc_id))
        .where(
            col(Drift.path).startswith(_LINKS),
            col(Drift.closed_ms).is_(None),
            DriftGroup.joinable_until_ms > now_ms,
            col(Rfc.state).in_(UNDECIDED),
            col(Rfc.ordered).is_(None),
        )
        .order_by(col(DriftGroup.id).desc(), col(Drift.id))
    )
    rows = session.exec(query).all()
    for drift, uid, group in rows:
        if ends & ends_of(uid, drift.path):
            return group
    recent = [row for row in rows if row[0].kind == "missing" and row[0].opened_ms > now_ms - _TOGETHER_MS]
    return _of_one_ci(ends, recent) if gone else None


def _of_one_ci(ends: Iterable[_End], recent: Iterable[tuple[Drift, str, DriftGroup]]) -> DriftGroup | None:
    cis = {uid for uid, _ in ends}
    for drift, uid, group in recent:
        if cis & {one for one, _ in ends_of(uid, drift.path)}:
            return group
    return None
