"""Recordings of real devices: links, VLANs, spanning trees, routing neighbours, against what LibreNMS makes of them.

Disagreements that are understood stand in this file with the reason; any other one is a failure.
"""

import asyncio
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from tests.support import readouts, recorded
from tests.support.corpora import corpus

from driftline import facts as keyed
from driftline.v1.facts_pb2 import Facts
from driftline_agent.devices.topic import all_topics

TOPICS = {name: all_topics()[name] for name in ("neighbours", "bridge", "vlans", "forwarding", "bgp", "ospf")}

#: Devices of which LibreNMS has no links, or not those to neighbours without a system name.
NOT_ITS_LINKS = {
    "arista_eos_vrf": "the module was not run",
    "routeros_rb760igs": "the module was not run: it finds no interface; here MIKROTIK-MIB tells it",
    "fs-switch_s3900": "two neighbours have no name",
    "linksys-ss_lgs318p": "no neighbour has a name",
}
#: It has VLANs of MIBs that are not read here, or makes them of PVIDs.
VLANS_MISSING = {"boss_ers3510": "RC-VLAN-MIB", "routeros_rb760igs": "of dot1qPvid: the device has no table of VLANs"}
#: The current table has VLAN 1, the static one has not; LibreNMS takes VLANs of the latter, their ports of both.
VLANS_MORE = {"linksys-ss_lgs318p": {1}}
#: Bit maps of these recordings end in "\n00 00 00", text of the program that printed them, in octets of their own.
BROKEN_BITS = {"linksys-ss_lgs318p": {"Po4"}}


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in corpus("snmp").glob("*.snmprec")))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with recorded.serve({name: recorded.read(corpus("snmp") / f"{name}.snmprec") for name in names()}) as served:
        yield served


@pytest.fixture(scope="module")
def read(port: int) -> dict[str, Facts]:
    return {name: asyncio.run(readouts.polled(port, name, TOPICS)).facts for name in names()}


def expected(name: str, module: str, table: str, phase: str = "discovery") -> list[dict[str, Any]]:
    whole = json.loads((corpus("snmp") / f"{name}.json").read_text())
    found: list[dict[str, Any]] = ((whole.get(module) or {}).get(phase) or {}).get(table) or []
    return found


def test_every_device_gives_the_same_twice_and_nothing_unreadable(port: int, read: dict[str, Facts]) -> None:
    for name in names():
        again = asyncio.run(readouts.polled(port, name, TOPICS))
        assert again.facts.SerializeToString() == read[name].SerializeToString(), name
        assert again.unreadable == {}, name
        keyed.elements(read[name])  # keys are there and stand once
        state = keyed.state(read[name])
        assert state.network.lldp_neighbours == read[name].network.lldp_neighbours


def test_links(read: dict[str, Facts]) -> None:
    for name in names():
        theirs = {
            (link["ifName"], link["remote_hostname"], link["remote_port"].split(" (")[0])
            for link in expected(name, "discovery-protocols", "links")
        }
        ours = {
            (one.interface, one.system_name, one.port_id)
            for one in read[name].network.lldp_neighbours
            if name not in NOT_ITS_LINKS or one.system_name
        }
        if name == "dlink_dgs-1510-28xmp-me":  # a MAC address that LibreNMS writes with blanks
            theirs = {(a, b, c.lower().replace(" ", ":")) for a, b, c in theirs}
        if theirs or name not in NOT_ITS_LINKS:
            assert ours == theirs, name
    assert all(one.interface for found in read.values() for one in found.network.lldp_neighbours)


def test_vlans(read: dict[str, Facts]) -> None:
    for name in names():
        theirs = {row["vlan_vlan"] for row in expected(name, "vlans", "vlans")}
        ours = {vlan.id for vlan in read[name].device.vlans}
        assert ours - VLANS_MORE.get(name, set()) == (set() if name in VLANS_MISSING else theirs), name


def test_vlan_ports(read: dict[str, Facts]) -> None:
    compared = 0
    for name in names():
        rows = expected(name, "vlans", "ports_vlans")
        if not rows or name in VLANS_MISSING:
            continue
        device = read[name].device
        number = {one.interface: one.bridge_port for one in device.switch_ports}
        ours = {
            (vlan.id, number[one], int(one not in vlan.tagged))
            for vlan in device.vlans
            for one in vlan.ports
            if one not in BROKEN_BITS.get(name, ())
        }
        theirs = {(row["vlan"], row["baseport"], row["untagged"]) for row in rows}
        assert ours == theirs, (name, sorted(ours ^ theirs))
        compared += len(ours)
    assert compared > 150


def test_spanning_trees(read: dict[str, Facts]) -> None:
    for name in names():
        for row in expected(name, "stp", "stp"):
            tree = read[name].device.spanning_tree
            assert tree.address.replace(":", "") == row["bridgeAddress"], name
            assert (tree.protocol or "unknown") == row["protocolSpecification"], name
            assert tree.priority == row["priority"], name
            assert (tree.root.partition(".")[2] or "0" * 12) == (row["designatedRoot"] or "0" * 12), name
            assert tree.bridge_max_age == row["bridgeMaxAge"] * 1000, name
        ports = {one.bridge_port: one for one in read[name].device.switch_ports}
        for row in expected(name, "stp", "ports_stp"):
            one = ports[row["port_index"]]
            assert (one.stp_state, one.stp_priority) == (row["state"], row["priority"]), name
            assert one.stp_enabled is (row["enable"] == "enabled"), name


def test_forwarding(read: dict[str, Facts]) -> None:
    found = {
        (one.mac.replace(":", ""), one.vlan) for one in read["edgecos_es3510ma"].device.forwarding if one.interface
    }
    theirs = expected("edgecos_es3510ma", "fdb-table", "ports_fdb")
    assert found == {(row["mac_address"], row["vlan_vlan"]) for row in theirs}


def test_routing(read: dict[str, Facts]) -> None:
    for name in names():
        device = read[name].device
        # Those of the virtual routers are read again by LibreNMS, each in its context
        peers = {
            row["bgpPeerIdentifier"]: (row["bgpPeerRemoteAs"], row["bgpPeerState"])
            for row in reversed(expected(name, "bgp-peers", "bgpPeers", "poller"))
        }
        assert {one.address for one in device.bgp.peers} == peers.keys(), name
        assert all(one.remote_as == peers[one.address][0] for one in device.bgp.peers), name
        rows = expected(name, "ospf", "ospf_ports", "poller")
        assert {(one.address, one.area, one.type, one.state, one.enabled) for one in device.ospf.interfaces} == {
            (
                row["ospfIfIpAddress"],
                row["ospfIfAreaId"],
                row["ospfIfType"],
                row["ospfIfState"],
                row["ospfIfAdminStat"] == "enabled",
            )
            for row in rows
        }, name
        near = {(row["ospfNbrIpAddr"], row["ospfNbrRtrId"]) for row in expected(name, "ospf", "ospf_nbrs", "poller")}
        assert {(one.address, one.router_id) for one in device.ospf.neighbours} == near, name
        rows = expected(name, "ospfv3", "ospfv3_ports")
        assert len(device.ospf_v3.interfaces) == len(rows), name
        assert [one.state for one in device.ospf_v3.interfaces] == [row["ospfv3IfState"] for row in rows], name
