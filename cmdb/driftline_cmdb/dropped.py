"""What agents had to drop because their spool was full: a finding, so that a gap in the record has a reason."""

from sqlmodel import Session, col, select

from driftline.v1.collector_pb2 import Dropped
from driftline_cmdb.attention import events
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.sources import Source

KIND = "dropped"


def note(session: Session, source_id: int, ci_id: int | None, dropped: Dropped, now_ms: int) -> None:
    """Add what was dropped to the source's open finding, or open one; it stays until a person closes it."""
    source = session.get_one(Source, source_id)
    key = f"{KIND}:{source.uid}"
    found = session.exec(select(Finding).where(Finding.key == key, col(Finding.closed_ms).is_(None))).first()
    opened = found is None
    if found is None:
        found = Finding(kind=KIND, key=key, ci_id=ci_id, message="", detail={}, opened_ms=now_ms)
    before = found.detail
    reports = before.get("reports", 0) + dropped.reports
    batches = before.get("utilization_batches", 0) + dropped.utilization_batches
    found.detail = {
        "source": source.uid,
        "reports": reports,
        "utilization_batches": batches,
        "first_ms": before.get("first_ms", now_ms),
        "last_ms": now_ms,
    }
    found.ci_id = ci_id
    found.message = (
        f"{source.hostname or source.uid} dropped {reports} reports and {batches} batches of utilization, because its "
        "spool was full: what they said is not on record"
    )
    session.add(found)
    if opened:
        session.flush()
        events.emit_finding(session, found, now_ms)
