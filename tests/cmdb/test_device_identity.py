"""Which CI a device is: what it claims over the network is weighed, and never takes a host's place."""

import pytest
from sqlmodel import col, select
from tests.support.leases import SITE, Site

from driftline.v1 import collector_pb2 as pb
from driftline_cmdb import sources
from driftline_cmdb.database import Database
from driftline_cmdb.devices import sightings, targets
from driftline_cmdb.devices.targets import Reading, Target
from driftline_cmdb.errors import Ambiguous, Conflict, Refused
from driftline_cmdb.identity import bindings, deciding
from driftline_cmdb.identity.claims import claims_of
from driftline_cmdb.record import find_ci
from driftline_cmdb.reports import Committed, Ingest, Report
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.devices import Sighting
from driftline_cmdb.tables.identity import Asset, IdentityClaim, IdentityDecision, IdentityReview
from driftline_cmdb.tables.sources import DEVICE, Source

SW1, SW2 = "192.0.2.1", "192.0.2.2"
WEB1 = pb.HostClaims(hostname="web1", machine_id="0a1b2c3d4e5f60718293a4b5c6d7e8f9", system_serial_number="7X3KQ2J")


@pytest.fixture
def site(database: Database) -> Site:
    site = Site(database)
    site.agent("col1")
    return site


def ci_of(site: Site, uid: str) -> Ci | None:
    with site.database.read() as session:
        bound = bindings.of_source(session, site.source(uid).id)
        return session.get(Ci, bound.ci_id) if bound is not None else None


def report_of_host(site: Site, name: str, claims: pb.HostClaims) -> None:
    """Have an agent report of its own host."""
    site.now += 1000
    report = Report(site.agents[name], "epoch", 1, b"", b"digest", site.now, site.now, "1", claims)
    (result,) = Ingest(site.database).commit([report])
    assert isinstance(result, Committed)


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [("printer", "printer"), ("", "network device"), ("toaster", "network device")],
)
def test_a_new_device_is_of_the_class_that_its_profile_says(site: Site, claimed: str, expected: str) -> None:
    lease = site.ask("col1", SW1)[SW1]
    site.report("col1", lease, pb.HostClaims(hostname="p1", ci_class=claimed))
    ci = ci_of(site, lease.source_id)
    assert ci is not None
    assert (ci.ci_class, ci.name) == (expected, "p1")
    # It counts once: a person may say otherwise since.
    with site.database.write() as session:
        session.get_one(Ci, ci.id).ci_class = "server"
    site.report("col1", lease, pb.HostClaims(hostname="p1", ci_class="power device"))
    again = ci_of(site, lease.source_id)
    assert again is not None
    assert again.ci_class == "server"


def test_what_an_agent_says_of_its_class_counts_for_nothing(site: Site) -> None:
    report_of_host(site, "col1", pb.HostClaims(hostname="col1", ci_class="printer"))
    with site.database.read() as session:
        assert find_ci(session, "col1").ci_class == "server"


def test_a_device_without_a_name_is_called_by_its_address(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    site.report("col1", lease, pb.HostClaims(management_addresses=[SW1]))
    ci = ci_of(site, lease.source_id)
    assert ci is not None
    assert ci.name == SW1


def test_all_that_devices_claim_is_stored_and_weighed(site: Site) -> None:
    lease, other = site.ask("col1", SW1, SW2).values()
    claims = pb.HostClaims(
        hostname="sw1",
        snmp_engine_id="80001f8880e9bd0c1d12667a5100000000",
        entity_serial_numbers=["FCW2142L0AB", "FCW2142L0AC"],
        management_addresses=[SW1],
        lldp_chassis_id="3c:4a:92:00:00:99",
        ci_class="network device",
    )
    site.report("col1", lease, claims)
    source = site.source(lease.source_id)
    assert claims_of(source.claims) == claims
    with site.database.read() as session:
        kinds = {one.kind for one in session.exec(select(IdentityClaim).where(IdentityClaim.source_id == source.id))}
    assert {"snmp_engine_id", "entity_serial", "management_address", "lldp_chassis_id", "hostname"} <= kinds
    # The same stack reached at another address: a question, no second CI and no silent merge.
    site.report("col1", other, pb.HostClaims(hostname="sw1-oob", entity_serial_numbers=["fcw2142l0ac"]))
    assert ci_of(site, other.source_id) is None
    with site.database.read() as session:
        (review,) = session.exec(select(IdentityReview).where(col(IdentityReview.closed_ms).is_(None))).all()
        assert review.kind == "claim"
        assert review.ci_id == find_ci(session, "sw1").id


def test_a_device_that_claims_to_be_an_agents_host_is_a_question_and_takes_nothing(site: Site) -> None:
    site.agent("web1", site=None)
    report_of_host(site, "web1", WEB1)
    lease = site.ask("col1", SW1)[SW1]
    site.report("col1", lease, pb.HostClaims(hostname="web1", entity_serial_numbers=["7X3KQ2J"]))
    assert ci_of(site, lease.source_id) is None
    # Nor by saying so later, when it has a CI of its own.
    fresh = site.ask("col1", SW1, SW2)[SW2]
    site.report("col1", fresh, pb.HostClaims(hostname="sw2"))
    own = ci_of(site, fresh.source_id)
    assert own is not None
    site.report("col1", fresh, pb.HostClaims(hostname="sw2", system_serial_number="7X3KQ2J"))
    assert ci_of(site, fresh.source_id) == own
    with site.database.read() as session:
        asked = session.exec(select(IdentityReview).where(col(IdentityReview.closed_ms).is_(None))).all()
        assert sorted(one.kind for one in asked) == ["claim", "moved"]
        web1 = find_ci(session, "web1")
        assert [one.source_id for one in bindings.of_ci(session, web1.id)] == [site.agents["web1"]]


def test_an_agent_on_the_host_has_the_word_before_its_device(site: Site) -> None:
    site.agent("web1", site=None)
    report_of_host(site, "web1", WEB1)
    site.now += 1000
    lease = site.ask("col1", SW1)[SW1]  # joined later: of two agents the later one would have the word
    site.report("col1", lease, pb.HostClaims(hostname="web1", entity_serial_numbers=["7X3KQ2J"]))
    with site.database.write() as session:
        (review,) = session.exec(select(IdentityReview).where(col(IdentityReview.closed_ms).is_(None))).all()
        deciding.decide_review(session, review.id, "same", "alice", "it is its SNMP agent", site.now)
    with site.database.read() as session:
        voices = bindings.voices(session, find_ci(session, "web1").id)
        assert [one.kind for one in voices] == ["agent", DEVICE, "record"]


def test_a_question_decided_as_another_machine_gives_a_ci_of_the_devices_class(site: Site) -> None:
    site.agent("web1", site=None)
    report_of_host(site, "web1", WEB1)
    lease = site.ask("col1", SW1)[SW1]
    claims = pb.HostClaims(hostname="ups1", entity_serial_numbers=["7X3KQ2J"], ci_class="power device")
    site.report("col1", lease, claims)
    with site.database.write() as session:
        (review,) = session.exec(select(IdentityReview).where(col(IdentityReview.closed_ms).is_(None))).all()
        deciding.decide_review(session, review.id, "clone", "alice", "another one", site.now)
    ci = ci_of(site, lease.source_id)
    assert ci is not None
    assert (ci.name, ci.ci_class) == ("ups1", "power device")


@pytest.mark.parametrize("host", [True, False])
def test_expected_hardware_of_a_host_is_not_taken_over_by_what_a_device_says(site: Site, host: bool) -> None:
    """A CI that waits for its new serial number: a device may be that where a device was, a host it may not."""
    lease = site.ask("col1", SW1)[SW1]
    if host:
        site.agent("web1", site=None)
        report_of_host(site, "web1", WEB1)
    else:
        site.report("col1", lease, pb.HostClaims(hostname="web1", system_serial_number="OLD12345"))
    with site.database.write() as session:
        ci = find_ci(session, "web1")
        detail = {"ended": [], "began": [], "merged": [], "carried": [], "assets": []}
        decision = IdentityDecision(
            at_ms=1, actor="alice", action="replace", reason="broken", ci_id=ci.id, detail=detail
        )
        session.add(decision)
        session.flush()
        asset = Asset(
            ci_id=ci.id, serial_number="NEW54321", serial_key="serial:new54321", status="expected", since_ms=1,
            decision_id=decision.id,
        )  # fmt: skip
        session.add(asset)
    new = site.ask("col1", SW1, SW2)[SW2]
    site.report("col1", new, pb.HostClaims(hostname="web1-new", system_serial_number="NEW54321"))
    bound = ci_of(site, new.source_id)
    assert bound is not None
    assert (bound.id == ci.id) is not host


def test_a_handed_out_device_that_names_its_ci_speaks_for_it(site: Site) -> None:
    with site.database.write() as session:
        ci = Ci(uid="ci-of-sw1", name="sw1", ci_class="network device", status="planned")
        session.add(ci)
        session.flush()
        reading = Reading(300, "core")
        targets.hand_out(session, SITE, Target("snmp", SW1, 161), reading, ci, "alice", site.now)
    lease = site.ask("col1", credentials={"core": "192.0.2.0/24"}, takes_more=True)[SW1]
    site.report("col1", lease, pb.HostClaims(hostname="switch-1"))
    bound = ci_of(site, lease.source_id)
    assert bound is not None
    assert (bound.uid, bound.name, bound.status) == ("ci-of-sw1", "sw1", "installed")
    with site.database.write() as session:
        other = Ci(uid="other", name="other")
        session.add(other)
        session.flush()
        device = targets.find(session, "sw1")
        targets.remove(session, device, "alice", "moved", site.now)
        with pytest.raises(Conflict, match="split it off"):
            targets.hand_out(session, SITE, Target("snmp", SW1, 161), reading, other, "alice", site.now)


def test_devices_are_found_by_what_people_call_them(site: Site) -> None:
    lease, other = (site.ask("col1", SW1, SW2)[one] for one in (SW1, SW2))
    site.report("col1", lease, pb.HostClaims(hostname="sw1"))
    site.report("col1", other, pb.HostClaims(hostname="sw1"))
    with site.database.read() as session:
        assert targets.find(session, SW1).source_id == site.source(lease.source_id).id
        assert targets.find(session, lease.source_id).address == SW1
        with pytest.raises(Ambiguous, match="its identity"):
            targets.find(session, "sw1")
        with pytest.raises(Refused, match="col1"):
            targets.remove(session, targets.find(session, SW1), "alice", "x", site.now)


def test_a_host_is_found_by_its_name_although_a_device_has_it_too(site: Site) -> None:
    lease = site.ask("col1", SW1)[SW1]
    site.report("col1", lease, pb.HostClaims(hostname="col1"))
    with site.database.read() as session:
        assert sources.find(session, "col1").kind == "agent"
        assert sources.find(session, lease.source_id).kind == DEVICE
        assert sources.count_seen_since(session, 0) == 0  # devices do not count as callers


def test_sightings_are_bounded_and_forgotten(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "MOST", 5)
    with site.database.write() as session:
        for number in range(1, 9):
            seen = pb.Sighting(address=f"192.0.2.{number}", seen_at_ms=site.now + number)
            sightings.keep(session, site.agents["col1"], SITE, [seen], site.now)
        left = [one.address for one in sightings.listed(session, SITE)]
        assert left == [f"192.0.2.{number}" for number in range(8, 3, -1)]
        assert sightings.forget(session, site.now + 6 + sightings.KEPT_MS) == 2
        assert len(session.exec(select(Sighting)).all()) == 3
        assert session.exec(select(Source).where(Source.kind == DEVICE)).first() is None
