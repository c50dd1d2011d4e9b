"""REST: verification of the record."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from driftline_cmdb import record
from driftline_cmdb.identity import life
from driftline_cmdb.integrity import asking, attesting
from driftline_server.access.guard import Db, Operator, Viewer
from driftline_server.integrity import views
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.times import now_ms

router = APIRouter()


class NewAttestation(BaseModel):
    """What someone verified by hand."""

    note: str = Field(min_length=1, max_length=4000, description="What was looked at, and how.")


@router.get("/integrity/runs", response_model=Listing[views.RunRow], summary="List verifications of the record")
def list_runs(_caller: Viewer, db: Db, window: AWindow) -> Listing[views.RunRow] | Response:
    """List the verifications of the record, newest first, with the accuracy that each found."""
    with db.read() as session:
        rows, total = views.list_runs(session, window)
    return answer(rows, total, window, "integrity-runs")


@router.post("/integrity/runs", response_model=views.RunRow, status_code=202, summary="Ask for a verification")
def ask(caller: Operator, db: Db) -> views.RunRow:
    """Ask for a verification of the record; a collector takes it within ten seconds. One that waits or runs is it."""
    with db.write() as session:
        return views.run_row(asking.ask(session, caller.name, now_ms()))


@router.get("/integrity/runs/{run}", response_model=views.RunDetail, summary="Show a verification")
def show_run(_caller: Viewer, db: Db, run: int) -> views.RunDetail:
    """Show one verification of the record with what each check examined and found."""
    with db.read() as session:
        return views.show_run(session, run)


@router.get("/attestations", response_model=Listing[views.AttestedRow], summary="List last attestations")
def list_attestations(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the CI's name.")] = None,
) -> Listing[views.AttestedRow] | Response:
    """List when a person last verified each CI by hand. Sorts by ci, at, actor, status."""
    with db.read() as session:
        rows, total = views.list_attested(session, window, q)
    return answer(rows, total, window, "attestations")


@router.post("/cis/{ci}/attest", response_model=views.AttestedRow, status_code=201, summary="Attest a CI")
def attest(caller: Operator, db: Db, ci: str, wanted: NewAttestation) -> views.AttestedRow:
    """Record that one looked at a CI itself, and that the record of it is right."""
    with db.write() as session:
        found = record.find_ci(session, ci)
        attested = attesting.attest(session, found, caller.name, wanted.note, now_ms())
        return views.attested_row(found, attested, life.shown_status(session, found))
