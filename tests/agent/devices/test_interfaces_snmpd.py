"""A real snmpd in a network namespace: what it tells of interfaces is what an agent on that host says of them."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from functools import cache
from pathlib import Path

import pytest

from driftline import facts
from driftline.v1.facts_pb2 import Facts, Interface

_ROOT = Path(__file__).resolve().parents[3]
_FOLDER: dict[str, Path] = {}


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    _FOLDER["of snmpd"] = tmp_path_factory.mktemp("snmpd")


@cache
def namespace() -> dict[str, str]:
    command = [
        "unshare",
        "--map-root-user",
        "--net",
        "--mount",
        sys.executable,
        str(Path(__file__).with_name("interfaces_inside.py")),
    ]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    run = subprocess.run(
        [*command, str(_FOLDER["of snmpd"])], capture_output=True, text=True, check=False, env=environment
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, str] = json.loads(run.stdout)
    return found


def told(which: str) -> Facts:
    return facts.parse(b64decode(namespace()[which]))


def by_name(which: str) -> dict[str, Interface]:
    network = told(which).network
    return {one.name: one for one in (*network.interfaces, *network.passing_interfaces)}


def test_the_same_interfaces_are_told() -> None:
    ours, hosts = told("snmp before").network, told("host before").network
    assert [one.name for one in ours.interfaces] == [one.name for one in hosts.interfaces]
    assert [one.name for one in ours.passing_interfaces] == [one.name for one in hosts.passing_interfaces]
    assert {one.name for one in ours.interfaces} >= {"lo", "lan", "br7", "port1", "port2"}


def test_field_by_field() -> None:
    ours, hosts = by_name("snmp before"), by_name("host before")
    for name, host in hosts.items():
        one = ours[name]
        # net-snmp calls whatever speaks Ethernet so: of some kinds the name tells more
        assert one.type == host.type or one.type == "ethernet", name
        assert (one.mtu or one.mtu_in_use) == (host.mtu or host.mtu_in_use), name
        assert (one.mac or one.mac_in_use) == (host.mac or host.mac_in_use), name
        assert one.mac in (host.mac, ""), name  # what is drawn by lot is nobody's decision
        assert one.enabled == host.enabled, name
        if host.speed:  # told by /sys, which some containers do not let a test mount anew
            assert (one.speed, one.duplex) == (host.speed, host.duplex), name
        assert one.link == host.link or (host.link, one.link) == ("", "up"), name  # operstate of loopback: unknown
    assert (ours["br7"].type, ours["br7"].mtu_in_use, ours["br7"].HasField("mtu")) == ("bridge", 1500, False)
    # net-snmp has aliases of its own, and knows nothing of the kernel's
    assert (ours["port2"].mtu, ours["port2"].alias, hosts["port2"].alias) == (1400, "", "uplink")


def test_addresses() -> None:
    ours, hosts = by_name("snmp before"), by_name("host before")

    def addresses(one: Interface) -> list[list[tuple[str, str, bool]]]:
        lists = (one.addresses, one.automatic_addresses)
        return [[(entry.address, entry.scope, entry.dynamic) for entry in those] for those in lists]

    assert {name: addresses(one) for name, one in ours.items()} == {name: addresses(one) for name, one in hosts.items()}
    assert [entry.address for entry in ours["port2"].addresses] == ["192.0.2.10/24", "2001:db8::10/64"]
    assert len(ours["port2"].automatic_addresses) == 1


def test_one_interface_by_hand_is_one_element() -> None:
    before, after = (facts.elements(told(f"snmp {when}")) for when in ("before", "after"))
    assert set(after) - set(before) == {"network.interfaces[byhand]"}
    assert {path: after[path] for path in before} == before


def test_neighbours() -> None:
    found = {(one.interface, one.address): one for one in told("neighbours before").network.neighbours}
    assert found["port2", "192.0.2.9"].mac == "00:1c:73:00:00:09"
    assert found["port2", "192.0.2.9"].permanent
