"""Statements past SQLAlchemy's expressions, whose making costs several times the look into an index itself."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session


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


def _of(session: Session) -> tuple[Any, str]:
    session.flush()
    connection = session.connection()
    return connection, "%s" if connection.dialect.paramstyle in ("format", "pyformat") else "?"
