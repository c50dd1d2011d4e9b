"""REST: baselines."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from driftline_cmdb import record
from driftline_cmdb.baselines import approval, capturing, versions
from driftline_server.access.guard import Approver, Db, Operator, Viewer
from driftline_server.baselines import views
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.times import now_ms

router = APIRouter()


class Capture(BaseModel):
    """What to capture a baseline from."""

    ci: str = Field(description="Name or uid of a CI.")
    name: str = Field(
        description="Name of the baseline; a new version where there is one.", min_length=1, max_length=100
    )


class Document(BaseModel):
    """A baseline's document."""

    document: str = Field(description="YAML.")


class Which(BaseModel):
    """A version of a baseline."""

    version: int | None = Field(default=None, description="The newest draft by default.")


class Diff(BaseModel):
    """A unified diff of two versions' documents."""

    before: int
    after: int
    lines: list[str]


@router.get("/baselines", response_model=Listing[views.BaselineRow], summary="List baselines")
def list_baselines(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the name.")] = None,
    state: Annotated[str | None, Query(description="draft, in force, superseded, or retired.")] = None,
) -> Listing[views.BaselineRow] | Response:
    """List baselines. Sorts by name, state, created_by, created, changed."""
    with db.read() as session:
        rows, total = views.list_baselines(session, views.BaselineFilter(q, state), window)
    return answer(rows, total, window, "baselines")


@router.post("/baselines", response_model=views.BaselineDetail, status_code=201, summary="Capture a baseline")
def capture(caller: Operator, db: Db, wanted: Capture) -> views.BaselineDetail:
    """Capture a baseline from a CI, as a draft. Refused while the CI has open drifts."""
    with db.write() as session:
        ci = record.find_ci(session, wanted.ci)
        capturing.capture(session, ci, wanted.name, caller.name, now_ms())
        return views.show(session, wanted.name)


@router.get("/baselines/{name}", response_model=views.BaselineDetail, summary="Show a baseline")
def show_baseline(_caller: Viewer, db: Db, name: str, version: int | None = None) -> views.BaselineDetail:
    """Show a baseline with its versions and the document of one of them."""
    with db.read() as session:
        return views.show(session, name, version)


@router.get("/baselines/{name}/diff", response_model=Diff, summary="Compare two versions of a baseline")
def diff_baseline(_caller: Viewer, db: Db, name: str, before: int, after: int) -> Diff:
    """Compare the documents of two versions."""
    with db.read() as session:
        return Diff(before=before, after=after, lines=views.diff(session, name, before, after))


@router.put("/baselines/{name}", response_model=views.BaselineDetail, summary="Edit a baseline")
def edit(caller: Operator, db: Db, name: str, wanted: Document) -> views.BaselineDetail:
    """Make a new draft version from a document. What is wrong with it is named by line."""
    with db.write() as session:
        versions.edit(session, name, wanted.document, caller.name, now_ms())
        return views.show(session, name)


@router.post("/baselines/{name}/approve", response_model=views.BaselineDetail, summary="Approve a baseline")
def approve(caller: Approver, db: Db, name: str, wanted: Which) -> views.BaselineDetail:
    """Put a draft in force. Its author may not."""
    with db.write() as session:
        version = approval.approve(session, name, caller.name, now_ms(), wanted.version)
        return views.show(session, name, version.number)


@router.post("/baselines/{name}/retire", response_model=views.BaselineDetail, summary="Retire a baseline")
def retire(caller: Approver, db: Db, name: str) -> views.BaselineDetail:
    """Take a baseline out of force."""
    with db.write() as session:
        version = approval.retire(session, name, caller.name, now_ms())
        return views.show(session, name, version.number)
