"""Maintenance windows: they explain nothing, they hold what is not critical until one review list at their end."""

import json
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from driftline_baseline.document import Selector
from driftline_baseline.errors import DocumentError
from driftline_baseline.reading import parse_selector
from driftline_cmdb import audit
from driftline_cmdb.attention import events
from driftline_cmdb.baselines.selection import is_meant
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.tables.attention import AttentionEvent, MaintenanceWindow
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import Rfc

#: A window that lasts longer would hide more than it announces, ms.
LONGEST_MS = 7 * 86_400_000

_LISTED = 200


def add(
    session: Session,
    name: str,
    selector: dict[str, Any],
    start_ms: int,
    end_ms: int,
    reason: str,
    actor: str,
    now_ms: int,
) -> MaintenanceWindow:
    """Announce work on some CIs.

    :raises Invalid: where it has no reason, selects nothing, or its times make no window.
    """
    if not name.strip() or not reason.strip():
        raise Invalid("a maintenance window needs a name and a reason")
    if end_ms <= start_ms:
        raise Invalid("end: the window ends before it starts")
    if end_ms <= now_ms:
        raise Invalid("end: the window is over; what changed in it was told when it came")
    if end_ms - start_ms > LONGEST_MS:
        raise Invalid("end: a window lasts at most 7 days; announce the next one when it is due")
    _selector(selector)
    window = MaintenanceWindow(
        name=name.strip(),
        selector=selector,
        start_ms=start_ms,
        end_ms=end_ms,
        reason=reason.strip(),
        created_by=actor,
        created_ms=now_ms,
    )
    session.add(window)
    session.flush()
    detail = {"selector": selector, "start_ms": start_ms, "end_ms": end_ms, "why": reason}
    audit.record(session, actor, "maintenance.added", f"maintenance window {window.id} {window.name}", detail, now_ms)
    return window


def end(session: Session, window_id: int, actor: str, now_ms: int) -> MaintenanceWindow:
    """End a window now; one that has not begun holds nothing any more.

    :raises NotFound: where there is none.
    :raises Conflict: where it is over.
    """
    window = find(session, window_id)
    if window.end_ms <= now_ms:
        raise Conflict(f"maintenance window {window_id} is over")
    window.end_ms, window.ended_by = now_ms, actor
    window.start_ms = min(window.start_ms, now_ms)
    session.add(window)
    audit.record(session, actor, "maintenance.ended", f"maintenance window {window_id} {window.name}", {}, now_ms)
    return window


def find(session: Session, window_id: int) -> MaintenanceWindow:
    """Return a window.

    :raises NotFound: where there is none.
    """
    window = session.get(MaintenanceWindow, window_id)
    if window is None:
        raise NotFound(f"there is no maintenance window {window_id}; driftline maintenance list shows them")
    return window


def covering(session: Session, cis: Sequence[Ci], at_ms: int) -> MaintenanceWindow | None:
    """Return the window that holds news of some CIs: at that time each of them lies in one; the last one to end."""
    query = select(MaintenanceWindow).where(
        col(MaintenanceWindow.start_ms) <= at_ms,
        col(MaintenanceWindow.end_ms) > at_ms,
        col(MaintenanceWindow.reviewed_ms).is_(None),
    )
    windows = [(window, _selector(window.selector)) for window in session.exec(query)]
    if not windows or not cis:
        return None
    last: MaintenanceWindow | None = None
    for ci in cis:
        of_this = [window for window, selector in windows if is_meant(session, selector, ci)]
        if not of_this:
            return None
        latest = max(of_this, key=lambda window: (window.end_ms, window.id))
        if last is None or latest.end_ms > last.end_ms:
            last = latest
    return last


def _selector(selector: dict[str, Any]) -> Selector:
    """Return a selector as the record keeps it.

    :raises Invalid: where it is none, or selects nothing.
    """
    try:
        return parse_selector(json.dumps(selector))
    except DocumentError as error:
        raise Invalid(str(error)) from error


def review_ended(session: Session, now_ms: int) -> int:
    """Tell of each window that has ended, once, what changed in it; return how many."""
    query = (
        select(MaintenanceWindow)
        .where(col(MaintenanceWindow.end_ms) <= now_ms, col(MaintenanceWindow.reviewed_ms).is_(None))
        .order_by(col(MaintenanceWindow.id))
    )
    windows = session.exec(query.with_for_update(skip_locked=True)).all()
    for window in windows:
        window.reviewed_ms = now_ms
        session.add(window)
        _review(session, window, now_ms)
    return len(windows)


def _review(session: Session, window: MaintenanceWindow, now_ms: int) -> None:
    held = session.exec(
        select(AttentionEvent)
        .where(AttentionEvent.window_id == window.id, AttentionEvent.state == "held")
        .order_by(col(AttentionEvent.id))
    ).all()
    rfc_ids = sorted({event.rfc_id for event in held if event.rfc_id is not None})
    rfcs = session.exec(select(Rfc).where(col(Rfc.id).in_(rfc_ids)).order_by(col(Rfc.number))).all()
    lines = [f"RFC {rfc.number} ({rfc.state}): {rfc.title}; {rfc.impact}" for rfc in rfcs[:_LISTED]]
    if len(rfcs) > _LISTED:
        lines.append(f"and {len(rfcs) - _LISTED} more")
    for event in held:
        event.state, event.routed_ms = "reviewed", now_ms
        event.why = f"in the review list of maintenance window {window.id}"
        session.add(event)
    count = f"{len(rfcs)} RFC{'s' if len(rfcs) != 1 else ''}" if rfcs else "nothing unexplained"
    events.emit(
        session,
        "maintenance.review",
        f"maintenance:{window.id}",
        events.worst(event.severity for event in held),
        f"Maintenance window {window.name} has ended: {count} to review",
        now_ms,
        text="\n".join(lines) or "No RFC was raised on its CIs.",
        cis={ci_id for event in held for ci_id in event.ci_ids},
        detail={"window": window.id, "rfcs": [rfc.number for rfc in rfcs], "reason": window.reason},
        once=f"maintenance.review:{window.id}",
    )
