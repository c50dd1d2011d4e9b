"""REST: the approval policy, standard changes, freezes."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from driftline_cmdb import record
from driftline_cmdb.rfcs import freezes, policies, templates
from driftline_server.access.guard import Admin, Approver, ApproverOrAdmin, Db, Operator, Viewer
from driftline_server.changes import views
from driftline_server.lists import AWindow, Listing, answer
from driftline_server.rfcs import views as rfc_views
from driftline_server.times import now_ms, to_ms

router = APIRouter()


class Yaml(BaseModel):
    """A YAML document."""

    document: str = Field(max_length=100_000, description="YAML. What is wrong with it is named by line and column.")


class WhichPolicy(BaseModel):
    """A version of the approval policy."""

    number: int


class NewFreeze(BaseModel):
    """A time in which some CIs are not to be changed."""

    name: str = Field(min_length=1, max_length=100)
    selector: str = Field(
        max_length=10_000, description="YAML, as a baseline's selector (environment: production); all: every CI."
    )
    start: AwareDatetime
    end: AwareDatetime
    reason: str = Field(min_length=1, max_length=4000)


class Ending(BaseModel):
    """Why a freeze ends before its time."""

    reason: str = Field(default="", max_length=4000)


class Use(BaseModel):
    """A standard change to be made from a template."""

    cis: list[str] = Field(min_length=1, max_length=10_000, description="Names or uids.")
    settings: dict[str, str] = Field(default={}, description="The values that the template asks for.")
    start: AwareDatetime | None = Field(default=None, description="Of the window; null for any time.")
    end: AwareDatetime | None = Field(default=None, description="Of the window; null for any time.")
    despite_conflicts: bool = Field(default=False, description="Other changes at the same time are known.")


@router.get("/policies/approval", response_model=views.PolicyDetail, summary="Show the approval policy")
def show_policy(_caller: Viewer, db: Db) -> views.PolicyDetail:
    """Show what is in force, and all versions."""
    with db.read() as session:
        return views.show_policy(session)


@router.put("/policies/approval", response_model=views.PolicyDetail, summary="Propose an approval policy")
def set_policy(caller: Admin, db: Db, wanted: Yaml) -> views.PolicyDetail:
    """Propose another policy. It is in force once another admin or approver has confirmed it."""
    with db.write() as session:
        policies.propose(session, wanted.document, caller.name, now_ms())
        return views.show_policy(session)


@router.post("/policies/approval/confirm", response_model=views.PolicyDetail, summary="Confirm an approval policy")
def confirm_policy(caller: ApproverOrAdmin, db: Db, wanted: WhichPolicy) -> views.PolicyDetail:
    """Put a proposed version in force. Its author may not."""
    with db.write() as session:
        policies.confirm(session, wanted.number, caller.name, now_ms())
        return views.show_policy(session)


@router.get("/rfc-templates", response_model=Listing[views.TemplateRow], summary="List standard changes")
def list_templates(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the name.")] = None,
    state: Annotated[str | None, Query(description="draft, in force, superseded, or retired.")] = None,
) -> Listing[views.TemplateRow] | Response:
    """List the versions of templates. Sorts by name, state, author, created."""
    with db.read() as session:
        rows, total = views.list_templates(session, q, state, window)
    return answer(rows, total, window, "rfc-templates")


@router.get("/rfc-templates/{template}", response_model=views.TemplateDetail, summary="Show a standard change")
def show_template(_caller: Viewer, db: Db, template: str) -> views.TemplateDetail:
    """Show the newest version of a template."""
    with db.read() as session:
        return views.show_template(session, template)


@router.put("/rfc-templates/{template}", response_model=views.TemplateDetail, summary="Write a standard change")
def write_template(caller: Operator, db: Db, template: str, wanted: Yaml) -> views.TemplateDetail:
    """Draft a template, or its next version."""
    with db.write() as session:
        templates.write(session, template, wanted.document, caller.name, now_ms())
        return views.show_template(session, template)


@router.post(
    "/rfc-templates/{template}/approve", response_model=views.TemplateDetail, summary="Approve a standard change"
)
def approve_template(caller: Approver, db: Db, template: str) -> views.TemplateDetail:
    """Put a template's draft in force: changes made from it are pre-approved by the caller. Its author may not."""
    with db.write() as session:
        templates.approve(session, template, caller.name, now_ms())
        return views.show_template(session, template)


@router.post(
    "/rfc-templates/{template}/retire", response_model=views.TemplateDetail, summary="Retire a standard change"
)
def retire_template(caller: Approver, db: Db, template: str) -> views.TemplateDetail:
    """Take a template out of force, or drop its draft."""
    with db.write() as session:
        templates.retire(session, template, caller.name, now_ms())
        return views.show_template(session, template)


@router.post(
    "/rfc-templates/{template}/use",
    response_model=rfc_views.RfcDetail,
    status_code=201,
    summary="Make a standard change",
)
def use_template(caller: Operator, db: Db, template: str, wanted: Use) -> rfc_views.RfcDetail:
    """Make an RFC from a template, authorised beforehand by the template's approver.

    A freeze of its CIs refuses it; other conflicts do unless they are passed over by name.
    """
    start_ms, end_ms = (to_ms(when) if when else None for when in (wanted.start, wanted.end))
    with db.write() as session:
        cis = [record.find_ci(session, name) for name in dict.fromkeys(wanted.cis)]
        made = templates.use(
            session,
            template,
            cis,
            wanted.settings,
            caller.name,
            start_ms,
            end_ms,
            now_ms(),
            despite_conflicts=wanted.despite_conflicts,
        )
        return rfc_views.show(session, made.number)


@router.get("/freezes", response_model=Listing[views.FreezeRow], summary="List change freezes")
def list_freezes(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the name.")] = None,
    over: Annotated[bool, Query(description="Also those that are over.")] = False,
) -> Listing[views.FreezeRow] | Response:
    """List freezes. Sorts by name, start, end, created_by."""
    with db.read() as session:
        rows, total = views.list_freezes(session, q, over, window, now_ms())
    return answer(rows, total, window, "freezes")


@router.post("/freezes", response_model=views.FreezeRow, status_code=201, summary="Add a change freeze")
def add_freeze(caller: Operator, db: Db, wanted: NewFreeze) -> views.FreezeRow:
    """Declare a time in which some CIs are not to be changed. Changes that are authorised already stay so."""
    now = now_ms()
    with db.write() as session:
        start_ms, end_ms = to_ms(wanted.start), to_ms(wanted.end)
        made = freezes.add(session, wanted.name, wanted.selector, start_ms, end_ms, wanted.reason, caller.name, now)
        return views.freeze_row(made, now)


@router.post("/freezes/{freeze}/end", response_model=views.FreezeRow, summary="End a change freeze")
def end_freeze(caller: Approver, db: Db, freeze: str, wanted: Ending) -> views.FreezeRow:
    """End a freeze before its time."""
    now = now_ms()
    with db.write() as session:
        return views.freeze_row(freezes.end(session, freeze, caller.name, wanted.reason, now), now)
