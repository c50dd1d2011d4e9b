"""What a device claims to be: only what is its own, written as a host's agent writes it."""

import pytest
from google.protobuf import text_format

from driftline.v1.facts_pb2 import Facts
from driftline_agent.claims import build as host_claims
from driftline_agent.devices.claims import build
from driftline_agent.devices.profile import Profile
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.transport import Target
from driftline_baseline.identity.normal import junk_of, keys_of

SWITCH = """
os { host { name: "sw1" } }
hardware { system { serial_number: "FOC1234X0AB" } }
device {
  snmp { system_name: "sw1.example.org" engine_id: "800000090300001c73000001" }
  components { place: "1" class: "chassis" serial_number: "FOC1234X0AB" }
  components { place: "2" class: "chassis" serial_number: "FOC9876X0CD" }
  components { place: "1/A" class: "powerSupply" serial_number: "PSU1" }
  components { place: "3" class: "chassis" }
  spanning_tree { address: "00:1c:73:00:00:00" }
}
network {
  interfaces { name: "Gi1" type: "ethernet" mac: "00:1c:73:00:00:01" addresses { address: "192.0.2.1/24" } }
  interfaces { name: "Gi2" type: "ethernet" mac_in_use: "02:00:00:00:00:01" }
  interfaces { name: "Vl10" type: "vlan" mac_in_use: "00:1c:73:00:00:ff" }
}
"""


def device(text: str = SWITCH, address: str = "192.0.2.1") -> tuple[Facts, Target, Profile]:
    return text_format.Parse(text, Facts()), Target(address, Community(2, "public")), Profile("standard")


def test_a_switch() -> None:
    claims = build(*device())
    assert (claims.hostname, claims.fqdn, claims.ci_class) == ("sw1", "sw1.example.org", "network device")
    assert claims.system_serial_number == "FOC1234X0AB"
    assert list(claims.entity_serial_numbers) == ["FOC1234X0AB", "FOC9876X0CD"]
    assert list(claims.macs) == ["00:1c:73:00:00:00", "00:1c:73:00:00:01"]
    assert claims.snmp_engine_id == "800000090300001c73000001"
    assert list(claims.management_addresses) == ["192.0.2.1"]
    assert not junk_of(claims)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "fe80::1%eth0", "203.0.113.9", "0.0.0.0"])
def test_addresses_that_are_not_the_devices(address: str) -> None:
    assert not build(*device(address=address)).management_addresses


def test_an_address_that_the_device_does_not_tell_of() -> None:
    assert list(build(*device("", "2001:db8::1")).management_addresses) == ["2001:db8::1"]


@pytest.mark.parametrize(
    "engine",
    [
        "800000090300001c73000001",  # a maker's hardware address
        "80001f8880e9630000d61ff449",  # net-snmp's random numbers
        "8000304404464f433132333458304142",  # text: its serial number
        "000007db0000000000" + "001c73000001",  # of SNMPv1's times, with its hardware address
    ],
)
def test_engines_that_only_one_can_have(engine: str) -> None:
    assert build(*device(SWITCH.replace("800000090300001c73000001", engine))).snmp_engine_id == engine


@pytest.mark.parametrize(
    "engine",
    [
        "8000000901c0000201",  # an IPv4 address
        "8000000902" + "20010db8" + "00" * 11 + "01",  # an IPv6 address
        "800000090464656661756c74",  # text: default
        "8000000903000000000000",  # no hardware address
        "8000000903020000000001",  # one that someone chose
        "800000090300005e000101",  # one that routers hand over
        "80001f88800000000000000000",  # no random numbers
        "8000a1b2800102030405",  # a maker's own form of nobody knows what
        "80", "zz", "", "80" * 40,
    ],
)  # fmt: skip
def test_engines_that_tell_nothing(engine: str) -> None:
    assert build(*device(SWITCH.replace("800000090300001c73000001", engine))).snmp_engine_id == ""


@pytest.mark.parametrize(
    ("name", "hostname", "fqdn"),
    [("sw1", "sw1", ""), ("sw1.", "sw1", ""), ("a.b.c", "a", "a.b.c"), ("10.0.0.1", "10.0.0.1", ""), ("", "", "")],
)
def test_names(name: str, hostname: str, fqdn: str) -> None:
    claims = build(*device(f'device {{ snmp {{ system_name: "{name}" }} }}'))
    assert (claims.hostname, claims.fqdn) == (hostname, fqdn)


def test_a_server_without_an_agent_is_the_same_with_one() -> None:
    over_snmp = build(*device(SWITCH))
    told = text_format.Parse(SWITCH, Facts())
    told.os.host.fqdn = "sw1.example.org"
    told.network.interfaces[0].permanent_mac = "00:1c:73:00:00:01"
    with_agent = host_claims(told, ["Gi1"], "")
    shared = {one.key for one in keys_of(over_snmp)} & {one.key for one in keys_of(with_agent)}
    assert shared == {"serial:foc1234x0ab", "mac:00:1c:73:00:00:01", "fqdn:sw1.example.org", "name:sw1"}
