"""The facts of this very host against what other inventories say of it: facter, dmidecode."""

import json
import re
import subprocess
from functools import cache
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from tests.support.network import interfaces

from driftline.v1.facts_pb2 import Facts
from driftline_agent import jedec, smbios
from driftline_agent.host import Host
from driftline_agent.topic import all_topics
from driftline_agent.topics import memory

CASES = Path(__file__).parent / "cases"


@cache
def facter() -> dict[str, Any]:
    names = (
        "disks",
        "dmi",
        "fips_enabled",
        "kernel",
        "kernelrelease",
        "memory",
        "mountpoints",
        "networking",
        "os",
        "partitions",
    )
    run = subprocess.run(
        ["facter", "--json", *names, "partitions", "processors"], capture_output=True, text=True, check=False
    )
    found: dict[str, Any] = json.loads(run.stdout)
    assert found["kernel"] == "Linux"
    return found


def read(topic: str) -> Facts:
    return all_topics()[topic].collect(Host()).facts


def test_facter_on_the_system() -> None:
    theirs, release, kernel = facter()["os"], read("release").os.release, read("kernel").os.kernel
    assert theirs["name"].lower() == release.id
    assert theirs["distro"].get("codename", "") == release.codename
    assert theirs["distro"]["description"] == release.description
    if re.fullmatch(r"[\d.]+", theirs["release"]["full"]):  # not "trixie/sid"
        assert theirs["release"]["full"] == release.version
    assert (theirs["hardware"], facter()["kernelrelease"]) == (kernel.architecture, kernel.release)
    assert facter()["networking"]["hostname"] == read("host").os.host.name
    assert (theirs["name"], theirs["family"]) == (release.distribution, release.family)
    assert theirs["release"].get("major") == release.major
    assert theirs["release"].get("minor", "") == release.minor
    if kernel.architecture == "x86_64":  # on others facter gives the kernel's word for it
        assert theirs["architecture"] == release.architecture
    security = read("security").os.security
    assert theirs["selinux"]["enabled"] == security.selinux.enabled
    assert facter()["fips_enabled"] == security.fips


def test_facter_on_processors_and_memory() -> None:
    theirs, ours = facter()["processors"], read("cpu").hardware.processors
    assert theirs["count"] == ours.threads
    assert theirs["physicalcount"] == ours.sockets
    if theirs["models"]:  # facter knows no Arm
        assert " ".join(theirs["models"][0].split()) == ours.model
    found = read("memory").hardware.memory
    assert facter()["memory"]["system"]["total_bytes"] == found.usable
    assert facter()["memory"].get("swap", {}).get("total_bytes", 0) == found.swap
    assert not found.HasField("installed") or found.installed >= found.usable


def test_facter_on_the_machine() -> None:
    theirs, ours = facter().get("dmi") or {}, read("dmi").hardware if Path("/sys/class/dmi/id").exists() else None
    pairs = {
        "manufacturer": lambda h: h.system.manufacturer,
        "product.name": lambda h: h.system.product,
        "product.serial_number": lambda h: h.system.serial_number,
        "product.uuid": lambda h: h.system.uuid,
        "bios.vendor": lambda h: h.firmware.vendor,
        "bios.version": lambda h: h.firmware.version,
        "board.manufacturer": lambda h: h.board.manufacturer,
        "board.product": lambda h: h.board.product,
        "board.serial_number": lambda h: h.board.serial_number,
    }
    for path, get in pairs.items():
        value: Any = theirs
        for name in path.split("."):
            value = value.get(name, {})
        if value and ours is not None and get(ours):  # what a maker left unfilled is absent in ours
            assert " ".join((value.lower() if path.endswith("uuid") else value).split()) == get(ours), path


def test_facter_on_interfaces() -> None:
    ours = {interface.name: interface for interface in interfaces(read("interfaces").network)}
    theirs = facter()["networking"]["interfaces"]
    for name in set(theirs) & set(ours):
        assert theirs[name].get("mtu") == ours[name].mtu, name
        if ours[name].mac and not ours[name].master:  # of a bond's members facter gives the built-in address
            assert theirs[name]["mac"].lower() == ours[name].mac, name
        bindings = theirs[name].get("bindings", []) + theirs[name].get("bindings6", [])
        known = {ip_interface(f"{binding['address'].partition('%')[0]}").ip for binding in bindings}
        assert {ip_interface(address.address).ip for address in ours[name].addresses} <= known, name
        for binding in theirs[name].get("bindings", []):
            network = ip_interface(f"{binding['address']}/{binding['netmask']}")
            assert str(network) in {address.address for address in ours[name].addresses}, name
    assert "lo" in ours and "lo" in theirs


def test_facter_on_disks() -> None:
    ours = {device.name: device for device in read("block").storage.devices}
    disks = {name: disk for name, disk in facter()["disks"].items() if name in ours and ours[name].type == "disk"}
    for name, disk in disks.items():
        assert disk["size_bytes"] == ours[name].size, name
        assert disk["type"] == ("hdd" if ours[name].rotational else "ssd"), name
        for field, value in (("vendor", ours[name].vendor), ("serial", ours[name].serial_number)):
            if field in disk:
                assert disk[field] == value, name
        if "wwn" in disk and ours[name].wwn:
            assert ours[name].wwn.startswith(disk["wwn"][:18]), name
    for path, partition in (facter().get("partitions") or {}).items():
        device = ours.get(path.removeprefix("/dev/"))
        if device is None or device.type != "part":
            continue
        assert partition["size_bytes"] == device.size, path
        if Path("/run/udev/data").is_dir():
            assert partition.get("uuid", "") == device.uuid, path
            assert partition.get("partuuid", "") == device.partition_uuid, path
            assert partition.get("filesystem", "") == device.content, path


def test_facter_on_filesystems() -> None:
    ours = {filesystem.mount_point: filesystem for filesystem in read("filesystems").storage.filesystems}
    for point, theirs in (facter().get("mountpoints") or {}).items():
        if point in ours and theirs["device"].startswith("/dev/"):
            assert (theirs["filesystem"], theirs["size_bytes"]) == (ours[point].type, ours[point].size), point
    findmnt = ["findmnt", "--real", "--list", "--json", "-o", "TARGET,SOURCE,FSTYPE", "-t", "ext4,xfs,btrfs,vfat"]
    for mount in json.loads(subprocess.run(findmnt, capture_output=True, text=True, check=False).stdout or "{}").get(
        "filesystems", []
    ):
        point = mount["target"]
        if Path(point).is_dir() and not point.startswith(("/run/", "/var/lib/", "/media/", "/dev/")):
            assert (ours[point].device, ours[point].type) == (mount["source"].partition("[")[0], mount["fstype"]), point


def test_dmidecode_on_memory_modules(tmp_path: Path) -> None:
    table = (CASES / "memory/dell-r640/root" / smbios.TABLE[1:]).read_bytes()
    # An entry point of SMBIOS 3.0 (section 5.2.2), so that dmidecode takes it as its own dump.
    entry = bytearray(b"_SM3_\0\x18\x03\x03\0\x01\0" + len(table).to_bytes(4, "little") + (32).to_bytes(8, "little"))
    entry[5] = -sum(entry) & 0xFF
    dump = tmp_path / "dump"
    dump.write_bytes(bytes(entry).ljust(32, b"\0") + table)
    run = subprocess.run(["/usr/sbin/dmidecode", "--from-dump", dump, "-t", "17"], capture_output=True, check=True)
    devices = [
        dict(line.strip().split(": ", 1) for line in block.splitlines() if ": " in line)
        for block in run.stdout.decode().split("\n\n")
        if "Memory Device" in block
    ]
    theirs = [
        (
            d["Locator"],
            d["Size"],
            d["Type"],
            jedec.maker_of(d["Manufacturer"]),
            d["Serial Number"],
            d["Part Number"],
            d["Speed"],
        )
        for d in devices
        if d["Size"] != "No Module Installed"
    ]
    ours = [
        (m.slot, f"{m.size >> 30} GB", m.type, m.manufacturer, m.serial_number, m.part_number, f"{m.speed} MT/s")
        for m in memory.parse_modules(table)
    ]
    assert ours == theirs and len(devices) == 3
