"""What REST and pages show of baselines."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_cmdb.errors import NotFound
from driftline_cmdb.tables.baselines import Baseline, BaselineVersion
from driftline_cmdb.tables.cis import Ci
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

#: Of a version.
STATES = ("draft", "in force", "superseded", "retired")


class VersionRow(BaseModel):
    """One version of a baseline, without its document."""

    number: int
    #: draft, in force, superseded, retired.
    state: str
    author: str
    created: datetime
    #: It holds all changes observed up to here.
    as_of: datetime
    #: Name of the CI it was captured from.
    captured_from: str | None
    approved_by: str | None
    approved: datetime | None
    retired: datetime | None


class BaselineRow(BaseModel):
    """A baseline."""

    name: str
    created_by: str
    created: datetime
    #: Number of the version in force.
    in_force: int | None
    #: The newest version.
    latest: VersionRow


class BaselineDetail(BaselineRow):
    """A baseline with all its versions and the document of one."""

    versions: list[VersionRow]
    #: Of the version that was asked for, by default the newest.
    shown: VersionRow
    #: YAML.
    document: str


@dataclass(frozen=True, slots=True)
class BaselineFilter:
    """Which baselines."""

    #: Text in the name.
    q: str | None = None
    #: State of the newest version.
    state: str | None = None


_LATEST = (
    select(func.max(col(BaselineVersion.number)))
    .where(col(BaselineVersion.baseline_id) == col(Baseline.id))
    .correlate(Baseline)
    .scalar_subquery()
)
_IN_FORCE = (
    select(func.max(col(BaselineVersion.number)))
    .where(col(BaselineVersion.baseline_id) == col(Baseline.id), BaselineVersion.state == "in force")
    .correlate(Baseline)
    .scalar_subquery()
)
_SORTS = {
    "name": Baseline.name,
    "state": BaselineVersion.state,
    "created_by": Baseline.created_by,
    "created": Baseline.created_ms,
    "changed": BaselineVersion.created_ms,
}


def list_baselines(session: Session, wanted: BaselineFilter, window: Window) -> tuple[list[BaselineRow], int]:
    """Return a part of the baselines, and how many there are.

    :raises Invalid: a column that cannot be sorted by.
    """
    statement = (
        select(Baseline, BaselineVersion, _IN_FORCE, Ci.name)
        .join(BaselineVersion, col(BaselineVersion.baseline_id) == col(Baseline.id))
        .outerjoin(Ci, col(Ci.id) == col(BaselineVersion.captured_ci_id))
        .where(col(BaselineVersion.number) == _LATEST)
    )
    if wanted.q:
        statement = statement.where(contains(Baseline.name, wanted.q))
    if wanted.state:
        statement = statement.where(BaselineVersion.state == wanted.state)
    found, total = part(session, statement, window, _SORTS, "name", col(Baseline.id))
    rows = [
        BaselineRow(
            name=baseline.name,
            created_by=baseline.created_by,
            created=moment(baseline.created_ms),
            in_force=in_force,
            latest=_version(version, ci),
        )
        for baseline, version, in_force, ci in found
    ]
    return rows, total


def show(session: Session, name: str, number: int | None = None) -> BaselineDetail:
    """Return one baseline.

    :param number: of the version whose document to show; the newest by default.
    :raises NotFound: no such baseline, or no such version of it.
    """
    baseline, versions = _versions(session, name)
    shown = next((v for v in versions if number is None or v[0].number == number), None)
    if shown is None:
        raise NotFound(f'baseline "{name}" has no version {number}; there are 1 to {versions[0][0].number}')
    return BaselineDetail(
        name=baseline.name,
        created_by=baseline.created_by,
        created=moment(baseline.created_ms),
        in_force=next((v.number for v, _ in versions if v.state == "in force"), None),
        latest=_version(*versions[0]),
        versions=[_version(*version) for version in versions],
        shown=_version(*shown),
        document=shown[0].document,
    )


def diff(session: Session, name: str, before: int, after: int) -> list[str]:
    """Return a unified diff of two versions' documents, line by line.

    :raises NotFound: no such baseline or version.
    """
    _, versions = _versions(session, name)
    documents = {version.number: version.document for version, _ in versions}
    for number in (before, after):
        if number not in documents:
            raise NotFound(f'baseline "{name}" has no version {number}')
    old, new = (documents[number].splitlines() for number in (before, after))
    return list(difflib.unified_diff(old, new, fromfile=f"{name} v{before}", tofile=f"{name} v{after}", lineterm=""))


def _versions(session: Session, name: str) -> tuple[Baseline, Sequence[tuple[BaselineVersion, str | None]]]:
    """Return a baseline and its versions, newest first, each with the name of the CI it was captured from."""
    statement = (
        select(Baseline, BaselineVersion, Ci.name)
        .join(BaselineVersion, col(BaselineVersion.baseline_id) == col(Baseline.id))
        .outerjoin(Ci, col(Ci.id) == col(BaselineVersion.captured_ci_id))
        .where(Baseline.name == name)
        .order_by(col(BaselineVersion.number).desc())
    )
    found = session.exec(statement).all()
    if not found:
        raise NotFound(f'there is no baseline "{name}"')
    return found[0][0], [(version, ci) for _, version, ci in found]


def _version(version: BaselineVersion, ci: str | None) -> VersionRow:
    return VersionRow(
        number=version.number,
        state=version.state,
        author=version.author,
        created=moment(version.created_ms),
        as_of=moment(version.as_of_ms),
        captured_from=ci,
        approved_by=version.approved_by,
        approved=moment_or_none(version.approved_ms),
        retired=moment_or_none(version.retired_ms),
    )
