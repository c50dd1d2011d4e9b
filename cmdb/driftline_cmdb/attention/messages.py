"""What a message says, the same over all channels; fixed at the first try, so that a retry says the same."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, select

from driftline_cmdb.attention import concerned
from driftline_cmdb.attention.events import KINDS, worst
from driftline_cmdb.tables.attention import AttentionEvent, Delivery, DeliveryItem
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import Rfc

#: Events, and names of CIs, that one message lists; more are counted.
MOST_EVENTS = 100
MOST_CIS = 20

_LONGEST_TEXT = 2000


def compose(session: Session, delivery: Delivery, now_ms: int) -> dict[str, Any]:
    """Return what a message says, as JSON: type, timestamp, and data with title, link and events."""
    query = (
        select(AttentionEvent)
        .join(DeliveryItem, col(DeliveryItem.event_id) == col(AttentionEvent.id))
        .where(DeliveryItem.delivery_id == delivery.id)
        .order_by(col(AttentionEvent.id))
    )
    found = session.exec(query).all()
    rfc_ids = {event.rfc_id for event in found if event.rfc_id is not None}
    rfcs = {rfc.id: rfc for rfc in session.exec(select(Rfc).where(col(Rfc.id).in_(rfc_ids)))} if rfc_ids else {}
    ci_ids = {ci_id for event in found for ci_id in event.ci_ids[:MOST_CIS]}
    cis = {ci.id: ci for ci in concerned.load(session, ci_ids)} if ci_ids else {}
    shown = [_event(event, rfcs.get(event.rfc_id or 0), cis) for event in found[:MOST_EVENTS]]
    severity = worst(event.severity for event in found)
    return {
        "type": "digest" if delivery.kind == "digest" else found[0].kind if len(found) == 1 else "page",
        "timestamp": _iso(now_ms),
        "data": {
            "kind": delivery.kind,
            "title": _title(delivery, found),
            "severity": severity,
            "thread": _thread(found[0], rfcs) if delivery.thread and found else None,
            "link": shown[0]["link"] if delivery.kind != "digest" and shown else "/notifications",
            "events": shown,
            "more_events": max(0, len(found) - MOST_EVENTS),
        },
    }


def _title(delivery: Delivery, found: Sequence[AttentionEvent]) -> str:
    if delivery.kind == "digest":
        threads = len({event.thread for event in found})
        critical = sum(event.severity == "critical" for event in found)
        more = f", {critical} critical" if critical else ""
        return f"digest: {len(found)} event{'s' if len(found) != 1 else ''} on {threads} subjects{more}"
    title = found[0].title if found else "nothing"
    return f"not acknowledged: {title}" if delivery.kind == "escalation" else title


def _thread(event: AttentionEvent, rfcs: dict[int, Rfc]) -> str:
    """Return the thread's name for the outside: it stays apart from one of another driftline."""
    rfc = rfcs.get(event.rfc_id or 0)
    if rfc is not None:
        return f"rfc-{rfc.number}-{rfc.created_ms}"
    return f"{event.thread.replace(':', '-')}"


def _event(event: AttentionEvent, rfc: Rfc | None, cis: dict[int, Ci]) -> dict[str, Any]:
    names = [cis[ci_id].name for ci_id in event.ci_ids[:MOST_CIS] if ci_id in cis]
    out: dict[str, Any] = {
        "id": event.id,
        "kind": event.kind,
        "what": KINDS[event.kind],
        "at": _iso(event.at_ms),
        "severity": event.severity,
        "title": event.title,
        "text": event.text[:_LONGEST_TEXT],
        "cis": names,
        "more_cis": max(0, event.cis - len(names)),
        "folded": event.folded,
        "link": _link(event, rfc),
    }
    if rfc is not None:
        out["rfc"] = {"number": rfc.number, "state": rfc.state, "outcome": rfc.outcome, "priority": rfc.priority}
    return out


def _link(event: AttentionEvent, rfc: Rfc | None) -> str:
    if rfc is not None:
        return f"/rfcs/{rfc.number}"
    kind, _, number = event.thread.partition(":")
    places = {"finding": f"/findings/{number}", "maintenance": "/maintenance", "drift": f"/drifts/{number}"}
    return places.get(kind, "/notifications")


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
