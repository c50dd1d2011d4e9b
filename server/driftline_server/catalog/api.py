"""REST: the catalog of classes and fields, and import of CIs."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from driftline_baseline.catalog import jsonschema
from driftline_cmdb.catalog import versions
from driftline_cmdb.cis.importing import Options
from driftline_server.access.guard import Admin, Db, Operator, Viewer
from driftline_server.catalog import importing, views
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.times import now_ms

router = APIRouter()


@router.get("/catalog", response_model=views.CatalogDetail, summary="Show the catalog")
def show_catalog(_caller: Viewer, db: Db, version: int | None = None) -> views.CatalogDetail:
    """Show the classes and fields that CIs can have: what is built in, and the document in force or an earlier one."""
    with db.read() as session:
        return views.show(session, version)


@router.get("/catalog/history", response_model=Listing[views.CatalogVersionRow], summary="Versions of the catalog")
def catalog_history(_caller: Viewer, db: Db, window: AWindow) -> Listing[views.CatalogVersionRow] | Response:
    """List the versions of the catalog document, newest first."""
    with db.read() as session:
        rows = views.history(session)
    return answer(rows[window.offset : window.offset + window.limit], len(rows), window, "catalog")


@router.get("/catalog/schema.json", response_model=dict[str, Any], summary="JSON Schema of catalog documents")
def catalog_schema(_caller: Viewer) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of catalog documents, for editors."""
    return jsonschema.schema()


@router.post("/catalog/check", response_model=views.TrialDetail, summary="Check a catalog document")
def check_catalog(_caller: Operator, db: Db, wanted: views.CatalogDocument) -> views.TrialDetail:
    """Say what a catalog document would change, and which CIs would no longer fit. Nothing is written."""
    with db.read() as session:
        return views.trial_detail(versions.check(session, wanted.document))


@router.put("/catalog", response_model=views.CatalogDetail, summary="Put a catalog in force")
def apply_catalog(caller: Admin, db: Db, wanted: views.NewCatalog) -> views.CatalogDetail:
    """Put a catalog document in force. Refused where CIs would no longer fit; the answer names them."""
    with db.write() as session:
        versions.put(session, wanted.document, caller.name, wanted.comment, now_ms(), wanted.after)
        return views.show(session)


async def _body(request: Request) -> bytes:
    """Return the body; the server bounds it."""
    return await request.body()


@router.post(
    "/cis/import",
    response_model=importing.ImportDetail,
    summary="Import CIs",
    openapi_extra={
        "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
def import_cis(
    caller: Operator,
    db: Db,
    body: Annotated[bytes, Depends(_body)],
    dry_run: Annotated[bool, Query(description="Only say what would change.")] = False,
    create: Annotated[bool, Query(description="Make CIs that are not on record.")] = False,
    match: Annotated[str | None, Query(description="name, uid, serial or fqdn; the surest column by default.")] = None,
    delimiter: Annotated[str | None, Query(description="Found out by the first line by default.")] = None,
    clear: Annotated[str, Query(description="A cell that takes a value away.")] = "-",
) -> importing.ImportDetail:
    """Set what people say of CIs from a table (the body: CSV, UTF-8). All rows are imported, or none."""
    options = Options(match, create, "\t" if delimiter == "\\t" else delimiter, clear)
    if dry_run:
        return importing.preview(db, body, options, caller.name, now_ms())
    return importing.import_now(db, body, options, caller.name, now_ms())


@router.post("/cis/import/{digest}", response_model=importing.ImportDetail, summary="Import what was previewed")
def apply_import(caller: Operator, db: Db, digest: str) -> importing.ImportDetail:
    """Import a table just as a dry run of the last day showed it; refused with the difference if something moved."""
    return importing.apply(db, digest, caller.name, now_ms())
