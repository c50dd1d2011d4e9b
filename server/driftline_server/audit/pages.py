"""Pages: keys of the audit trail, and how it is exported and verified."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from driftline_server.access.guard import Db, ViewerPage
from driftline_server.audit import views
from driftline_server.lists import PageWindow, Shown
from driftline_server.web import render

router = APIRouter()


@router.get("/audit/keys")
def list_keys(request: Request, caller: ViewerPage, db: Db, window: PageWindow) -> Response:
    """Show the keys, and how far each signed."""
    with db.read() as session:
        rows, total = views.list_keys(session, window)
    return render(request, "audit/keys.html", caller, list=Shown(rows, total, window, "/audit/keys", {}))
