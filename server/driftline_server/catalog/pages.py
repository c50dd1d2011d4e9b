"""Pages: classes and fields; import of CIs with a preview."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from driftline_cmdb.catalog import versions
from driftline_cmdb.cis.importing import COLUMNS, Options
from driftline_cmdb.cis.matching import BY
from driftline_server.access.guard import AdminForm, Db, OperatorForm, OperatorPage, ViewerPage
from driftline_server.catalog import importing, views
from driftline_server.times import now_ms
from driftline_server.web import render

router = APIRouter()

#: CIs of a preview that a page shows.
_SHOWN = 200


@router.get("/catalog")
def show_catalog(request: Request, caller: ViewerPage, db: Db, version: int | None = None) -> Response:
    """Show the classes and fields that CIs can have."""
    with db.read() as session:
        found, history = views.show(session, version), views.history(session)
    return render(request, "catalog/show.html", caller, catalog=found, history=history, trial=None)


@router.post("/catalog")
def put_catalog(
    request: Request,
    caller: AdminForm,
    db: Db,
    document: Annotated[str, Form(max_length=1_000_000)],
    after: Annotated[int, Form()],
    comment: Annotated[str, Form(max_length=4000)] = "",
    check: Annotated[str, Form()] = "",
) -> Response:
    """Check a catalog document, or put it in force."""
    text = document.replace("\r\n", "\n")  # browsers send lines that end in CR LF
    if check:
        with db.read() as session:
            trial = views.trial_detail(versions.check(session, text))
            found, history = views.show(session), views.history(session)
        found.document = text
        return render(request, "catalog/show.html", caller, catalog=found, history=history, trial=trial)
    with db.write() as session:
        versions.put(session, text, caller.name, comment, now_ms(), after)
    return RedirectResponse("/catalog?done=edited", 303)


@router.get("/cis/import")
def import_form(request: Request, caller: OperatorPage) -> Response:
    """Show the form for a table of CIs."""
    return render(request, "catalog/import.html", caller, preview=None, columns=COLUMNS, by=BY, shown=_SHOWN)


@router.post("/cis/import")
def preview_import(
    request: Request,
    caller: OperatorForm,
    db: Db,
    file: Annotated[UploadFile, File()],
    match: Annotated[str, Form()] = "",
    create: Annotated[str, Form()] = "",
) -> Response:
    """Show what a table would change."""
    options = Options(match or None, bool(create))
    found = importing.preview(db, file.file.read(), options, caller.name, now_ms())
    return render(request, "catalog/import.html", caller, preview=found, columns=COLUMNS, by=BY, shown=_SHOWN)


@router.post("/cis/import/{digest}")
def apply_import(caller: OperatorForm, db: Db, digest: str) -> Response:
    """Import a table as it was previewed."""
    importing.apply(db, digest, caller.name, now_ms())
    return RedirectResponse("/cis?done=imported", 303)
