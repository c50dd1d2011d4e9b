"""migrate() makes exactly the tables that the code declares, on both engines."""

import multiprocessing
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from driftline_cmdb.database import Database, alembic_config, migrate
from driftline_cmdb.tables import metadata


def differences(url: str) -> list[object]:
    """Return what `alembic check` would complain about."""
    database = Database(url)
    try:
        with database.engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))
    finally:
        database.close()


def test_it_creates_exactly_the_declared_tables(bare_database_url: str) -> None:
    migrate(bare_database_url)
    assert differences(bare_database_url) == []


def test_a_missing_column_would_be_noticed(bare_database_url: str) -> None:
    migrate(bare_database_url)
    database = Database(bare_database_url)
    with database.write() as session:
        session.connection().execute(text("ALTER TABLE ci DROP COLUMN location"))
    database.close()
    assert [change[0] for change in differences(bare_database_url)] == ["add_column"]  # type: ignore[index]


def test_migrating_again_changes_nothing(bare_database_url: str) -> None:
    migrate(bare_database_url)
    migrate(bare_database_url)
    assert differences(bare_database_url) == []


def test_two_processes_may_migrate_at_the_same_time(bare_database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        pool.map(migrate, [bare_database_url] * 2, chunksize=1)
    assert differences(bare_database_url) == []


def test_partial_indexes_are_partial(database: Database) -> None:
    declared = {
        index.name: str(index.dialect_options["sqlite"]["where"])
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    assert declared, "the schema rests on partial indexes; this test must see them"
    key = "sqlite_where" if database.is_sqlite else "postgresql_where"
    with database.engine.connect() as connection:
        inspector = inspect(connection)
        created = {
            index["name"]: str(index["dialect_options"][key]).strip("()")
            for table in metadata.tables
            for index in inspector.get_indexes(table)
            if key in index.get("dialect_options", {})
        }
    assert created == declared


def test_a_partial_index_says_the_same_to_both_engines() -> None:
    for table in metadata.tables.values():
        for index in table.indexes:
            one, other = (index.dialect_options[name]["where"] for name in ("sqlite", "postgresql"))
            assert str(one) == str(other), index.name


def test_migrations_form_one_line_and_can_be_taken_back(bare_database_url: str) -> None:
    config = alembic_config(bare_database_url)
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1
    from alembic import command

    migrate(bare_database_url)
    command.downgrade(config, "base")
    database = Database(bare_database_url)
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    database.close()
    migrate(bare_database_url)
    assert differences(bare_database_url) == []


@pytest.mark.parametrize("statement", ["from driftline_cmdb.database import migrate", "import driftline_cmdb.tables"])
def test_importing_leaves_logging_alone(statement: str) -> None:
    code = f"{statement}\nimport logging\nassert not logging.root.handlers and logging.root.level == logging.WARNING"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_migrating_says_nothing_and_leaves_logging_alone(bare_database_url: str) -> None:
    code = (
        "import logging, sys; from driftline_cmdb.database import migrate; migrate(sys.argv[1])\n"
        "assert not logging.root.handlers and logging.root.level == logging.WARNING"
    )
    command = [sys.executable, "-W", "error", "-c", code, bare_database_url]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
