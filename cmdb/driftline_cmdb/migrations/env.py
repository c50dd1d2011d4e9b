"""Alembic's environment: one set of migrations for SQLite and PostgreSQL.

A migration is one transaction on both engines, and only one process migrates a database at a time; the others wait and
then find nothing left to do. Logging is left as it is.
"""

from sqlite3 import Connection as SqliteConnection
from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlmodel.sql.sqltypes import AutoString

from driftline_cmdb.tables import metadata

#: Any number that no other advisory lock of this database uses.
_MIGRATION_LOCK = 0x6472696674


def _engine(url: str) -> Engine:
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name != "sqlite":
        return engine

    # The driver would begin no transaction before DDL, so that a crash left half a migration. Foreign keys stay off
    # (the default), because a table is changed by copying it.
    @event.listens_for(engine, "connect")
    def on_connect(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        for pragma in ("busy_timeout=60000", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _render(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


def _run(url: str) -> None:
    with _engine(url).connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            render_item=_render,
            compare_type=True,
            transactional_ddl=True,
        )
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            context.run_migrations()


_url = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
if _url is None:
    raise SystemExit("alembic: name the database with -x url=sqlite:///...")
_run(_url)
