"""People and programs that use the server."""

from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, row_id, time_ms, time_ms_or_none

#: What each role may do includes what the ones before it may, except that admin does not include approver.
ROLES = ("viewer", "operator", "approver", "admin")


class Person(SQLModel, table=True):
    """A user of the server."""

    id: int = row_id()
    name: str = Field(unique=True)
    #: Argon2id, encoded.
    password_hash: str
    roles: list[str] = document(list)
    active: bool = True
    created_ms: int = time_ms()


class ApiToken(SQLModel, table=True):
    """A token for the REST API."""

    id: int = row_id()
    person_id: int = Field(foreign_key="person.id", index=True)
    name: str
    #: SHA-256 of the secret; the secret is random (256 bits) and shown once.
    secret_hash: bytes = Field(unique=True)
    created_ms: int = time_ms()
    expires_ms: int | None = time_ms_or_none()
    used_ms: int | None = time_ms_or_none()


class WebSession(SQLModel, table=True):
    """A browser's session."""

    #: SHA-256 of the cookie's value.
    id_hash: bytes = Field(primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    csrf: str
    created_ms: int = time_ms()
    expires_ms: int = time_ms()
