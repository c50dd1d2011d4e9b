"""Alembic's environment: one set of migrations for SQLite and PostgreSQL."""

from alembic import context
from sqlalchemy import create_engine

from driftline_cmdb.tables import metadata

_url = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
if _url is None:
    raise SystemExit("alembic: name the database with -x url=sqlite:///...")

with create_engine(_url).connect() as _connection:
    context.configure(connection=_connection, target_metadata=metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
    _connection.commit()
