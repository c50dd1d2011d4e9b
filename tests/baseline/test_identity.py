"""Evidence of identity: which two sources speak for one machine, and which do not."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.errors import DocumentError
from driftline_baseline.identity import (
    KINDS,
    THRESHOLD,
    Match,
    context_of,
    hardware_changed,
    junk_of,
    keys_of,
    serial_key,
    weigh,
)
from driftline_baseline.identity.kinds import read_junk

ROOT = Path(__file__).parents[2]
UUID = "4c4c4544-0042-3510-8052-b4c04f564433"
OTHER_UUID = "4c4c4544-0051-4d10-8044-c7c04f333433"


def server(**said: object) -> HostClaims:
    """A server of Dell's, with what is said otherwise."""
    claims: dict[str, object] = {
        "hostname": "web1",
        "fqdn": "web1.example.com",
        "machine_id": "5f1c3a6c2c6b4b6f9a0f6a3f0f5e7d11",
        "system_uuid": UUID,
        "system_serial_number": "7X3KQ2",
        "chassis_serial_number": "7X3KQ2",
        "board_serial_number": "/7X3KQ2/CN7792195K00FT/",
        "macs": ["24:6e:96:0a:00:01", "24:6e:96:0a:00:02"],
        "disk_serial_numbers": ["S3Z8NB0K1", "S3Z8NB0K2"],
    }
    return HostClaims(**(claims | said))  # type: ignore[arg-type]  # fields by name


def other_server(**said: object) -> HostClaims:
    """Another of the same model."""
    claims: dict[str, object] = {
        "hostname": "web2",
        "fqdn": "web2.example.com",
        "machine_id": "00a7c1d2e3f40516273849506172839a",
        "system_uuid": OTHER_UUID,
        "system_serial_number": "9B1MQ3",
        "chassis_serial_number": "9B1MQ3",
        "board_serial_number": "/9B1MQ3/CN7792195K00GT/",
        "macs": ["24:6e:96:0b:00:01", "24:6e:96:0b:00:02"],
        "disk_serial_numbers": ["S3Z8NB0K8", "S3Z8NB0K9"],
    }
    return HostClaims(**(claims | said))  # type: ignore[arg-type]  # fields by name


def guest(**said: object) -> HostClaims:
    """A virtual machine of KVM."""
    claims: dict[str, object] = {
        "hostname": "vm1",
        "machine_id": "aa17c1d2e3f40516273849506172839a",
        "system_uuid": "b5a3ecf9-6d0e-4f6c-a3a1-6e6cbd1d3f11",
        "macs": ["52:54:00:12:34:56"],
        "virtualization": "kvm",
    }
    return HostClaims(**(claims | said))  # type: ignore[arg-type]  # fields by name


def match(mine: HostClaims, theirs: HostClaims, *shared: str) -> Match:
    return weigh(keys_of(mine), keys_of(theirs), context_of(mine), context_of(theirs), shared)


def swapped(uuid: str) -> str:
    parts = uuid.split("-")
    back = ["".join(reversed(re.findall("..", part))) for part in parts[:3]]
    return "-".join(back + parts[3:])


ONE_MACHINE = {
    "the same again": (server(), server()),
    "a cloned virtual machine with the same machine id and UUID": (
        guest(disk_serial_numbers=["a1b2c3d4"]),
        guest(hostname="vm2", macs=["52:54:00:65:43:21"], disk_serial_numbers=["e5f6a7b8"]),
    ),
    "the UUID in the other byte order, and nothing else": (
        HostClaims(system_uuid=UUID),
        HostClaims(system_uuid=swapped(UUID).upper()),
    ),
    "a server installed anew": (
        server(),
        server(machine_id="77a7c1d2e3f40516273849506172839a", hostname="db9", fqdn="db9.example.com"),
    ),
    "a renamed host": (server(), server(hostname="www", fqdn="www.example.com")),
    "a new network card": (server(), server(macs=["3c:fd:fe:00:00:01"])),
    "another main board with the serial number written into it": (
        server(),
        server(system_uuid=OTHER_UUID, board_serial_number="CN7792", macs=["24:6e:96:0c:00:01"]),
    ),
    "a server and its management by SNMP": (
        server(),
        HostClaims(hostname="web1-mgmt", entity_serial_numbers=["7x3kq2"], snmp_engine_id="80001f8880e9630000d61ff449"),
    ),
    "a switch by SNMP, and again": (
        HostClaims(hostname="sw1", snmp_engine_id="80:00:00:09:03:00:1a:2b:3c:4d:5e:6f"),
        HostClaims(hostname="sw-core", snmp_engine_id="0x8000000903001A2B3C4D5E6F"),
    ),
    "bonding: the order of the addresses": (
        HostClaims(macs=["24:6e:96:0a:00:01", "24:6e:96:0a:00:02"], hostname="web1", fqdn="web1.example.com"),
        HostClaims(macs=["24:6E:96:0A:00:02", "246e.960a.0001"], hostname="web1", fqdn="web1.example.com."),
    ),
    "a container that came back elsewhere with its data": (
        server(container="lxc"),
        other_server(container="lxc", **{name: getattr(server(), name) for name in ("hostname", "fqdn", "machine_id")}),
    ),
    "a cloud's instance, installed anew": (
        guest(cloud_instance_id="i-0123456789abcdef0", system_uuid=""),
        guest(cloud_instance_id="i-0123456789abcdef0", system_uuid="", machine_id="ff" + "0" * 29 + "1"),
    ),
}
TWO_MACHINES = {
    "two servers of one model": (server(), other_server()),
    "a golden image: only the machine id is the same": (server(), other_server(machine_id=server().machine_id)),
    "a golden image of virtual machines": (guest(), guest(system_uuid="b5a3ecf9-6d0e-4f6c-a3a1-6e6cbd1d3f22")),
    "the same name and domain, other hardware": (
        server(),
        other_server(hostname="web1", fqdn="web1.example.com"),
    ),
    "two virtual machines that show their hypervisor's serial numbers": (
        guest(system_serial_number="7X3KQ2", board_serial_number="B7X3KQ2", chassis_serial_number="C7X3KQ2"),
        guest(
            machine_id="bb17c1d2e3f40516273849506172839a",
            system_uuid="b5a3ecf9-6d0e-4f6c-a3a1-6e6cbd1d3f22",
            system_serial_number="7X3KQ2",
            board_serial_number="B7X3KQ2",
            chassis_serial_number="C7X3KQ2",
        ),
    ),
    "the same with nothing else that root alone may read": (
        HostClaims(hostname="vm1", system_serial_number="7X3KQ2", virtualization="kvm"),
        HostClaims(hostname="vm2", system_serial_number="7X3KQ2", virtualization="kvm"),
    ),
    "a hypervisor and its guest": (
        server(),
        guest(system_serial_number="7X3KQ2", board_serial_number="/7X3KQ2/CN7792195K00FT/"),
    ),
    "a container and its host, with one /etc/machine-id": (
        server(),
        server(hostname="c1", fqdn="", container="docker"),
    ),
    "the same with the host's name": (server(), server(container="docker")),
    "two containers of one host with one /etc/machine-id": (
        server(hostname="c1", fqdn="c1.example.com", container="docker"),
        server(hostname="c2", fqdn="c2.example.com", container="docker"),
    ),
    "blades of one chassis": (
        server(chassis_serial_number="CZ3404YWEA"),
        other_server(chassis_serial_number="CZ3404YWEA"),
    ),
    "a blade and the management of its chassis": (
        HostClaims(chassis_serial_number="CZ3404YWEA", hostname="blade1"),
        HostClaims(entity_serial_numbers=["CZ3404YWEA"], hostname="enclosure1"),
    ),
    "a server with another's disks, and the other": (
        server(disk_serial_numbers=list(other_server().disk_serial_numbers), machine_id=other_server().machine_id),
        other_server(),
    ),
    "one MAC address": (HostClaims(macs=["24:6e:96:0a:00:01"]), HostClaims(macs=["24:6e:96:0a:00:01"])),
}


@pytest.mark.parametrize("case", ONE_MACHINE)
def test_one_machine(case: str) -> None:
    found = match(*ONE_MACHINE[case])
    assert found.score >= THRESHOLD, found


@pytest.mark.parametrize("case", TWO_MACHINES)
def test_two_machines(case: str) -> None:
    found = match(*TWO_MACHINES[case])
    assert found.score < THRESHOLD, found


JUNK = {
    "system_serial_number": ("To Be Filled By O.E.M.", "Default string", "None", "0", "00000000", "0123456789", "N/A",
        "System Serial Number", "Not Specified", "123456789", "xxxxxxx", ".", "  unknown ", "1234567890", "X", "-"),
    "board_serial_number": ("Default string", "..............", "Type2 - Board Serial Number"),
    "chassis_serial_number": ("Chassis Serial Number", "EVAL", "To be filled by O.E.M."),
    "system_uuid": ("00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "none",
        "03000200-0400-0500-0006-000700080009", "00020003-0004-0005-0006-000700080009", "Not Settable",
        "4C4C4544-0000-2010-8020-80C04F202020", "01010101-0101-0101-0101-010101010101"),
    "machine_id": ("uninitialized", "0" * 32, "f" * 32),
    "macs": ("02:42:ac:11:00:02", "52:54:00:12:34:56", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01",
        "00:00:5e:00:01:0a", "00:00:5E:00:02:0A", "00:00:0c:07:ac:01", "00:00:0c:9f:f0:01", "00:50:56:c0:00:08",
        "00:e0:4c:53:44:58", "00:11:22:33:44:55", "eth0", "0a:00:27:00:00:00"),
    "disk_serial_numbers": ("QM00001", "drive-scsi0", "0x0000000000000000", "none", "beaf11"),
    "snmp_engine_id": ("0000000000", "80001f88017f000001", "8000000903000000000000", "text", "80000009"),
    "entity_serial_numbers": ("0", "N/A", "Not Available"),
    "hostname": ("localhost", "debian", "ubuntu", "localhost.localdomain", "debian-12", "win-template-01", "TEMPLATE",
        "ubuntu-2204-base", "(none)", "raspberrypi"),
    "fqdn": ("localhost.localdomain", "web1", "localhost.example.com", "debian.localdomain"),
    "management_addresses": ("127.0.0.1", "::1", "fe80::1%eth0", "169.254.1.1", "0.0.0.0", "224.0.0.1", "ff02::1",
        "172.17.0.1", "no address"),
    "lldp_chassis_id": ("02:42:ac:11:00:02", "mac 00:00:00:00:00:00", "none"),
    "cloud_instance_id": ("iid-datasource-none", "nocloud", "00000000-0000-0000-0000-000000000000"),
}  # fmt: skip
GOOD = {
    "system_serial_number": ("7X3KQ2", "VMware-56 4d 12 34", "CZC1234567", "5CD0123456", "S1"),
    "system_uuid": (UUID, "00000000-0000-0000-0000-ac1f6b123456"),
    "machine_id": ("5f1c3a6c2c6b4b6f9a0f6a3f0f5e7d11",),
    "macs": ("24:6e:96:0a:00:01", "08:00:27:12:34:56", "80:00:02:08:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:4a:5b:6c"),
    "disk_serial_numbers": ("S3Z8NB0K1", "0x5002538e40a1b2c3"),
    "snmp_engine_id": ("80001f8880e9630000d61ff449",),
    "hostname": ("web1", "ubuntu1", "debian-mirror", "localhosting", "templates"),
    "fqdn": ("debian.example.com", "ubuntu.example.com", "web1.example.com"),
    "management_addresses": ("10.0.0.1", "2001:db8::1"),
    "lldp_chassis_id": ("sw1", "mac 24:6e:96:0a:00:01"),
    "cloud_instance_id": ("i-0123456789abcdef0", "60713892"),
}


def claim(field: str, value: str) -> HostClaims:
    many = HostClaims.DESCRIPTOR.fields_by_name[field].is_repeated
    return HostClaims(**{field: [value] if many else value})  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in JUNK.items() for value in values])
def test_junk_counts_for_nothing_and_says_why(field: str, value: str) -> None:
    assert keys_of(claim(field, value)) == []
    ((_, said, why),) = junk_of(claim(field, value))
    assert (said, bool(why)) == (value, True)


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in GOOD.items() for value in values])
def test_what_is_no_junk_counts(field: str, value: str) -> None:
    assert [one.value for one in keys_of(claim(field, value))] == [value]
    assert junk_of(claim(field, value)) == []


def test_every_kind_has_junk_and_a_good_value_of_it_in_these_tests() -> None:
    assert set(JUNK) == {kind.claim for kind in KINDS.values()}


def test_keys_are_normal_forms() -> None:
    assert serial_key(" /7X3KQ2/ ") == serial_key("7x3kq2") == "serial:7x3kq2"
    assert serial_key("Default string") is None
    (uuid,) = keys_of(HostClaims(system_uuid=UUID))
    assert uuid.key == keys_of(HostClaims(system_uuid=swapped(UUID)))[0].key
    (lldp,) = keys_of(HostClaims(lldp_chassis_id="24:6e:96:0a:00:01"))
    assert lldp.key == keys_of(HostClaims(macs=["246E960A0001"]))[0].key


def test_a_container_has_its_hosts_hardware_and_none_of_its_own() -> None:
    contained = server(container="docker")
    assert {one.kind for one in keys_of(contained)} == {"machine_id", "hostname", "fqdn"}
    assert {kind for kind, _, why in junk_of(contained) if "docker" in why} >= {"system_uuid", "mac", "disk_serial"}


def test_what_is_shared_counts_for_nothing_and_is_shown() -> None:
    (serial,) = keys_of(HostClaims(system_serial_number="7X3KQ2"))
    found = match(server(), server(), serial.key)
    (piece,) = [piece for piece in found.pieces if piece.value == "7X3KQ2"]
    assert piece.weight == 0
    assert found.score == match(server(), server()).score - 45
    other = match(server(), other_server(), serial.key)
    assert "system_serial" not in {piece.kind for piece in other.pieces}  # it contradicts nothing either


def test_a_key_counts_once_and_as_the_lighter_kind() -> None:
    one = HostClaims(system_serial_number="7X3KQ2", chassis_serial_number="7X3KQ2")
    assert match(one, one).score == 45
    assert match(one, HostClaims(entity_serial_numbers=["7X3KQ2"])).score == 45
    assert match(HostClaims(chassis_serial_number="7X3KQ2"), HostClaims(entity_serial_numbers=["7X3KQ2"])).score == 15


def test_many_of_one_kind_count_so_much_at_most() -> None:
    macs = HostClaims(macs=[f"24:6e:96:0a:00:{number:02x}" for number in range(40)])
    assert match(macs, macs).score == 30
    assert len(keys_of(macs)) == 32
    assert {why for _, _, why in junk_of(macs)} == {"one of more than 32"}


def test_other_hardware_is_another_machine_not_another_card() -> None:
    before, context = keys_of(server()), context_of(server())
    assert hardware_changed(before, keys_of(other_server()), context)
    assert not hardware_changed(before, keys_of(server(macs=["3c:fd:fe:00:00:01"])), context)
    cards = [keys_of(HostClaims(macs=[mac], hostname="web1")) for mac in ("24:6e:96:0a:00:01", "3c:fd:fe:00:00:01")]
    assert not hardware_changed(cards[0], cards[1], context)
    moved = [keys_of(guest(system_uuid="", system_serial_number=serial)) for serial in ("7X3KQ2", "9B1MQ3")]
    assert not hardware_changed(moved[0], moved[1], context_of(guest()))  # a virtual machine on another hypervisor


_POOL = [server(), other_server(), guest(), server(container="docker"), HostClaims(entity_serial_numbers=["7X3KQ2"])]
_FIELDS = [field for field in HostClaims.DESCRIPTOR.fields_by_name if field not in ("virtualization", "container")]


@st.composite
def claims(draw: st.DrawFn) -> HostClaims:
    """Claims mixed from those of some machines."""
    out = HostClaims(
        container=draw(st.sampled_from(["", "", "lxc"])), virtualization=draw(st.sampled_from(["", "kvm"]))
    )
    for field in _FIELDS:
        said = getattr(draw(st.sampled_from(_POOL)), field)
        if draw(st.booleans()):
            if isinstance(said, str):
                setattr(out, field, said)
            else:
                getattr(out, field).extend(said)
    return out


@given(claims(), claims(), st.integers(), st.sets(st.sampled_from([one.key for one in keys_of(server())])))
def test_weighing_is_symmetric_and_knows_no_order(
    mine: HostClaims, theirs: HostClaims, seed: int, shared: set[str]
) -> None:
    there, back = match(mine, theirs, *shared), match(theirs, mine, *shared)
    assert there.score == back.score == sum(piece.weight for piece in there.pieces)
    assert [(p.kind, p.value, p.other_value, p.weight, p.why) for p in there.pieces] == [
        (p.kind, p.other_value, p.value, p.weight, p.why) for p in back.pieces
    ]
    mixed = keys_of(mine), keys_of(theirs)
    for side in mixed:
        random.Random(seed).shuffle(side)
    assert weigh(*mixed, context_of(mine), context_of(theirs), shared) == there


def test_data_that_is_wrong_is_refused_with_its_place() -> None:
    for rule, words in (
        ({"spaces": ["serials"], "why": "w"}, r'\[0\].spaces: "serials"'),
        ({"spaces": ["serial"], "why": "w", "values": [None]}, r"\[0\].values: None"),
        ({"spaces": ["serial"], "why": "w", "patterns": ["("]}, r"\[0\].patterns: '\('"),
    ):
        with pytest.raises(DocumentError, match=words):
            read_junk([rule], {"serial": "serial"})


def test_the_table_in_the_documentation_is_the_data() -> None:
    text = (ROOT / "docs" / "identity.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (\d+) \| (\d+) \| (\d*) \| .*\|$", text, re.M)
    said = [(name, meaning, int(weight), int(most), int(takes or 0)) for name, meaning, weight, most, takes in rows]
    assert said == [(k.name, k.meaning, k.weight, k.most, k.contradicts) for k in KINDS.values()]
    assert f"at {THRESHOLD} or more" in text
