"""What REST and pages show of people, their tokens, and the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlmodel import Session, col, or_, select

from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.people import ApiToken, Person
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none


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


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries."""

    #: Text in the subject, or the actor's name.
    q: str | None = None
    actor: str | None = None
    #: A dotted action, or what it begins with: ``rfc``.
    action: str | None = None


def list_people(session: Session, window: Window, q: str | None = None) -> tuple[list[PersonRow], int]:
    """Return a part of the people, and how many there are."""
    statement = select(Person)
    if q:
        statement = statement.where(contains(Person.name, q))
    sorts = {"name": Person.name, "active": Person.active, "created": Person.created_ms}
    found, total = part(session, statement, window, sorts, "name", col(Person.id))
    return [person_row(person) for person in found], total


def person_row(person: Person) -> PersonRow:
    """Return a person as it is shown."""
    return PersonRow(name=person.name, roles=person.roles, active=person.active, created=moment(person.created_ms))


def list_tokens(session: Session, window: Window, person_id: int | None) -> tuple[list[TokenRow], int]:
    """Return a part of the API tokens of one person, or of all, and how many there are."""
    statement = select(ApiToken, Person.name).join(Person, col(Person.id) == col(ApiToken.person_id))
    if person_id is not None:
        statement = statement.where(ApiToken.person_id == person_id)
    sorts = {
        "id": ApiToken.id,
        "person": Person.name,
        "name": ApiToken.name,
        "created": ApiToken.created_ms,
        "used": ApiToken.used_ms,
    }
    found, total = part(session, statement, window, sorts, "id", col(ApiToken.id))
    return [token_row(token, person) for token, person in found], total


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


def list_audit(session: Session, wanted: AuditFilter, window: Window) -> tuple[list[AuditRow], int]:
    """Return a part of the audit trail, and how many entries there are."""
    statement = select(AuditEntry)
    if wanted.q:
        statement = statement.where(or_(contains(AuditEntry.subject, wanted.q), AuditEntry.actor == wanted.q))
    if wanted.actor:
        statement = statement.where(AuditEntry.actor == wanted.actor)
    if wanted.action:
        action = col(AuditEntry.action)
        statement = statement.where(
            or_(action == wanted.action, action.startswith(wanted.action + ".", autoescape=True))
        )
    sorts: Mapping[str, Any] = {
        "at": AuditEntry.at_ms,
        "actor": AuditEntry.actor,
        "action": AuditEntry.action,
        "subject": AuditEntry.subject,
    }
    found, total = part(session, statement, window, sorts, "-at", col(AuditEntry.id).desc())
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
    return rows, total
