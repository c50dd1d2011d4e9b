"""A source that is silent while its CI is heard another way: an agent that stopped on a host that SNMP still reaches.

The CI is not silent, so this is a finding of its own. Two of one kind are no such pair: where a host was installed
anew, its former agent is silent for good, and that is no news.
"""

from collections.abc import Mapping

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from driftline_baseline.silence import moment
from driftline_baseline.silence_cause import cause_of
from driftline_cmdb.attention import events
from driftline_cmdb.database import Database
from driftline_cmdb.drift.silence_evidence import of_sources
from driftline_cmdb.tables.cis import UNSEEN_STATUSES, Binding, Ci, Finding
from driftline_cmdb.tables.sources import RECORD, Source

KIND = "silent source"


def look(database: Database, now_ms: int, after_ms: int, listening_ms: int) -> int:
    """Open a finding for each such source, bring the open ones up to date, close those that are over.

    :param after_ms: a source is silent after this time without a call.
    :param listening_ms: since when someone listens without a break.
    :return: how many were opened.
    """
    if now_ms - listening_ms < after_ms:
        return 0
    with database.read() as session:
        if not _silent(session, now_ms - after_ms) and not _open(session):
            return 0
    try:
        with database.write() as session:
            return _write_down(session, now_ms, after_ms)
    except IntegrityError:
        return 0  # another collector looked at the same time and was first


def _write_down(session: Session, now_ms: int, after_ms: int) -> int:
    found = {f"{KIND}:{source.uid}": (ci, source, other) for ci, source, other in _silent(session, now_ms - after_ms)}
    there = _open(session)
    for key, finding in there.items():
        if key not in found:
            finding.closed_ms = now_ms
            session.add(finding)
    opened = 0
    for key, (ci, source, other) in found.items():
        cause = cause_of(
            of_sources(session, [source], heard_by=f"{other.kind} {other.hostname or other.uid}"), after_ms
        )
        known = there.get(key)
        finding = known or Finding(kind=KIND, key=key, ci_id=ci.id, message="", opened_ms=now_ms)
        since = moment(source.seen_ms or 0)
        finding.message = f"the {source.kind} of {ci.name} is silent since {since}; {cause.sentence()}"
        finding.detail = {"source": source.uid, "since_ms": source.seen_ms, "cause": cause.plain()}
        session.add(finding)
        if known is None:
            session.flush()
            events.emit_finding(session, finding, now_ms)
            opened += 1
    return opened


def _silent(session: Session, limit_ms: int) -> list[tuple[Ci, Source, Source]]:
    """Return sources that are silent, with a source of another kind of the same CI that is not."""
    mine, theirs, other = aliased(Binding), aliased(Binding), aliased(Source)
    query = (
        select(Ci, Source, other)
        .join(mine, col(mine.ci_id) == col(Ci.id))
        .join(Source, col(Source.id) == col(mine.source_id))
        .join(theirs, col(theirs.ci_id) == col(Ci.id))
        .join(other, col(other.id) == col(theirs.source_id))
        .where(col(mine.until_ms).is_(None), col(theirs.until_ms).is_(None), col(Ci.status).not_in(UNSEEN_STATUSES))
        .where(col(Source.seen_ms) < limit_ms, Source.kind != RECORD, col(Source.quarantined_ms).is_(None))
        .where(col(other.seen_ms) >= limit_ms, other.kind != RECORD, other.kind != Source.kind)
    )
    rows = session.exec(query.order_by(col(Source.id), col(other.id))).all()
    return list({source.id: (ci, source, heard) for ci, source, heard in rows}.values())


def _open(session: Session) -> Mapping[str, Finding]:
    query = select(Finding).where(Finding.kind == KIND, col(Finding.closed_ms).is_(None))
    return {finding.key: finding for finding in session.exec(query)}
