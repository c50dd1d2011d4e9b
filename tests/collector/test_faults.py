"""Disks that are full, databases that are away, collectors that are killed."""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from sqlite3 import Connection

import grpc
import pytest
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import col, func, select
from tests.collector.harness import Agent, agent_of, packages, refused
from tests.collector.process import Process

from driftline.v1 import collector_pb2 as pb
from driftline_cmdb import sources
from driftline_cmdb.database import Database
from driftline_cmdb.tables.elements import Holding, Revision
from driftline_cmdb.tables.sources import Source
from driftline_collector.collector import Collector

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
MANY = tuple((f"package{number}", "1.0") for number in range(2000))


def holdings(database: Database) -> int:
    with database.read() as session:
        query = select(func.count()).select_from(Holding).join(Source, col(Source.id) == col(Holding.source_id))
        return session.exec(query.where(Source.kind == "agent")).one()


def test_a_database_that_is_away_is_unavailable_and_heals(
    collector: Collector, agent: Agent, database_away: Callable[[], AbstractContextManager[None]]
) -> None:
    agent.submit(packages(("openssl", "1")))
    request = agent.submit_request(packages(("openssl", "2")))
    with database_away():
        with refused(UNAVAILABLE, "the database did not answer; try again"):
            agent.send("Submit", request)
        with refused(UNAVAILABLE, "database", "try again"):
            agent.renew()
    agent.received(agent.send("Submit", request).receipt)
    assert holdings(collector.database) == 2


def test_a_disk_that_fills_in_the_middle_leaves_nothing_behind(collector: Collector) -> None:
    first, second = agent_of(collector, "web1"), agent_of(collector, "web2")
    first.submit(packages(*MANY))
    request = second.submit_request(packages(*MANY))
    room = 3  # pages, of the dozens that two thousand holdings take

    def limit(connection: Connection, _entry: ConnectionPoolEntry) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + room}")

    collector.database.close()
    event.listen(collector.database.engine, "connect", limit)
    with refused(UNAVAILABLE, "database", "try again"):
        second.send("Submit", request)
    event.remove(collector.database.engine, "connect", limit)
    collector.database.close()
    assert holdings(collector.database) == len(MANY)
    with collector.database.read() as session:
        source = sources.find(session, second.uid)
        assert (source.epoch, source.sequence, source.continuation) == (None, 0, None)
    second.received(second.send("Submit", request).receipt)
    assert holdings(collector.database) == 2 * len(MANY)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path)
    process.start()
    yield process
    process.close()


class Fleet:
    """Agents that submit one change after the other, each repeated until it has its receipt."""

    def __init__(self, agents: list[Agent]) -> None:
        self.agents = agents
        self.receipts = 0
        self._changed = threading.Condition()

    def run(self, agent: Agent, until: int) -> None:
        while agent.sequence < until:
            number = agent.sequence + 1
            request = agent.submit_request(packages(("counter", str(number)), *MANY[:50]))
            agent.received(self._send(agent, request).receipt)
            with self._changed:
                self.receipts += 1
                self._changed.notify_all()

    def _send(self, agent: Agent, request: pb.SubmitRequest) -> pb.SubmitReply:
        while True:
            try:
                return agent.send("Submit", request)
            except grpc.RpcError as error:
                assert error.code() is UNAVAILABLE, error
                threading.Event().wait(0.05)

    def wait_for_receipts(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.receipts >= count, 120)


def test_kill_9_loses_nothing_receipted_and_doubles_nothing(process: Process) -> None:
    agents = [process.agent(f"host{number}") for number in range(4)]
    fleet = Fleet(agents)
    reports = 30
    with ThreadPoolExecutor(len(agents)) as pool:
        runs = [pool.submit(fleet.run, agent, reports) for agent in agents]
        for receipts in (20, 50, 80):
            fleet.wait_for_receipts(receipts)
            process.end(signal.SIGKILL)
            process.start()
            for agent in agents:
                agent.report_port = process.ports["report"]
        for run in runs:
            run.result(120)
    assert process.end(signal.SIGTERM) == 0
    database = Database(process.url)
    try:
        check_record(database, agents, reports)
    finally:
        database.close()


def check_record(database: Database, agents: list[Agent], reports: int) -> None:
    """Each report is there once; the open holding is the last one's; the chain of holdings has no gap."""
    with database.read() as session:
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert not session.connection().exec_driver_sql("PRAGMA foreign_key_check").all()
        for agent in agents:
            source = sources.find(session, agent.uid)
            assert (source.sequence, source.continuation) == (reports, agent.continuation)
            revisions = session.exec(
                select(Revision).where(Revision.source_id == source.id).order_by(col(Revision.id))
            ).all()
            assert [row.sequence for row in revisions] == list(range(1, reports + 1))
            assert [row.added for row in revisions] == [51] + [1] * (reports - 1)
            assert [row.removed for row in revisions] == [0] + [1] * (reports - 1)
            held = select(Holding).where(Holding.source_id == source.id)
            assert len(session.exec(held.where(col(Holding.until_revision).is_(None))).all()) == 51
            assert len(session.exec(held).all()) == 50 + reports
    database.close()
