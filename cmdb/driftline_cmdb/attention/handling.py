"""Who looks after an RFC or a finding: acknowledged, assigned, snoozed."""

from sqlmodel import Session, col, select

from driftline_cmdb import audit, findings
from driftline_cmdb.attention import events
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.rfcs.reading import find_rfc
from driftline_cmdb.tables.attention import Attention
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.people import Person
from driftline_cmdb.tables.rfcs import Rfc

#: What is put off for longer is forgotten, ms.
LONGEST_SNOOZE_MS = 30 * 86_400_000


def acknowledge(session: Session, subject: Rfc, actor: str, now_ms: int) -> Attention:
    """Take an RFC up: nobody else is paged for it. The first one who does so counts. For findings see `findings`.

    :raises Conflict: where it is closed.
    """
    _require_open(subject)
    row = attention_of(session, subject, to_change=True)
    if row.acknowledged_by is None:
        row.acknowledged_by, row.acknowledged_ms = actor, now_ms
        session.add(row)
        audit.record(session, actor, "rfc.acknowledged", name_of(subject), {}, now_ms)
    return row


def assign(session: Session, subject: Rfc | Finding, person: str | None, actor: str, now_ms: int) -> Attention:
    """Give an RFC or a finding to a person; None takes it from whoever has it.

    :raises NotFound: where there is no such active person.
    :raises Conflict: where it is closed.
    """
    _require_open(subject)
    if person is not None:
        found = session.exec(select(Person).where(Person.name == person, col(Person.active))).first()
        if found is None:
            raise NotFound(f'there is no active person "{person}" to assign {name_of(subject)} to')
    row = attention_of(session, subject, to_change=True)
    row.assigned_to, row.assigned_by, row.assigned_ms = person, actor, now_ms
    session.add(row)
    audit.record(session, actor, f"{_word(subject)}.assigned", name_of(subject), {"to": person}, now_ms)
    return row


def snooze(session: Session, subject: Rfc | Finding, until_ms: int, reason: str, actor: str, now_ms: int) -> Attention:
    """Put an RFC or a finding off: nobody is told of it before a time, then again.

    :raises Invalid: where the time is past or too far, or no reason is given.
    :raises Conflict: where it is closed.
    """
    _require_open(subject)
    if not reason.strip():
        raise Invalid("reason: putting something off needs one")
    if until_ms <= now_ms or until_ms > now_ms + LONGEST_SNOOZE_MS:
        raise Invalid("until: must lie in the future, at most 30 days from now")
    row = attention_of(session, subject, to_change=True)
    row.snoozed_until_ms, row.snoozed_by, row.snooze_reason = until_ms, actor, reason.strip()
    session.add(row)
    detail = {"until_ms": until_ms, "why": reason}
    audit.record(session, actor, f"{_word(subject)}.snoozed", name_of(subject), detail, now_ms)
    return row


def attention_of(session: Session, subject: Rfc | Finding, *, to_change: bool = False) -> Attention:
    """Return who looks after an RFC or a finding; an empty row where nobody has yet."""
    thread = f"{_word(subject)}:{subject.id}"
    query = select(Attention).where(Attention.thread == thread)
    found = session.exec(query.with_for_update() if to_change else query).first()
    if found is not None:
        return found
    if isinstance(subject, Rfc):
        return Attention(thread=thread, rfc_id=subject.id)
    return Attention(thread=thread, finding_id=subject.id)


def subject_of(session: Session, kind: str, number: int) -> Rfc | Finding:
    """Return an RFC by its number, or a finding by its id.

    :param kind: ``rfc`` or ``finding``.
    :raises NotFound: where there is none.
    """
    if kind == "rfc":
        return find_rfc(session, number, to_decide=True)
    return findings.find(session, number)


def snoozed_until(session: Session, thread: str, now_ms: int) -> int | None:
    """Return until when a thread is put off; None where it is not."""
    row = session.get(Attention, thread)
    until_ms = row.snoozed_until_ms if row is not None else None
    return until_ms if until_ms is not None and until_ms > now_ms else None


def is_taken(session: Session, thread: str) -> bool:
    """Tell whether somebody has acknowledged a thread."""
    kind, _, number = thread.partition(":")
    if kind == "finding":
        return findings.acknowledgement(session, int(number)) is not None
    row = session.get(Attention, thread)
    return row is not None and row.acknowledged_by is not None


def end_snoozes(session: Session, now_ms: int) -> int:
    """Tell of what was put off until now and is still open; return how many there are."""
    query = (
        select(Attention)
        .where(col(Attention.snoozed_until_ms).is_not(None), col(Attention.snoozed_until_ms) <= now_ms)
        .with_for_update(skip_locked=True)
    )
    rows = session.exec(query).all()
    for row in rows:
        subject: Rfc | Finding | None
        subject = session.get(Rfc, row.rfc_id) if row.rfc_id is not None else session.get(Finding, row.finding_id)
        reason, row.snoozed_until_ms = row.snooze_reason, None
        session.add(row)
        if subject is None or subject.closed_ms is not None:
            continue
        row.acknowledged_by = row.acknowledged_ms = None  # it is up for somebody to take again
        if isinstance(subject, Finding):
            findings.release(session, subject.id, now_ms)
        text = f"{row.snoozed_by} put it off: {reason}"
        if isinstance(subject, Rfc):
            severity = events.severity_of(subject)
            events.emit_rfc(session, "attention.snooze_ended", subject, severity, now_ms, text=text)
        else:
            severity = events.FINDING_SEVERITY.get(subject.kind, "warning")
            cis = [subject.ci_id] if subject.ci_id is not None else []
            events.emit(
                session,
                "attention.snooze_ended",
                row.thread,
                severity,
                subject.message,
                now_ms,
                text=text,
                cis=cis,
                finding_id=subject.id,
            )
    return len(rows)


def name_of(subject: Rfc | Finding) -> str:
    """Return what people call it: ``RFC 1``, ``finding 7``."""
    return f"RFC {subject.number}" if isinstance(subject, Rfc) else f"finding {subject.id}"


def _word(subject: Rfc | Finding) -> str:
    return "rfc" if isinstance(subject, Rfc) else "finding"


def _require_open(subject: Rfc | Finding) -> None:
    if subject.closed_ms is not None:
        raise Conflict(f"{name_of(subject)} is closed: there is nothing left to look after")
