"""Agents that speak for devices, over the wire: leases, reports with a lease, sightings."""

import grpc
import pytest
from sqlmodel import select
from tests.collector.conftest import Start
from tests.collector.harness import Agent, MovedClock, agent_of, now_ms, packages, refused, section
from tests.support.utilization import batch_of

from driftline.v1 import collector_pb2 as pb
from driftline.v1.collector_pb2_grpc import CollectorStub
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import sources
from driftline_cmdb.devices import allowing
from driftline_cmdb.record import facts_of, find_ci
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.devices import Sighting
from driftline_cmdb.tables.holders import Holder
from driftline_cmdb.tables.sources import Source
from driftline_cmdb.utilization.minutes import SeriesKey
from driftline_collector.collector import Collector

SITE = "fra1"
SW1 = pb.DeviceTarget(protocol="snmp", address="192.0.2.1", port=161)
CLAIMS = pb.HostClaims(hostname="sw1", snmp_engine_id="80001f8880e9bd0c1d12667a5100000000", ci_class="network device")


@pytest.fixture
def record_url(database_url: str) -> str:
    return database_url


class Reader:
    """An agent that speaks for one device."""

    def __init__(self, collector: Collector, name: str, *, allowed: bool = True) -> None:
        self.agent = agent_of(collector, name)
        if allowed:
            with collector.database.write() as session:
                source = sources.find(session, self.agent.uid)
                allowing.allow(session, source, SITE, "alice", "it is there", now_ms())
        self.lease = pb.DeviceLease()
        #: The device's own stand: epoch, sequence, continuation.
        self.of = Agent(name, b"", 0, 0)

    def ask(self) -> pb.LeaseDevicesReply:
        request = pb.LeaseDevicesRequest(site=SITE)
        request.devices.add(target=SW1, credential="core", interval_s=120)
        reply = self.agent.send("LeaseDevices", request)
        assert isinstance(reply, pb.LeaseDevicesReply)
        if reply.leases and reply.leases[0].generation != self.lease.generation:
            self.lease = reply.leases[0]
            self.of = Agent(self.agent.host, b"", 0, 0)
        return reply

    def stamp(self) -> pb.Stamp:
        stamp = self.of.stamp()
        stamp.device, stamp.lease = self.lease.source_id, self.lease.generation
        return stamp

    def submit(self, *sections: pb.Section) -> pb.SubmitReply:
        reply = self.agent.send("Submit", pb.SubmitRequest(stamp=self.stamp(), sections=sections, claims=CLAIMS))
        assert isinstance(reply, pb.SubmitReply)
        self.of.received(reply.receipt)
        return reply


def interfaces(*names: str) -> pb.Section:
    facts = Facts()
    for name in names:
        facts.network.interfaces.add(name=name, mac=f"00:11:22:33:44:{len(name):02x}")
    return section("interfaces", facts)


def test_a_device_reports_through_its_agent_and_both_keep_their_own_stand(collector: Collector) -> None:
    reader = Reader(collector, "col1")
    reply = reader.ask()
    assert 15 <= reply.call_after_s <= 60
    reader.agent.submit(packages(("openssl", "3.0.14")))
    reader.submit(interfaces("Gi1/0/1"))
    reader.submit(interfaces("Gi1/0/1", "Gi1/0/22"))
    reader.agent.submit(packages(("openssl", "3.0.15")))
    manifest = pb.Manifest(observed_at_ms=now_ms())
    manifest.sections.add(name="interfaces", digest=interfaces("Gi1/0/1", "Gi1/0/22").digest)
    manifest.sections.add(name="entities", digest=bytes(16))
    minute = now_ms() // 60_000 - 1
    batch = batch_of({SeriesKey("system.cpu.utilization", "", "1", 4): {minute: (1, 1, 1, 1)}})
    sent = reader.agent.send(
        "SubmitUtilization", pb.SubmitUtilizationRequest(stamp=reader.stamp(), batch=batch, manifest=manifest)
    )
    assert isinstance(sent, pb.SubmitUtilizationReply)
    reader.of.received(sent.receipt)
    assert list(sent.wanted) == ["entities"]
    stamp = reader.stamp()
    stamp.sequence -= 1
    announced = reader.agent.send("Announce", pb.AnnounceRequest(stamp=stamp, manifest=manifest, claims=CLAIMS))
    assert isinstance(announced, pb.AnnounceReply)
    assert list(announced.wanted) == ["entities"]
    with collector.database.read() as session:
        device = session.exec(select(Source).where(Source.uid == reader.lease.source_id)).one()
        ci = find_ci(session, "sw1")
        assert ci.ci_class == "network device"
        assert find_ci(session, "col1").ci_class == "server"
        assert [one.path for one in facts_of(session, ci, ["network.**"])] == [
            "network.interfaces[Gi1/0/1].mac".replace("Gi1/0/1", r"Gi1\/0\/1"),
            "network.interfaces[Gi1/0/22].mac".replace("Gi1/0/22", r"Gi1\/0\/22"),
        ]
        assert device.claims["snmp_engine_id"] == CLAIMS.snmp_engine_id
        assert device.check_in_s == 120
        assert device.peers == []
        assert device.machine == ""


def test_another_agent_takes_over_and_the_first_is_told_to_drop_it(collector: Collector, clock: MovedClock) -> None:
    first, second = Reader(collector, "col1"), Reader(collector, "col2")
    first.ask()
    first.submit(interfaces("eth0"))
    assert [one.reason for one in second.ask().refused] == ["held by agent col1"]
    clock.ahead_ms += 200_000
    second.ask()
    assert second.lease.generation == first.lease.generation + 1
    second.submit(interfaces("eth0"))
    with first.agent.report_channel() as channel:
        request = pb.SubmitRequest(stamp=first.stamp(), sections=[interfaces("forged")], claims=CLAIMS)
        with pytest.raises(grpc.RpcError) as caught:
            CollectorStub(channel).Submit(request, timeout=20)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "you do not hold the lease of device sw1" in caught.value.details()
    assert ("driftline-lease", "lost") in [(key, value) for key, value in caught.value.trailing_metadata()]
    with refused(grpc.StatusCode.PERMISSION_DENIED, "lease"):
        first.agent.send("Announce", pb.AnnounceRequest(stamp=first.stamp(), claims=CLAIMS))
    with collector.database.read() as session:
        assert not [one for one in session.exec(select(Finding)) if one.kind in ("clone", "roll-back")]
        assert not session.exec(select(Holder)).all()
        assert len(session.exec(select(Ci).where(Ci.name == "sw1")).all()) == 1
        source = session.exec(select(Source).where(Source.uid == first.agent.uid)).one()
        assert source.refused_ms is None  # that a lease is over is no trouble of the agent's own


def test_only_an_agent_that_was_allowed_gets_devices_and_is_heard_on_sightings(collector: Collector) -> None:
    reader = Reader(collector, "col1", allowed=False)
    with refused(grpc.StatusCode.PERMISSION_DENIED, "driftline device allow", "--site fra1"):
        reader.ask()
    with refused(grpc.StatusCode.PERMISSION_DENIED, "driftline device allow"):
        reader.agent.send("ReportSightings", pb.ReportSightingsRequest(site=SITE))


def test_a_device_that_nobody_knows_is_refused(collector: Collector) -> None:
    reader = Reader(collector, "col1")
    reader.lease = pb.DeviceLease(source_id="00000000-0000-4000-8000-000000000000", generation=1)
    with refused(grpc.StatusCode.PERMISSION_DENIED, "there is no device"):
        reader.submit(interfaces("eth0"))
    # The agent's own source, as if it were a device: its reports need no lease, and with one they are refused.
    reader.lease = pb.DeviceLease(source_id=reader.agent.uid, generation=1)
    with refused(grpc.StatusCode.PERMISSION_DENIED, "there is no device"):
        reader.submit(interfaces("eth0"))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (pb.LeaseDevicesRequest(), "site"),
        (pb.LeaseDevicesRequest(site="x" * 81), "site"),
        (pb.LeaseDevicesRequest(site=SITE, released=["x"]), "released"),
        (pb.LeaseDevicesRequest(site=SITE, devices=[pb.OfferedDevice()] * 10_001), "devices"),
        (pb.LeaseDevicesRequest(site=SITE, devices=[pb.OfferedDevice()]), "devices[0].protocol"),
        (pb.LeaseDevicesRequest(site=SITE, same_offers=True, devices=[pb.OfferedDevice()]), "same_offers"),
        (pb.LeaseDevicesRequest(site=SITE, problems=[pb.DeviceProblem(source_id="1")]), "problems.source_id"),
        (
            pb.LeaseDevicesRequest(site=SITE, credentials=[pb.OfferedCredential(name="core", prefixes=["10.0.0.1/8"])]),
            "credentials[core].prefixes",
        ),
        (pb.ReportSightingsRequest(site=SITE, sightings=[pb.Sighting(address="192.0.2.9")]), "seen_at_ms"),
        (
            pb.ReportSightingsRequest(site=SITE, sightings=[pb.Sighting(address="sw1", seen_at_ms=1)]),
            "sightings[0].address",
        ),
        (
            pb.ReportSightingsRequest(site=SITE, sightings=[pb.Sighting(address="192.0.2.9", mac="AA", seen_at_ms=1)]),
            "sightings[0].mac",
        ),
        (pb.SubmitRequest(stamp=pb.Stamp(epoch="12345678", sequence=1, sent_at_ms=1, device="x" * 36)), "stamp.lease"),
        (
            pb.SubmitRequest(stamp=pb.Stamp(epoch="12345678", sequence=1, sent_at_ms=1, device="x" * 36, lease=1)),
            "stamp.device",
        ),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(start: Start, request_: object, words: str) -> None:
    reader = Reader(start(), "col1")
    method = type(request_).__name__.removesuffix("Request")
    with refused(grpc.StatusCode.INVALID_ARGUMENT, words):
        reader.agent.send(method, request_)  # type: ignore[arg-type]  # a message of that method


def test_sightings_are_kept_and_brought_up_to_date(collector: Collector) -> None:
    reader = Reader(collector, "col1")

    def see(at_ms: int, *answers: str, name: str = "") -> None:
        seen = pb.Sighting(address="192.0.2.9", mac="aa:bb:cc:dd:ee:ff", answers=answers, seen_at_ms=at_ms)
        seen.system_name = name
        reader.agent.send("ReportSightings", pb.ReportSightingsRequest(site=SITE, sightings=[seen, seen]))

    see(now_ms() - 60_000, "icmp")
    see(now_ms(), "snmp", "icmp", name="ap9")
    with collector.database.read() as session:
        (row,) = session.exec(select(Sighting)).all()
        assert (row.answers, row.system_name, row.site) == (["icmp", "snmp"], "ap9", SITE)
        assert row.last_ms - row.first_ms >= 59_000
