"""The state of a release's CIs before its waves touched them, and what differs from it now."""

from dataclasses import dataclass

from sqlmodel import Session, select

from driftline.schema import Value
from driftline_cmdb import record
from driftline_cmdb.errors import NotFound
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.releases import Release
from driftline_cmdb.tables.standing import Snapshot


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute that is not as it was; None means absent."""

    path: str
    before: Value | None
    now: Value | None


def snapshots_of(session: Session, found: Release) -> list[tuple[Snapshot, Ci]]:
    """Return the snapshots of a release by the CI's name; a snapshot is a time, facts are read back as of it."""
    query = select(Snapshot, Ci).join(Ci).where(Snapshot.release_id == found.id).order_by(Ci.name)
    return [(one, ci) for one, ci in session.exec(query)]


def difference(session: Session, found: Release, ci: Ci) -> tuple[Snapshot, list[Difference]]:
    """Return a CI's snapshot, and what differs from it now.

    :raises NotFound: where no wave of the release that has started contains it.
    """
    query = select(Snapshot).where(Snapshot.release_id == found.id, Snapshot.ci_id == ci.id)
    one = session.exec(query).first()
    if one is None:
        raise NotFound(f"{ci.name} is in no wave of release {found.name} that has started; no snapshot was taken")
    before = {fact.path: fact.value for fact in record.facts_of(session, ci, at_ms=one.at_ms)}
    now = {fact.path: fact.value for fact in record.facts_of(session, ci) if fact.nature != "state"}
    return one, [
        Difference(path, before.get(path), now.get(path))
        for path in sorted(before.keys() | now.keys())
        if before.get(path) != now.get(path)
    ]
