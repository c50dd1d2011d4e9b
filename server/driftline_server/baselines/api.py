"""REST: baselines."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from driftline_baseline import jsonschema
from driftline_cmdb import record
from driftline_cmdb.baselines import approval, capturing, copying, groups, versions
from driftline_cmdb.baselines.capturing import Captured
from driftline_cmdb.baselines.groups import GroupCapture
from driftline_cmdb.errors import Invalid
from driftline_server.access.guard import Approver, Db, Operator, Viewer
from driftline_server.baselines import reviewing, views
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.times import now_ms, to_ms

router = APIRouter()


class Capture(BaseModel):
    """What to draft a baseline from: a CI, a group of CIs, or a document alone."""

    ci: str | None = Field(default=None, description="Name or uid of a CI: what it is now.")
    group: str | None = Field(
        default=None, description="A group of CIs: role=web (a label), class=server, ci=web1,web2; several with spaces."
    )
    document: str | None = Field(default=None, description="YAML of a new baseline: its rules, nothing captured.")
    name: str | None = Field(
        default=None,
        description="Name of the baseline; a new version where there is one. A document has its own.",
        min_length=1,
        max_length=100,
    )
    share: float = Field(default=90, gt=50, le=100, description="Of a group: percent that has to agree.")
    leave_out_drifts: bool = Field(
        default=False, description="Where drifts are open, take what is expected instead of refusing."
    )


class Document(BaseModel):
    """A baseline's document."""

    document: str = Field(description="YAML.")


class Approval(BaseModel):
    """A version of a baseline, and when it comes into force."""

    version: int | None = Field(default=None, description="The newest draft by default.")
    at: AwareDatetime | None = Field(default=None, description="When it comes into force; at once by default.")


class RollBack(BaseModel):
    """A version to go back to."""

    to: int = Field(description="Number of a version that was in force before.")


class Promotion(BaseModel):
    """A baseline to make of a version."""

    to: str = Field(description="Name of the other baseline.", min_length=1, max_length=100)
    set: dict[str, str] = Field(
        default_factory=dict,
        description="What to change in the selector: environment, labels.role ...; empty takes out.",
    )
    version: int | None = Field(default=None, description="The one in force by default.")


@router.get("/baselines", response_model=Listing[views.BaselineRow], summary="List baselines")
def list_baselines(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the name.")] = None,
    state: Annotated[str | None, Query(description="draft, approved, in force, superseded, or retired.")] = None,
) -> Listing[views.BaselineRow] | Response:
    """List baselines. Sorts by name, state, created_by, created, changed."""
    with db.read() as session:
        rows, total = views.list_baselines(session, views.BaselineFilter(q, state), window)
    return answer(rows, total, window, "baselines")


@router.post("/baselines", response_model=views.Drafted, status_code=201, summary="Draft a baseline")
def capture(caller: Operator, db: Db, wanted: Capture) -> views.Drafted:
    """Draft a baseline from a CI, from what most of a group agree on, or from a document.

    Refused while drifts are open that would be absorbed, unless they are left out.
    """
    given = [name for name in ("ci", "group", "document") if getattr(wanted, name) is not None]
    if len(given) != 1:
        raise Invalid("body: needs just one of ci, group, document")
    if wanted.name is None and wanted.document is None:
        raise Invalid("body.name: a captured baseline needs a name")
    found: Captured | GroupCapture | None = None
    with db.write() as session:
        if wanted.document is not None:
            version = versions.create(session, wanted.document, caller.name, now_ms())
            return views.drafted(session, versions.find_name(session, version))
        name = wanted.name or ""
        if wanted.group is not None:
            found = groups.capture_group(
                session,
                groups.parse_group(wanted.group),
                name,
                wanted.share,
                caller.name,
                now_ms(),
                leave_out_drifts=wanted.leave_out_drifts,
            )
        else:
            ci = record.find_ci(session, wanted.ci or "")
            found = capturing.capture(
                session, ci, name, caller.name, now_ms(), leave_out_drifts=wanted.leave_out_drifts
            )
        return views.drafted(session, name, found)


@router.get("/baselines/coverage", response_model=reviewing.Coverage, summary="What baselines cover")
def coverage(
    _caller: Viewer,
    db: Db,
    ci: Annotated[str | None, Query(description="Name or uid: only of this CI.")] = None,
) -> reviewing.Coverage:
    """Show CIs without a baseline, attributes that nobody watches, and baselines that match no CI."""
    with db.read() as session:
        return reviewing.coverage(session, ci)


@router.get("/baselines/schema.json", response_model=dict[str, Any], summary="JSON Schema of documents")
def document_schema(_caller: Viewer) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of baseline documents, for editors."""
    return jsonschema.schema()


@router.get("/baselines/{name}", response_model=views.BaselineDetail, summary="Show a baseline")
def show_baseline(_caller: Viewer, db: Db, name: str, version: int | None = None) -> views.BaselineDetail:
    """Show a baseline with its versions and the document of one of them."""
    with db.read() as session:
        return views.show(session, name, version)


@router.get("/baselines/{name}/diff", response_model=reviewing.Diff, summary="Compare two versions of a baseline")
def diff_baseline(_caller: Viewer, db: Db, name: str, before: int, after: int) -> reviewing.Diff:
    """Compare two versions: rules, pinned elements with their attributes, and the documents line by line."""
    with db.read() as session:
        return reviewing.diff(session, name, before, after)


@router.get("/baselines/{name}/dry-run", response_model=reviewing.DryRun, summary="Try a version")
def dry_run(
    _caller: Viewer,
    db: Db,
    name: str,
    version: Annotated[int | None, Query(description="The newest by default.")] = None,
    most: Annotated[int, Query(ge=1, le=100_000, description="CIs to compare at most.")] = 1000,
) -> reviewing.DryRun:
    """Say which drifts a version would open and close if it came into force now. Nothing is written."""
    with db.read() as session:
        return reviewing.dry_run(session, name, version, now_ms(), most)


@router.put("/baselines/{name}", response_model=views.BaselineDetail, summary="Edit a baseline")
def edit(caller: Operator, db: Db, name: str, wanted: Document) -> views.BaselineDetail:
    """Make a new draft version from a document. What is wrong with it is named by line."""
    with db.write() as session:
        versions.edit(session, name, wanted.document, caller.name, now_ms())
        return views.show(session, name)


@router.post("/baselines/{name}/approve", response_model=views.Approved, summary="Approve a baseline")
def approve(caller: Approver, db: Db, name: str, wanted: Approval) -> views.Approved:
    """Put a draft in force, at once or at a time. Its author may not. Answers which RFC deltas it folds in."""
    at_ms = None if wanted.at is None else to_ms(wanted.at)
    with db.write() as session:
        folded = views.folded(session, name, wanted.version)
        version = approval.approve(session, name, caller.name, now_ms(), wanted.version, at_ms)
        return views.Approved(**views.show(session, name, version.number).model_dump(), folded=folded)


@router.post("/baselines/{name}/roll-back", response_model=views.BaselineDetail, summary="Roll a baseline back")
def roll_back(caller: Operator, db: Db, name: str, wanted: RollBack) -> views.BaselineDetail:
    """Draft a version with the document and pins of an older one; someone else has to approve it."""
    with db.write() as session:
        copying.roll_back(session, name, wanted.to, caller.name, now_ms())
        return views.show(session, name)


@router.post(
    "/baselines/{name}/promote", response_model=views.BaselineDetail, status_code=201, summary="Promote a baseline"
)
def promote(caller: Operator, db: Db, name: str, wanted: Promotion) -> views.BaselineDetail:
    """Draft another baseline with the same document and pins and a changed selector: from test to production."""
    with db.write() as session:
        copying.promote(session, name, wanted.to, wanted.set, caller.name, now_ms(), wanted.version)
        return views.show(session, wanted.to)


@router.post("/baselines/{name}/retire", response_model=views.BaselineDetail, summary="Retire a baseline")
def retire(caller: Approver, db: Db, name: str) -> views.BaselineDetail:
    """Take a baseline out of force, or drop its draft or its approved version that waits."""
    with db.write() as session:
        version = approval.retire(session, name, caller.name, now_ms())
        return views.show(session, name, version.number)
