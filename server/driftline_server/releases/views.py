"""What REST and pages show of releases."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline.schema import Value
from driftline_baseline import release as steps
from driftline_cmdb import record
from driftline_cmdb.releases import editing, rollout, snapshots, testing, waves
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.releases import Release, ReleaseCheck, ReleaseRfc, ReleaseWave
from driftline_server.evidence import CiRef, ci_ref
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

#: Checks and CIs of a wave that are shown at most.
_CHECKS, _CIS = 20, 200


class ReleaseRow(BaseModel):
    """A release."""

    name: str
    #: major, minor, emergency.
    kind: str
    #: planned, in test, accepted, in production, closed, failed, cancelled.
    state: str
    planned: datetime | None
    author: str
    created: datetime
    rfcs: int
    waves: int
    accepted_by: str | None
    accepted: datetime | None
    closed: datetime | None


class WaveRow(BaseModel):
    """A wave of a release."""

    number: int
    name: str
    environment: str
    #: YAML, as a baseline's.
    selector: str
    #: planned, started, done, failed, cancelled.
    state: str
    planned_start: datetime | None
    planned_end: datetime | None
    started_by: str | None
    started: datetime | None
    ended: datetime | None
    #: How many CIs it has, since its start, or would have now; and the first of them.
    count: int
    cis: list[CiRef]


class PartRow(BaseModel):
    """An RFC of a release."""

    number: int
    title: str
    state: str
    #: When a wave first started it.
    started: datetime | None


class NamedFailure(BaseModel):
    """A CI on which a rule does not hold."""

    ci: str
    why: str


class RuleResult(BaseModel):
    """One rule of the acceptance criteria in a check."""

    rule: str
    holds: bool
    #: In a line, with its denominator.
    text: str
    #: CIs that were asked, those that have what it speaks of, those on which it fails, and the first of them.
    hosts: int
    applies: int
    failing: int
    named: list[NamedFailure]


class CheckRow(BaseModel):
    """An evaluation of the acceptance criteria."""

    id: int
    at: datetime
    asked_by: str
    passed: bool
    #: CIs of the test waves, and those of them that reported since their wave began.
    cis: int
    reporting: int
    #: False where RFCs, waves or criteria have changed since.
    current: bool
    results: list[RuleResult]


class ReleaseDetail(ReleaseRow):
    """A release with all that belongs to it."""

    description: str
    #: YAML: a list of a baseline's rules.
    criteria: str
    promotes: str | None
    promote_to: str | None
    promote_set: dict[str, str]
    #: What acceptance drafted: "web-prod v1".
    promoted: str | None
    #: With denominators, once it is over.
    result: str
    review: str
    wave_list: list[WaveRow]
    rfc_list: list[PartRow]
    #: Newest first; at most 20.
    checks: list[CheckRow]
    #: Steps that its state allows.
    possible: list[str]


class ReversePlan(BaseModel):
    """The plan back."""

    text: str
    #: Drafted from its RFCs now; False where somebody wrote it.
    drafted: bool


class SnapshotRow(BaseModel):
    """The state of a CI before its wave; facts are read back as of the time."""

    ci: CiRef
    at: datetime
    #: Of the CI then.
    version: int


class Snapshots(BaseModel):
    """The snapshots of a release."""

    items: list[SnapshotRow]


class Differing(BaseModel):
    """An attribute that is not as it was; null means absent."""

    path: str
    before: Value | None
    now: Value | None


class SnapshotDetail(SnapshotRow):
    """What differs from a CI's snapshot now."""

    differences: list[Differing]


def _count(model: type[ReleaseRfc] | type[ReleaseWave]) -> Any:
    return select(func.count()).where(model.release_id == Release.id).correlate(Release).scalar_subquery()


_SORTS = {
    "name": Release.name,
    "kind": Release.kind,
    "state": Release.state,
    "planned": Release.planned_ms,
    "author": Release.author,
    "created": Release.created_ms,
}


def list_releases(session: Session, q: str | None, state: str | None, window: Window) -> tuple[list[ReleaseRow], int]:
    """Return a part of all releases, and how many there are.

    :raises Invalid: a column that cannot be sorted by.
    """
    statement = select(Release, _count(ReleaseRfc), _count(ReleaseWave))
    if q:
        statement = statement.where(contains(Release.name, q))
    if state:
        statement = statement.where(Release.state == state)
    found, total = part(session, statement, window, _SORTS, "-created", col(Release.id).desc())
    return [ReleaseRow(**_row(one, rfcs, waves)) for one, rfcs, waves in found], total


def _row(one: Release, rfcs: int, waves: int) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "state": one.state,
        "planned": moment_or_none(one.planned_ms),
        "author": one.author,
        "created": moment(one.created_ms),
        "rfcs": rfcs,
        "waves": waves,
        "accepted_by": one.accepted_by,
        "accepted": moment_or_none(one.accepted_ms),
        "closed": moment_or_none(one.closed_ms),
    }


def show(session: Session, name: str) -> ReleaseDetail:
    """Return a release.

    :raises NotFound: where there is none.
    """
    one = editing.find_release(session, name)
    listed, parts = waves.waves_of(session, one), editing.rfcs_of(session, one)
    members = waves.cis_of(session, listed)
    checks = testing.checks_of(session, one)[:_CHECKS]
    return ReleaseDetail(
        **_row(one, len(parts), len(listed)),
        description=one.description,
        criteria=one.criteria,
        promotes=one.promotes,
        promote_to=one.promote_to,
        promote_set=one.promote_set,
        promoted=one.promoted,
        result=one.result,
        review=one.review,
        wave_list=[_wave(wave, members[wave.id]) for wave in listed],
        rfc_list=[
            PartRow(number=rfc.number, title=rfc.title, state=rfc.state, started=moment_or_none(row.started_ms))
            for row, rfc in parts
        ],
        checks=[check_row(check, one) for check in checks],
        possible=list(steps.possible(one.state)),
    )


def _wave(wave: ReleaseWave, members: dict[int, Ci]) -> WaveRow:
    ordered = sorted(members.values(), key=lambda ci: ci.name)
    return WaveRow(
        number=wave.number,
        name=wave.name,
        environment=wave.environment,
        selector=wave.selector,
        state=wave.state,
        planned_start=moment_or_none(wave.planned_start_ms),
        planned_end=moment_or_none(wave.planned_end_ms),
        started_by=wave.started_by,
        started=moment_or_none(wave.started_ms),
        ended=moment_or_none(wave.ended_ms),
        count=len(ordered),
        cis=[ci_ref(ci) for ci in ordered[:_CIS]],
    )


def check_row(check: ReleaseCheck, one: Release) -> CheckRow:
    """Return a check."""
    return CheckRow(
        id=check.id,
        at=moment(check.at_ms),
        asked_by=check.asked_by,
        passed=check.passed,
        cis=check.cis,
        reporting=check.reporting,
        current=check.revision == one.revision,
        results=[RuleResult(**result) for result in check.results],
    )


def reverse_plan(session: Session, name: str) -> ReversePlan:
    """Return a release's plan back.

    :raises NotFound: where there is none.
    """
    one = editing.find_release(session, name)
    return ReversePlan(text=rollout.reverse_plan(session, one), drafted=one.reverse_plan is None)


def list_snapshots(session: Session, name: str) -> Snapshots:
    """Return the snapshots of a release.

    :raises NotFound: where there is none.
    """
    found = snapshots.snapshots_of(session, editing.find_release(session, name))
    return Snapshots(
        items=[SnapshotRow(ci=ci_ref(ci), at=moment(one.at_ms), version=one.ci_version) for one, ci in found]
    )


def show_snapshot(session: Session, name: str, ci_name: str) -> SnapshotDetail:
    """Return a CI's snapshot, and what differs from it now.

    :raises NotFound: where there is none.
    """
    ci = record.find_ci(session, ci_name)
    one, found = snapshots.difference(session, editing.find_release(session, name), ci)
    return SnapshotDetail(
        ci=ci_ref(ci),
        at=moment(one.at_ms),
        version=one.ci_version,
        differences=[Differing(path=each.path, before=each.before, now=each.now) for each in found],
    )
