"""Fixtures for the tests of every room.

`database` gives a migrated, empty database, once on SQLite and once on a real PostgreSQL; `database_url` the same by
its URL, for what runs in other processes; `bare_database_url` one without any table.
"""

import itertools
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.support import postgresql

from driftline_cmdb.database import Database, migrate


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Take back what a command under test did to the root logger: its streams are gone when the test is."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level


ENGINES = ("sqlite", "postgresql")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A PostgreSQL server for the whole run."""
    with postgresql.serve() as server:
        yield server


@pytest.fixture(scope="session")
def _postgresql_template(postgresql_server: postgresql.Server) -> str:
    migrate(postgresql_server.create("driftline_migrated"))
    return "driftline_migrated"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "migrated.db"
    migrate(f"sqlite:///{path}")
    return path


@contextmanager
def _postgresql_database(request: pytest.FixtureRequest, template: str) -> Iterator[str]:
    server: postgresql.Server = request.getfixturevalue("postgresql_server")
    name = f"test_{next(_numbers)}"
    yield server.create(name, template)
    server.drop(name)


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database of this test's own, migrated and empty."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "driftline.db")
        yield f"sqlite:///{tmp_path / 'driftline.db'}"
    else:
        with _postgresql_database(request, request.getfixturevalue("_postgresql_template")) as url:
            yield url


@pytest.fixture(params=ENGINES)
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database of this test's own without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bare.db'}"
    else:
        with _postgresql_database(request, "template1") as url:
            yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database of this test's own, migrated and empty."""
    database = Database(database_url)
    yield database
    database.close()


# A slow machine is no failure: nothing here is timed.
settings.register_profile("driftline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("driftline")
