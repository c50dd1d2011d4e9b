"""REST: health, overview."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from driftline_server.access.guard import Db, Viewer
from driftline_server.overview import views
from driftline_server.times import now_ms

router = APIRouter()


class Health(BaseModel):
    """The server and its database answer."""

    status: Literal["ok"]


@router.get("/health", response_model=Health, summary="Health")
def health(db: Db) -> Health:
    """Tell whether the server and its database answer. Needs no token."""
    with db.read() as session:
        session.connection().execute(text("SELECT 1"))
    return Health(status="ok")


@router.get("/overview", response_model=views.Overview, summary="Overview")
def overview(_caller: Viewer, db: Db) -> views.Overview:
    """Show the state of everything in a few numbers."""
    with db.read() as session:
        return views.overview(session, now_ms())
