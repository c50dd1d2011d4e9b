"""Who may report: no source of a CI that is retired or disposed of. One that does all the same is a finding."""

from typing import Any

from sqlmodel import Session, col, select

from driftline_baseline import life_cycle, silence
from driftline_cmdb.attention import events
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Refused
from driftline_cmdb.identity import retiring
from driftline_cmdb.tables.cis import Binding, Ci, Finding
from driftline_cmdb.tables.sources import RECORD, Source

KIND = "retired reports"
#: It is over after so long without a call, ms.
QUIET_MS = 7 * 86_400_000
#: A finding is brought up to date at most so often, ms.
_NOTED_EVERY_MS = 60_000


class Retired(Refused):
    """The CI that a source speaks for is retired or disposed of."""


def check_may_report(session: Session, row: Any) -> None:
    """Check that a source's CI is not gone; costs nothing where it is not.

    :param row: of the source, with `ci_id`, and `ci_status` of the CI that it is bound to, None where it waits.
    :raises Retired: where it is gone.
    """
    if row.ci_status in life_cycle.GONE and row.kind != RECORD:
        raise Retired(said_of(session, session.get_one(Ci, row.ci_id)))


def check_source(session: Session, source_id: int) -> None:
    """Check that a source may call: for calls that apply nothing.

    :raises Retired: where its CI is gone.
    """
    query = (
        select(Ci)
        .join(Binding, col(Binding.ci_id) == col(Ci.id))
        .where(Binding.source_id == source_id, col(Binding.until_ms).is_(None), col(Ci.status).in_(life_cycle.GONE))
    )
    ci = session.exec(query).first()
    if ci is not None:
        raise Retired(said_of(session, ci))


def said_of(session: Session, ci: Ci) -> str:
    """Return what there is to say of a CI that is gone: ``web1 was retired on ... by ...``."""
    last = retiring.last_decision(session, ci.id)
    if last is None:  # put on record so, before there were decisions
        return f"{ci.name} is {ci.status}; an operator must reinstate it, or stop its agent"
    return life_cycle.said_of(ci.name, ci.status, silence.moment(last.at_ms), last.actor)


def note(database: Database, source_id: int, error: Retired, now_ms: int) -> None:
    """Open the finding of a CI that is gone and reports, or note in it when its source called last."""
    with database.read() as session:
        known = _finding(session, source_id)
        if known is not None and now_ms - known.detail["last_ms"] < _NOTED_EVERY_MS:
            return
    with database.write() as session:
        source = session.get_one(Source, source_id)
        ci = _ci(session, source_id)
        if ci is None or ci.status not in life_cycle.GONE:
            return  # it was reinstated meanwhile
        finding = _finding(session, source_id)
        opened = finding is None
        if finding is None:
            finding = Finding(kind=KIND, key=f"{KIND}:{ci.uid}", ci_id=ci.id, message="", opened_ms=now_ms)
        callers = {*finding.detail.get("sources", ()), source.uid}
        finding.message = f"{ci.name} is {ci.status}, and {source.hostname or source.uid} reports of it: {error}"
        finding.detail = {
            "sources": sorted(callers),
            "first_ms": finding.detail.get("first_ms", now_ms),
            "last_ms": now_ms,
        }
        session.add(finding)
        if opened:
            session.flush()
            events.emit_finding(session, finding, now_ms)


def close_quiet(database: Database, now_ms: int) -> int:
    """Close the findings of CIs of which nothing called for a week; return how many."""
    is_open = select(Finding).where(Finding.kind == KIND, col(Finding.closed_ms).is_(None))
    with database.read() as session:
        if not any(now_ms - one.detail["last_ms"] >= QUIET_MS for one in session.exec(is_open)):
            return 0
    closed = 0
    with database.write() as session:
        for finding in session.exec(is_open).all():
            if now_ms - finding.detail["last_ms"] >= QUIET_MS:
                finding.closed_ms = now_ms
                session.add(finding)
                closed += 1
    return closed


def _ci(session: Session, source_id: int) -> Ci | None:
    query = select(Ci).join(Binding, col(Binding.ci_id) == col(Ci.id))
    return session.exec(query.where(Binding.source_id == source_id, col(Binding.until_ms).is_(None))).first()


def _finding(session: Session, source_id: int) -> Finding | None:
    ci = _ci(session, source_id)
    if ci is None:
        return None
    query = select(Finding).where(Finding.key == f"{KIND}:{ci.uid}", col(Finding.closed_ms).is_(None))
    return session.exec(query).first()
