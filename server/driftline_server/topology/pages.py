"""Pages: links between CIs, and what is seen at their ports that is no CI."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from driftline_cmdb import record
from driftline_server.access.guard import Db, ViewerPage
from driftline_server.lists import PageWindow, Shown, Window
from driftline_server.topology import views
from driftline_server.web import render

router = APIRouter()

#: Ends that are no CI on the page; all of them are in the API.
_UNKNOWN = 500


@router.get("/topology")
def show_topology(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    ci: str | None = None,
    site: str | None = None,
    q: str | None = None,
) -> Response:
    """Show links, and ends that are no CI."""
    with db.read() as session:
        ci_id = record.find_ci(session, ci).id if ci else None
        rows, total = views.list_links(session, views.LinkFilter(ci_id, 1, site or None, q or None), window)
        unknown, unknown_total = views.list_unknown(session, Window(limit=_UNKNOWN), ci_id, site or None, q or None)
    shown = Shown(rows, total, window, "/topology", {"ci": ci, "site": site, "q": q}, "/links")
    return render(request, "topology/list.html", caller, list=shown, unknown=unknown, unknown_total=unknown_total)
