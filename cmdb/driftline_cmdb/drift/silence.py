"""Sources that stopped reporting: a finding, never drift (design section 6, rule 17)."""

from sqlmodel import Session, col, select

from driftline_cmdb import continuity
from driftline_cmdb.database import Database
from driftline_cmdb.tables.cis import Binding, Ci, Finding
from driftline_cmdb.tables.sources import Source

#: A source is silent after this time without a call, ms, where nobody set another: three of the longest check-ins.
SILENT_AFTER_MS = 900_000


def find_silence(database: Database, now_ms: int, after_ms: int) -> int:
    """Open a finding for each source silent for longer than `after_ms`, close those of sources that are back.

    :return: how many findings were opened.
    """
    with database.write() as session:
        _close_of_those_back(session, now_ms, after_ms)
        opened = 0
        query = (
            select(Source, Ci)
            .join(Binding, col(Binding.source_id) == col(Source.id))
            .join(Ci, col(Ci.id) == col(Binding.ci_id))
            .where(col(Binding.until_ms).is_(None), col(Source.seen_ms) < now_ms - after_ms)
            .where(col(Ci.status).not_in(("retired", "disposed", "planned", "in stock")))
        )
        for source, ci in session.exec(query).all():
            seen = source.seen_ms or source.enrolled_ms
            message = f"{ci.name} is silent: its last report came {(now_ms - seen) // 60_000} minutes ago"
            detail = {"source": source.uid, "seen_ms": seen}
            opened += continuity.open_finding(session, "silent", _key(source), ci.id, message, detail, now_ms)
        return opened


def _close_of_those_back(session: Session, now_ms: int, after_ms: int) -> None:
    open_ones = select(Finding).where(Finding.kind == "silent", col(Finding.closed_ms).is_(None))
    by_key = {finding.key: finding for finding in session.exec(open_ones)}
    if not by_key:
        return
    for source in session.exec(select(Source).where(col(Source.seen_ms) >= now_ms - after_ms)):
        finding = by_key.get(_key(source))
        if finding is not None:
            finding.closed_ms = now_ms
            session.add(finding)


def _key(source: Source) -> str:
    return f"silent:{source.uid}"
