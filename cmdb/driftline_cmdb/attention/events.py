"""Events: what may be told to people, written in the transaction that makes it so (a transactional outbox)."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlmodel import Session, col, select

from driftline_baseline.kinds import SEVERITIES
from driftline_cmdb import driven
from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.tables.attention import AttentionEvent
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta

#: Every kind of event there is, with what it says.
KINDS = {
    "rfc.raised": "driftline raised an RFC for a change that nothing explains",
    "rfc.joined": "more CIs joined an open RFC",
    "rfc.waiting": "a planned RFC waits for approval",
    "rfc.approval_refused": "an approval was refused, or is needed again",
    "rfc.approval_late": "an emergency change was not approved in time",
    "rfc.verification_failed": "what an RFC predicted did not come true",
    "rfc.reopened": "what an RFC was closed for is back",
    "rfc.closed": "an RFC came to its end",
    "drift.acceptance_ending": "the acceptance of a drift ends within a day",
    "drift.acceptance_ended": "the acceptance of a drift has ended",
    "finding.opened": "a finding was opened: silence, a clone, a failed check",
    "maintenance.review": "a maintenance window has ended: what changed in it",
    "attention.snooze_ended": "what was put off is due again",
    "channel.test": "someone tries a channel",
}
#: Severity of findings by kind; all others are warnings.
FINDING_SEVERITY = {"clone": "critical", "audit broken": "critical"}
#: Joining CIs gather for so long before anybody is told, and are told of at most so often, ms.
JOIN_FOLD_MS = 10 * 60_000
JOIN_EVERY_MS = 60 * 60_000

_MOST_CIS = 50
_LONGEST_TITLE = 300


def emit(
    session: Session,
    kind: str,
    thread: str,
    severity: str,
    title: str,
    now_ms: int,
    *,
    text: str = "",
    cis: Iterable[int] = (),
    rfc_id: int | None = None,
    finding_id: int | None = None,
    detail: dict[str, Any] | None = None,
    once: str | None = None,
    due_ms: int | None = None,
) -> None:
    """Write an event down.

    :param kind: one of :data:`KINDS`.
    :param thread: what it is about: ``rfc:1``, ``finding:7``, ``drift:3``.
    :param title: for people, in a line.
    :param once: where it was said under this key before, it is not said again.
    :param due_ms: nobody is told before this time.
    """
    if kind not in KINDS or severity not in SEVERITIES:
        raise ValueError(f"{kind} ({severity}) is no kind or no severity of an event")
    ci_ids = sorted(set(cis))
    row: dict[str, Any] = {
        "at_ms": now_ms,
        "kind": kind,
        "thread": thread,
        "severity": severity,
        "title": title[:_LONGEST_TITLE],
        "text": text,
        "ci_ids": ci_ids[:_MOST_CIS],
        "cis": len(ci_ids),
        "rfc_id": rfc_id,
        "finding_id": finding_id,
        "detail": detail or {},
        "once": once,
        "due_ms": now_ms if due_ms is None else due_ms,
    }
    if once is None:
        driven.add(session, AttentionEvent, **row)
    else:
        insert_ignoring(session, AttentionEvent, [{**row, "folded": 0, "state": "new", "why": ""}])


def emit_rfc(session: Session, kind: str, rfc: Rfc, severity: str, now_ms: int, **more: Any) -> None:
    """Write down an event of an RFC; its CIs are those of its deltas unless `cis` says otherwise.

    :param more: as :func:`emit` takes it.
    """
    if "cis" not in more:
        query = select(RfcDelta.ci_id).where(RfcDelta.rfc_id == rfc.id).distinct()
        more["cis"] = session.exec(query).all()
    emit(session, kind, thread_of(rfc), severity, f"RFC {rfc.number}: {rfc.title}", now_ms, rfc_id=rfc.id, **more)


def thread_of(rfc: Rfc) -> str:
    """Return what events of an RFC are about."""
    return f"rfc:{rfc.id}"


def worst(severities: Iterable[str]) -> str:
    """Return the highest of some severities, info where there is none."""
    known = [SEVERITIES.index(one) for one in severities if one in SEVERITIES]
    return SEVERITIES[max(known, default=0)]


def severity_of(rfc: Rfc) -> str:
    """Return how severe news of an RFC are where no drift says it."""
    return "critical" if rfc.priority == "high" and rfc.origin == "driftline" else "warning"


def emit_join(session: Session, rfc: Rfc, ci_id: int, severities: Sequence[str], now_ms: int) -> None:
    """Tell that a CI joined an RFC: those of some minutes are one event, and there is at most one an hour.

    A critical one waits for nobody where all before were less.
    """
    severity = worst(severities)
    query = (
        select(AttentionEvent)
        .where(AttentionEvent.rfc_id == rfc.id, AttentionEvent.kind == "rfc.joined")
        .order_by(col(AttentionEvent.id).desc())
        .limit(1)
    )
    last = session.exec(query.with_for_update()).first()
    if last is not None and last.state == "new":
        last.folded += 1
        last.severity = worst((last.severity, severity))
        if ci_id not in last.ci_ids:
            last.cis += 1
            last.ci_ids = [*last.ci_ids, ci_id][:_MOST_CIS]
        session.add(last)
        return
    due_ms = now_ms + JOIN_FOLD_MS
    if last is not None:
        due_ms = max(due_ms, last.due_ms + JOIN_EVERY_MS)
    if severity == "critical" and not _was_critical(session, rfc):
        due_ms = now_ms
    emit_rfc(session, "rfc.joined", rfc, severity, now_ms, cis=[ci_id], due_ms=due_ms)


def _was_critical(session: Session, rfc: Rfc) -> bool:
    query = select(AttentionEvent.id).where(AttentionEvent.rfc_id == rfc.id, AttentionEvent.severity == "critical")
    return session.exec(query.limit(1)).first() is not None


def emit_finding(session: Session, finding: Finding, now_ms: int, severity: str | None = None) -> None:
    """Tell that a finding was opened; it has been flushed."""
    emit_opened(session, finding.id, finding.kind, finding.ci_id, finding.message, now_ms, severity)


def emit_opened(
    session: Session,
    finding_id: int,
    kind: str,
    ci_id: int | None,
    message: str,
    now_ms: int,
    severity: str | None = None,
) -> None:
    """Tell that a finding was opened, by its values."""
    emit(
        session,
        "finding.opened",
        f"finding:{finding_id}",
        severity or FINDING_SEVERITY.get(kind, "warning"),
        message,
        now_ms,
        cis=[ci_id] if ci_id is not None else [],
        finding_id=finding_id,
        detail={"kind": kind},
    )
