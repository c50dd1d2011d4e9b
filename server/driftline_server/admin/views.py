"""What REST and pages show of people, tokens, sources, findings, and the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from driftline_cmdb.errors import NotFound
from driftline_cmdb.tables.cis import Binding, Ci, Finding
from driftline_cmdb.tables.control import AuditEntry, Baseline, BaselineVersion, Drift, Rfc
from driftline_cmdb.tables.people import ApiToken, Person
from driftline_cmdb.tables.sources import Certificate, JoinToken, Source
from driftline_server.cis.views import SILENT_AFTER_MS, state_of
from driftline_server.evidence import CiRef
from driftline_server.lists import Window, contains, count, ordering
from driftline_server.rfcs.views import WAITING
from driftline_server.times import moment, moment_or_none


class Overview(BaseModel):
    """The state of everything in a few numbers."""

    cis: int
    #: CIs with open drifts.
    drifting_cis: int
    open_drifts: int
    #: RFCs on which someone has to decide.
    rfcs_waiting: int
    #: RFCs ordered reverted whose values are not back yet.
    rfcs_reverting: int
    baselines_in_force: int
    sources: int
    #: Sources that called before, but not lately.
    silent_sources: int
    open_findings: int
    #: Latest call of any source; None where none ever called.
    last_report: datetime | None


class SourceRow(BaseModel):
    """One agent, or one device reached in one way."""

    uid: str
    kind: str
    hostname: str
    #: None where it speaks for no CI.
    ci: CiRef | None
    #: live, silent, quarantined, or new.
    state: str
    quarantine_reason: str | None
    agent_version: str
    enrolled: datetime
    seen: datetime | None
    #: All its sections are known to have held at this time.
    confirmed: datetime | None
    #: End of its newest certificate that is not revoked; None where it has none.
    certificate_until: datetime | None


class PersonRow(BaseModel):
    """A user of the server."""

    name: str
    roles: list[str]
    active: bool
    created: datetime


class TokenRow(BaseModel):
    """An API token; its secret is stored nowhere."""

    id: int
    person: str
    name: str
    created: datetime
    expires: datetime | None
    #: When it was used, at most five minutes late.
    used: datetime | None


class JoinTokenRow(BaseModel):
    """A token that lets agents enrol; its secret is stored nowhere."""

    id: str
    note: str
    uses_left: int
    expires: datetime
    #: The CI that whoever joins with it speaks for.
    ci: CiRef | None
    created_by: str
    created: datetime


class AuditRow(BaseModel):
    """One decision in the audit trail."""

    id: int
    at: datetime
    actor: str
    #: Dotted: baseline.approved, rfc.authorised.
    action: str
    subject: str
    detail: dict[str, Any]
    #: Place in the hash chain; None until it is sealed.
    position: int | None


class FindingRow(BaseModel):
    """Something a person should look at that is no drift."""

    id: int
    kind: str
    ci: CiRef | None
    message: str
    opened: datetime
    closed: datetime | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries."""

    #: Text in the subject, or the actor's name.
    q: str | None = None
    actor: str | None = None
    #: A dotted action, or what it begins with: ``rfc``.
    action: str | None = None


def overview(session: Session, now_ms: int) -> Overview:
    """Return the state of everything."""

    def number(column: Any, *conditions: Any) -> Any:
        return select(func.count(column)).where(*conditions).scalar_subquery()

    is_open = (col(Drift.closed_ms).is_(None), Drift.state == "open")
    waiting = col(Rfc.state).in_(WAITING)
    row = session.exec(
        select(  # type: ignore[call-overload]  # SQLModel types select for up to four columns
            number(col(Ci.id)),
            select(func.count(func.distinct(col(Drift.ci_id)))).where(*is_open).scalar_subquery(),
            number(col(Drift.id), *is_open),
            number(col(Rfc.id), waiting, col(Rfc.ordered).is_(None)),
            number(col(Rfc.id), waiting, Rfc.ordered == "revert"),
            number(col(BaselineVersion.id), BaselineVersion.state == "in force"),
            number(col(Source.id)),
            number(col(Source.id), col(Source.seen_ms) < now_ms - SILENT_AFTER_MS, col(Source.quarantined_ms).is_(None)),
            number(col(Finding.id), col(Finding.closed_ms).is_(None)),
            select(func.max(col(Source.seen_ms))).scalar_subquery(),
        )
    ).one()
    names = list(Overview.model_fields)
    return Overview(**dict(zip(names[:-1], row[:-1], strict=True)), last_report=moment_or_none(row[-1]))


def list_sources(
    session: Session, window: Window, now_ms: int, q: str | None = None, state: str | None = None
) -> tuple[list[SourceRow], int]:
    """Return a part of the sources, and how many there are.

    :param q: text in the host name, or the start of the uid.
    :param state: live, silent, quarantined, or new.
    """
    until = (
        select(func.max(col(Certificate.not_after_ms)))
        .where(col(Certificate.source_id) == col(Source.id), col(Certificate.revoked_ms).is_(None))
        .correlate(Source)
        .scalar_subquery()
    )
    statement = (
        select(Source, Ci, until)
        .outerjoin(Binding, (col(Binding.source_id) == col(Source.id)) & col(Binding.until_ms).is_(None))
        .outerjoin(Ci, col(Ci.id) == col(Binding.ci_id))
    )
    if q:
        statement = statement.where(or_(contains(Source.hostname, q), col(Source.uid).startswith(q, autoescape=True)))
    quarantined, seen = col(Source.quarantined_ms), col(Source.seen_ms)
    conditions = {
        "quarantined": quarantined.is_not(None),
        "new": quarantined.is_(None) & seen.is_(None),
        "silent": quarantined.is_(None) & (seen < now_ms - SILENT_AFTER_MS),
        "live": quarantined.is_(None) & (seen >= now_ms - SILENT_AFTER_MS),
    }
    if state in conditions:
        statement = statement.where(conditions[state])
    sorts = {"hostname": Source.hostname, "ci": Ci.name, "seen": Source.seen_ms, "enrolled": Source.enrolled_ms, "certificate_until": until}
    ordered = statement.order_by(ordering(window, sorts, "hostname"), col(Source.id))
    found = session.exec(ordered.limit(window.limit).offset(window.offset)).all()
    return [_source(source, ci, end, now_ms) for source, ci, end in found], count(session, statement.with_only_columns(col(Source.id)))


def find_source(session: Session, uid: str) -> Source:
    """Return a source.

    :raises NotFound: no such source.
    """
    source = session.exec(select(Source).where(Source.uid == uid)).first()
    if source is None:
        raise NotFound(f'there is no source "{uid}"')
    return source


def _source(source: Source, ci: Ci | None, until_ms: int | None, now_ms: int) -> SourceRow:
    return SourceRow(
        uid=source.uid,
        kind=source.kind,
        hostname=source.hostname,
        ci=CiRef(uid=ci.uid, name=ci.name) if ci else None,
        state=state_of(source, now_ms),
        quarantine_reason=source.quarantine_reason,
        agent_version=source.agent_version,
        enrolled=moment(source.enrolled_ms),
        seen=moment_or_none(source.seen_ms),
        confirmed=moment_or_none(source.confirmed_ms),
        certificate_until=moment_or_none(until_ms),
    )


def list_people(session: Session, window: Window, q: str | None = None) -> tuple[list[PersonRow], int]:
    """Return a part of the people, and how many there are."""
    statement = select(Person)
    if q:
        statement = statement.where(contains(Person.name, q))
    sorts = {"name": Person.name, "active": Person.active, "created": Person.created_ms}
    found = session.exec(statement.order_by(ordering(window, sorts, "name")).limit(window.limit).offset(window.offset)).all()
    return [person_row(person) for person in found], count(session, statement)


def person_row(person: Person) -> PersonRow:
    """Return a person as it is shown."""
    return PersonRow(name=person.name, roles=person.roles, active=person.active, created=moment(person.created_ms))


def list_tokens(session: Session, window: Window, person_id: int | None) -> tuple[list[TokenRow], int]:
    """Return a part of the API tokens of one person, or of all, and how many there are."""
    statement = select(ApiToken, Person.name).join(Person, col(Person.id) == col(ApiToken.person_id))
    if person_id is not None:
        statement = statement.where(ApiToken.person_id == person_id)
    sorts = {"id": ApiToken.id, "person": Person.name, "name": ApiToken.name, "created": ApiToken.created_ms, "used": ApiToken.used_ms}
    found = session.exec(statement.order_by(ordering(window, sorts, "id")).limit(window.limit).offset(window.offset)).all()
    return [token_row(token, person) for token, person in found], count(session, statement.with_only_columns(col(ApiToken.id)))


def token_row(token: ApiToken, person: str) -> TokenRow:
    """Return a token as it is shown."""
    return TokenRow(
        id=token.id,
        person=person,
        name=token.name,
        created=moment(token.created_ms),
        expires=moment_or_none(token.expires_ms),
        used=moment_or_none(token.used_ms),
    )


def list_join_tokens(session: Session, window: Window) -> tuple[list[JoinTokenRow], int]:
    """Return a part of the join tokens, and how many there are."""
    statement = select(JoinToken, Ci).outerjoin(Ci, col(Ci.id) == col(JoinToken.ci_id))
    sorts = {"created": JoinToken.created_ms, "expires": JoinToken.expires_ms, "created_by": JoinToken.created_by, "uses_left": JoinToken.uses_left}
    found = session.exec(statement.order_by(ordering(window, sorts, "-created")).limit(window.limit).offset(window.offset)).all()
    return [join_token_row(token, ci) for token, ci in found], count(session, statement.with_only_columns(col(JoinToken.id)))


def join_token_row(token: JoinToken, ci: Ci | None) -> JoinTokenRow:
    """Return a join token as it is shown."""
    return JoinTokenRow(
        id=token.id,
        note=token.note,
        uses_left=token.uses_left,
        expires=moment(token.expires_ms),
        ci=CiRef(uid=ci.uid, name=ci.name) if ci else None,
        created_by=token.created_by,
        created=moment(token.created_ms),
    )


def list_audit(session: Session, wanted: AuditFilter, window: Window) -> tuple[list[AuditRow], int]:
    """Return a part of the audit trail, and how many entries there are."""
    statement = select(AuditEntry)
    if wanted.q:
        statement = statement.where(or_(contains(AuditEntry.subject, wanted.q), AuditEntry.actor == wanted.q))
    if wanted.actor:
        statement = statement.where(AuditEntry.actor == wanted.actor)
    if wanted.action:
        action = col(AuditEntry.action)
        statement = statement.where(or_(action == wanted.action, action.startswith(wanted.action + ".", autoescape=True)))
    sorts: Mapping[str, Any] = {"at": AuditEntry.at_ms, "actor": AuditEntry.actor, "action": AuditEntry.action, "subject": AuditEntry.subject}
    ordered = statement.order_by(ordering(window, sorts, "-at"), col(AuditEntry.id).desc())
    found = session.exec(ordered.limit(window.limit).offset(window.offset)).all()
    rows = [
        AuditRow(
            id=entry.id,
            at=moment(entry.at_ms),
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            detail=entry.detail,
            position=entry.position,
        )
        for entry in found
    ]
    return rows, count(session, statement)


def list_findings(
    session: Session, window: Window, kind: str | None = None, *, closed: bool = False
) -> tuple[list[FindingRow], int]:
    """Return a part of the findings, and how many there are.

    :param closed: also those that are closed.
    """
    statement = select(Finding, Ci).outerjoin(Ci, col(Ci.id) == col(Finding.ci_id))
    if not closed:
        statement = statement.where(col(Finding.closed_ms).is_(None))
    if kind:
        statement = statement.where(Finding.kind == kind)
    sorts = {"opened": Finding.opened_ms, "kind": Finding.kind, "ci": Ci.name}
    ordered = statement.order_by(ordering(window, sorts, "-opened"), col(Finding.id).desc())
    found = session.exec(ordered.limit(window.limit).offset(window.offset)).all()
    rows = [
        FindingRow(
            id=finding.id,
            kind=finding.kind,
            ci=CiRef(uid=ci.uid, name=ci.name) if ci else None,
            message=finding.message,
            opened=moment(finding.opened_ms),
            closed=moment_or_none(finding.closed_ms),
        )
        for finding, ci in found
    ]
    return rows, count(session, statement.with_only_columns(col(Finding.id)))
