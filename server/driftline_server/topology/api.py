"""REST: links between CIs, and ends that are no CI."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from driftline_cmdb import record
from driftline_server.access.guard import Db, Viewer
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.topology import views

router = APIRouter()

Site = Annotated[str | None, Query(description="Location of a CI at an end.")]


@router.get("/links", response_model=Listing[views.LinkRow], summary="List links between CIs")
def list_links(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    ci: Annotated[str | None, Query(description="Name or uid of a CI at either end.")] = None,
    depth: Annotated[int, Query(ge=1, le=20, description="So many links away from that CI at most.")] = 1,
    site: Site = None,
    q: Annotated[str | None, Query(description="Text in the name of a CI or a port.")] = None,
) -> Listing[views.LinkRow] | Response:
    """List the cables between CIs that are there now. Sorts by front, front_port, behind, behind_port, by, since."""
    with db.read() as session:
        ci_id = record.find_ci(session, ci).id if ci else None
        rows, total = views.list_links(session, views.LinkFilter(ci_id, depth, site, q), window)
    return answer(rows, total, window, "links")


@router.get("/unknown-ends", response_model=Listing[views.UnknownEnd], summary="List ends of links that are no CI")
def list_unknown(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    ci: Annotated[str | None, Query(description="Name or uid of the CI that sees it.")] = None,
    site: Site = None,
    q: Annotated[str | None, Query(description="Text in a name, a port or an address.")] = None,
) -> Listing[views.UnknownEnd] | Response:
    """List devices that are seen at ports of CIs and are none themselves. Sorts by ci, port, name, by, since."""
    with db.read() as session:
        ci_id = record.find_ci(session, ci).id if ci else None
        rows, total = views.list_unknown(session, window, ci_id, site, q)
    return answer(rows, total, window, "unknown-ends")
