"""Devices that are not heard: that they do not answer is one thing, that their agent is silent another."""

import pytest
from sqlmodel import col, select
from tests.cmdb.test_device_identity import report_of_host
from tests.support.leases import CALL_S, SITE, Site

from driftline.v1 import collector_pb2 as pb
from driftline_cmdb.database import Database
from driftline_cmdb.devices import allowing
from driftline_cmdb.drift.silence import find_silence
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.sources import Source

AFTER_MS = 900_000
ADDRESSES = tuple(f"192.0.2.{number}" for number in range(1, 6))


@pytest.fixture
def site(database: Database) -> Site:
    """An agent that reads five devices every five minutes; all report."""
    site = Site(database)
    for name in ("col1", "col2"):
        site.agent(name)
    report_of_host(site, "col1", pb.HostClaims(hostname="col1", machine_id="1" * 32))
    read(site, "col1", *ADDRESSES)
    return site


def read(site: Site, name: str, *addresses: str, interval_s: int = 300) -> dict[str, pb.DeviceLease]:
    leases = site.ask(name, *ADDRESSES, interval_s=interval_s)
    for address in addresses:
        site.report(name, leases[address], pb.HostClaims(hostname=f"sw{address.rpartition('.')[2]}"))
    return leases


def is_well(site: Site, name: str) -> None:
    """Note a call of an agent, as if it had just reported of its host."""
    with site.database.write() as session:
        session.get_one(Source, site.agents[name]).seen_ms = site.now


def silences(site: Site) -> dict[str, str]:
    find_silence(site.database, site.now, AFTER_MS)
    with site.database.read() as session:
        is_open = select(Finding).where(Finding.kind == "silent", col(Finding.closed_ms).is_(None))
        return {one.key: one.message for one in session.exec(is_open.order_by(Finding.key))}


def test_a_device_that_does_not_answer_while_its_agent_is_well(site: Site) -> None:
    since_ms = site.now + 60_000
    leases = site.ask("col1", *ADDRESSES)
    problem = pb.DeviceProblem(source_id=leases["192.0.2.1"].source_id, reason="no answer", since_ms=since_ms)
    site.ask("col1", *ADDRESSES, problems=(problem,))
    for _ in range(5):
        site.wait(300)
        is_well(site, "col1")
        read(site, "col1", *ADDRESSES[1:])
    (message,) = silences(site).values()
    assert "sw1 is silent since" in message
    assert "does not answer SNMP since 2026-" in message
    assert "agent col1 is well" in message
    read(site, "col1", *ADDRESSES)
    assert not silences(site)


def test_the_devices_of_a_silent_agent_are_one_finding_that_says_so_until_another_one_reads_them(site: Site) -> None:
    site.wait(1300)
    found = silences(site)
    assert len(found) == 2
    (devices,) = (message for key, message in found.items() if key == "silent:agent:uid-of-col1")
    assert "5 network devices (sw1, sw2" in devices
    assert "their agent col1 is silent since" in devices
    assert any("col1 is silent" in message for key, message in found.items() if key.startswith("silent:ci:"))
    read(site, "col2", *ADDRESSES[:4])
    is_well(site, "col2")
    # What it did not read yet is no silence of their own; the agent's own host is.
    assert [key.split(":")[1] for key in silences(site)] == ["ci"]
    for _ in range(5):
        site.wait(300)
        is_well(site, "col2")
        read(site, "col2", *ADDRESSES[:4])
    assert [key.split(":")[1] for key in silences(site)] == ["ci", "ci"]  # and where it never does, it is


def test_devices_that_nobody_may_read_any_more_are_one_finding(site: Site) -> None:
    with site.database.write() as session:
        allowing.forbid(session, session.get_one(Source, site.agents["col1"]), SITE, "bob", "moved", site.now)
    site.wait(1300)
    is_well(site, "col1")
    (message,) = silences(site).values()
    assert "5 network devices" in message
    assert "no agent speaks for them" in message


def test_a_device_is_silent_after_three_of_its_own_intervals(site: Site) -> None:
    read(site, "col1", *ADDRESSES, interval_s=3600)
    site.wait(2 * 3600)
    is_well(site, "col1")
    site.ask("col1", *ADDRESSES, interval_s=3600)
    assert not silences(site)
    site.wait(3600 + CALL_S)
    is_well(site, "col1")
    site.ask("col1", *ADDRESSES, interval_s=3600)
    assert silences(site)
