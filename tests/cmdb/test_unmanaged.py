"""Devices on the network that are not on record: proposed, taken, rejected, ignored. On SQLite and PostgreSQL."""

import pytest
from sqlmodel import select
from tests.support.cabling import MINUTE, Cabling

from driftline.v1 import collector_pb2 as pb
from driftline_baseline.unmanaged import Glimpse, together
from driftline_cmdb import record
from driftline_cmdb.database import Database
from driftline_cmdb.devices import allowing, sightings
from driftline_cmdb.errors import Invalid, Refused
from driftline_cmdb.proposals import deciding, periodic, unmanaged
from driftline_cmdb.proposals.taking import NewDevice
from driftline_cmdb.tables.devices import Device
from driftline_cmdb.tables.proposals import Proposal
from driftline_cmdb.tables.sources import Source

SITE = "fra1"


@pytest.fixture
def net(database: Database) -> Cabling:
    """One switch that is read, and a router beside it that nobody knows."""
    net = Cabling(database)
    net.add("sw1", 4)
    net.counts["r2"] = 1
    net.plug("sw1:1", "r2:1")
    net.all_report("sw1")
    return net


def see(net: Cabling, address: str, *answers: str, **said: str) -> None:
    """Let an agent of the site see something."""
    with net.database.write() as session:
        agent = session.exec(select(Source).where(Source.uid == "source-col1")).first()
        if agent is None:
            agent = Source(uid="source-col1", hostname="col1", enrolled_ms=net.now)
            session.add(agent)
            session.flush()
            allowing.allow(session, agent, SITE, "alice", "ours", net.now)
        one = pb.Sighting(address=address, answers=answers, seen_at_ms=net.now, **said)
        sightings.keep(session, agent.id, SITE, [one], net.now)


def proposals(net: Cabling, state: str = "open") -> list[str]:
    """Return what is proposed."""
    periodic.propose_devices(net.database, net.now)
    with net.database.read() as session:
        query = select(Proposal.title).where(Proposal.kind == "device", Proposal.state == state)
        return sorted(session.exec(query))


def number(net: Cabling) -> int:
    with net.database.read() as session:
        return session.exec(select(Proposal.id).where(Proposal.kind == "device", Proposal.state == "open")).one()


def test_a_neighbour_that_is_no_ci_is_proposed_with_its_place(net: Cabling) -> None:
    assert proposals(net) == ["unmanaged device r2 seen on sw1 Gi1/0/1"]
    with net.database.read() as session:
        row = session.exec(select(Proposal)).one()
        assert (row.first_seen_ms, row.material) == (net.now - 1_000, ["sw1 Gi1/0/1"])
    net.pull("sw1:1", "r2:1")
    net.all_report("sw1")
    net.settle(20 * MINUTE)
    assert (proposals(net), proposals(net, "lapsed")) == ([], ["unmanaged device r2 seen on sw1 Gi1/0/1"])


def test_a_sweep_and_a_neighbour_tell_of_one_device(net: Cabling) -> None:
    from tests.support.cabling import mac

    see(net, "192.0.2.2", "icmp", "snmp", mac=mac("r2"), credential="core", system_name="r2.example.com")
    assert proposals(net) == ["unmanaged device r2.example.com (192.0.2.2) seen on sw1 Gi1/0/1"]


def test_a_name_joins_a_neighbour_and_what_answers_elsewhere(net: Cabling) -> None:
    see(net, "192.0.2.2", "snmp", mac="00:aa:bb:cc:dd:01", credential="core", system_name="r2.example.com")
    assert proposals(net) == ["unmanaged device r2.example.com (192.0.2.2) seen on sw1 Gi1/0/1"]
    see(net, "192.0.2.7", "snmp", mac="00:aa:bb:cc:dd:02", credential="core", system_name="r2.example.com")
    assert len(proposals(net)) == 3  # two call themselves so: nobody knows which is the neighbour


def test_what_answers_to_ping_alone_is_not_proposed(net: Cabling) -> None:
    before = proposals(net)
    see(net, "192.0.2.3", "icmp")
    assert proposals(net) == before
    see(net, "192.0.2.3", "icmp", "tcp/22")
    assert proposals(net) == sorted([*before, "unmanaged device 192.0.2.3 seen at site fra1"])
    net.now += 25 * 60 * MINUTE
    assert proposals(net) == before


def test_taken_it_is_a_ci_that_the_sites_agents_read(net: Cabling) -> None:
    see(net, "192.0.2.9", "snmp", credential="core", system_name="fw1.example.com")
    proposals(net)
    with net.database.write() as session:
        (row,) = [one for one in session.exec(select(Proposal)) if "fw1" in one.title]
        deciding.accept(session, row.id, "olga", "our firewall", net.now)
    with net.database.read() as session:
        device = session.exec(select(Device)).one()
        assert (device.site, device.address, device.credential, device.handed_out_by) == (
            SITE,
            "192.0.2.9",
            "core",
            "olga",
        )
        assert record.find_ci(session, "fw1").ci_class == "network device"
    net.now += MINUTE
    see(net, "192.0.2.9", "snmp", credential="core", system_name="fw1.example.com")
    assert "fw1" not in " ".join(proposals(net))


def test_what_is_not_known_must_be_said(net: Cabling) -> None:
    proposals(net)
    with net.database.write() as session, pytest.raises(Invalid, match="address: nothing tells the address of r2"):
        deciding.accept(session, number(net), "olga", "", net.now, NewDevice(credential="core"))
    with net.database.write() as session:
        said = NewDevice(address="192.0.2.2", site=SITE, credential="core", name="router2")
        deciding.accept(session, number(net), "olga", "", net.now, said)
    with net.database.read() as session:
        assert record.find_ci(session, "router2").status == "planned"


def test_rejected_it_comes_again_only_elsewhere(net: Cabling) -> None:
    proposals(net)
    with net.database.write() as session:
        deciding.reject(session, number(net), "olga", "the carrier's", net.now)
    net.all_report("sw1")
    assert proposals(net) == []
    net.pull("sw1:1", "r2:1")
    net.plug("sw1:3", "r2:1")
    net.all_report("sw1")
    assert proposals(net) == ["unmanaged device r2 seen on sw1 Gi1/0/3"]


def test_ignored_networks_are_not_proposed(net: Cabling) -> None:
    see(net, "198.51.100.7", "tcp/80")
    assert len(proposals(net)) == 2
    with net.database.write() as session:
        made = deciding.ignore(session, "198.51.100.0/24", "", "olga", "guests", net.now)
    assert proposals(net) == ["unmanaged device r2 seen on sw1 Gi1/0/1"]
    see(net, "198.51.100.8", "tcp/80")  # ignored before it was ever proposed
    with net.database.read() as session:
        assert not unmanaged.is_due(session, net.now)
    with net.database.write() as session:
        deciding.stop_ignoring(session, made.id, "olga", "no guests any more", net.now)
    assert len(proposals(net)) == 3


def test_only_operators_decide_what_agents_read(net: Cabling) -> None:
    proposals(net)
    with net.database.write() as session:
        record.find_ci(session, "sw1").owner = "carol"
        row = session.get_one(Proposal, number(net))
        with pytest.raises(Refused):
            deciding.check_may_decide(session, row, "carol", is_operator=False)
        deciding.check_may_decide(session, row, "olga", is_operator=True)


def test_looks_that_share_something_are_one() -> None:
    looks = [
        Glimpse(1, 5, address="192.0.2.1", site="a", by=("icmp",)),
        Glimpse(2, 6, mac="00:11:22:33:44:55", place=(1, "p1"), name="r1", by=("LLDP",)),
        Glimpse(3, 4, address="192.0.2.1", site="b"),
        Glimpse(4, 9, address="192.0.2.1", site="a", mac="00:11:22:33:44:55"),
    ]
    one, other = together(looks)
    assert (one.key, other.key) == ("device:address:b/192.0.2.1", "device:mac:00:11:22:33:44:55")
    assert (other.since_ms, other.seen_ms, other.name, other.places) == (1, 9, "r1", ((1, "p1"),))
