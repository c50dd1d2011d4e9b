"""Leases of devices: who gets which, who takes over, who is refused."""

import threading

import pytest
from sqlmodel import col, select
from tests.support.leases import CALL_S, SITE, Site, target

from driftline.v1 import collector_pb2 as pb
from driftline_cmdb import sources
from driftline_cmdb.database import Database
from driftline_cmdb.devices import allowing, leasing, sharing, targets
from driftline_cmdb.devices.targets import Reading, Target
from driftline_cmdb.errors import Conflict, Fenced, Forked, Invalid, NotFound, Refused, Rejected
from driftline_cmdb.identity import dividing, retiring
from driftline_cmdb.record import find_ci
from driftline_cmdb.reports import Committed, Ingest
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.devices import Device
from driftline_cmdb.tables.sources import DEVICE, Source

SW1, SW2, SW3 = "192.0.2.1", "192.0.2.2", "192.0.2.3"
CORE = {"core": "192.0.2.0/24"}


@pytest.fixture
def site(database: Database) -> Site:
    site = Site(database)
    for name in ("col1", "col2"):
        site.agent(name)
    return site


def hand_out(site: Site, *addresses: str, credential: str = "core", ci: str | None = None) -> None:
    with site.database.write() as session:
        for address in addresses:
            where = Target("snmp", address, 161)
            named = find_ci(session, ci) if ci else None
            targets.hand_out(session, SITE, where, Reading(600, credential), named, "alice", site.now)


def agent(site: Site, name: str) -> Source:
    with site.database.read() as session:
        return session.get_one(Source, site.agents[name])


def test_first_come_keeps_a_device_as_long_as_it_calls(site: Site) -> None:
    held = site.ask("col1", SW1)
    assert held[SW1].generation == 1
    assert held[SW1].interval_s == 300
    assert held[SW1].credential == ""  # its own file says it
    reply = site.lease("col2", site.request(SW1))
    assert not reply.leases
    assert [(one.target, one.reason) for one in reply.refused] == [(target(SW1), "held by agent col1")]
    for _ in range(5):
        site.wait(CALL_S)
        assert site.ask("col1", SW1) == held
        assert not site.ask("col2", SW1)
    source = site.source(held[SW1].source_id)
    assert (source.kind, source.lease_agent_id) == (DEVICE, site.agents["col1"])


def test_who_falls_silent_is_taken_over_by_a_new_generation_and_its_reports_are_refused(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    assert isinstance(site.report("col1", lease, pb.HostClaims(hostname="sw1")), Committed)
    site.ask("col2", SW1)
    site.wait(CALL_S * 3 + 1)
    taken = site.ask("col2", SW1)[SW1]
    assert (taken.source_id, taken.generation) == (lease.source_id, 2)
    # In the other's epoch's place at once: there is no wait for who holds the lease.
    assert isinstance(site.report("col2", taken), Committed)
    late = site.report("col1", lease)
    assert isinstance(late, Fenced)
    assert "another agent holds it" in str(late)
    assert late.hints == {"driftline-lease": "lost"}
    assert not site.ask("col1", SW1)
    with site.database.read() as session:
        assert not session.exec(select(Finding)).all()  # that another one reads it is no clone
    # A lease of its own again is another generation; with the one before nothing is taken, although it is the holder.
    site.wait(CALL_S * 3 + 1)
    again = site.ask("col1", SW1)[SW1]
    assert again.generation == 3
    stale = site.report("col1", lease)
    assert isinstance(stale, Fenced)
    assert "generation 1" in str(stale)
    assert "it is 3 now" in str(stale)
    assert isinstance(site.report("col1", again), Committed)


def test_nothing_of_a_refused_report_is_kept(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    before = site.source(lease.source_id)
    assert isinstance(site.report("col2", lease, pb.HostClaims(hostname="evil")), Fenced)
    after = site.source(lease.source_id)
    assert after == before
    with site.database.read() as session:
        assert not session.exec(select(Ci)).all()


def test_an_agent_that_reports_for_a_host_is_no_speaker_for_it(site: Site) -> None:
    lease = pb.DeviceLease(source_id="uid-of-col2", generation=0)
    refused = site.report("col1", lease)
    assert isinstance(refused, Fenced)
    assert "is no device" in str(refused)


def test_a_device_is_given_back_and_taken_by_the_next_one(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    assert not site.ask("col1", SW1, released=(lease.source_id,))
    assert site.ask("col2", SW1)[SW1].generation == 2


def test_what_a_file_names_no_more_is_given_back(site: Site) -> None:
    assert set(site.ask("col1", SW1, SW2)) == {SW1, SW2}
    assert set(site.ask("col1", SW2)) == {SW2}
    assert set(site.ask("col2", SW1)) == {SW1}


def test_the_same_offers_and_leases_need_not_be_said_again(site: Site) -> None:
    reply = site.lease("col1", site.request(SW1, SW2))
    short = pb.LeaseDevicesRequest(site=SITE, same_offers=True, known=reply.fingerprint)
    again = site.lease("col1", short)
    assert again.same
    assert not again.leases
    assert again.fingerprint == reply.fingerprint
    assert again.call_after_s == CALL_S
    site.wait(CALL_S * 3 + 1)
    site.ask("col2", SW1)
    changed = site.lease("col1", short)
    assert not changed.same
    assert [one.target.address for one in changed.leases] == [SW2]
    assert [one.target.address for one in changed.refused] == [SW1]


def test_offers_that_are_not_known_are_asked_for(site: Site) -> None:
    with pytest.raises(Rejected, match="send all of them"):
        site.lease("col1", pb.LeaseDevicesRequest(site=SITE, same_offers=True))


def test_one_address_is_one_device_however_it_is_written(site: Site) -> None:
    lease = site.ask("col1", "2001:db8::1")["2001:db8::1"]
    site.wait(CALL_S * 3 + 1)
    assert site.ask("col2", "2001:0DB8:0:0::1")["2001:db8::1"].source_id == lease.source_id
    with pytest.raises(Invalid, match=r"devices\[0\]\.address"):
        site.ask("col1", "sw1.example")
    with pytest.raises(Invalid, match=r"devices\[0\]\.interval_s"):
        site.ask("col1", SW1, interval_s=1)


def test_only_who_was_allowed_gets_leases(site: Site) -> None:
    site.agent("col3", site=None)
    with pytest.raises(Refused, match="driftline device allow uid-of-col3 --site fra1"):
        site.ask("col3", SW1)
    with pytest.raises(Refused, match="ham1"):
        site.ask("col1", SW1, site="ham1")
    with site.database.write() as session:
        with pytest.raises(Conflict):
            allowing.allow(session, session.get_one(Source, site.agents["col1"]), SITE, "alice", "x", site.now)
        with pytest.raises(Invalid, match="reason"):
            allowing.allow(session, session.get_one(Source, site.agents["col3"]), SITE, "alice", " ", site.now)


def test_who_is_forbidden_loses_its_devices_at_once(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    with site.database.write() as session:
        assert allowing.forbid(session, agent(site, "col1"), SITE, "bob", "moved", site.now) == 1
        with pytest.raises(NotFound):
            allowing.forbid(session, agent(site, "col1"), SITE, "bob", "moved", site.now)
    assert isinstance(site.report("col1", lease), Fenced)
    assert site.ask("col2", SW1)[SW1].generation == 2
    with site.database.read() as session:
        told = session.exec(select(AuditEntry).where(col(AuditEntry.action).startswith("device."))).all()
    assert [one.action for one in told] == ["device.allowed", "device.allowed", "device.forbidden"]


@pytest.mark.parametrize("how", ["quarantined", "retired", "revoked", "its CI retired"])
def test_an_agent_that_may_not_report_loses_its_devices_at_once(site: Site, how: str) -> None:
    lease = site.ask("col1", SW1)[SW1]
    if how == "quarantined":
        (result,) = Ingest(site.database).commit([site.fork("col1")])
        assert isinstance(result, Forked)
    with site.database.write() as session:
        source = session.get_one(Source, site.agents["col1"])
        if how == "quarantined":
            with pytest.raises(Refused, match="quarantined"):
                leasing.lease(session, source.id, site.request(SW1), site.now, CALL_S)
        elif how == "retired":
            dividing.retire(session, source, "bob", "x", site.now)
        elif how == "revoked":
            sources.revoke_certificates(session, source, "bob", "x", site.now)
        else:
            ci = Ci(uid="ci", name="col1", first_seen_ms=1, last_seen_ms=1)
            session.add(ci)
            session.flush()
            from driftline_cmdb.identity import bindings

            bindings.bind(session, source.id, ci.id, "x", site.now)
            retiring.retire(session, ci, "bob", "x", site.now)
    assert site.source(lease.source_id).lease_agent_id is None
    assert site.ask("col2", SW1)[SW1].generation == 2


def test_handed_out_devices_go_to_who_has_the_credential_and_may_use_it_there(site: Site) -> None:
    hand_out(site, SW1, "198.51.100.1")
    hand_out(site, SW2, credential="other")
    assert not site.ask("col1", credentials=CORE)  # takes none
    held = site.ask("col1", credentials=CORE, takes_more=True)
    assert set(held) == {SW1}
    assert (held[SW1].credential, held[SW1].interval_s) == ("core", 600)
    # Its credential no longer may be used there: it is given back.
    assert not site.ask("col1", credentials={"core": "198.51.100.128/25"}, takes_more=True)
    with site.database.write() as session:
        targets.remove(session, targets.find(session, SW1), "alice", "gone", site.now)
        with pytest.raises(Conflict):
            targets.remove(session, targets.find(session, SW1), "alice", "gone", site.now)
    assert not site.ask("col1", credentials=CORE, takes_more=True)


def test_a_handed_out_device_is_taken_over_only_by_who_reaches_it(site: Site) -> None:
    site.agent("far", site="ham1")
    hand_out(site, SW1)
    lease = site.ask("col1", credentials=CORE, takes_more=True)[SW1]
    site.wait(CALL_S * 3 + 1)
    assert not site.ask("far", site="ham1", credentials=CORE, takes_more=True)
    assert not site.ask("col2", credentials={"core": "10.0.0.0/8"}, takes_more=True)
    assert site.ask("col2", credentials=CORE, takes_more=True)[SW1].generation == lease.generation + 1


def test_handed_out_devices_are_spread_evenly_and_a_newcomer_gets_its_share(site: Site) -> None:
    for name in ("col1", "col2"):
        assert not site.ask(name, credentials=CORE, takes_more=True)
    hand_out(site, *(f"192.0.2.{number}" for number in range(1, 31)))
    counts = [len(site.ask(name, credentials=CORE, takes_more=True)) for name in ("col1", "col2")]
    assert counts == [15, 15]
    site.agent("col3")
    for _ in range(3):
        site.wait(CALL_S)
        counts = [len(site.ask(name, credentials=CORE, takes_more=True)) for name in ("col1", "col2", "col3")]
    assert counts == [10, 10, 10]


def test_shares_are_even_and_settled() -> None:
    free = [{1, 2}] * 5 + [{2}] * 3
    mine = sharing.takes(1, free, {1: 0, 2: 1})
    others = sharing.takes(2, free, {1: 0, 2: 1})
    assert sorted(mine + others) == list(range(8))
    assert not sharing.gives_back(1, [{1, 2}] * 11, {1: 11, 2: 10})
    assert len(sharing.gives_back(1, [{1, 2}] * 20, {1: 20, 2: 0})) == 10
    assert not sharing.gives_back(1, [{1}] * 20, {1: 20, 2: 0})


def test_problems_are_kept_while_they_last(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    problem = pb.DeviceProblem(source_id=lease.source_id, reason="no answer", since_ms=site.now, answered_ms=5_000)
    site.ask("col1", SW1, problems=(problem,))
    site.ask("col2", SW1, problems=(pb.DeviceProblem(source_id=lease.source_id, reason="not mine"),))

    def kept() -> tuple[str, int | None, int | None]:
        with site.database.read() as session:
            row = session.exec(select(Device)).one()
            return row.problem, row.problem_since_ms, row.answered_ms

    assert kept() == ("no answer", site.now, 5_000)
    over = pb.DeviceProblem(source_id=lease.source_id, answered_ms=site.now)
    site.ask("col1", SW1, problems=(over,))
    assert kept() == ("", None, site.now)


def test_a_reading_is_asked_for_until_the_device_was_heard(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    with site.database.write() as session:
        targets.ask_read(session, targets.find(session, SW1), "alice", site.now)
    for _ in range(2):  # a reply may be lost
        assert list(site.lease("col1", site.request(SW1)).read_now) == [lease.source_id]
    site.wait(1)
    site.report("col1", lease)
    assert not site.lease("col1", site.request(SW1)).read_now


def test_an_agent_that_moves_to_another_site_keeps_nothing_of_the_first(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    with site.database.write() as session:
        allowing.allow(session, agent(site, "col1"), "ham1", "alice", "moved", site.now)
    moved = site.ask("col1", SW1, site="ham1")[SW1]
    assert moved.source_id != lease.source_id  # the same address elsewhere is another device
    assert set(site.ask("col2", SW1)) == {SW1}


@pytest.mark.parametrize("handed_out", [False, True])
def test_at_once_two_collectors_give_each_device_to_one(site: Site, handed_out: bool) -> None:
    addresses = [f"192.0.2.{number}" for number in range(1, 41)]
    if handed_out:
        hand_out(site, *addresses)
    offered = () if handed_out else tuple(addresses)
    other = Site(Database(site.database.url), site.now, site.agents)
    for _ in range(4):
        replies: dict[str, dict[str, pb.DeviceLease]] = {}
        start = threading.Barrier(2)

        def call(at: Site, name: str) -> None:
            request = at.request(*offered, credentials=CORE, takes_more=handed_out)
            start.wait(10)  # noqa: B023  # both threads end within the round
            reply = at.lease(name, request)
            replies[name] = {one.target.address: one for one in reply.leases}  # noqa: B023  # as above

        threads = [threading.Thread(target=call, args=(at, name)) for at, name in ((site, "col1"), (other, "col2"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not set(replies["col1"]) & set(replies["col2"])
        with site.database.read() as session:
            held = session.exec(select(Source).where(col(Source.lease_agent_id).is_not(None))).all()
        for name, leases in replies.items():
            now = {one.uid: one.lease_generation for one in held if one.lease_agent_id == site.agents[name]}
            assert {one.source_id: one.generation for one in leases.values()} == now
        with site.database.write() as session:  # all are free again, both want them
            for one in session.exec(select(Source).where(Source.kind == DEVICE)):
                one.lease_agent_id = None
                session.add(one)
    other.database.close()
