"""Network devices, for real: routers, a switch and hosts that run no agent, read over SNMP by this host's agent.

The network is tests/lab. The site is started once for all steps, which build on each other.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.lab import daemons
from tests.lab.lab import NODES, Lab
from tests.support.site import Site, free_ports, needs_root, until

SITE = "local"
#: Links of the lab as the record must tell them, each from one of its ends.
LINKS = {
    frozenset({("r1", "eth1"), ("r2", "eth1")}),
    frozenset({("r2", "eth2"), ("sw1", "p1")}),
    frozenset({("sw1", "p2"), ("h1", "eth0")}),
    frozenset({("sw1", "p3"), ("h2", "eth0")}),
}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """The network, with its traps going to a free port."""
    needs_root()
    built = Lab(tmp_path / "lab", traps_to=free_ports(1)[0])
    built.down()  # what a killed run left
    built.up()
    yield built
    built.down()


def devices_file(lab: Lab, folder: Path) -> Path:
    """Write what the agent may read: the switch and one router by address, the others by what is found."""
    name, auth, privacy = daemons.USER
    file = folder / "devices.yaml"
    file.write_text(
        f"""site: {SITE}
credentials:
  lab: {{version: 2c, community: {{env: LAB_COMMUNITY}}, prefixes: [10.99.0.0/24]}}
  labv3:
    version: 3
    user: {name}
    auth: SHA
    auth_passphrase: {auth}
    privacy: AES
    privacy_passphrase: {privacy}
    prefixes: [10.99.0.0/24]
devices:
  - {{address: {lab.addresses["sw1"]}, credential: labv3, interval: 60s}}
  - {{address: {lab.addresses["r1"]}, credential: labv3, interval: 60s}}
  - {{address: {lab.addresses["h1"]}, credential: lab, interval: 60s}}
  - {{address: {lab.addresses["h2"]}, credential: lab, interval: 60s}}
discover: {{prefixes: [10.99.0.0/29], every: 1h, rate: 100, ports: [22], credentials: [lab]}}
traps: {{listen: "10.99.0.254:{lab.traps_to}"}}
"""
    )
    file.chmod(0o600)
    return file


@pytest.fixture
def running(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """`driftline up` whose agent speaks for the lab's devices."""
    monkeypatch.setenv("LAB_COMMUNITY", daemons.COMMUNITY)
    site = Site(tmp_path)
    site.devices = devices_file(lab, tmp_path)
    site.start()
    try:
        yield site
    finally:
        if site.process is not None:
            site.stop()


def links(running: Site) -> set[frozenset[tuple[str, str]]]:
    found = running.json("topology")["links"]
    ends = (("front", "front_port"), ("behind", "behind_port"))
    return {frozenset((one[ci]["name"], one[port]) for ci, port in ends) for one in found}


def drifting(running: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = running.json("drift", "list")
    return found


def test_devices_are_found_watched_and_their_changes_are_rfcs(lab: Lab, running: Site) -> None:
    names = {"sw1", "r1", "h1", "h2"}
    until("the devices", lambda: names <= {ci["name"] for ci in running.json("ci", "list")})
    what_they_say(running)
    an_unknown_neighbour_is_proposed_and_taken(lab, running)
    until("the topology", lambda: links(running) == LINKS, 120)
    dot_draws_it(running)
    for name in NODES:
        running.baseline(name, f"golden-{name}")
    assert drifting(running) == []
    a_pulled_cable_is_one_drift_and_one_rfc(lab, running)
    an_interface_added_by_hand_is_one_drift(lab, running)
    read_again_nothing_differs(running)


def what_they_say(running: Site) -> None:
    facts = {fact["path"]: fact["value"] for fact in running.json("ci", "facts", "sw1")}
    assert facts["os.host.name"] == "sw1"
    assert facts["device.snmp.location"] == "rack of sw1"
    assert {name for name in ("p1", "p2", "p3", "br0") if f"network.interfaces[{name}].enabled" in facts} == {
        "p1",
        "p2",
        "p3",
        "br0",
    }
    (ci,) = [one for one in running.json("ci", "list") if one["name"] == "r1"]
    assert ci["status"] == "installed"
    routed = {fact["path"]: fact["value"] for fact in running.json("ci", "facts", "r1")}
    assert routed["device.bgp.local_as"] == 65001
    assert routed["device.bgp.peers[10.0.12.2].remote_as"] == 65002
    assert routed["device.ospf.router_id"] == "10.255.0.1"


def an_unknown_neighbour_is_proposed_and_taken(lab: Lab, running: Site) -> None:
    """r2 is in no list: its neighbours and the sweep tell of it, a person takes it, and it is read."""

    def proposed() -> dict[str, Any] | None:
        open_ones = [one for one in running.json("proposal", "list") if one["kind"] == "device"]
        return next((one for one in open_ones if "r2" in one["title"]), None)

    found = until("a proposal of r2", proposed, 120)
    assert "unmanaged device" in found["title"]
    running.run("proposal", "accept", str(found["id"]), "--reason", "our second router", "--credential", "labv3")
    until("r2 is read", lambda: "os.host.name" in {fact["path"] for fact in running.json("ci", "facts", "r2")}, 120)
    assert not [one for one in running.json("proposal", "list") if one["kind"] == "device" and "r2" in one["title"]]


def dot_draws_it(running: Site) -> None:
    drawn = running.run("topology", "--dot").stdout
    assert drawn.startswith("graph")
    assert all(f'"{name}"' in drawn for name in NODES)


def a_pulled_cable_is_one_drift_and_one_rfc(lab: Lab, running: Site) -> None:
    before = {rfc["number"] for rfc in running.json("rfc", "list")}
    lab.pull("sw1-h1")
    (drift,) = until("the pulled cable", lambda: drifting(running))
    assert drift["path"].startswith("record.links[")
    (rfc,) = [one for one in running.json("rfc", "list") if one["number"] not in before]
    lab.plug("sw1-h1")
    until("the cable is back", lambda: not drifting(running))
    assert running.json("rfc", "show", str(rfc["number"]))["state"] == "backed out"


def an_interface_added_by_hand_is_one_drift(lab: Lab, running: Site) -> None:
    before = {rfc["number"] for rfc in running.json("rfc", "list")}
    lab.nodes["sw1"].shell("ip link add dl-hand type bridge; ip link set dl-hand up")
    running.run("device", "read", "sw1")
    (drift,) = until("the interface", lambda: drifting(running))
    assert drift["path"].startswith("network.interfaces[dl-hand]")
    lab.nodes["sw1"].run("ip", "link", "delete", "dl-hand")
    running.run("device", "read", "sw1")
    until("it is gone", lambda: not drifting(running))
    assert len({rfc["number"] for rfc in running.json("rfc", "list")} - before) == 1


def answered(running: Site) -> dict[str, str]:
    return {one["name"]: one["answered"] for one in running.json("device", "list")}


def read_again_nothing_differs(running: Site) -> None:
    """Everything is read again, twice, and nothing differs."""
    rfcs = len(running.json("rfc", "list"))
    for _ in range(2):
        before = answered(running)
        for name in NODES:
            running.run("device", "read", name)
        until(
            "all were read", lambda before=before: all(at > before[one] for one, at in answered(running).items()), 120
        )
    assert drifting(running) == []
    assert len(running.json("rfc", "list")) == rfcs


def test_what_the_lab_needs_is_there() -> None:
    assert all(shutil.which(tool) for tool in ("ip", "snmpd", "lldpd", "vtysh"))
