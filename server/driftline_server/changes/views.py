"""What REST and pages show of the approval policy, standard changes and freezes."""

from datetime import datetime

from pydantic import BaseModel
from sqlmodel import Session, col, select

from driftline_baseline import policy, template
from driftline_cmdb.errors import NotFound
from driftline_cmdb.rfcs import policies, templates
from driftline_cmdb.tables.change_control import ApprovalPolicy, ChangeFreeze, RfcTemplate
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none


class PolicyVersion(BaseModel):
    """One version of the approval policy."""

    number: int
    #: proposed, in force, superseded, withdrawn.
    state: str
    author: str
    created: datetime
    confirmed_by: str | None
    confirmed: datetime | None
    #: YAML.
    document: str


class PolicyDetail(BaseModel):
    """The approval policy in force, and its versions."""

    #: Number of the version in force; None for the one that driftline ships.
    number: int | None
    #: YAML of what is in force.
    document: str
    versions: list[PolicyVersion]


class TemplateRow(BaseModel):
    """A version of a standard change's template."""

    name: str
    number: int
    #: draft, in force, superseded, retired.
    state: str
    title: str
    #: Names of the values that it needs.
    parameters: list[str]
    author: str
    created: datetime
    approver: str | None
    approved: datetime | None


class TemplateDetail(TemplateRow):
    """A template with its document."""

    #: YAML.
    document: str
    #: Number of the version in force.
    in_force: int | None


class FreezeRow(BaseModel):
    """A time in which some CIs are not to be changed."""

    name: str
    #: YAML, as a baseline's selector; ``all`` means every CI.
    selector: str
    start: datetime
    end: datetime
    #: coming, in force, over.
    state: str
    reason: str
    created_by: str
    created: datetime
    ended_by: str | None
    ended: datetime | None


def show_policy(session: Session) -> PolicyDetail:
    """Return the approval policy."""
    versions = [_policy(one) for one in policies.versions(session)]
    now = next((one for one in versions if one.state == "in force"), None)
    return PolicyDetail(
        number=now.number if now is not None else None,
        document=now.document if now is not None else policy.DEFAULT,
        versions=versions,
    )


def _policy(found: ApprovalPolicy) -> PolicyVersion:
    return PolicyVersion(
        number=found.number,
        state=found.state,
        author=found.author,
        created=moment(found.created_ms),
        confirmed_by=found.confirmed_by,
        confirmed=moment_or_none(found.confirmed_ms),
        document=found.document,
    )


_TEMPLATE_SORTS = {
    "name": RfcTemplate.name,
    "state": RfcTemplate.state,
    "author": RfcTemplate.author,
    "created": RfcTemplate.created_ms,
}


def list_templates(session: Session, q: str | None, state: str | None, window: Window) -> tuple[list[TemplateRow], int]:
    """Return a part of the templates' versions, and how many there are.

    :raises Invalid: a column that cannot be sorted by.
    """
    statement = select(RfcTemplate)
    if q:
        statement = statement.where(contains(RfcTemplate.name, q))
    if state:
        statement = statement.where(RfcTemplate.state == state)
    found, total = part(session, statement, window, _TEMPLATE_SORTS, "name", col(RfcTemplate.id))
    return [_template(one) for one in found], total


def show_template(session: Session, name: str) -> TemplateDetail:
    """Return the newest version of a template.

    :raises NotFound: no such template.
    """
    found = templates.find(session, name)
    try:
        in_force: int | None = templates.find(session, name, "in force").number
    except NotFound:
        in_force = None
    return TemplateDetail(**_template(found).model_dump(), document=found.document, in_force=in_force)


def _template(found: RfcTemplate) -> TemplateRow:
    read = template.parse(found.document, found.name)
    return TemplateRow(
        name=found.name,
        number=found.number,
        state=found.state,
        title=read.title,
        parameters=list(read.parameters),
        author=found.author,
        created=moment(found.created_ms),
        approver=found.approver,
        approved=moment_or_none(found.approved_ms),
    )


_FREEZE_SORTS = {
    "name": ChangeFreeze.name,
    "start": ChangeFreeze.start_ms,
    "end": ChangeFreeze.end_ms,
    "created_by": ChangeFreeze.created_by,
}


def list_freezes(
    session: Session, q: str | None, over: bool, window: Window, now_ms: int
) -> tuple[list[FreezeRow], int]:
    """Return a part of the freezes, and how many there are.

    :param over: also those that are over.
    :raises Invalid: a column that cannot be sorted by.
    """
    statement = select(ChangeFreeze)
    if q:
        statement = statement.where(contains(ChangeFreeze.name, q))
    if not over:
        statement = statement.where(ChangeFreeze.end_ms > now_ms, col(ChangeFreeze.ended_ms).is_(None))
    found, total = part(session, statement, window, _FREEZE_SORTS, "start", col(ChangeFreeze.id))
    return [freeze_row(one, now_ms) for one in found], total


def freeze_row(found: ChangeFreeze, now_ms: int) -> FreezeRow:
    """Return a freeze as it stands now."""
    over = found.ended_ms is not None or found.end_ms <= now_ms
    return FreezeRow(
        name=found.name,
        selector=found.selector,
        start=moment(found.start_ms),
        end=moment(found.end_ms),
        state="over" if over else "coming" if found.start_ms > now_ms else "in force",
        reason=found.reason,
        created_by=found.created_by,
        created=moment(found.created_ms),
        ended_by=found.ended_by,
        ended=moment_or_none(found.ended_ms),
    )
