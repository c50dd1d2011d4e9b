"""Neighbours and routing of real lldpd and FRR over AgentX, SNMP and this agent's topics."""

import asyncio
import os
from collections.abc import Iterator

import pytest
from tests.support import readouts, routers
from tests.support.routers import Router, wait_for

from driftline.v1.facts_pb2 import Facts, LldpNeighbour
from driftline_agent import lldp
from driftline_agent.devices.topic import all_topics

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root, to make networks")

TOPICS = {name: all_topics()[name] for name in ("neighbours", "bridge", "vlans", "forwarding", "bgp", "ospf")}


def facts(router: Router) -> Facts:
    found: list[Facts] = []

    def work() -> None:
        read = asyncio.run(readouts.polled(161, routers.COMMUNITY, TOPICS))
        assert read.unreadable == {}
        found.append(read.facts)

    routers.call_inside(router.namespace, work)
    return found[0]


def settled(read: Facts) -> bool:
    device = read.device
    return (
        len(read.network.lldp_neighbours) == 2
        and [one.state for one in device.bgp.peers] == ["established", "idle"]
        and [one.state for one in (*device.ospf.neighbours, *device.ospf_v3.neighbours)] == ["full", "full"]
    )


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Router, Router]]:
    with routers.serve() as found:
        for router in found:
            wait_for(f"{router.name}'s sockets", lambda router=router: (router.folder / "ready").exists())  # type: ignore[misc]
            wait_for(f"{router.name}'s neighbours", lambda router=router: settled(facts(router)))  # type: ignore[misc]
        yield found


def as_the_host_says(router: Router) -> list[LldpNeighbour]:
    """Return what the agent of a host would say of the same lldpd; LLDP-MIB has no TTL."""
    found = lldp.parse(router.lldp())
    for one in found:
        one.ClearField("ttl")
    return found


def test_neighbours_are_the_same_as_those_of_the_hosts_agent(both: tuple[Router, Router]) -> None:
    for router, other in (both, both[::-1]):
        read = facts(router)
        assert list(read.network.lldp_neighbours) == as_the_host_says(router)
        assert {one.chassis_id for one in read.network.lldp_neighbours} == {facts(other).device.lldp_chassis_id}
        assert [(one.interface, one.port_id, one.system_name) for one in read.network.lldp_neighbours] == [
            ("eth1", "eth1", other.name),
            ("eth2", "eth2", other.name),
        ]


def test_an_idle_router_gives_the_same_bytes(both: tuple[Router, Router]) -> None:
    for router in both:
        assert facts(router).SerializeToString() == facts(router).SerializeToString()


def test_bgp(both: tuple[Router, Router]) -> None:
    bgp = facts(both[0]).device.bgp
    assert (bgp.local_as, bgp.identifier) == (65001, "10.255.0.1")
    peer, stopped = bgp.peers
    assert (peer.address, peer.remote_as, peer.enabled, peer.identifier, peer.local_address) == (
        ("10.7.0.2", 65002, True, "10.255.0.2", "10.7.0.1")
    )
    assert (peer.hold_time, peer.keep_alive) == (30, 10)
    assert (stopped.address, stopped.remote_as, stopped.enabled, stopped.identifier) == ("10.7.0.9", 65009, False, "")


def test_ospf(both: tuple[Router, Router]) -> None:
    device = facts(both[1]).device
    for ospf, address in ((device.ospf, "10.7.0.2"), (device.ospf_v3, "eth1")):
        assert (ospf.router_id, ospf.enabled) == ("10.255.0.2", True)
        assert [area.id for area in ospf.areas] == ["0.0.0.7"]
        (one,) = ospf.interfaces
        assert (one.address, one.area, one.enabled, one.hello_interval, one.dead_interval) == (
            (address, "0.0.0.7", True, 1, 4)
        )
        assert [one.router_id for one in ospf.neighbours] == ["10.255.0.1"]
    assert device.ospf.neighbours[0].address == "10.7.0.1"
    assert device.ospf_v3.neighbours[0].address.endswith("%eth1")


def test_a_router_that_is_no_bridge_says_nothing_of_one(both: tuple[Router, Router]) -> None:
    device = facts(both[1]).device
    assert not device.switch_ports and not device.HasField("spanning_tree")
    assert not device.vlans and not device.forwarding
