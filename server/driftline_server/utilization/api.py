"""REST: utilization."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from driftline_cmdb import record
from driftline_server.access.guard import Db, Viewer
from driftline_server.times import moment, now_ms
from driftline_server.utilization import views

router = APIRouter()


class Utilization(BaseModel):
    """Series of a CI over a span of time."""

    start: datetime
    end: datetime
    #: s.
    step: int
    series: list[views.Series]


class Latest(BaseModel):
    """The last minute of every series of a CI."""

    series: list[views.Series]


@router.get("/cis/{ci}/utilization", response_model=Utilization, summary="Utilization of a CI")
def utilization_of(
    _caller: Viewer,
    db: Db,
    ci: str,
    metric: Annotated[
        list[str] | None, Query(description="Names, or what they begin with: system.cpu. All by default.")
    ] = None,
    since: Annotated[str, Query(description="How far back: 15m, 1h, 7d.")] = "1h",
    step: Annotated[str | None, Query(description="Whole minutes: 1m, 5m, 1h. A fitting one by default.")] = None,
) -> Utilization:
    """Show what a CI does over time: min, mean, max and last of every step."""
    over = views.span(since, step, now_ms())
    with db.read() as session:
        series = views.series(session, record.find_ci(session, ci).id, metric or (), over)
    start, end = moment(over.start_ms), moment(over.end_ms)
    return Utilization(start=start, end=end, step=over.step_ms // 1000, series=series)


@router.get("/cis/{ci}/utilization/latest", response_model=Latest, summary="Latest utilization of a CI")
def latest_of(_caller: Viewer, db: Db, ci: str) -> Latest:
    """Show the last minute of every series."""
    with db.read() as session:
        return Latest(series=views.latest(session, record.find_ci(session, ci).id))
