"""The gate of production: what a CI in production must have, and a finding where it has not.

Looked at when a CI enters production, when a release, wave or waiver of it is decided, and for all CIs now and then.
"""

import json
from collections.abc import Collection, Sequence

from sqlalchemy import func, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, or_, select

from driftline_baseline.catalog.model import Catalog
from driftline_baseline.gate import STATUS, GatePolicy, watches_software
from driftline_baseline.release import PASSED
from driftline_cmdb import continuity
from driftline_cmdb.baselines.selection import covering, table
from driftline_cmdb.catalog.versions import catalog_of
from driftline_cmdb.database import Database
from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.packing import chunks
from driftline_cmdb.releases import gate_policy
from driftline_cmdb.tables.cis import UNSEEN_STATUSES, Ci, Finding
from driftline_cmdb.tables.releases import GateLook, GateWaiver, Release, ReleaseWave, ReleaseWaveCi

KIND = "production gate"
#: All CIs are looked at so often, and at once when a baseline, policy or waiver has changed, ms.
LOOK_EVERY_MS = 600_000

#: Classes, and what is based on them, that packages are installed on.
_SOFTWARE_OF = ("server", "virtual machine")
_PAGE = 500


def is_in_production(policy: GatePolicy, catalog: Catalog, ci: Ci) -> bool:
    """Tell whether a CI is in production, by its status or its environment.

    The gate asks for CIs that report themselves; what a service needs, its hosts must have.
    """
    if not catalog.reports(ci.ci_class) or ci.status in UNSEEN_STATUSES or ci.merged_into_id is not None:
        return False
    return ci.status == STATUS or policy.is_production(ci.environment)


def missing(session: Session, cis: Sequence[Ci], now_ms: int) -> dict[int, str]:
    """Return what CIs in production lack, with the mend, by CI; those that are in order or waived are left out."""
    policy = gate_policy.in_force(session)
    catalog = catalog_of(session)
    inside = [ci for ci in cis if is_in_production(policy, catalog, ci)]
    if not inside:
        return {}
    ids = [ci.id for ci in inside]
    waived = _waived(session, ids, now_ms)
    wants_baseline = _wants(policy.baseline, bool(table(session).versions))
    wants_release = _wants(policy.release, session.exec(select(Release.id).limit(1)).first() is not None)
    covered = covering(session, inside) if wants_baseline else {}
    released = _released(session, ids) if wants_release else set()
    found: dict[int, str] = {}
    for ci in inside:
        if ci.id in waived:
            continue
        lacks, mends = [], []
        if wants_baseline and not covered[ci.id]:
            lacks.append("without an approved baseline")
            mends.append(f"driftline baseline capture {ci.name} --name {ci.name}")
        elif (
            wants_baseline
            and any(catalog.is_a(ci.ci_class, one) for one in _SOFTWARE_OF)
            and not any(watches_software(one.document) for one in covered[ci.id])
        ):
            names = ", ".join(one.name for one in covered[ci.id])
            lacks.append(f"with no approved baseline of its software ({names} watch no packages)")
            mends.append("add a rule on software.packages")
        if wants_release and ci.id not in released:
            lacks.append("without a release whose acceptance criteria passed")
            mends.append("driftline release create")
        if lacks:
            mends.append(f"for a time: driftline waiver add {ci.name}")
            found[ci.id] = f"{ci.name} is in production {' and '.join(lacks)}; {'; '.join(mends)}"
    return found


def look_at(session: Session, cis: Sequence[Ci], now_ms: int) -> int:
    """Open, bring up to date or close the finding of each CI; return how many were opened."""
    session.flush()
    lacking = missing(session, cis, now_ms)
    open_ones = _open(session, [ci.id for ci in cis])
    opened = 0
    for ci in cis:
        finding, message = open_ones.get(ci.id), lacking.get(ci.id)
        if message is None and finding is not None:
            finding.closed_ms = now_ms
            session.add(finding)
        elif message is not None and finding is None:
            opened += continuity.open_finding(session, KIND, f"{KIND}:{ci.uid}", ci.id, message, {}, now_ms)
        elif message is not None and finding is not None and finding.message != message:
            finding.message = message
            session.add(finding)
    session.flush()
    return opened


def look(database: Database, now_ms: int) -> int:
    """Look at all CIs in production, and at those that have left it, where it is time or the grounds have changed.

    :return: how many findings were opened.
    """
    with database.read() as session:
        stamp = _stamp(session, now_ms)
        last = session.get(GateLook, 1)
        if last is not None and last.stamp == stamp and now_ms - last.looked_ms < LOOK_EVERY_MS:
            return 0
        before = (last.looked_ms, last.stamp) if last is not None else None
        policy = gate_policy.in_force(session)
    if not _claim(database, before, stamp, now_ms):
        return 0  # another collector is at it
    opened, after = 0, 0
    while True:
        with database.read() as session:
            cis = _page(session, policy, after)
            wrong = _wrong(session, cis, now_ms)
        for chunk in chunks(wrong, 100):
            opened += _mend(database, chunk, now_ms)
        if len(cis) < _PAGE:
            return opened
        after = cis[-1].id


def _wants(when: str, used: bool) -> bool:
    return when == "always" or (when == "when used" and used)


def _waived(session: Session, ids: Collection[int], now_ms: int) -> set[int]:
    query = select(GateWaiver.ci_id).where(
        col(GateWaiver.ci_id).in_(ids),
        col(GateWaiver.approved_ms).is_not(None),
        col(GateWaiver.ended_ms).is_(None),
        GateWaiver.until_ms > now_ms,
    )
    return set(session.exec(query))


def _released(session: Session, ids: Collection[int]) -> set[int]:
    query = (
        select(ReleaseWaveCi.ci_id)
        .join(ReleaseWave, col(ReleaseWave.id) == col(ReleaseWaveCi.wave_id))
        .join(Release, col(Release.id) == col(ReleaseWave.release_id))
        .where(col(ReleaseWaveCi.ci_id).in_(ids), col(Release.state).in_(PASSED))
    )
    return set(session.exec(query))


def _open(session: Session, ids: Collection[int]) -> dict[int, Finding]:
    query = select(Finding).where(Finding.kind == KIND, col(Finding.ci_id).in_(ids), col(Finding.closed_ms).is_(None))
    return {one.ci_id: one for one in session.exec(query) if one.ci_id is not None}


def _stamp(session: Session, now_ms: int) -> str:
    """Return what changes with the gate's grounds: baselines in force, its policy, releases, waivers that count."""
    waivers = session.exec(
        select(func.count(col(GateWaiver.id))).where(
            col(GateWaiver.approved_ms).is_not(None), col(GateWaiver.ended_ms).is_(None), GateWaiver.until_ms > now_ms
        )
    ).one()
    released = session.exec(select(Release.id).limit(1)).first() is not None
    policy = gate_policy.in_force(session)
    known = [str(part) for part in table(session).stamp]
    return json.dumps([known, policy.environments, policy.baseline, policy.release, released, waivers])


def _claim(database: Database, before: tuple[int, str] | None, stamp: str, now_ms: int) -> bool:
    with database.write() as session:
        if before is None:
            insert_ignoring(session, GateLook, [{"id": 1, "looked_ms": -1, "stamp": ""}])
            before = (-1, "")
        taken = (
            update(GateLook)
            .where(col(GateLook.id) == 1, col(GateLook.looked_ms) == before[0], col(GateLook.stamp) == before[1])
            .values(looked_ms=now_ms, stamp=stamp)
        )
        return bool(session.execute(taken).rowcount)  # type: ignore[attr-defined]  # of an update it has one


def _page(session: Session, policy: GatePolicy, after: int) -> list[Ci]:
    """Return the next CIs that are in production or have a finding of it."""
    has_one = select(Finding.ci_id).where(Finding.kind == KIND, col(Finding.closed_ms).is_(None))
    query = select(Ci).where(
        Ci.id > after,
        or_(
            col(Ci.status) == STATUS,
            col(Ci.environment).in_(policy.environments),
            col(Ci.id).in_(has_one),
        ),
    )
    return list(session.exec(query.order_by(col(Ci.id)).limit(_PAGE)))


def _wrong(session: Session, cis: Sequence[Ci], now_ms: int) -> list[int]:
    """Return the CIs whose finding is not as it should be."""
    lacking = missing(session, cis, now_ms)
    open_ones = {ci_id: one.message for ci_id, one in _open(session, [ci.id for ci in cis]).items()}
    return [ci.id for ci in cis if lacking.get(ci.id) != open_ones.get(ci.id)]


def _mend(database: Database, ci_ids: Sequence[int], now_ms: int) -> int:
    try:
        with database.write() as session:
            cis = session.exec(select(Ci).where(col(Ci.id).in_(ci_ids)).order_by(col(Ci.id))).all()
            return look_at(session, cis, now_ms)
    except IntegrityError:
        return 0  # somebody edited one of them at the same time, and looked; the next look sees the others
