"""Standard changes: templates that someone approves once, and the pre-approved RFCs made from them."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_baseline import template
from driftline_baseline.errors import DocumentError
from driftline_cmdb import audit
from driftline_cmdb.baselines.selection import is_meant
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.rfcs import decisions
from driftline_cmdb.rfcs.decisions import Waivers
from driftline_cmdb.rfcs.planning import Plan, Planned, propose
from driftline_cmdb.rfcs.reading import view
from driftline_cmdb.tables.change_control import RfcApproval, RfcTemplate
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import Rfc

#: Its approver saw no freeze, and its requester may not pass over one.
_OFFERS = ("--despite-conflicts",)


def find(session: Session, name: str, *states: str) -> RfcTemplate:
    """Return the newest version of a template.

    :param states: only versions in one of these.
    :raises NotFound: where there is none.
    """
    query = select(RfcTemplate).where(RfcTemplate.name == name)
    if states:
        query = query.where(col(RfcTemplate.state).in_(states))
    found = session.exec(query.order_by(col(RfcTemplate.number).desc()).limit(1)).first()
    if found is None:
        what = f" that is {' or '.join(states)}" if states else ""
        raise NotFound(f'there is no template "{name}"{what}; driftline template list shows them all')
    return found


def write(session: Session, name: str, text: str, author: str, now_ms: int) -> RfcTemplate:
    """Draft a template, or its next version; a draft of the same author is replaced.

    :raises Invalid: where the name or the document breaks its rules; the message names line, column and the mend.
    :raises Conflict: where somebody else's draft waits to be approved.
    """
    if not name or len(name) > 100 or any(character in name for character in "/\\\n"):
        raise Invalid(f'name: "{name}" cannot name a template; use up to 100 characters without slashes')
    try:
        template.parse(text, f"{name}.yaml")
    except DocumentError as error:
        raise Invalid(str(error)) from error
    draft = session.exec(select(RfcTemplate).where(RfcTemplate.name == name, RfcTemplate.state == "draft")).first()
    if draft is not None and draft.author != author:
        raise Conflict(
            f"template {name} v{draft.number} is still a draft of {draft.author}; approve or retire it first"
        )
    if draft is None:
        newest = session.exec(select(func.max(RfcTemplate.number)).where(RfcTemplate.name == name)).one()
        draft = RfcTemplate(name=name, number=(newest or 0) + 1, document=text, author=author, created_ms=now_ms)
    draft.document, draft.created_ms = text, now_ms
    session.add(draft)
    audit.record(session, author, "template.written", f"template {name} v{draft.number}", {"document": text}, now_ms)
    session.flush()
    return draft


def approve(session: Session, name: str, approver: str, now_ms: int) -> RfcTemplate:
    """Put a template's draft in force: every change made from it is pre-approved by this person.

    :raises NotFound: where there is no draft of this name.
    :raises Refused: where the approver wrote it.
    """
    draft = find(session, name, "draft")
    if draft.author == approver:
        raise Refused(f"template {name} v{draft.number}: {approver} is its author; ask another approver")
    for older in session.exec(select(RfcTemplate).where(RfcTemplate.name == name, RfcTemplate.state == "in force")):
        older.state, older.retired_ms = "superseded", now_ms
        session.add(older)
    draft.state, draft.approver, draft.approved_ms = "in force", approver, now_ms
    session.add(draft)
    audit.record(session, approver, "template.approved", f"template {name} v{draft.number}", {}, now_ms)
    session.flush()
    return draft


def retire(session: Session, name: str, actor: str, now_ms: int) -> RfcTemplate:
    """Take a template out of force, or drop its draft where it has one.

    :raises NotFound: where neither is there.
    """
    found = find(session, name, "draft", "in force")
    found.state, found.retired_ms = "retired", now_ms
    session.add(found)
    audit.record(session, actor, "template.retired", f"template {name} v{found.number}", {}, now_ms)
    return found


def use(
    session: Session,
    name: str,
    cis: Sequence[Ci],
    settings: Mapping[str, str],
    requester: str,
    start_ms: int | None,
    end_ms: int | None,
    now_ms: int,
    *,
    despite_conflicts: bool = False,
) -> Rfc:
    """Make a standard change from a template; its approver has approved it beforehand.

    Where the policy asks for more than that approval, it waits for the rest.

    :raises NotFound: where no template of this name is in force.
    :raises Invalid: where a setting is missing or unfit, or the template is not for a CI.
    :raises Refused: where the requester approved the template, or the change conflicts.
    """
    found = find(session, name, "in force")
    if found.approver is None:
        raise Conflict(f"template {name} v{found.number} is in force without an approver")
    read = template.parse(found.document, f"{name}.yaml")
    if not cis:
        raise Invalid("ci: name at least one CI")
    for ci in cis:
        if read.selector is not None and not is_meant(session, read.selector, ci):
            raise Invalid(f"{ci.name}: the template {name} is not for this CI, as its selector says")
    try:
        filled = read.fill(settings, _names(cis))
    except DocumentError as error:
        raise Invalid(f"template {name}: {error}") from error
    plan = Plan(
        title=filled.title[:200],
        kind="standard",
        risk_level="low",
        implementer=filled.implementer,
        planned_start_ms=start_ms,
        planned_end_ms=end_ms,
        **filled.texts,
    )
    planned = [Planned(ci, one.path, one.kind, one.operand, one.origin) for ci in cis for one in filled.predictions]
    rfc = propose(session, plan, requester, planned, now_ms)
    approval = RfcApproval(
        rfc_id=rfc.id,
        person=found.approver,
        at_ms=now_ms,
        scope=view(session, rfc.number).scope,
        comment=f"pre-approved by template {name} v{found.number}",
    )
    waivers = Waivers(despite_conflicts=despite_conflicts, offers=_OFFERS)
    return decisions.give(session, rfc, approval, waivers, now_ms)


def _names(cis: Sequence[Ci]) -> str:
    more = f" and {len(cis) - 3} more" if len(cis) > 3 else ""
    return ", ".join(ci.name for ci in cis[:3]) + more
