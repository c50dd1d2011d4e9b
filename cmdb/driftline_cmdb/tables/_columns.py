"""Column types that both engines share."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, Table, text
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

#: 64-bit row id that SQLite still fills by itself.
RowId: TypeEngine[int] = BigInteger().with_variant(Integer, "sqlite")


def row_id() -> Any:
    """Return the definition of an automatic primary key."""
    return Field(default=None, primary_key=True, sa_type=RowId)


def time_ms(*, index: bool = False) -> Any:
    """Return the definition of a time, ms since 1970."""
    return Field(sa_type=BigInteger, index=index)


def time_ms_or_none() -> Any:
    """Return the definition of a time that may be absent."""
    return Field(default=None, sa_type=BigInteger, nullable=True)


def document(default: type) -> Any:
    """Return the definition of a JSON column with an empty list or dict as its default."""
    # Not the type itself: pydantic would read its signature out of its docstring, at every row.
    return Field(default_factory=lambda: default(), sa_type=JSON)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index over the rows that fulfil a condition, the same on both engines."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def table_of(model: type[SQLModel]) -> Table:
    """Return a model's table, for Core statements."""
    return model.__table__  # type: ignore[attr-defined,no-any-return]  # SQLModel adds it


class DocumentVersion(SQLModel):
    """A version of a document; the newest is in force. Base of the tables of `driftline_cmdb.versioned`."""

    id: int = row_id()
    number: int = Field(unique=True)
    document: str
    author: str
    comment: str = ""
    created_ms: int = time_ms()
