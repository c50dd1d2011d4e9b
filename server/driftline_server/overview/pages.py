"""Pages: the overview."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from driftline_server.access.guard import Db, ViewerPage
from driftline_server.drift import views as drift_views
from driftline_server.lists import Window
from driftline_server.notifications import views as notification_views
from driftline_server.overview import views
from driftline_server.rfcs import views as rfc_views
from driftline_server.sources import views as source_views
from driftline_server.times import now_ms
from driftline_server.web import render

router = APIRouter()


@router.get("/")
def overview(request: Request, caller: ViewerPage, db: Db) -> Response:
    """Show what needs a person, first."""
    with db.read() as session:
        numbers = views.overview(session, now_ms())
        waiting, _ = rfc_views.list_rfcs(session, rfc_views.RfcFilter("waiting"), Window(limit=5))
        drifts, _ = drift_views.list_drifts(session, drift_views.DriftFilter(), Window(limit=8))
        precision = notification_views.precision(session, now_ms())
        sources, _ = source_views.list_sources(session, Window(limit=8, sort="-seen"), now_ms())
    return render(
        request,
        "overview/show.html",
        caller,
        numbers=numbers,
        waiting=waiting,
        drifts=drifts,
        sources=sources,
        precision=precision,
    )
