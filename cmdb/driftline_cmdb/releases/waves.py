"""Waves of releases: which CIs they contain, and what RFCs wait for. Imports nothing of RFCs, so that those may ask."""

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, exists, select

from driftline_baseline.document import Document, Selector
from driftline_baseline.errors import DocumentError
from driftline_baseline.reading import parse_selector
from driftline_baseline.release import BEGUN
from driftline_cmdb.baselines.selection import covered_by
from driftline_cmdb.errors import Invalid
from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.releases import Release, ReleaseRfc, ReleaseWave, ReleaseWaveCi
from driftline_cmdb.tables.rfcs import Rfc


def selector_of(text: str) -> Selector:
    """Read a wave's selector.

    :raises Invalid: where it is none; the message names line, column and the mend.
    """
    try:
        return parse_selector(text)
    except DocumentError as error:
        raise Invalid(f'{error}; as in "environment: test", or "ci: [web1, web2]"') from error


def cis_of(session: Session, waves: Collection[ReleaseWave]) -> dict[int, dict[int, Ci]]:
    """Return the CIs of waves by wave and CI: as they were fixed at the start of one, else as its selector says now."""
    begun = {wave.id for wave in waves if wave.state in BEGUN}
    found: dict[int, dict[int, Ci]] = {wave.id: {} for wave in waves}
    query = select(ReleaseWaveCi.wave_id, Ci).join(Ci, col(Ci.id) == col(ReleaseWaveCi.ci_id))
    for wave_id, ci in session.exec(query.where(col(ReleaseWaveCi.wave_id).in_(begun))):
        found[wave_id][ci.id] = ci
    for wave in waves:
        if wave.id not in begun:
            found[wave.id] = covered_by(session, Document("wave", selector_of(wave.selector), ()))
    return found


def fix(session: Session, wave: ReleaseWave, ci_ids: Iterable[int]) -> None:
    """Keep which CIs a wave has."""
    for chunk in chunks(sorted(ci_ids)):
        insert_ignoring(session, ReleaseWaveCi, [{"wave_id": wave.id, "ci_id": ci_id} for ci_id in chunk])


def waves_of(session: Session, release: Release) -> list[ReleaseWave]:
    """Return the waves of a release in their order."""
    query = select(ReleaseWave).where(ReleaseWave.release_id == release.id)
    return list(session.exec(query.order_by(col(ReleaseWave.number))))


def begun_at(session: Session, ci_ids: Collection[int], release_ids: Collection[int]) -> dict[int, int]:
    """Return when the first wave with one of some CIs started, by release; releases of which none did are left out."""
    if not release_ids:
        return {}
    query = (
        select(ReleaseWave.release_id, ReleaseWave.started_ms)
        .join(ReleaseWaveCi, col(ReleaseWaveCi.wave_id) == col(ReleaseWave.id))
        .where(col(ReleaseWaveCi.ci_id).in_(ci_ids), col(ReleaseWave.release_id).in_(release_ids))
        .where(col(ReleaseWave.state).in_(BEGUN))
    )
    found: dict[int, int] = {}
    for release_id, started_ms in session.exec(query):
        found[release_id] = min(found.get(release_id, started_ms or 0), started_ms or 0)
    return found


def waits(session: Session, rfc_id: int) -> bool:
    """Tell whether an RFC belongs to a release no wave of which has started it."""
    query = select(ReleaseRfc.rfc_id).where(ReleaseRfc.rfc_id == rfc_id, col(ReleaseRfc.started_ms).is_(None))
    return session.exec(query).first() is not None


def waiting() -> ColumnElement[bool]:
    """Return the same as a condition on RFCs."""
    return exists().where(and_(col(ReleaseRfc.rfc_id) == col(Rfc.id), col(ReleaseRfc.started_ms).is_(None)))
