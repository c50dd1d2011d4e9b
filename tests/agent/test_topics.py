"""Parsers of the smaller topics, and sources that can be read only in part."""

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from driftline.v1.collector_pb2 import READ, UNREADABLE
from driftline_agent import arm, cpuinfo, distribution, routing, sockdiag, virtualization
from driftline_agent.host import Host
from driftline_agent.inventory import Result, read_topic
from driftline_agent.topic import all_topics
from driftline_agent.topics import (
    cpu,
    dmi,
    filesystems,
    groups,
    host,
    interfaces,
    memory,
    resolver,
    sockets,
    sysctl,
    users,
)


def tree(root: Path, files: Mapping[str, str | None]) -> Host:
    """Write a host's files; None stands for one that cannot be read (a folder in its place)."""
    for name, text in files.items():
        path = root / name
        if text is None:
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return Host(str(root))


def read(name: str, given: Host) -> Result:
    return read_topic(name, all_topics()[name], given, bytes(32))


def test_without_shadow_users_are_read_and_passwords_keep_their_last_values(tmp_path: Path) -> None:
    result = read("users", tree(tmp_path, {"etc/passwd": "a:x:1:2:A:/home/a:/bin/sh\n", "etc/shadow": None}))
    assert result.outcome == READ and result.reading is not None
    assert {"accounts.users[*].password", "accounts.users[*].password_max_days"} <= set(result.section.unreadable)
    assert result.section.reason == "/etc/shadow: is a directory"
    (user,) = result.reading.facts.accounts.users
    assert (user.name, user.uid, user.password, user.password_status) == ("a", 1, "", "")


def test_without_passwd_users_are_unreadable(tmp_path: Path) -> None:
    result = read("users", tree(tmp_path, {"etc/passwd": None}))
    assert result.outcome == UNREADABLE and result.section.reason == "/etc/passwd: is a directory"


def test_serial_numbers_for_root_only_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    files = {"sys/class/dmi/id/sys_vendor": "ACME\n", "sys/class/dmi/id/product_serial": None}
    result = read("dmi", tree(tmp_path, files))
    assert list(result.section.unreadable) == ["hardware.system.serial_number"]
    assert result.reading is not None and result.reading.facts.hardware.system.manufacturer == "ACME"


def test_of_a_unit_that_someone_closed_nothing_is_guessed(tmp_path: Path) -> None:
    folder = "usr/lib/systemd/system"
    files = {f"{folder}/closed.service": None, f"{folder}/open.service": "[Install]\nWantedBy=multi-user.target\n"}
    result = read("units", tree(tmp_path, files))
    assert result.reading is not None
    closed, opened = result.reading.facts.services.units
    assert (closed.name, closed.enablement, opened.enablement) == ("closed.service", "", "disabled")
    assert "services.units[closed.service]" in result.section.unreadable


@pytest.mark.parametrize(
    ("field", "status"), [("", "none"), ("*", "locked"), ("!", "locked"), ("!$6$x", "locked"), ("$y$j9T$x", "set")]
)
def test_password_status(field: str, status: str) -> None:
    assert users.parse_status(field) == status


def test_passwd_oddities() -> None:
    text = "a:x:1:1::/:/bin/sh\na:x:2:2::/:/bin/no\n+nis::::::\nbroken\nb:$1$hash:3:3:::\n"
    found = users.parse_passwd(text, users.clear({"a": "*"}))
    assert [(user.name, user.uid, user.password) for user in found] == [("a", 1, "*"), ("b", 3, "$1$hash")]


def test_group_members_are_a_set() -> None:
    (group,) = groups.parse_group("wheel:x:10:b,a,,b\n")
    assert list(group.members) == ["a", "b"] and group.gid == 10


def test_resolv_conf() -> None:
    text = "# c\nnameserver 192.0.2.1\n;x\nsearch a\nsearch b c\noptions ndots:2\noptions edns0\nnameserver ::1\n"
    found = resolver.parse_resolv_conf(text)
    assert (list(found.servers), list(found.search)) == (["192.0.2.1", "::1"], ["b", "c"])
    assert list(found.options) == ["edns0", "ndots:2"]


def test_os_release_quotes() -> None:
    text = 'NAME="A B"\nID=\'x\'\n# c\nID_LIKE=rhel\nBAD="open\n'
    assert distribution.parse_os_release(text) == {"NAME": "A B", "ID": "x", "ID_LIKE": "rhel", "BAD": "open"}


@pytest.mark.parametrize(
    ("hosts", "fqdn"),
    [
        ("127.0.1.1 web.example.org web\n", "web.example.org"),
        ("127.0.0.1 localhost\n127.0.1.1 web\n", None),
        ("10.0.0.1 web web.example.org # web.other.org web\n", "web.example.org"),
        ("10.0.0.1 other.example.org other\n", None),
    ],
)
def test_fqdn_without_dns(hosts: str, fqdn: str | None) -> None:
    assert host.parse_fqdn("web", hosts) == fqdn


_CLOCKS = "sys/devices/system/clocksource/clocksource0/available_clocksource"
AMAZON = {"sys/class/dmi/id/sys_vendor": "Amazon EC2\n"}
CLOCK_OF_KVM = {_CLOCKS: "kvm-clock tsc acpi_pm \n"}
CLOCK_OF_HYPERV = {_CLOCKS: "hyperv_clocksource_tsc_page acpi_pm\n"}


def smbios_bios(extension: int) -> str:
    """A BIOS information structure (SMBIOS type 0) with this second extension byte."""
    return (bytes([0, 24]) + bytes(17) + bytes([extension]) + bytes(4)).decode("latin-1")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".dockerenv": ""}, "docker"),
        ({"run/systemd/container": "lxc\n"}, "lxc"),
        ({"proc/1/environ": "PATH=/bin\0container=systemd-nspawn\0"}, "systemd-nspawn"),
        ({"run/.containerenv": ""}, "podman"),
        ({"proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2\n"}, "wsl"),
        ({"proc/1/environ": "container=oci\0", ".dockerenv": ""}, "docker"),
        ({"proc/1/environ": "container=oci\0"}, "container-other"),
        ({"run/systemd/container": "private-users\n"}, "container-other"),
        ({"proc/sys/kernel/osrelease": "5.15.0-1041-microsoft\n"}, "none"),
        ({"sys/class/dmi/id/sys_vendor": "QEMU\n"}, "qemu"),
        ({"sys/class/dmi/id/bios_vendor": "Bochs\n", **CLOCK_OF_KVM}, "kvm"),
        ({"sys/class/dmi/id/sys_vendor": "DigitalOcean\n", **CLOCK_OF_KVM}, "kvm"),
        ({"sys/class/dmi/id/product_name": "Google Compute Engine\n", **CLOCK_OF_KVM}, "google"),
        ({"sys/class/dmi/id/sys_vendor": "innotek GmbH\n", **CLOCK_OF_KVM}, "oracle"),
        ({"sys/class/dmi/id/sys_vendor": "QEMU\n", **CLOCK_OF_HYPERV}, "kvm"),
        ({"proc/cpuinfo": "flags\t: fpu hypervisor\n", **CLOCK_OF_HYPERV}, "microsoft"),
        ({"sys/class/dmi/id/product_version": "Hyper-V UEFI Release v4.1\n", **CLOCK_OF_HYPERV}, "microsoft"),
        ({"sys/class/dmi/id/sys_vendor": "VMware, Inc.\n", "proc/cpuinfo": "flags\t: hypervisor\n"}, "vmware"),
        (
            {
                "sys/class/dmi/id/sys_vendor": "QEMU\n",
                "sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc acpi_pm \n",
            },
            "kvm",
        ),
        ({"sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc\n"}, "kvm"),
        (AMAZON, "amazon"),
        ({**AMAZON, "sys/class/dmi/id/product_name": "m5.metal\n"}, "none"),
        ({**AMAZON, "sys/firmware/dmi/entries/0-0/raw": smbios_bios(0x08)}, "none"),
        ({**AMAZON, "sys/firmware/dmi/entries/0-0/raw": smbios_bios(0x1C)}, "amazon"),
        (
            {
                "sys/class/dmi/id/sys_vendor": "Microsoft Corporation\n",
                "sys/class/dmi/id/product_name": "Virtual Machine\n",
            },
            "microsoft",
        ),
        ({f"sys/class/dmi/id/{file}": "Microsoft Corporation\n" for file in ("sys_vendor", "product_name")}, "none"),
        ({"sys/hypervisor/type": "xen\n"}, "xen"),
        ({"sys/hypervisor/type": "xen\n", "proc/xen/capabilities": "control_d\n"}, "none"),
        ({"proc/xen/capabilities": "\n"}, "xen"),
        ({"proc/cpuinfo": "vendor_id\t: User Mode Linux\n"}, "uml"),
        ({"proc/device-tree/hypervisor/compatible": "linux,kvm\0"}, "kvm"),
        ({"proc/device-tree/fw-cfg@9020000/reg": ""}, "qemu"),
        ({"proc/cpuinfo": "flags\t: fpu hypervisor\n"}, "vm-other"),
        ({}, "none"),
    ],
)  # fmt: skip
def test_virtualization(files: dict[str, str], expected: str, tmp_path: Path) -> None:
    given = tree(tmp_path, files)
    assert (virtualization.container(given) or virtualization.machine(given)) == expected


def test_time_zone(tmp_path: Path) -> None:
    assert host.time_zone(Host(str(tmp_path))) == "UTC"
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/localtime").symlink_to("/usr/share/zoneinfo/America/Argentina/Buenos_Aires")
    assert host.time_zone(Host(str(tmp_path))) == "America/Argentina/Buenos_Aires"


@pytest.mark.parametrize(
    "name",
    [
        "fs.file-nr",
        "fs.inode-state",
        "fs.aio-nr",
        "kernel.ns_last_pid",
        "kernel.pty.nr",
        "kernel.hostname",
        "kernel.tainted",
        "net.netfilter.nf_conntrack_count",
        "net.ipv4.tcp_fastopen_key",
        "net.ipv4.tcp_available_congestion_control",
        "net.ipv6.conf.eth0.stable_secret",
        "net.ipv6.conf.eth0.mtu",
        "net.ipv4.route.flush",
        "vm.drop_caches",
    ],
)
def test_what_nobody_decides_is_no_setting(name: str) -> None:
    assert sysctl.left_out(name)


@pytest.mark.parametrize(
    "name", ["net.ipv4.ip_forward", "fs.nr_open", "vm.swappiness", "fs.aio-max-nr", "kernel.hung_task_check_count"]
)
def test_what_someone_decides_is_one(name: str) -> None:
    assert not sysctl.left_out(name)


def test_sysctl_names_with_dots() -> None:
    assert sysctl.dotted("/net/ipv4/conf/eth0.42/rp_filter") == "net.ipv4.conf.eth0/42.rp_filter"
    assert sysctl.parse_value(b"4096\t131072\t6291456\n") == "4096 131072 6291456"


def test_interfaces_that_come_and_go_have_no_settings(tmp_path: Path) -> None:
    settings = {f"proc/sys/net/ipv4/conf/{name}/rp_filter": "1\n" for name in ("all", "eth0", "veth1", "bond0")}
    hardware = {"sys/class/net/eth0/device/vendor": "x", "sys/class/net/bond0/bonding/mode": "x"}
    result = read("sysctl", tree(tmp_path, {**settings, **hardware, "sys/class/net/veth1/uevent": ""}))
    assert result.reading is not None
    names = [setting.name for setting in result.reading.facts.os.sysctls]
    assert names == [f"net.ipv4.conf.{name}.rp_filter" for name in ("all", "bond0", "eth0")]


def test_cpu_lists_and_other_architectures() -> None:
    assert cpu.parse_cpu_list("0-2,8,10-11") == [0, 1, 2, 8, 10, 11]
    found = cpuinfo.describe("processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n\n")
    assert (list(found.flags), found.vendor, found.model) == (["asimd", "fp"], "ARM", "")


def test_cores_are_told_by_who_shares_them(tmp_path: Path) -> None:
    # Two dies of one package, each with a core 0 of two threads.
    folder = "sys/devices/system/cpu"
    files = {f"{folder}/present": "0-3\n", "proc/cpuinfo": ""}
    for number, threads in enumerate(["0-1", "0-1", "2-3", "2-3"]):
        files |= {f"{folder}/cpu{number}/topology/physical_package_id": "0\n"}
        files |= {f"{folder}/cpu{number}/topology/core_id": "0\n"}
        files |= {f"{folder}/cpu{number}/topology/core_cpus_list": f"{threads}\n"}
    result = read("cpu", tree(tmp_path, files))
    assert result.reading is not None
    found = result.reading.facts.hardware.processors
    assert (found.sockets, found.cores, found.threads) == (1, 2, 4)


@pytest.mark.parametrize(
    ("implementer", "part", "names"),
    [
        ("0x41", "0xd0c", ("ARM", "Neoverse-N1")),
        ("0xc0", "0xac3", ("Ampere", "Ampere-1")),
        ("0x41", "0xfff", ("ARM", "0xfff")),
        ("0x99", "0x1", ("0x99", "0x1")),
        (None, None, ("", "")),
    ],
)
def test_arm_names(implementer: str | None, part: str | None, names: tuple[str, str]) -> None:
    assert arm.names(implementer, part) == names


def test_memory_blocks(tmp_path: Path) -> None:
    folder = "sys/devices/system/memory"
    files = {f"{folder}/block_size_bytes": "8000000\n", f"{folder}/memory0/online": "1\n"}
    files |= {f"{folder}/memory1/online": "0\n", f"{folder}/memory32/online": "1\n"}
    assert memory.installed(tree(tmp_path, files)) == 2 * 0x8000000
    assert memory.parse_meminfo("MemTotal:  100 kB\nHugePages_Total: 5\n") == {"MemTotal": 102400}


def memory_device(**numbers: tuple[int, int, int]) -> bytes:
    """An SMBIOS type 17 structure; each number with its offset and size."""
    data = bytearray(0x5C)
    data[:4] = bytes([17, 0x5C, 0, 1])
    for offset, size, value in numbers.values():
        data[offset : offset + size] = value.to_bytes(size, "little")
    return bytes(data) + b"\0\0"


@pytest.mark.parametrize(
    ("size", "extended", "expected"),
    [(0, 0, 0), (0xFFFF, 0, 0), (16384, 0, 16 << 30), (0x8200, 0, 512 << 10), (0x7FFF, 65536, 64 << 30)],
)
def test_sizes_of_memory_modules(size: int, extended: int, expected: int) -> None:
    table = memory_device(size=(0x0C, 2, size), extended=(0x1C, 4, extended))
    assert [module.size for module in memory.parse_modules(table)] == ([expected] if expected else [])


def test_memory_modules_without_names_and_a_cut_table() -> None:
    device = memory_device(size=(0x0C, 2, 1024), kind=(0x12, 1, 7), speed=(0x15, 2, 0xFFFF), more=(0x54, 4, 70000))
    found = memory.parse_modules(device * 2)
    assert [(module.slot, module.type, module.speed) for module in found] == [
        ("slot+", "RAM", 70000),
        ("slot++", "RAM", 70000),
    ]
    assert [module.slot for module in memory.parse_modules(device + device[:50])] == ["slot+"]
    assert memory.parse_modules(b"") == [] and memory.parse_modules(b"\x11\0\0\0\0\0") == []


def test_memory_modules_are_for_root_only(tmp_path: Path) -> None:
    result = read("memory", tree(tmp_path, {"proc/meminfo": "SwapTotal: 0 kB\n", "sys/firmware/dmi/tables/DMI": None}))
    assert result.outcome == READ and list(result.section.unreadable) == [
        f"hardware.memory.{field}" for field in ("error_correction", "maximum", "modules", "slots")
    ]


def test_a_dangling_resolv_conf_takes_no_servers_away(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    result = read("resolver", Host(str(tmp_path)))
    assert result.outcome == UNREADABLE and result.section.reason.startswith("/etc/resolv.conf: links to a file")


def test_dmi_texts() -> None:
    assert dmi.parse_text(" To Be Filled By O.E.M. \n") == ""
    assert dmi.parse_date("11/30/2023") == "2023-11-30"
    assert dmi.parse_date("01/02/98") == "1998-01-02"
    assert dmi.parse_date("2023-11-30") == "" and dmi.parse_date(None) == ""
    assert dmi.parse_chassis_type(0x97) == "rack mount chassis"
    assert dmi.parse_chassis_type(2) == "" and dmi.parse_chassis_type(99) == ""


def test_devices_of_every_kind(tmp_path: Path) -> None:
    devices = tmp_path / "sys/devices"
    files = {
        "sda/size": "2000", "sda/dev": "8:0", "sda/queue/rotational": "0", "sda/removable": "1", "sda/ro": "0",
        "sda/device/type": "0", "sda/device/vendor": "ATA     ", "sda/sda1/partition": "1", "sda/sda1/size": "8",
        "sda/sda1/ro": "1", "dm-0/dm/uuid": "LVM-abc", "dm-0/dm/name": "vg0-root", "dm-0/size": "16",
        "dm-1/dm/uuid": "CRYPT-LUKS2-x", "dm-1/dm/name": "secret", "md0/md/level": "raid1", "sr0/device/type": "5",
        "sr0/size": "999", "ram0/size": "1", "loop0/size": "0", "loop1/loop/backing_file": "/x",
        "nvme0c0n1/hidden": "1",
    }  # fmt: skip
    for name, text in files.items():
        (devices / name).parent.mkdir(parents=True, exist_ok=True)
        (devices / name).write_text(text + "\n")
    (devices / "dm-0/slaves").mkdir()
    (devices / "dm-0/slaves/sda1").symlink_to("../../sda/sda1")
    links = tmp_path / "sys/class/block"
    links.mkdir(parents=True)
    for path in [*devices.iterdir(), devices / "sda/sda1"]:
        (links / path.name).symlink_to(path)
    udev = tmp_path / "run/udev/data"
    udev.mkdir(parents=True)
    (udev / "b8:0").write_text(
        "S:disk/by-id/x\nE:ID_MODEL=VBOX_HARDDISK\nE:ID_MODEL_ENC=VBOX\\x20HARDDISK\\x20\\x20\nE:ID_SERIAL_SHORT=VB89\n"
    )
    result = read("block", Host(str(tmp_path)))
    assert result.reading is not None
    storage = result.reading.facts.storage
    # An attached image is one that comes and goes.
    assert [device.name for device in storage.passing_devices] == ["loop1"]
    found = {device.name: device for device in (*storage.devices, *storage.passing_devices)}
    kinds = {name: device.type for name, device in found.items()}
    assert kinds == {
        "dm-0": "lvm", "dm-1": "crypt", "loop1": "loop", "md0": "raid1", "sda": "disk", "sda1": "part", "sr0": "rom",
    }  # fmt: skip
    disk, part, volume = found["sda"], found["sda1"], found["dm-0"]
    assert (disk.model, disk.vendor, disk.serial_number, disk.size) == ("VBOX HARDDISK", "ATA", "VB89", 1024000)
    assert (part.parent, part.read_only, part.removable, part.rotational) == ("sda", True, True, False)
    assert (volume.mapped_name, list(volume.members)) == ("vg0-root", ["sda1"])
    assert not found["sr0"].HasField("size")


def test_mounts_that_hold_no_data() -> None:
    lines = [
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
        "2 1 0:5 / /proc rw - proc proc rw",
        "3 1 0:6 / /run/user/0 rw - tmpfs tmpfs rw",
        "4 1 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro",
        "5 1 0:9 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw",
        "6 1 8:2 / /home rw - ext4 /dev/sda2 rw",
        "7 1 8:3 / /home rw - xfs /dev/sda3 rw",
        "broken",
    ]
    found = filesystems.parse_mountinfo("\n".join(lines))
    assert [(f.mount_point, f.type) for f in found] == [("/", "ext4"), ("/home", "xfs")]


def test_the_root_that_the_kernel_mounted_by_itself(tmp_path: Path) -> None:
    given = tree(tmp_path, {"proc/1/mountinfo": "24 1 259:1 / / rw - ext4 /dev/root rw,discard\n"})
    result = read("filesystems", given)
    assert result.reading is not None and result.reading.facts.storage.filesystems[0].device == "/dev/root"
    (tmp_path / "sys/dev/block").mkdir(parents=True)
    (tmp_path / "sys/dev/block/259:1").symlink_to("../../devices/pci0000:00/nvme/nvme0/nvme0n1/nvme0n1p1")
    result = read("filesystems", given)
    assert result.reading is not None and result.reading.facts.storage.filesystems[0].device == "/dev/nvme0n1p1"


def test_socket_addresses() -> None:
    assert sockets.parse_address("0100007F", "little") == "127.0.0.1"
    assert sockets.parse_address("7F000001", "big") == "127.0.0.1"
    assert sockets.parse_address("00000000000000000000000001000000", "little") == "::1"
    table = "head\n0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 77 1\n"
    table += "1: 0100007F:1F90 0100007F:D431 01 0:0 0:0 0 0 0 78 1\n"
    assert sockets.parse_table("tcp", table) == [sockets.Waiting("tcp", "0.0.0.0", 22, 77)]
    assert sockets.parse_table("udp", table) == []


def test_route_protocols() -> None:
    assert routing.parse_rt_protos("# c\n16 dhcp # x\n0x2a babel\nbad line here\n") == {16: "dhcp", 42: "babel"}


def test_a_cut_netlink_answer_is_no_crash() -> None:
    whole = (Path(__file__).parent / "cases/interfaces/namespace/root/.netlink/link.bin").read_bytes()
    names = [interface.name for interface in interfaces.parse_links(whole[:2000]).values()]
    assert names and "lo" in names


def test_sockets_asked_for_are_those_of_the_list() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("::1", 0), family=socket.AF_INET6) as two:
        for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
            asked = sockdiag.listening(family)
            listed = sockets.parse_table("tcp", Path(f"/proc/net/{table}").read_text())
            assert asked is not None
            mine = {one.getsockname()[1], two.getsockname()[1]}
            assert {entry for entry in asked if entry[1] in mine} == {e[1:] for e in listed if e.port in mine}
            assert {entry[1] for entry in asked} & mine
    assert sockdiag.parse(b"\0" * 50) == [] and sockdiag.parse(b"") == []
