"""People, their tokens and their browser sessions in the record."""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import delete
from sqlmodel import Session, col, select

from driftline_cmdb import audit
from driftline_cmdb.errors import Invalid, NotFound, Refused
from driftline_cmdb.tables.people import ApiToken, Person, WebSession
from driftline_server.access import passwords, roles

TOKEN_PREFIX = "dlt_"  # noqa: S105  # not a secret: it lets scanners recognise one

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request."""

    person_id: int
    name: str
    roles: tuple[str, ...]
    #: Of the browser session; None for a token.
    csrf: str | None = None

    def may(self, needed: str) -> bool:
        """Tell whether this caller may do what needs a role."""
        return roles.may(self.roles, needed)


def digest_of(secret: str) -> bytes:
    """Return what is stored of a random secret. SHA-256 is enough for 256 random bits."""
    return sha256(secret.encode()).digest()


def add(session: Session, name: str, password: str, new_roles: Collection[str], actor: str, now_ms: int) -> Person:
    """Add a person.

    :raises Invalid: a bad name, password or role, or a name that is taken.
    """
    if _NAME.fullmatch(name) is None or name.startswith("driftline"):
        raise Invalid(
            f'name: "{name}" does not do; use a to z, 0 to 9 and ._@-, at most 64, not starting with driftline'
        )
    if session.exec(select(Person).where(Person.name == name)).first() is not None:
        raise Invalid(f'name: there is a person "{name}" already')
    person = Person(
        name=name, password_hash=passwords.hash_of(password), roles=roles.checked(new_roles), created_ms=now_ms
    )
    session.add(person)
    session.flush()
    audit.record(session, actor, "person.added", f"person {name}", {"roles": person.roles}, now_ms)
    return person


def find(session: Session, name: str) -> Person:
    """Return a person.

    :raises NotFound: no such person.
    """
    person = session.exec(select(Person).where(Person.name == name)).first()
    if person is None:
        raise NotFound(f'there is no person "{name}"')
    return person


def change(
    session: Session,
    name: str,
    *,
    actor: str,
    now_ms: int,
    new_roles: Collection[str] | None = None,
    active: bool | None = None,
    password: str | None = None,
) -> Person:
    """Change what is given of a person. A new password or an end of activity ends all sessions and tokens.

    :raises NotFound: no such person.
    :raises Invalid: a bad password or role.
    :raises Refused: it would leave no active admin.
    """
    person = find(session, name)
    detail: dict[str, object] = {}
    if new_roles is not None:
        person.roles = roles.checked(new_roles)
        detail["roles"] = person.roles
    if active is not None:
        person.active = active
        detail["active"] = active
    if password is not None:
        person.password_hash = passwords.hash_of(password)
        detail["password"] = "changed"  # noqa: S105  # says that, not what
    session.add(person)
    session.flush()
    everyone = session.exec(select(Person).where(col(Person.active))).all()
    if not any("admin" in other.roles for other in everyone):
        raise Refused(f"{name} is the last active admin; make someone else admin first")
    if password is not None or active is False:
        session.exec(delete(WebSession).where(col(WebSession.person_id) == person.id))
        session.exec(delete(ApiToken).where(col(ApiToken.person_id) == person.id))
    audit.record(session, actor, "person.changed", f"person {name}", detail, now_ms)
    return person


def authenticate(session: Session, name: str, password: str) -> Person | None:
    """Return the active person of that name and password, or None; takes the same time for unknown names."""
    person = session.exec(select(Person).where(Person.name == name)).first()
    if not passwords.fits(person.password_hash if person else None, password):
        return None
    return person if person is not None and person.active else None


def create_token(
    session: Session, person: Person, name: str, expires_ms: int | None, now_ms: int, actor: str | None = None
) -> tuple[ApiToken, str]:
    """Create an API token; return it and its secret, which is stored nowhere.

    :raises Invalid: an empty or too long name.
    """
    if not 1 <= len(name) <= 100:
        raise Invalid("name: a token needs a name of 1 to 100 characters, for example where it is used")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        person_id=person.id, name=name, secret_hash=digest_of(secret), created_ms=now_ms, expires_ms=expires_ms
    )
    session.add(token)
    session.flush()
    audit.record(
        session, actor or person.name, "token.created", f"token {token.id} of {person.name}", {"name": name}, now_ms
    )
    return token, secret


def open_session(session: Session, person: Person, now_ms: int, lasts_s: int) -> tuple[WebSession, str]:
    """Open a browser session; return it and the cookie's value. Sessions that have ended are dropped on the way."""
    secret = secrets.token_urlsafe(32)
    row = WebSession(
        id_hash=digest_of(secret),
        person_id=person.id,
        csrf=secrets.token_urlsafe(32),
        created_ms=now_ms,
        expires_ms=now_ms + lasts_s * 1000,
    )
    session.exec(delete(WebSession).where(col(WebSession.expires_ms) < now_ms))
    session.add(row)
    return row, secret


def caller_of_token(session: Session, secret: str, now_ms: int) -> tuple[Caller, ApiToken] | None:
    """Return whom a token stands for, or None where it is unknown or has ended."""
    statement = select(ApiToken, Person).join(Person, col(Person.id) == col(ApiToken.person_id))
    found = session.exec(statement.where(ApiToken.secret_hash == digest_of(secret), col(Person.active))).first()
    if found is None or (found[0].expires_ms is not None and found[0].expires_ms <= now_ms):
        return None
    token, person = found
    return Caller(person.id, person.name, tuple(person.roles)), token


def caller_of_session(session: Session, secret: str, now_ms: int) -> Caller | None:
    """Return whom a session cookie stands for, or None where it is unknown or has ended."""
    statement = select(WebSession, Person).join(Person, col(Person.id) == col(WebSession.person_id))
    found = session.exec(
        statement.where(WebSession.id_hash == digest_of(secret), WebSession.expires_ms > now_ms, col(Person.active))
    ).first()
    return None if found is None else Caller(found[1].id, found[1].name, tuple(found[1].roles), found[0].csrf)
