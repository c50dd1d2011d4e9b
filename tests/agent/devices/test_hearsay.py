"""What devices say of others on their links, and what of it is told: nothing outside of the listed prefixes."""

from ipaddress import ip_network

from driftline.v1.facts_pb2 import Facts
from driftline_agent.devices.runtime import hearsay
from driftline_agent.devices.runtime.hearsay import Hearsay
from driftline_agent.devices.settings.config import Discovery

LISTED = Discovery(
    (ip_network("10.1.0.0/24"), ip_network("2001:db8::/112")),
    excluded=(ip_network("10.1.0.64/26"), ip_network("10.1.0.9/32")),
)
MAC = "00:50:56:00:00:01"


def told(hearing: Hearsay, *addresses: str, ours: tuple[str, ...] = ()) -> list[str]:
    found = hearing.sightings([(one, MAC) for one in addresses], lambda one: one in ours, 1234)
    assert all((one.mac, list(one.answers), one.seen_at_ms) == (MAC, ["arp"], 1234) for one in found)
    return [one.address for one in found]


def swept(*answered: str) -> Hearsay:
    hearing = Hearsay(LISTED)
    hearing.swept(answered)
    return hearing


def test_nothing_outside_of_the_prefixes() -> None:
    outside = [
        "10.1.1.5",
        "192.0.2.1",
        "10.1.0.0",
        "10.1.0.255",
        "10.1.0.70",
        "10.1.0.9",
        "2001:db9::1",
        "fe80::1",
        "x",
    ]
    assert told(swept(), "10.1.0.5", "2001:db8::7", *outside) == ["10.1.0.5", "2001:db8::7"]


def test_nothing_without_discovery_or_before_its_first_pass() -> None:
    without = Hearsay(None)
    without.swept([])
    assert told(without, "10.1.0.5") == []
    assert told(Hearsay(LISTED), "10.1.0.5") == []


def test_who_answered_and_who_is_ours_is_known_already() -> None:
    assert told(swept("10.1.0.5"), "10.1.0.5", "10.1.0.6", "10.1.0.7", ours=("10.1.0.6",)) == ["10.1.0.7"]


def test_an_address_is_told_of_once_an_hour() -> None:
    now_s = 100.0
    hearing = Hearsay(LISTED, lambda: now_s)
    hearing.swept([])
    assert told(hearing, "10.1.0.5") == ["10.1.0.5"]
    now_s += 3599
    assert told(hearing, "10.1.0.5", "10.1.0.6") == ["10.1.0.6"]
    now_s += 1
    hearing.follow(LISTED)  # the file was read anew
    assert told(hearing, "10.1.0.5", "10.1.0.6") == ["10.1.0.5"]


def test_neighbours_that_are_not_there_are_none() -> None:
    facts = Facts()
    facts.network.neighbours.add(interface="Gi1", address="10.1.0.5", mac=MAC)
    facts.network.neighbours.add(interface="Gi1", address="10.1.0.6", reachable=False)
    facts.network.neighbours.add(interface="Gi1", address="10.1.0.7", mac=MAC, reachable=False)
    facts.network.neighbours.add(interface="Gi1", address="10.1.0.8", mac=MAC, reachable=True)
    assert hearsay.neighbours(facts) == [("10.1.0.5", MAC), ("10.1.0.8", MAC)]


def test_addresses_that_every_device_has_are_not_its_own() -> None:
    facts = Facts()
    interface = facts.network.interfaces.add(name="lo")
    for address in ("127.0.0.1/8", "::1/128", "fe80::1/64", "10.0.0.1/32", "2001:db8::1/64"):
        interface.addresses.add(address=address)
    assert hearsay.own_addresses(facts) == {"10.0.0.1", "2001:db8::1"}
