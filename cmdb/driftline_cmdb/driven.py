"""Statements past SQLAlchemy's expressions and objects, whose making costs several times what the database does."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Insert, insert
from sqlmodel import Session, SQLModel

from driftline_cmdb.tables._columns import table_of


def ask(session: Session, statement: str, values: Sequence[object]) -> Sequence[Any]:
    """Return the rows of a query with one list of values, ``{asked}``, each mark in brackets."""
    connection, mark = _of(session)
    sql = statement.format(asked=", ".join([f"({mark})"] * len(values)))
    rows: Sequence[Any] = connection.exec_driver_sql(sql, tuple(values)).fetchall()
    return rows


def write(session: Session, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Run a statement with ``?`` for each value, once a row."""
    if rows:
        connection, mark = _of(session)
        connection.exec_driver_sql(statement.replace("?", mark), list(rows))


def add(session: Session, model: type[SQLModel], **values: object) -> int:
    """Insert a row, and return its id.

    :param values: by column; the others have the model's defaults.
    """
    connection, _ = _of(session)
    row_id: int = connection.execute(_insert(model), {**defaults(model), **values}).inserted_primary_key[0]
    return row_id


@cache
def defaults(model: type[SQLModel]) -> Mapping[str, Any]:
    """Return what the columns of a model hold where nothing is said, but its id."""
    optional = {name: one for name, one in model.model_fields.items() if name != "id" and not one.is_required()}
    return MappingProxyType({name: one.get_default(call_default_factory=True) for name, one in optional.items()})


@cache
def _insert(model: type[SQLModel]) -> Insert:
    return insert(table_of(model))


def _of(session: Session) -> tuple[Any, str]:
    session.flush()
    connection = session.connection()
    return connection, "%s" if connection.dialect.paramstyle in ("format", "pyformat") else "?"
