"""Pages: utilization of a CI, as plots and as a table."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from driftline_cmdb import record
from driftline_server.access.guard import Db, ViewerPage
from driftline_server.cis import views as ci_views
from driftline_server.times import now_ms
from driftline_server.utilization import views
from driftline_server.web import render

router = APIRouter()


@router.get("/cis/{ci}/utilization")
def show_utilization(request: Request, caller: ViewerPage, db: Db, ci: str, range: str = "1h") -> Response:  # noqa: A002  # the parameter's name for users
    """Show plots of a range; the script draws them from the API, the table stands without it."""
    views.span(range, None, now_ms())
    with db.read() as session:
        found = record.find_ci(session, ci)
        detail = ci_views.detail(session, found, now_ms())
        latest = views.latest(session, found.id)
    metrics = sorted({series.metric for series in latest}, key=views.rank)
    return render(
        request,
        "utilization/show.html",
        caller,
        ci=detail,
        tab="utilization",
        latest=latest,
        metrics=metrics,
        ranges=list(views.RANGES),
        range=range,
    )
