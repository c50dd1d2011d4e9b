"""What REST and pages show of the verification of the record."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select

from driftline_cmdb.errors import NotFound
from driftline_cmdb.identity import life
from driftline_cmdb.integrity.look import GONE
from driftline_cmdb.integrity.results import CheckResult
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.integrity import Attestation, IntegrityRun
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none


class CheckRow(BaseModel):
    """What one check found in one run."""

    name: str
    #: What is right, in one sentence.
    meaning: str
    #: False where there was nothing to look at.
    applied: bool
    examined: int
    deficient: int
    #: So many of them are findings; a check has at most 100 open.
    findings: int
    took_ms: int
    notes: list[str]
    #: Why it did not end.
    error: str | None


class Accuracy(BaseModel):
    """How many of something no deficiency names."""

    examined: int
    accurate: int
    #: `accurate / examined`; 1 where there is nothing.
    share: float


class RunRow(BaseModel):
    """One verification of the record."""

    id: int
    #: asked, running, done, failed.
    state: str
    #: A person's name, or schedule.
    asked_by: str
    asked: datetime
    started: datetime | None
    ended: datetime | None
    #: Of CIs that are not retired or disposed, and of all stored elements; None until the run is done.
    cis: Accuracy | None
    elements: Accuracy | None
    deficient: int
    error: str | None


class RunDetail(RunRow):
    """One verification with what each check found."""

    checks: list[CheckRow]


class AttestedRow(BaseModel):
    """When a person last looked at a CI itself."""

    ci: str
    uid: str
    status: str
    #: None where nobody ever did.
    at: datetime | None
    actor: str | None
    note: str | None
    #: The CI's version then and now: what changed since was not looked at.
    attested_version: int | None
    version: int


def list_runs(session: Session, window: Window) -> tuple[list[RunRow], int]:
    """Return a part of the runs, and how many there are."""
    sorts = {"id": IntegrityRun.id, "asked": IntegrityRun.asked_ms, "state": IntegrityRun.state}
    found, total = part(session, select(IntegrityRun), window, sorts, "-id", col(IntegrityRun.id).desc())
    return [run_row(run) for run in found], total


def show_run(session: Session, run_id: int) -> RunDetail:
    """Return one run.

    :raises NotFound: where there is none.
    """
    run = session.get(IntegrityRun, run_id)
    if run is None:
        raise NotFound(f"there is no integrity run {run_id}; driftline integrity list shows them")
    checks = [CheckRow.model_validate(asdict(CheckResult.of(one))) for one in run.checks]
    return RunDetail(**run_row(run).model_dump(), checks=checks)


def run_row(run: IntegrityRun) -> RunRow:
    """Return a run as it is shown."""
    return RunRow(
        id=run.id,
        state=run.state,
        asked_by=run.asked_by,
        asked=moment(run.asked_ms),
        started=moment_or_none(run.started_ms),
        ended=moment_or_none(run.ended_ms),
        cis=_accuracy(run.cis, run.cis_accurate),
        elements=_accuracy(run.elements, run.elements_accurate),
        deficient=sum(one["deficient"] for one in run.checks),
        error=run.error,
    )


def _accuracy(examined: int | None, accurate: int | None) -> Accuracy | None:
    if examined is None or accurate is None:
        return None
    return Accuracy(examined=examined, accurate=accurate, share=accurate / examined if examined else 1.0)


def list_attested(session: Session, window: Window, q: str | None = None) -> tuple[list[AttestedRow], int]:
    """Return a part of the CIs that are there with their last attestations, and how many there are."""
    last = select(Attestation.ci_id, func.max(Attestation.id).label("id")).group_by(col(Attestation.ci_id)).subquery()
    statement: Any = (
        select(Ci, Attestation, life.SHOWN)
        .outerjoin(last, last.c.ci_id == col(Ci.id))
        .outerjoin(Attestation, col(Attestation.id) == last.c.id)
        .where(col(Ci.status).not_in(GONE), col(Ci.merged_into_id).is_(None))
    )
    if q:
        statement = statement.where(contains(Ci.name, q))
    sorts: dict[str, ColumnElement[Any] | Any] = {
        "ci": Ci.name,
        "at": Attestation.at_ms,
        "actor": Attestation.actor,
        "status": life.SHOWN,
    }
    found, total = part(session, statement, window, sorts, "ci", col(Ci.id))
    return [attested_row(ci, one, status) for ci, one, status in found], total


def attested_row(ci: Ci, last: Attestation | None, status: str) -> AttestedRow:
    """Return a CI, whose status people see so, with its last attestation."""
    return AttestedRow(
        ci=ci.name,
        uid=ci.uid,
        status=status,
        at=moment(last.at_ms) if last else None,
        actor=last.actor if last else None,
        note=last.note if last else None,
        attested_version=last.ci_version if last else None,
        version=ci.version,
    )
