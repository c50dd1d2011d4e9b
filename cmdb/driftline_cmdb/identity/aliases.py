"""CIs that were merged: which CI stands for which now. A merged CI keeps its row, its drifts and its RFCs."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci


def survivor(session: Session, ci: Ci) -> Ci:
    """Return the CI that stands for one now: itself, or what it was merged into."""
    seen = {ci.id}
    while ci.merged_into_id is not None and ci.merged_into_id not in seen:
        ci = session.get_one(Ci, ci.merged_into_id)
        seen.add(ci.id)
    return ci


def aliases(session: Session, ci_id: int) -> list[int]:
    """Return the ids of a CI and of all that were merged into it, directly or not, itself first."""
    found = [ci_id]
    fresh = [ci_id]
    while fresh:
        rows = session.exec(select(Ci.id).where(col(Ci.merged_into_id).in_(fresh)).order_by(col(Ci.id))).all()
        fresh = [one for one in rows if one not in found]
        found += fresh
    return found


def survivors(session: Session, ci_ids: Iterable[int]) -> dict[int, int]:
    """Return for each of some CIs the id of the one that stands for it now."""
    found: dict[int, int] = {}
    for chunk in chunks(sorted(set(ci_ids))):
        for ci in session.exec(select(Ci).where(col(Ci.id).in_(chunk))):
            found[ci.id] = survivor(session, ci).id
    return found


def stands_for(session: Session, ci_id: int) -> int:
    """Return the id of the CI that stands for one now."""
    return survivor(session, session.get_one(Ci, ci_id)).id


def resolved(session: Session) -> dict[int, int]:
    """Return for every merged CI the one that stands for it now. CIs that were not merged are left out."""
    into = dict(session.exec(select(Ci.id, Ci.merged_into_id).where(col(Ci.merged_into_id).is_not(None))).all())
    found: dict[int, int] = {}
    for ci_id in into:
        seen, there = {ci_id}, ci_id
        while (target := into.get(there)) is not None and target not in seen:
            seen.add(target)
            there = target
        found[ci_id] = there
    return found


def names(session: Session, ci_ids: Iterable[int]) -> dict[int, list[str]]:
    """Return the uids and names of the CIs that were merged into each of some CIs; those without any are left out.

    :param ci_ids: of CIs none of which was merged into another of them.
    """
    found: dict[int, list[str]] = {}
    seen: set[int] = set()
    for chunk in chunks(sorted(set(ci_ids))):
        fresh = {ci_id: ci_id for ci_id in chunk}
        while fresh:
            query = select(Ci.id, Ci.uid, Ci.name, Ci.merged_into_id).where(col(Ci.merged_into_id).in_(sorted(fresh)))
            reached: dict[int, int] = {}
            for ci_id, uid, name, into in session.exec(query.order_by(col(Ci.id))):
                if into is not None and ci_id not in seen:
                    seen.add(ci_id)
                    reached[ci_id] = fresh[into]
                    found.setdefault(fresh[into], []).extend((uid, name))
            fresh = reached
    return found
