"""What the agent claims of its host's identity."""

import shutil
from pathlib import Path

from driftline.v1.collector_pb2 import HostClaims
from driftline.v1.facts_pb2 import Facts
from driftline_agent import claims
from driftline_agent.host import Host
from driftline_agent.reader import allowed

CASES = Path(__file__).parent / "cases"


def server() -> Facts:
    facts = Facts()
    host = facts.os.host
    host.name, host.fqdn, host.machine_id, host.virtualization = "web1", "web1.example.com", "5f1c3a6c", "none"
    hardware = facts.hardware
    hardware.system.uuid, hardware.system.serial_number = "4c4c4544-0042-3510-8052-b4c04f564433", "7X3KQ2"
    hardware.board.serial_number, hardware.chassis.serial_number = "CN7792", "CZ3404YWEA"
    for name, mac, permanent in (("eth0", "24:6e:96:0a:00:01", ""), ("eth1", "02:00:00:00:00:01", "24:6e:96:0a:00:02")):
        facts.network.interfaces.add(name=name, type="ethernet", mac=mac, permanent_mac=permanent)
    facts.network.interfaces.add(name="docker0", type="bridge", mac="02:42:ac:11:00:01")
    for name, transport, serial, wwn in (
        ("sda", "sas", "S3Z8NB0K1", "0x5002538e40a1b2c3"),
        ("nvme0n1", "nvme", "", "eui.0025385b71b0c1d2"),
        ("sdb", "usb", "USB123", ""),
        ("sdc", "iscsi", "LUN1", ""),
        ("sdd", "fc", "LUN2", ""),
        ("vda", "virtio", "VOL1", ""),
        ("zram0", "", "Z", ""),
    ):
        facts.storage.devices.add(name=name, type="disk", transport=transport, serial_number=serial, wwn=wwn)
    facts.storage.devices.add(name="sda1", type="part", serial_number="S3Z8NB0K1", wwn="0x5002538e40a1b2c3")
    facts.storage.passing_devices.add(name="sde", type="disk", serial_number="STICK")
    return facts


def build(facts: Facts, contained: str = "") -> HostClaims:
    return claims.build(facts, ["eth0", "eth1"], contained)


def test_a_server_claims_what_is_built_in() -> None:
    assert build(server()) == HostClaims(
        hostname="web1",
        fqdn="web1.example.com",
        machine_id="5f1c3a6c",
        system_uuid="4c4c4544-0042-3510-8052-b4c04f564433",
        system_serial_number="7X3KQ2",
        board_serial_number="CN7792",
        chassis_serial_number="CZ3404YWEA",
        macs=["24:6e:96:0a:00:01", "24:6e:96:0a:00:02"],
        disk_serial_numbers=["S3Z8NB0K1", "eui.0025385b71b0c1d2"],
    )


def test_a_bonds_address_is_no_members() -> None:
    for permanent, found in (("", []), ("24:6e:96:0a:00:0", ["24:6e:96:0a:00:00", "24:6e:96:0a:00:01"])):
        facts = Facts()
        facts.network.interfaces.add(name="bond0", type="bond", mac="24:6e:96:0a:00:00")
        for number in range(2):
            facts.network.interfaces.add(
                name=f"eth{number}",
                type="ethernet",
                master="bond0",
                mac_in_use="24:6e:96:0a:00:00",
                permanent_mac=permanent and f"{permanent}{number}",
            )
        assert list(build(facts).macs) == found
    bridged = Facts()
    bridged.network.interfaces.add(name="br0", type="bridge", mac="24:6e:96:0a:00:00")
    bridged.network.interfaces.add(name="eth0", type="ethernet", master="br0", mac="24:6e:96:0a:00:00")
    assert list(build(bridged).macs) == ["24:6e:96:0a:00:00"]


def test_virtual_machines_and_containers_say_so_and_claim_no_disks() -> None:
    virtual = server()
    virtual.os.host.virtualization = "kvm"
    virtual.hardware.cloud.instance_id = "i-0123456789abcdef0"
    found = build(virtual)
    assert (found.virtualization, found.container, list(found.disk_serial_numbers)) == ("kvm", "", [])
    assert found.cloud_instance_id == "i-0123456789abcdef0"
    contained = server()
    contained.os.host.virtualization = "docker"
    found = build(contained, "docker")
    assert (found.virtualization, found.container, list(found.disk_serial_numbers)) == ("", "docker", [])


def test_they_are_no_more_than_the_collector_takes() -> None:
    facts = server()
    for number in range(400):
        facts.network.interfaces.add(name="eth0", mac=f"24:6e:96:0b:{number >> 8:02x}:{number & 255:02x}")
        facts.storage.devices.add(name=f"sd{number}", type="disk", serial_number=f"S{number:05}")
    found = build(facts)
    assert (len(found.macs), len(found.disk_serial_numbers)) == (256, 256)


def test_they_are_read_from_a_captured_host(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for case in ("dmi/vmware", "host/" + sorted(path.name for path in (CASES / "host").iterdir())[0]):
        shutil.copytree(CASES / case / "root", root, symlinks=True, dirs_exist_ok=True)
    found = claims.read_claims(Host(str(root)))
    assert (found.hostname, found.fqdn, found.container) == ("foo", "foo.example.com", "")
    assert (found.system_uuid, found.board_serial_number) == ("70587895-2a8a-7d1a-a956-d8bbc13e1281", "00033825u52")


def test_the_reader_reads_for_claims_what_root_alone_may() -> None:
    assert {"dmi", "host", "cloud"} <= set(claims.TOPICS) & set(allowed.TOPICS)
