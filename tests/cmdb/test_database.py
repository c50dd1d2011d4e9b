"""Database.read and Database.write behave alike on both engines."""

import multiprocessing
from pathlib import Path

import pytest
from sqlalchemy import func, text
from sqlmodel import Session, select
from tests.support import postgresql

from driftline_cmdb.database import Database
from driftline_cmdb.errors import Unavailable
from driftline_cmdb.tables.cis import Ci


def ci(number: int) -> Ci:
    return Ci(uid=f"uid-{number}", name=f"host-{number}", first_seen_ms=1, last_seen_ms=1)


def count(session: Session) -> int:
    return session.exec(select(func.count()).select_from(Ci)).one()


def test_a_write_is_there_afterwards(database: Database) -> None:
    with database.write() as session:
        session.add(ci(1))
    with database.read() as session:
        assert [found.name for found in session.exec(select(Ci))] == ["host-1"]


def test_an_exception_rolls_a_write_back(database: Database) -> None:
    class Stop(Exception):
        pass

    with pytest.raises(Stop), database.write() as session:
        session.add(ci(1))
        session.flush()
        assert count(session) == 1
        raise Stop
    with database.read() as session:
        assert count(session) == 0


def test_what_a_read_changes_is_rolled_back(database: Database) -> None:
    with database.read() as session:
        session.add(ci(1))
        session.flush()
    with database.read() as session:
        assert count(session) == 0


def test_a_read_sees_one_state(database: Database) -> None:
    with database.read() as session:
        assert count(session) == 0
        with database.write() as other:
            other.add(ci(1))
        assert count(session) == 0
    with database.read() as session:
        assert count(session) == 1


def test_foreign_keys_hold(database: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"), database.write() as session:
        session.connection().execute(text("INSERT INTO due (ci_id, since_ms, whole) VALUES (12345, 1, false)"))


def test_rows_are_usable_after_the_block(database: Database) -> None:
    with database.write() as session:
        row = ci(1)
        session.add(row)
    assert (row.id, row.name) == (1, "host-1")


def write_after_reading(url: str, first: int) -> None:
    """Read, then write, twenty times: what a deferred SQLite transaction fails at beside another writer."""
    database = Database(url)
    for number in range(first, first + 20):
        with database.write() as session:
            before = count(session)
            session.add(ci(number))
            session.flush()
            assert count(session) >= before + 1
    database.close()


def test_two_writing_processes_both_succeed(database_url: str, database: Database) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(write_after_reading, [(database_url, 0), (database_url, 1000)], chunksize=1)
    with database.read() as session:
        assert count(session) == 40


def test_a_missing_postgresql_fails_and_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run `make test-tools`, or install the package postgresql"):
        postgresql.programs(tmp_path, str(tmp_path))


def test_the_newest_postgresql_is_taken(tmp_path: Path) -> None:
    for version in ("9", "15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    assert postgresql.programs(tmp_path) == tmp_path / "17" / "bin"


def test_no_database_is_a_clear_error(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/no-such-folder/driftline.db")
    with pytest.raises(Unavailable, match="the database did not answer"), database.read() as session:
        count(session)
    database.close()
