"""Links from what ends see of each other: the rules, without a database."""

from collections.abc import Sequence

import pytest

from driftline.v1.network_pb2 import Interface
from driftline_baseline.topology import ends
from driftline_baseline.topology.ends import Neighbour, Port
from driftline_baseline.topology.links import GRACE_MS, HOLD_MS, End, Link, PortState, Sight, reconcile
from driftline_baseline.topology.sights import MAC, Evidence, Seen, seen_by

NOW = 1_790_000_000_000
HOUR = 3_600_000
A1, B2, B3, C3 = End(1, "1"), End(2, "2"), End(2, "3"), End(3, "3")


def sight(at: End, far: End, *, since: int = NOW - HOUR, by: str = "LLDP", lost: int | None = None) -> Sight:
    return Sight(at, far, by, since, NOW - 1000, lost)


def found(
    *seen: Sight,
    ports: dict[End, PortState] | None = None,
    known: Sequence[int] = (),
    existing: Sequence[Link] = (),
    now: int = NOW,
) -> dict[Link, str]:
    return {one.link: one.by for one in reconcile(seen, ports or {}, known, existing, now).links}


UP, DOWN = PortState(True, NOW - HOUR), PortState(False, NOW - 500)


def test_both_ends_are_one_link_and_so_is_one_end() -> None:
    both = found(sight(A1, B2), sight(B2, A1, by="CDPv2"))
    assert both == {Link(A1, B2): "LLDP and CDPv2 at both ends"}
    assert found(sight(B2, A1)) == {Link(A1, B2): "LLDP of {2}"}
    assert found(sight(A1, End(1, "7"))) == {}


def test_the_newest_word_counts_and_the_other_is_told() -> None:
    (one,) = reconcile([sight(A1, B2, since=NOW - 10), sight(B2, C3), sight(C3, B2)], {}, (), [Link(B2, C3)], NOW).links
    assert (one.link, one.instead) == (Link(A1, B2), Link(B2, C3))


@pytest.mark.parametrize("down", [A1, B2])
def test_a_port_that_is_down_has_no_link(down: End) -> None:
    ports = {A1: UP, B2: UP, down: DOWN}
    assert found(sight(A1, B2), sight(B2, A1), ports=ports) == {}


def test_a_port_that_is_gone_hears_nobody() -> None:
    assert found(sight(A1, B2), ports={B2: UP}, known=[1, 2]) == {}
    assert found(sight(A1, B2), ports={B2: UP}, known=[2]) == {Link(A1, B2): "LLDP of {1}"}


def test_who_hears_a_port_anew_is_believed_though_it_was_down_when_it_was_read() -> None:
    ports = {A1: UP, B2: DOWN}
    assert found(sight(A1, B2, since=NOW - 100), ports=ports) == {Link(A1, B2): "LLDP of {1}"}


def test_a_missed_reading_is_no_news_for_a_while() -> None:
    lost = sight(A1, B2, lost=NOW)
    looked = reconcile([lost], {}, (), [Link(A1, B2)], NOW + 1)
    assert [one.link for one in looked.links] == [Link(A1, B2)]
    assert looked.again_ms == NOW + GRACE_MS
    assert found(lost, now=NOW + GRACE_MS) == {}
    assert found(lost, sight(A1, C3, since=NOW)) == {Link(A1, C3): "LLDP of {1}"}


def test_a_port_with_several_neighbours_is_shared_once_the_old_one_had_time_to_leave() -> None:
    seen = [sight(A1, B2), sight(A1, C3, since=NOW)]
    moved = reconcile(seen, {}, (), [Link(A1, B2)], NOW)
    assert [one.link for one in moved.links] == [Link(A1, B2)]
    assert moved.again_ms == NOW + HOLD_MS
    later = reconcile(seen, {}, (), [Link(A1, B2)], NOW + HOLD_MS)
    assert (later.links, later.shared) == ([], {A1})


def test_an_unknown_port_is_the_one_that_hears_this_one() -> None:
    """One end names the other's port by a text that is no port, or by the bundle that it is a member of."""
    assert found(sight(A1, End(2, "port 2")), sight(B2, A1)) == {Link(A1, B2): "LLDP at both ends"}
    ports = {A1: UP, B2: UP, End(2, "po1"): PortState(True, NOW - HOUR, virtual=True)}
    assert found(sight(A1, End(2, "po1")), sight(B2, A1), ports=ports) == {Link(A1, B2): "LLDP at both ends"}


def test_members_of_a_bundle_are_a_link_each() -> None:
    two = [sight(A1, B2), sight(B2, A1), sight(End(1, "2"), B3), sight(B3, End(1, "2"))]
    assert set(found(*two)) == {Link(A1, B2), Link(End(1, "2"), B3)}


def test_what_a_protocol_tells_counts_more_than_an_address() -> None:
    seen = [sight(A1, C3, by=MAC, since=NOW), sight(B2, C3)]
    assert found(*seen) == {Link(B2, C3): "LLDP of {2}"}


def test_who_is_behind_several_bridges_is_next_to_none_for_sure() -> None:
    seen = [sight(A1, C3, by=MAC), sight(B2, C3, by=MAC, since=NOW)]
    assert found(*seen) == {}
    assert set(found(*seen, existing=[Link(A1, C3)])) == {Link(A1, C3)}
    assert found(seen[0]) == {Link(A1, C3): "seen: MAC of {3} behind {1} 1"}


PORTS = [
    Port(
        "Gi1/0/1",
        True,
        False,
        ("name:gi1/0/1", "description:gigabitethernet1/0/1", "mac:00:11:22:33:44:01", "index:5"),
    ),
    Port("eth0", True, False, ("name:eth0", "mac:00:11:22:33:44:02", "in-use:00:11:22:33:44:02", "alias:uplink")),
    Port("eth1", True, False, ("name:eth1", "mac:00:11:22:33:44:03", "in-use:00:11:22:33:44:02")),
    Port("bond0", True, True, ("name:bond0", "in-use:00:11:22:33:44:02")),
    Port("eth0.10", True, True, ("name:eth0.10", "mac:00:11:22:33:44:01")),
]


@pytest.mark.parametrize(
    ("port_id", "description", "name"),
    [
        ("Gi1/0/1", "", "Gi1/0/1"),
        ("GigabitEthernet1/0/1", "", "Gi1/0/1"),
        ("5", "", "Gi1/0/1"),
        ("0011.2233.4401", "", "Gi1/0/1"),  # not the VLAN that has the same
        ("00:11:22:33:44:02", "", "eth0"),  # its own one, though its bond's members use it
        ("uplink", "", "eth0"),
        ("0x99", "eth1", "eth1"),
        ("nothing", "", None),
        ("", "", None),
    ],
)
def test_a_port_is_found_by_what_others_call_it(port_id: str, description: str, name: str | None) -> None:
    assert ends.find_port(PORTS, port_id, description) == name


def test_a_port_of_an_interface() -> None:
    said = Interface(name="Gi1/0/2", link="up", enabled=False, alias="To web1", mac="00:00:5e:00:01:07", index=3)
    assert ends.port_of(said) == Port("Gi1/0/2", False, False, ("name:gi1/0/2", "alias:to web1", "index:3"))
    assert ends.port_of(Interface(name="x")).up is None


def see(evidence: Evidence, holders: dict[str, int], standing: Sequence[tuple[str, int]] = ()) -> list[Seen]:
    def who(keys: Sequence[str]) -> int | None:
        return next((holders[key] for key in keys if key in holders), None)

    return seen_by(1, evidence, who, lambda ci: PORTS if ci == 2 else [], standing)


def test_lldp_and_cdp_of_one_cable_are_one() -> None:
    heard = [
        Neighbour("1", "CDPv2", "sw2.example.com(FOX1)", "GigabitEthernet1/0/1"),
        Neighbour("1", "LLDP", "00:11:22:33:44:00", "uplink of nobody", "sw2", "", ("192.0.2.2",)),
    ]
    (one,) = see(Evidence(heard=heard), {"name:sw2": 2, "chassis:00:11:22:33:44:00": 2})
    assert (one.by, one.far_ci, one.far_port, one.address) == ("LLDP and CDPv2", 2, "Gi1/0/1", "192.0.2.2")
    (unknown,) = see(Evidence(heard=heard), {})
    assert (unknown.by, unknown.far_ci, unknown.name) == ("LLDP and CDPv2", None, "sw2")


def test_who_is_behind_a_port() -> None:
    two, three = "00:11:22:33:44:02", "00:aa:00:00:00:03"
    holders = {f"mac:{two}": 2, f"mac:{three}": 3, "mac:00:11:22:33:44:03": 2}

    def behind(*macs: str, standing: Sequence[tuple[str, int]] = ()) -> list[tuple[int | None, str]]:
        return [(one.far_ci, one.far_port) for one in see(Evidence(behind={"7": macs}), holders, standing)]

    assert behind("00:11:22:33:44:03") == [(2, "eth1")]
    assert behind(two) == [(2, "bond0")]  # eth0 and eth1 use it, too: it is their bond's
    assert behind(two, three) == []
    assert behind(two, "00:bb:00:00:00:01") == []
    assert behind("00:bb:00:00:00:01") == [(None, "")]
    assert behind(two, three, standing=[("7", 2)]) == [(2, "bond0")]
    assert behind(standing=[("7", 2)]) == [(2, "")]
    assert behind(three, standing=[("7", 2)]) == [(3, three)]


def test_who_tells_of_himself_is_not_guessed_at() -> None:
    evidence = Evidence(heard=[Neighbour("7", "LLDP", "x", "1")], behind={"7": ["00:11:22:33:44:02"]})
    assert [(one.by, one.far_ci) for one in see(evidence, {"mac:00:11:22:33:44:02": 2})] == [("LLDP", None)]
