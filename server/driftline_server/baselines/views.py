"""What REST and pages show of baselines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_baseline import values
from driftline_cmdb.baselines import folding
from driftline_cmdb.baselines.capturing import Captured
from driftline_cmdb.baselines.folding import Folded
from driftline_cmdb.baselines.groups import GroupCapture
from driftline_cmdb.baselines.versions import find_version
from driftline_cmdb.errors import NotFound
from driftline_cmdb.tables.baselines import Baseline, BaselineVersion
from driftline_cmdb.tables.cis import Ci
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

#: Of a version.
STATES = ("draft", "approved", "in force", "superseded", "retired")


class VersionRow(BaseModel):
    """One version of a baseline, without its document."""

    number: int
    #: draft, approved (comes into force later), in force, superseded, retired.
    state: str
    author: str
    created: datetime
    #: It holds all changes observed up to here.
    as_of: datetime
    #: Name of the CI it was captured from.
    captured_from: str | None
    approved_by: str | None
    approved: datetime | None
    #: When it is to come into force, where that is later than its approval.
    force_at: datetime | None
    #: Since when it is, or from when on it was, in force.
    in_force_since: datetime | None
    #: What it was taken from: another version, or a group of CIs.
    taken_from: str | None
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


class FoldedRow(BaseModel):
    """A delta of an RFC that a version folds in: it no longer stands on top of the baseline."""

    rfc: int
    ci: str
    path: str
    after: Any
    authorised: datetime


class Approved(BaselineDetail):
    """A baseline whose version was approved."""

    folded: list[FoldedRow]


class MinorityRow(BaseModel):
    """Where some CIs of a group are not as most of it is."""

    path: str
    #: changed, missing, or unexpected.
    kind: str
    #: What most have; null means absent.
    common: Any
    count: int
    #: Their names.
    hosts: list[str]
    #: In words.
    words: str


class IgnoreRow(BaseModel):
    """A proposal of what to ignore."""

    pattern: str
    reason: str
    #: Nothing explains it: the CIs disagree, and a person has to say what is meant.
    undecided: bool


class GroupRow(BaseModel):
    """What a capture found in a group of CIs."""

    #: CIs of which something is known.
    cis: int
    #: Elements that enough of them agree on.
    elements: int
    ignore: list[IgnoreRow]
    minorities: list[MinorityRow]


class Drafted(BaselineDetail):
    """A baseline with a new draft."""

    #: Paths of open drifts whose expected values were taken instead of the actual ones.
    left_out: list[str]
    #: True where the document of the version before stayed, and only what is captured is new.
    kept_document: bool
    group: GroupRow | None


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


def folded(session: Session, name: str, number: int | None = None) -> list[FoldedRow]:
    """Return the deltas of RFCs that a version folds in when it comes into force."""
    return [folded_row(one) for one in folding.folded(session, find_version(session, name, number))]


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
        force_at=moment_or_none(version.force_at_ms),
        in_force_since=moment_or_none(version.in_force_ms),
        taken_from=version.taken_from,
        retired=moment_or_none(version.retired_ms),
    )


def folded_row(one: Folded) -> FoldedRow:
    """Return a delta that is folded in."""
    return FoldedRow(
        rfc=one.rfc,
        ci=one.ci,
        path=one.path,
        after=values.decode(one.after),
        authorised=moment(one.authorised_ms),
    )


def drafted(session: Session, name: str, found: Captured | GroupCapture | None = None) -> Drafted:
    """Return a baseline after its next version was drafted."""
    return Drafted(
        **show(session, name).model_dump(),
        left_out=found.left_out if found is not None else [],
        kept_document=isinstance(found, Captured) and found.kept_document,
        group=_group(found) if isinstance(found, GroupCapture) else None,
    )


def _group(found: GroupCapture) -> GroupRow:
    return GroupRow(
        cis=found.cis,
        elements=len(found.majority.pinned),
        ignore=[
            IgnoreRow(pattern=pattern, reason=reason, undecided=pattern in found.majority.undecided)
            for pattern, reason in found.majority.ignore.items()
        ],
        minorities=[
            MinorityRow(
                path=one.minority.path,
                kind=one.minority.kind,
                common=values.decode(one.minority.common),
                count=one.minority.count,
                hosts=list(one.hosts),
                words=one.show(found.cis),
            )
            for one in found.others
        ],
    )
