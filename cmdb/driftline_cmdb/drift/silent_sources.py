"""One source of a CI is silent while another still reports: a finding, no change of who speaks, and no drift (rule 17).

That a CI as a whole is silent is `silence`'s to find.
"""

from dataclasses import dataclass

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from driftline_baseline.silence import moment
from driftline_baseline.silence_cause import cause_of
from driftline_cmdb.attention import events
from driftline_cmdb.database import Database
from driftline_cmdb.drift.silence_devices import after_ms as own_ms
from driftline_cmdb.drift.silence_evidence import of_sources
from driftline_cmdb.identity.disagreement import named
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import UNSEEN_STATUSES, Binding, Ci, Finding
from driftline_cmdb.tables.sources import RECORD, Source

KIND = "source silent"


@dataclass(frozen=True, slots=True)
class _Silent:
    source: Source
    ci: Ci
    #: Another one, which was heard last.
    heard: Source


def find_silent_sources(database: Database, now_ms: int, after_ms: int, listening_ms: int | None = None) -> int:
    """Open a finding for each source that is silent while another of its CI is not; close those that are over.

    :param after_ms: a source is silent after this time without a call.
    :param listening_ms: since when someone listens without a break: nobody is silent who was not listened to.
    :return: how many findings were opened.
    """
    if listening_ms is not None and now_ms - listening_ms < after_ms:
        return 0
    with database.read() as session:
        if not _silent(session, now_ms, after_ms) and not _open(session):
            return 0
    try:
        with database.write() as session:
            return _write_down(session, _silent(session, now_ms, after_ms), now_ms, after_ms)
    except IntegrityError:
        return 0  # another collector looked at the same time and was first


def _open(session: Session) -> dict[str, Finding]:
    query = select(Finding).where(Finding.kind == KIND, col(Finding.closed_ms).is_(None))
    return {finding.key: finding for finding in session.exec(query)}


def _silent(session: Session, now_ms: int, after_ms: int) -> dict[str, _Silent]:
    """Return the silent sources of CIs that have another one, which is live, by the key of their finding."""
    counts = (col(Binding.until_ms).is_(None), Source.kind != RECORD, col(Source.quarantined_ms).is_(None))
    several = (
        select(Binding.ci_id)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(*counts)
        .group_by(col(Binding.ci_id))
        .having(func.count() > 1, func.min(Source.seen_ms) < now_ms - after_ms)
    )
    found: dict[str, _Silent] = {}
    for chunk in chunks(sorted(session.exec(several))):
        query = (
            select(Ci, Source)
            .join(Binding, col(Binding.ci_id) == col(Ci.id))
            .join(Source, col(Source.id) == col(Binding.source_id))
            .where(col(Ci.id).in_(chunk), *counts, col(Ci.status).not_in(UNSEEN_STATUSES))
            .order_by(col(Ci.id), col(Source.seen_ms).desc())
        )
        heard: dict[int, Source] = {}
        for ci, source in session.exec(query):
            if source.seen_ms is not None and source.seen_ms >= now_ms - own_ms(source, after_ms):
                heard.setdefault(ci.id, source)
        for ci, source in session.exec(query):
            is_silent = source.seen_ms is not None and source.seen_ms < now_ms - own_ms(source, after_ms)
            if is_silent and ci.id in heard:
                found[f"{KIND}:{source.uid}"] = _Silent(source, ci, heard[ci.id])
    return found


def _write_down(session: Session, silent: dict[str, _Silent], now_ms: int, after_ms: int) -> int:
    known = _open(session)
    for key, finding in known.items():
        if key not in silent or silent[key].ci.id != finding.ci_id:
            finding.closed_ms = now_ms
            session.add(finding)
    session.flush()
    opened = 0
    for key, one in silent.items():
        cause = cause_of(of_sources(session, [one.source], heard_by=named(one.heard)), after_ms)
        there = known.get(key)
        is_new = there is None or there.closed_ms is not None
        fresh = Finding(kind=KIND, key=key, ci_id=one.ci.id, message="", opened_ms=now_ms)
        finding = fresh if there is None or is_new else there
        since = moment(one.source.seen_ms or 0)
        finding.message = (
            f"{named(one.source)} of {one.ci.name} is silent since {since}, {named(one.heard)} still reports; "
            f"{cause.sentence()}"
        )
        finding.detail = {
            "source": one.source.uid,
            "since_ms": one.source.seen_ms,
            "heard": one.heard.uid,
            "cause": cause.plain(),
        }
        session.add(finding)
        if is_new:
            session.flush()
            events.emit_finding(session, finding, now_ms)
            opened += 1
    return opened
