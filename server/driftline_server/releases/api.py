"""REST: releases. The production gate's routes are in `gating`."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from driftline_cmdb.releases import editing, rollout, testing
from driftline_server.access.guard import Approver, Db, Operator, OperatorOrApprover, Viewer
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.releases import gating, views
from driftline_server.times import now_ms, to_ms

router = APIRouter()
router.include_router(gating.router)

Text = Annotated[str, Field(max_length=100_000)]
Kind = Literal["major", "minor", "emergency"]


class ReleaseChange(BaseModel):
    """What is given of a release is set."""

    kind: Kind = "minor"
    planned: AwareDatetime | None = None
    description: Text = ""
    criteria: Text = Field(default="", description="YAML: a list of a baseline's rules that must hold in test.")
    promotes: str | None = Field(default=None, description="A baseline that acceptance promotes.")
    promote_to: str | None = Field(default=None, description="Name of the baseline that it is promoted to.")
    promote_set: dict[str, str] = Field(default={}, description="What to change in its selector.")
    reverse_plan: Text | None = Field(default=None, description="null: drafted from the RFCs' back-out plans.")


class NewRelease(ReleaseChange):
    """A release."""

    name: str = Field(min_length=1, max_length=100)


class Part(BaseModel):
    """An RFC of a release."""

    number: int


class NewWave(BaseModel):
    """CIs that are changed together."""

    environment: str = Field(min_length=1, max_length=200)
    selector: str = Field(
        description="YAML, as a baseline's: environment: test, or ci: [web1, web2].", max_length=20_000
    )
    name: str = Field(default="", max_length=200)
    start: AwareDatetime | None = Field(default=None, description="When it is planned.")
    end: AwareDatetime | None = None


class Reason(BaseModel):
    """Why."""

    comment: str = Field(default="", max_length=4000)


class Review(BaseModel):
    """What is said about its end."""

    review: str = Field(default="", max_length=4000)


def _changes(wanted: ReleaseChange) -> dict[str, Any]:
    given = wanted.model_dump(exclude_unset=True, exclude={"name"})
    if "planned" in given:
        planned = given.pop("planned")
        given["planned_ms"] = to_ms(planned) if planned is not None else None
    return given


@router.get("/releases", response_model=Listing[views.ReleaseRow], summary="List releases")
def list_releases(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the name.")] = None,
    state: Annotated[str | None, Query(description="planned, in test, accepted ...")] = None,
) -> Listing[views.ReleaseRow] | Response:
    """List releases, newest first. Sorts by name, kind, state, planned, author, created."""
    with db.read() as session:
        rows, total = views.list_releases(session, q, state, window)
    return answer(rows, total, window, "releases")


@router.post("/releases", response_model=views.ReleaseDetail, status_code=201, summary="Plan a release")
def create(caller: Operator, db: Db, wanted: NewRelease) -> views.ReleaseDetail:
    """Plan a release. RFCs and waves are added to it."""
    more = {field: value for field, value in _changes(wanted).items() if field != "kind"}
    with db.write() as session:
        editing.create(session, wanted.name, wanted.kind, caller.name, now_ms(), **more)
        return views.show(session, wanted.name)


@router.get("/releases/{release}", response_model=views.ReleaseDetail, summary="Show a release")
def show(_caller: Viewer, db: Db, release: str) -> views.ReleaseDetail:
    """Show a release with its RFCs, waves, acceptance criteria and their checks."""
    with db.read() as session:
        return views.show(session, release)


@router.patch("/releases/{release}", response_model=views.ReleaseDetail, summary="Change a release")
def edit(caller: Operator, db: Db, release: str, wanted: ReleaseChange) -> views.ReleaseDetail:
    """Change what is sent. Criteria, kind and promotion only until it is accepted."""
    with db.write() as session:
        editing.edit(session, release, _changes(wanted), caller.name, now_ms())
        return views.show(session, release)


@router.post("/releases/{release}/rfcs", response_model=views.ReleaseDetail, summary="Add an RFC to a release")
def add_rfc(caller: Operator, db: Db, release: str, wanted: Part) -> views.ReleaseDetail:
    """Add an RFC that has not begun. From then on only the release's waves start it, on their CIs."""
    with db.write() as session:
        editing.add_rfc(session, release, wanted.number, caller.name, now_ms())
        return views.show(session, release)


@router.delete(
    "/releases/{release}/rfcs/{number}", response_model=views.ReleaseDetail, summary="Take an RFC out of a release"
)
def remove_rfc(caller: Operator, db: Db, release: str, number: int) -> views.ReleaseDetail:
    """Take out an RFC that no wave has started; it goes its own way again."""
    with db.write() as session:
        editing.remove_rfc(session, release, number, caller.name, now_ms())
        return views.show(session, release)


@router.post("/releases/{release}/waves", response_model=views.ReleaseDetail, summary="Add a wave to a release")
def add_wave(caller: Operator, db: Db, release: str, wanted: NewWave) -> views.ReleaseDetail:
    """Add CIs that are changed together. Waves of production wait until the release is accepted."""
    start_ms, end_ms = (to_ms(when) if when else None for when in (wanted.start, wanted.end))
    with db.write() as session:
        editing.add_wave(
            session,
            release,
            wanted.environment,
            wanted.selector,
            caller.name,
            now_ms(),
            title=wanted.name,
            start_ms=start_ms,
            end_ms=end_ms,
        )
        return views.show(session, release)


@router.delete(
    "/releases/{release}/waves/{wave}", response_model=views.ReleaseDetail, summary="Take a wave out of a release"
)
def remove_wave(caller: Operator, db: Db, release: str, wave: int) -> views.ReleaseDetail:
    """Take out a wave that has not started."""
    with db.write() as session:
        editing.remove_wave(session, release, wave, caller.name, now_ms())
        return views.show(session, release)


@router.post("/releases/{release}/waves/{wave}/start", response_model=views.ReleaseDetail, summary="Start a wave")
def start_wave(caller: Operator, db: Db, release: str, wave: int, wanted: Reason) -> views.ReleaseDetail:
    """Fix the wave's CIs, mark their state, and begin the RFCs that change them. All of those must be authorised."""
    with db.write() as session:
        rollout.start_wave(session, release, wave, caller.name, wanted.comment, now_ms())
        return views.show(session, release)


@router.post("/releases/{release}/waves/{wave}/end", response_model=views.ReleaseDetail, summary="End a wave")
def end_wave(caller: Operator, db: Db, release: str, wave: int, wanted: Reason) -> views.ReleaseDetail:
    """Say that a wave is done."""
    with db.write() as session:
        rollout.end_wave(session, release, wave, caller.name, wanted.comment, now_ms())
        return views.show(session, release)


@router.post("/releases/{release}/check", response_model=views.CheckRow, summary="Check the acceptance criteria")
def check(caller: Operator, db: Db, release: str) -> views.CheckRow:
    """Compare the criteria with what the CIs of the test waves are now, and record the result."""
    with db.write() as session:
        made = testing.check(session, release, caller.name, now_ms())
        return views.check_row(made, editing.find_release(session, release))


@router.post("/releases/{release}/accept", response_model=views.ReleaseDetail, summary="Accept a release")
def accept(caller: Approver, db: Db, release: str, wanted: Reason) -> views.ReleaseDetail:
    """Let a release into production. Its criteria must hold now; its author may not."""
    with db.write() as session:
        testing.accept(session, release, caller.name, wanted.comment, now_ms())
        return views.show(session, release)


@router.post("/releases/{release}/close", response_model=views.ReleaseDetail, summary="Close a release")
def close(caller: OperatorOrApprover, db: Db, release: str, wanted: Review) -> views.ReleaseDetail:
    """Close a release: what came of it is kept. Where something is left to do, a review says why."""
    with db.write() as session:
        rollout.close(session, release, caller.name, wanted.review, now_ms())
        return views.show(session, release)


@router.post("/releases/{release}/fail", response_model=views.ReleaseDetail, summary="Say that a release has failed")
def fail(caller: OperatorOrApprover, db: Db, release: str, wanted: Review) -> views.ReleaseDetail:
    """End a release as failed. Its RFCs are backed out as the reverse plan says; those not started stay held."""
    with db.write() as session:
        rollout.fail(session, release, caller.name, wanted.review, now_ms())
        return views.show(session, release)


@router.post("/releases/{release}/cancel", response_model=views.ReleaseDetail, summary="Cancel a release")
def cancel(caller: OperatorOrApprover, db: Db, release: str, wanted: Review) -> views.ReleaseDetail:
    """Cancel a release that has not reached production. Its RFCs stay held until they are taken out."""
    with db.write() as session:
        rollout.cancel(session, release, caller.name, wanted.review, now_ms())
        return views.show(session, release)


@router.get("/releases/{release}/reverse-plan", response_model=views.ReversePlan, summary="Show the plan back")
def reverse_plan(_caller: Viewer, db: Db, release: str) -> views.ReversePlan:
    """Show what somebody wrote, else a draft: its RFCs' back-out plans, the last RFC first."""
    with db.read() as session:
        return views.reverse_plan(session, release)


@router.get("/releases/{release}/snapshot", response_model=views.Snapshots, summary="List the snapshots of a release")
def list_snapshots(_caller: Viewer, db: Db, release: str) -> views.Snapshots:
    """List the CIs whose waves have started, each with the time of the state before."""
    with db.read() as session:
        return views.list_snapshots(session, release)


@router.get(
    "/releases/{release}/snapshot/{ci}", response_model=views.SnapshotDetail, summary="Compare a CI with its snapshot"
)
def show_snapshot(_caller: Viewer, db: Db, release: str, ci: str) -> views.SnapshotDetail:
    """Show what of a CI differs from the state before its wave."""
    with db.read() as session:
        return views.show_snapshot(session, release, ci)
