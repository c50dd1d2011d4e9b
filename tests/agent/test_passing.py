"""What comes and goes on a network by itself, told from what someone decides on."""

from pathlib import Path

import pytest

from driftline.v1.facts_pb2 import Address, Interface, Route, Tun
from driftline_agent.host import Host
from driftline_agent.passing import is_automatic, is_passing, is_passing_route, settle_mac


@pytest.mark.parametrize(
    ("name", "kind", "elsewhere", "passing"),
    [
        ("eth0", "ethernet", False, False),
        ("eth0", "veth", True, False),  # a container's own way out
        ("veth1a2b3c4", "veth", True, True),
        ("veth1a2b3c4", "veth", False, True),  # not handed over yet
        ("mine0", "veth", False, False),
        ("to-vpn", "veth", True, True),
        ("cali0123456789a", "veth", True, True),
        ("br0", "bridge", False, False),
        ("br-0123456789ab", "bridge", False, True),
        ("docker0", "bridge", False, True),
        ("virbr0", "bridge", False, True),
        ("vnet3", "tun", False, True),
        ("wg0", "wireguard", False, False),
        ("bond0", "bond", False, False),
        ("eth0.7", "vlan", False, False),
        ("ppp0", "ppp", False, True),
        ("tunl0", "ipip", False, True),
    ],
)
def test_interfaces(name: str, kind: str, elsewhere: bool, passing: bool) -> None:
    assert is_passing(Interface(name=name, type=kind), elsewhere) is passing


def test_a_tun_that_persists_is_someones() -> None:
    assert is_passing(Interface(name="tun0", type="tun", tun=Tun(persistent=False)), elsewhere=False)
    assert not is_passing(Interface(name="tun0", type="tun", tun=Tun(persistent=True)), elsewhere=False)


@pytest.mark.parametrize(
    ("address", "dynamic", "protocol", "automatic"),
    [
        ("fe80::42:acff:fe11:2/64", False, 3, True),
        ("fe80::1/64", False, 0, False),
        ("fe80::f4b2:1cff:fe7a:9d01/64", False, None, True),  # Linux before 5.18
        ("fe80::1/64", False, None, False),
        ("192.0.2.10/24", False, 18, True),
        ("192.0.2.10/24", False, None, False),
        ("2001:db8::10/64", True, 2, False),
    ],
)
def test_addresses(address: str, dynamic: bool, protocol: int | None, automatic: bool) -> None:
    assert is_automatic(Address(address=address, dynamic=dynamic), protocol) is automatic


@pytest.mark.parametrize(
    ("route", "passing"),
    [
        (Route(destination="0.0.0.0/0", interface="eth0", protocol="dhcp"), False),
        (Route(destination="::/0", interface="eth0", protocol="ra"), True),
        (Route(destination="198.51.100.0/24", interface="eth0", protocol="bird"), True),
        (Route(destination="172.17.0.0/16", interface="docker0", protocol="kernel"), True),
        (Route(destination="fe80::/64", interface="eth0", protocol="kernel"), True),
        (Route(destination="192.0.2.0/24", interface="eth0", protocol="kernel"), False),
    ],
)
def test_routes(route: Route, passing: bool) -> None:
    assert is_passing_route(route, {"docker0"}) is passing


@pytest.mark.parametrize(("assigned", "decided"), [("0", True), ("1", False), ("2", False), ("3", True), ("", True)])
def test_a_mac_that_nobody_chose_is_state(assigned: str, decided: bool, tmp_path: Path) -> None:
    folder = tmp_path / "sys/class/net/br0"
    folder.mkdir(parents=True)
    if assigned:
        (folder / "addr_assign_type").write_text(f"{assigned}\n")
    link = Interface(name="br0", type="bridge", mac="02:00:00:00:00:01")
    settle_mac(Host(str(tmp_path)), link, of_a_bond=False)
    assert (link.mac, link.mac_in_use) == (("02:00:00:00:00:01", "") if decided else ("", "02:00:00:00:00:01"))
