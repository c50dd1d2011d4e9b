"""Leases and reports at once, in real threads. PostgreSQL only: SQLite has one writer at a time."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import select
from tests.support import postgresql
from tests.support.leases import CALL_S, SITE, Site

from driftline.v1 import collector_pb2 as pb
from driftline_cmdb.database import Database
from driftline_cmdb.devices import allowing, fencing, leasing
from driftline_cmdb.errors import CmdbError, Fenced, Forked, Refused
from driftline_cmdb.identity import dividing, retiring
from driftline_cmdb.record import find_ci
from driftline_cmdb.reports import Committed, Ingest
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.sources import Source

SW1, SW2 = "192.0.2.1", "192.0.2.2"
OVER_S = CALL_S * leasing.CALLS + 1


@pytest.fixture
def site(postgresql_server: postgresql.Server, _postgresql_template: str) -> Iterator[Site]:
    """Two agents; the device that the first one reads was on record before it joined."""
    database = Database(postgresql_server.create("lease_races", _postgresql_template))
    site = Site(database)
    site.agent("col0")
    site.ask("col0", SW1, released=())
    for name in ("col1", "col2"):
        site.agent(name)
    site.wait(OVER_S)
    yield site
    database.close()
    postgresql_server.drop("lease_races")


def row(site: Site, lease: pb.DeviceLease) -> Source:
    return site.source(lease.source_id)


def test_a_report_that_waits_for_a_takeover_is_refused(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    assert isinstance(site.report("col1", lease), Committed)
    site.wait(OVER_S)
    with ThreadPoolExecutor(1) as pool:
        with site.database.write() as session:
            leasing.lease(session, site.agents["col2"], site.request(SW1), site.now, CALL_S)
            report = pool.submit(site.report, "col1", lease)
            postgresql.wait_until_waiting(site.database)
        assert isinstance(report.result(30), Fenced)
    now = row(site, lease)
    assert (now.lease_generation, now.lease_agent_id) == (lease.generation + 1, site.agents["col2"])
    assert now.epoch == f"epoch-col1-{lease.generation}"


def test_a_takeover_waits_for_a_report_and_nothing_stale_comes_after_it(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    assert isinstance(site.report("col1", lease, pb.HostClaims(hostname="sw1")), Committed)
    site.wait(OVER_S)
    with ThreadPoolExecutor(2) as pool:
        with site.database.write() as session:
            session.exec(select(Ci).with_for_update()).all()
            report = pool.submit(site.report, "col1", lease)
            postgresql.wait_until_waiting(site.database)  # its commit has the device's row, and waits for its CI
            takeover = pool.submit(site.ask, "col2", SW1)
        assert isinstance(report.result(30), Committed)
        taken = takeover.result(30)[SW1]
    assert taken.generation == lease.generation + 1
    assert isinstance(site.report("col2", taken), Committed)
    assert isinstance(site.report("col1", lease), Fenced)
    assert row(site, lease).epoch == f"epoch-col2-{taken.generation}"


def test_takeovers_back_and_forth_while_both_report_all_the_time(site: Site) -> None:
    """A report is refused that begins after the new generation is known; who holds the lease is never refused."""
    names = ("col1", "col2")
    holder, lease = names[0], site.ask(names[0], SW1)[SW1]
    site.report(holder, lease)
    for _ in range(4):
        other = names[1 - names.index(holder)]
        known, stop = threading.Event(), threading.Event()
        late: list[Committed | CmdbError] = []

        def go_on(name: str, old: pb.DeviceLease, known: threading.Event, stop: threading.Event, late: list) -> None:  # type: ignore[type-arg]
            while not stop.is_set():
                begun_late = known.is_set()
                result = site.report(name, old)
                if begun_late:
                    late.append(result)

        thread = threading.Thread(target=go_on, args=(holder, lease, known, stop, late))
        thread.start()
        site.wait(OVER_S)
        taken = site.ask(other, SW1)[SW1]
        known.set()
        results = [site.report(other, taken) for _ in range(5)]
        while not late:
            stop.wait(0.01)
        stop.set()
        thread.join(30)
        assert taken.generation == lease.generation + 1
        assert all(isinstance(one, Committed) for one in results)
        assert all(isinstance(one, Fenced) for one in late)
        assert row(site, lease).epoch == f"epoch-{other}-{taken.generation}"
        holder, lease = other, taken


def test_a_clone_is_quarantined_while_reports_of_its_devices_are_committed(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    forked, me = site.fork("col1"), site.agents["col1"]
    device = row(site, lease).id
    assert device < me  # another collector's commit locks the device first, then the agent
    with ThreadPoolExecutor(1) as pool:
        with site.database.write() as session:
            fencing.lock(session, [device])
            commit = pool.submit(Ingest(site.database).commit, [forked])
            postgresql.wait_until_waiting(site.database)
            fencing.lock(session, [device, me])
        (result,) = commit.result(30)
    assert isinstance(result, Forked)
    assert row(site, lease).lease_agent_id is None
    with pytest.raises(Refused, match="quarantined"):
        site.ask("col1", SW1)
    assert site.ask("col2", SW1)[SW1].generation == lease.generation + 1


@pytest.mark.parametrize("how", ["agent retired", "its CI retired"])
def test_a_decision_on_an_agent_while_it_and_its_devices_report(site: Site, how: str) -> None:
    lease = site.ask("col1", SW1)[SW1]
    site.fork("col1")
    device, me = row(site, lease).id, site.agents["col1"]

    def decide() -> None:
        with site.database.write() as session:
            if how == "agent retired":
                dividing.retire(session, session.get_one(Source, me), "bob", "x", site.now)
            else:
                retiring.retire(session, find_ci(session, "col1"), "bob", "x", site.now)

    with ThreadPoolExecutor(1) as pool:
        with site.database.write() as session:
            fencing.lock(session, [device])  # as a commit of reports goes on
            decision = pool.submit(decide)
            postgresql.wait_until_waiting(site.database)
            fencing.lock(session, [device, me])
            ci = find_ci(session, "col1")
            ci.last_seen_ms = site.now
            session.add(ci)
        decision.result(30)
    assert row(site, lease).lease_agent_id is None


def test_agents_that_change_sites_with_each_other(site: Site) -> None:
    with site.database.write() as session:
        for name in ("col1", "col2"):
            allowing.allow(session, session.get_one(Source, site.agents[name]), "ham1", "alice", "both", site.now)
    start = threading.Barrier(2)

    def move(name: str, first: str, second: str) -> None:
        for number in range(8):
            start.wait(30)
            site.ask(name, SW1, SW2, site=(first, second)[number % 2])  # raises Unavailable where the two block

    with ThreadPoolExecutor(2) as pool:
        for moving in [pool.submit(move, "col1", SITE, "ham1"), pool.submit(move, "col2", "ham1", SITE)]:
            moving.result(60)
