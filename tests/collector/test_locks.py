"""Row locks of PostgreSQL: the commit and the assessment of one CI may meet, and neither may be a deadlock's victim."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import select
from tests.collector.harness import Agent, packages
from tests.support import postgresql

from driftline_cmdb.tables.elements import Assessment, Due
from driftline_cmdb.tables.sources import Source
from driftline_collector.collector import Collector


@pytest.fixture
def record_url(postgresql_server: postgresql.Server) -> Iterator[str]:
    """PostgreSQL only: SQLite has one write lock and no rows' locks."""
    yield postgresql_server.create("locks")
    postgresql_server.drop("locks")


def test_a_commit_that_waits_for_an_assessment_does_not_hold_it_up(collector: Collector, agent: Agent) -> None:
    collector.assessor.stop(10)
    agent.submit(packages(("openssl", "1")))
    with ThreadPoolExecutor(1) as pool:
        with collector.database.write() as session:
            session.delete(session.exec(select(Due)).one())  # as an assessment begins
            session.flush()
            commit = pool.submit(agent.submit, packages(("openssl", "2")))
            postgresql.wait_until_waiting(collector.database)
            source_id = session.exec(select(Source.id).where(Source.kind == "agent")).one()
            session.add(Assessment(source_id=source_id, revision_id=1, assessed_ms=1))  # as it goes on
            session.flush()
        commit.result(30)
    with collector.database.read() as session:
        assert len(session.exec(select(Due)).all()) == 1
