"""Does a report continue what was received from its source? Notices roll-backs and clones (design section 4)."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, select

from driftline_cmdb import sources
from driftline_cmdb.attention import events
from driftline_cmdb.errors import Refused, Rejected
from driftline_cmdb.tables.cis import Binding, Finding
from driftline_cmdb.tables.sources import Source

_PAST_EPOCHS = 16


@dataclass(frozen=True, slots=True)
class Position:
    """Where a report says it stands."""

    epoch: str
    sequence: int
    continuation: bytes
    digest: bytes


class Forked(Rejected):
    """A report from an epoch that a newer one has replaced: two hold this identity."""


def is_retry(source: Source, report: Position) -> bool:
    """Tell whether a report is the last one again, whose receipt was lost.

    :raises Refused: where the source is quarantined.
    :raises Rejected: where the report does not continue what was received; nothing may be changed then.
    """
    if source.quarantined_ms is not None:
        raise Refused(
            f"{source.uid} is quarantined: {source.quarantine_reason}; an operator must release it or retire it"
        )
    if not report.epoch or report.sequence < 1:
        raise Rejected("stamp.epoch and stamp.sequence must be set; the first report of an epoch has sequence 1")
    if report.epoch != source.epoch:
        if report.epoch in source.past_epochs:
            raise Forked(f"epoch {report.epoch} ended when a newer one began: start a new epoch")
        if report.continuation:
            raise Rejected("stamp.continuation belongs to an epoch that is not known here: start a new epoch")
        return False
    if report.sequence == source.sequence and report.digest == source.report_digest:
        return True
    if report.sequence <= source.sequence:
        raise Rejected(
            f"sequence {report.sequence} was received before with other content (the last is {source.sequence}): "
            "this agent's state was rolled back or copied; start a new epoch"
        )
    if report.continuation != source.continuation:
        raise Rejected("stamp.continuation is not the last receipt's: this agent's state was copied; start a new epoch")
    return False


def ended_epochs(source: Source, epoch: str) -> list[str]:
    """Return the source's past epochs once `epoch` has begun."""
    if source.epoch is None or source.epoch == epoch:
        return source.past_epochs
    return [*source.past_epochs, source.epoch][-_PAST_EPOCHS:]


def note_rejection(session: Session, source_id: int, error: Rejected, now_ms: int) -> None:
    """Record a finding for a rejected report; two holders of one identity are quarantined until a person decides."""
    source = session.get_one(Source, source_id)
    forked = isinstance(error, Forked)
    kind = "clone" if forked else "roll-back"
    if forked and source.quarantined_ms is None:
        sources.quarantine(session, source, "driftline", "two agents report with this identity", now_ms)
    key = f"{kind}:{source.uid}"
    detail: dict[str, Any] = {"source": source.uid, "error": str(error)}
    ci_id = session.exec(select(Binding.ci_id).where(Binding.source_id == source_id, Binding.until_ms == None)).first()  # noqa: E711
    open_finding(session, kind, key, ci_id, f"{source.hostname or source.uid}: {error}", detail, now_ms)


def open_finding(
    session: Session,
    kind: str,
    key: str,
    ci_id: int | None,
    message: str,
    detail: dict[str, Any],
    now_ms: int,
    *,
    tell: bool = True,
) -> bool:
    """Open a finding unless the same one is open; tell whether it was opened.

    :param tell: False where people are told of it by another event.
    """
    if session.exec(select(Finding.id).where(Finding.key == key, Finding.closed_ms == None)).first() is not None:  # noqa: E711
        return False
    finding = Finding(kind=kind, key=key, ci_id=ci_id, message=message, detail=detail, opened_ms=now_ms)
    session.add(finding)
    session.flush()
    if tell:
        events.emit_finding(session, finding, now_ms)
    return True
