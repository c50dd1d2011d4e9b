"""The database: engines for SQLite and PostgreSQL, transactions, migrations.

Every writing SQLite transaction begins IMMEDIATE: a deferred one that reads first and writes later fails beside another
writer. A commit is durable (WAL with synchronous=FULL), because receipts rest on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from driftline_cmdb.errors import Unavailable

_WRITES = "driftline_writes"


class Database:
    """One database, shared by the threads of a process."""

    def __init__(self, url: str) -> None:
        """Prepare the engine; nothing is opened yet.

        :param url: SQLAlchemy's form: ``sqlite:////var/lib/driftline/driftline.db``, ``postgresql+psycopg://...``.
        """
        self.url = url
        self.engine = _sqlite_engine(url) if is_sqlite(url) else create_engine(url, pool_size=8, pool_pre_ping=True)
        self._writing = self.engine.execution_options(**{_WRITES: True})
        # SQLite's readers see one state by themselves; PostgreSQL's would see another one in each statement.
        options = {} if is_sqlite(url) else {"isolation_level": "REPEATABLE READ"}
        self._reading = self.engine.execution_options(**options)

    @property
    def is_sqlite(self) -> bool:
        """True for the embedded engine."""
        return is_sqlite(self.url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one consistent view of the data; what it changes is rolled back."""
        with _translated(), Session(self._reading, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are committed at the end of the block, or, on an exception, not at all."""
        with _translated(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def is_sqlite(url: str) -> bool:
    """Tell whether a URL names the embedded engine."""
    return make_url(url).get_backend_name() == "sqlite"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(f"the database did not answer: {error.orig}; try again") from error


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def on_connect(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # SQLAlchemy's begin event below says when a transaction starts
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def alembic_config(url: str) -> Config:
    """Return Alembic's configuration for a database."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    """Bring a database's tables to this version, creating what is missing."""
    command.upgrade(alembic_config(url), "head")
