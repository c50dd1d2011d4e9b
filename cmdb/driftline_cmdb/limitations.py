"""What agents do worse than they should, by their own word: a finding while it lasts."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from driftline_cmdb.attention import events
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.sources import DEVICE, Source

KIND = "limited"


def note(session: Session, source_id: int, ci_id: int | None, limitations: Iterable[str], now_ms: int) -> None:
    """Open a source's finding, bring it up to date, or close it where nothing is in the agent's way any more."""
    source = session.get_one(Source, source_id)
    key = f"{KIND}:{source.uid}"
    found = session.exec(select(Finding).where(Finding.key == key, col(Finding.closed_ms).is_(None))).first()
    said = list(limitations)
    if not said:
        if found is not None:
            found.closed_ms = now_ms
            session.add(found)
        return
    opened = found is None
    if found is None:
        found = Finding(kind=KIND, key=key, ci_id=ci_id, message="", detail={}, opened_ms=now_ms)
    found.ci_id = ci_id
    found.detail = {"source": source.uid, "limitations": said}
    reader = "the agent that reads" if source.kind == DEVICE else "the agent of"
    found.message = f"{reader} {source.hostname or source.uid} sees less than it should: {'; '.join(said)}"[:2000]
    session.add(found)
    if opened:
        session.flush()
        events.emit_finding(session, found, now_ms)
