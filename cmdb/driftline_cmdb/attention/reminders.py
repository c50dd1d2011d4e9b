"""What becomes due by the clock alone: snoozes, the ends of windows and of acceptances."""

from sqlmodel import Session, col, select

from driftline_baseline.wording import what
from driftline_cmdb.attention import events, handling, maintenance
from driftline_cmdb.database import Database
from driftline_cmdb.tables.attention import Attention, AttentionEvent, MaintenanceWindow
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.rfcs import Rfc

#: The end of an acceptance is told so long before, unless it is that short, ms.
BEFORE_MS = 86_400_000


def remind(database: Database, now_ms: int) -> int:
    """Write down the events that the clock makes, each once; return how many there were to look at."""
    with database.read() as session:
        if not _is_due(session, now_ms):
            return 0
    with database.write() as session:
        return handling.end_snoozes(session, now_ms) + maintenance.review_ended(session, now_ms)


def _is_due(session: Session, now_ms: int) -> bool:
    snoozed = select(Attention.thread).where(col(Attention.snoozed_until_ms) <= now_ms).limit(1)
    ended = select(MaintenanceWindow.id).where(
        col(MaintenanceWindow.end_ms) <= now_ms, col(MaintenanceWindow.reviewed_ms).is_(None)
    )
    return session.exec(snoozed).first() is not None or session.exec(ended.limit(1)).first() is not None


def acceptance_began(session: Session, drift: Drift, now_ms: int) -> None:
    """Have people told a day before an acceptance ends."""
    due_ms = (drift.accepted_until_ms or 0) - BEFORE_MS
    if due_ms > now_ms:
        _tell(session, "drift.acceptance_ending", drift, "is accepted only until tomorrow", now_ms, due_ms)


def acceptance_ended(session: Session, drift: Drift, now_ms: int) -> None:
    """Have people told that an acceptance has ended, once."""
    _tell(session, "drift.acceptance_ended", drift, "is not accepted any more", now_ms, now_ms)


def _tell(session: Session, kind: str, drift: Drift, words: str, now_ms: int, due_ms: int) -> None:
    ci = session.get_one(Ci, drift.ci_id)
    group = session.get(DriftGroup, drift.group_id) if drift.group_id is not None else None
    rfc = session.get(Rfc, group.rfc_id) if group is not None and group.rfc_id is not None else None
    events.emit(
        session,
        kind,
        f"drift:{drift.id}" if rfc is None else events.thread_of(rfc),
        drift.severity,
        f"Drift {drift.id} on {ci.name} {words}: {what(drift.path)}",
        now_ms,
        text=drift.why,
        cis=[ci.id],
        rfc_id=None if rfc is None else rfc.id,
        detail={"drift": drift.id, "until_ms": drift.accepted_until_ms},
        once=f"{kind}:{drift.id}:{drift.accepted_until_ms}",
        due_ms=due_ms,
    )


def is_stale(session: Session, event: AttentionEvent) -> bool:
    """Tell whether what an event says was overtaken before anybody was told."""
    if event.kind == "rfc.waiting":
        rfc = session.get(Rfc, event.rfc_id)
        return rfc is None or rfc.authorised_ms is not None or rfc.closed_ms is not None
    if event.kind != "drift.acceptance_ending":
        return False
    drift = session.get(Drift, event.detail["drift"])
    return drift is None or drift.state != "accepted" or drift.accepted_until_ms != event.detail["until_ms"]
