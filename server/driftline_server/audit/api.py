"""REST: keys of the audit trail, and its export."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from driftline_cmdb.audit import export
from driftline_server.access.guard import Db, Viewer
from driftline_server.audit import views
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.times import now_ms, parse_moment

router = APIRouter()

#: JSON lines, https://github.com/wardi/jsonlines
MEDIA_TYPE = "application/x-ndjson"


@router.get("/audit/keys", response_model=Listing[views.AuditKeyRow], summary="List audit keys")
def list_keys(_caller: Viewer, db: Db, window: AWindow) -> Listing[views.AuditKeyRow] | Response:
    """List the public keys with which collectors sign heads of the audit trail, and how far each signed."""
    with db.read() as session:
        rows, total = views.list_keys(session, window)
    return answer(rows, total, window, "audit-keys")


@router.get(
    "/audit/export",
    summary="Export the audit trail",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}, "description": "One object a line"}},
)
def export_trail(
    _caller: Viewer,
    db: Db,
    since: Annotated[str | None, Query(description="Begin with the first entry of this time or later.")] = None,
) -> StreamingResponse:
    """Export the sealed trail as JSON lines: a header, entries, signed heads, an end; docs/records.md has the form."""
    since_ms = parse_moment(since, "since") if since else None
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(export.export(db, now_ms(), since_ms), media_type=MEDIA_TYPE, headers=headers)
