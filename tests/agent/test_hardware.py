# ruff: noqa: E501  # what kernels and programs print has lines of its own length
"""Hardware topics on sources written in the form of their documentation, and the SMBIOS reader beside dmidecode."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from driftline.facts import elements
from driftline.v1.collector_pb2 import ABSENT, READ
from driftline.v1.facts_pb2 import Facts, Hardware
from driftline_agent import clouds, cpuinfo, hwids, jedec, smbios_facts, smbios_names, smbios_records, virtualization
from driftline_agent.dmi_text import parse_name, parse_text, parse_uuid
from driftline_agent.edid import parse_edid
from driftline_agent.host import Host
from driftline_agent.inventory import Result, read_topic
from driftline_agent.outputs import dmidecode, lspci
from driftline_agent.topic import all_topics
from driftline_agent.topics import batteries, cloud, cpu, dmi, pci, peripherals, tpm, usb

Tree = Mapping[str, "str | bytes"]


def tree(root: Path, files: Tree) -> Host:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content.startswith("-> "):
            path.unlink(missing_ok=True)
            path.symlink_to(content[3:])
        else:
            path.write_text(content)
    return Host(str(root))


def read(name: str, host: Host) -> Result:
    return read_topic(name, all_topics()[name], host, bytes(32))


def facts(name: str, host: Host) -> Facts:
    result = read(name, host)
    assert result.outcome == READ and result.reading is not None, result.section.reason
    return result.reading.facts


# --- SMBIOS, beside dmidecode ---


def structure(kind: int, length: int, numbers: Mapping[int, tuple[int, int]], texts: Mapping[int, str]) -> bytes:
    """A structure with numbers (offset: size, value) and strings (offset: text)."""
    data = bytearray(length)
    data[:4] = bytes([kind, length, 0, 0])
    for offset, (size, value) in numbers.items():
        data[offset : offset + size] = value.to_bytes(size, "little")
    for place, offset in enumerate(texts, 1):
        data[offset] = place
    return bytes(data) + (b"".join(text.encode() + b"\0" for text in texts.values()) or b"\0") + b"\0"


def table_of(structures: Iterable[bytes]) -> bytes:
    numbered = [one[:2] + place.to_bytes(2, "little") + one[4:] for place, one in enumerate(structures)]
    return b"".join(numbered) + b"\x7f\x04\xff\xfe\0\0"


def by_dmidecode(table: bytes, folder: Path) -> str:
    # An entry point of SMBIOS 3.0 (section 5.2.2), so that dmidecode takes it as its own dump.
    entry = bytearray(b"_SM3_\0\x18\x03\x07\0\x01\0" + len(table).to_bytes(4, "little") + (32).to_bytes(8, "little"))
    entry[5] = -sum(entry) & 0xFF
    (folder / "dump").write_bytes(bytes(entry).ljust(32, b"\0") + table)
    command = ["/usr/sbin/dmidecode", "--from-dump", str(folder / "dump")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def hardware_of(records: list[smbios_records.Record]) -> Hardware:
    out = Hardware()
    for fill in smbios_facts.ALL:
        fill(records, out)
    out.batteries.extend(smbios_facts.batteries(records))
    smbios_facts.tpm(records, out.tpm)
    return out


#: Later than dmidecode 3.4.
NEWER_SOCKETS, NEWER_MEMORY = range(64, 128), {36}


def every_structure() -> list[bytes]:
    """A structure for every code that has a name, and the odd values beside."""
    out = [
        structure(0, 0x1A, {9: (1, 0xFF), 0x14: (4, 0x32071C0F), 0x18: (2, 32)}, {4: "Dell Inc.", 5: "A06", 8: "10/02/2005"}),
        structure(1, 0x1B, {8: (16, 0x1234567890ABCDEF1122334455667788)}, {4: "Maker", 5: "Box  9", 7: "S1", 0x19: "K", 0x1A: "F"}),
        structure(3, 0x16, {5: (1, 0x97), 0x11: (1, 2)}, {4: "Maker", 6: "V", 7: "C1", 8: "Tag"}),
        structure(11, 5, {}, {4: "Dell System"}),
        structure(38, 0x12, {4: (1, 1), 5: (1, 0x20)}, {}),
        structure(43, 0x1F, {4: (4, 0x43544E49), 8: (1, 2), 0x0A: (4, 0x02580012)}, {0x12: "TPM"}),
        structure(22, 0x1A, {9: (1, 2), 0x0A: (2, 4800), 0x0C: (2, 11100), 0x10: (2, 0x7734), 0x12: (2, 0x346B), 0x15: (1, 10)},
                  {4: "Sys. Battery Bay", 5: "SMP", 8: "DELL 1", 0x14: "LION"}),
        structure(22, 0x1A, {9: (1, 6), 0x0A: (2, 0), 0x0C: (2, 0)}, {4: "Rear", 5: "LGC", 6: "2010-01-15", 7: "25062", 8: "EV"}),
    ]  # fmt: skip
    out += [
        structure(2, 0x0F, {0x0D: (1, code)}, {4: "M", 5: f"P{code}", 0x0A: "Here"})
        for code in smbios_names.BOARD_TYPES
    ]
    for code in smbios_names.PROCESSOR_FAMILIES:
        family = {6: (1, 0xFE), 0x28: (2, code)} if code > 0xFF else {6: (1, code)}
        numbers = {8: (8, 0xBFEBFBFF000306F2), 0x12: (2, 100), 0x14: (2, 4000), 0x16: (2, 2400), 0x18: (1, 0x41)}
        counts = {0x23: (1, 0xFF), 0x2A: (2, 300), 0x24: (1, 8), 0x25: (1, 16)}
        texts = {4: f"CPU{code}", 7: "Intel(R) Corporation", 0x10: "Xeon  E5 @ 2.40GHz", 0x20: "S", 0x22: "P"}
        out.append(structure(4, 0x30, {**family, **numbers, **counts}, texts))
    for code in set(smbios_names.PROCESSOR_SOCKETS) - set(NEWER_SOCKETS):
        numbers = {8: (4, 0x00A20F10), 0x18: (1, 0x40 | code % 8), 0x19: (1, code)}
        out.append(structure(4, 0x30, numbers, {4: f"P{code}", 7: "Advanced Micro Devices, Inc.", 0x10: "EPYC"}))
    out.append(structure(4, 0x30, {0x18: (1, 0)}, {4: "Empty", 7: "Intel"}))
    for code in smbios_names.CONNECTORS:
        out.append(structure(8, 9, {5: (1, code), 7: (1, 11), 8: (1, code)}, {4: f"J{code}", 6: "NIC 1"}))
    out += [structure(8, 9, {5: (1, 18), 8: (1, code)}, {4: "J1"}) for code in smbios_names.PORTS]
    for code in smbios_names.SLOTS:
        numbers = {
            5: (1, code),
            6: (1, 13),
            7: (1, 3 + code % 2),
            8: (1, 4),
            9: (2, 5),
            0x0D: (2, 0),
            0x0F: (1, 3),
            0x10: (1, 9),
        }
        out.append(structure(9, 0x11, numbers, {4: f"Slot {code}"}))
    out += [
        structure(9, 0x11, {5: (1, 6), 6: (1, code), 0x0D: (4, 0xFFFFFFFF)}, {4: f"W{code}"})
        for code in smbios_names.SLOT_WIDTHS
    ]
    for code in smbios_names.ERROR_CORRECTIONS:
        out.append(
            structure(16, 0x17, {5: (1, 3), 6: (1, code), 7: (4, 0x80000000), 0x0D: (2, 4), 0x0F: (8, 1 << 40)}, {})
        )
    out.append(structure(16, 0x0F, {5: (1, 5), 7: (4, 1024), 0x0D: (2, 1)}, {}))
    for code in set(smbios_names.MEMORY_TYPES) - NEWER_MEMORY:
        numbers = {
            8: (2, 72),
            0x0A: (2, 64),
            0x0C: (2, 16384),
            0x0E: (1, 3 + code % 14),
            0x12: (1, code),
            0x13: (2, 0x2080),
        }
        rates = {0x15: (2, 2666), 0x1B: (1, 2), 0x20: (2, 2400), 0x26: (2, 1200)}
        texts = {0x10: f"DIMM{code}", 0x11: "BANK 0", 0x17: "Hynix", 0x18: "1A1541FC", 0x1A: "HMT125S6BFR8C-H9"}
        out.append(structure(17, 0x5C, {**numbers, **rates}, texts))
    out.append(
        structure(17, 0x5C, {0x0C: (2, 0x7FFF), 0x1C: (4, 65536), 0x15: (2, 0xFFFF), 0x54: (4, 70000)}, {0x10: "Large"})
    )
    out.append(structure(17, 0x5C, {0x0C: (2, 0x8200)}, {0x10: "Small"}))
    out.append(structure(17, 0x5C, {}, {0x10: "Empty"}))
    for code in range(64):
        bits = code & 7 | (code >> 3) << 7 | 4 << 10
        texts = {5: f"PSU{code}", 6: "PWR SPLY", 7: "DELL", 8: "PH16", 0x0A: "00XW8WA02"}
        out.append(structure(39, 0x16, {0x0C: (2, 750), 0x0E: (2, bits)}, texts))
    for code in smbios_names.ONBOARD_TYPES:
        numbers = {5: (1, code | 0x80 * (code % 2)), 7: (2, 0), 9: (1, 2), 0x0A: (1, 8)}
        out.append(structure(41, 0x0B, numbers, {4: f"NIC {code}"}))
    return out


def test_a_table_gives_what_dmidecode_prints_of_it(tmp_path: Path) -> None:
    table = table_of(every_structure())
    ours = hardware_of(smbios_records.decode(table))
    theirs = hardware_of(dmidecode.parse_records(by_dmidecode(table, tmp_path)))
    for field in Hardware.DESCRIPTOR.fields:
        assert getattr(ours, field.name) == getattr(theirs, field.name), field.name
    assert len(ours.processor_sockets) > 200 and len(ours.expansion_slots) > 80 and len(ours.power_supplies) == 32


def test_old_tables_too(tmp_path: Path) -> None:
    table = table_of(
        [
            structure(6, 12, {7: (2, 0x500), 9: (1, 6)}, {4: "BANK_1"}),
            structure(6, 12, {9: (1, 0x7F)}, {4: "BANK_2"}),
            b"\x0a\x08\0\0\x83\x01\x05\x02Video\0Ethernet\0\0",
        ]
    )
    ours = hardware_of(smbios_records.decode(table))
    assert ours == hardware_of(dmidecode.parse_records(by_dmidecode(table, tmp_path)))
    assert [(m.slot, m.size, m.type, m.form_factor) for m in ours.memory.modules] == [
        ("BANK_1", 64 << 20, "SDRAM", "DIMM")
    ]
    assert [(d.name, d.type, d.enabled) for d in ours.onboard_devices] == [
        ("Video", "Video", True),
        ("Ethernet", "Ethernet", False),
    ]


def test_a_broken_table_breaks_nothing() -> None:
    table = table_of(every_structure())
    for cut in range(0, len(table), 1499):
        hardware_of(smbios_records.decode(table[:cut]))
        hardware_of(smbios_records.decode(table[cut:]))
    hardware_of(smbios_records.decode(os.urandom(4096)))
    hardware_of(smbios_records.decode(b"\x11\x5c\0\0" + b"\xff" * 0x58 + b"\0\0"))


def test_what_a_hypervisor_passes_to_its_guest_is_not_told() -> None:
    strings = ("io.systemd.credential:passwd.hashed-password.root=$6$x", "ignition=abc", "1[0739]", "x" * 100)
    table = table_of([_oem(strings)])
    assert list(hardware_of(smbios_records.decode(table)).system.oem_strings) == ["1[0739]"]


def _oem(strings: Iterable[str]) -> bytes:
    texts = list(strings)
    return bytes([11, 5, 0, 0, len(texts)]) + b"".join(text.encode() + b"\0" for text in texts) + b"\0"


@pytest.mark.parametrize(
    "text",
    [
        "To Be Filled By O.E.M.", "Not Specified", "Default string", "0123456789", "0000000000", "0", "..........", "N/A",
        "None", "123456789", "12345678901234567890123456789012", "SerNum01", "A1_AssetTagNum0", "OEM Define 3", "xxxxxxxx",
        "<OUT OF SPEC>", "00h", "0xFFFFFFFF", "Array1_PartNumber0", "System Serial Number", " ", "-", "0x00000000",
    ],
)  # fmt: skip
def test_fillers_are_absent(text: str) -> None:
    assert parse_text(text) == ""


@pytest.mark.parametrize(
    "text", ["CZJ02901TG", "1[0739]", "7", "MS1C93BB0H00980", "..CN701638BM00EW.", "VMware-56 4d", "1.0", "00AB"]
)
def test_values_are_kept(text: str) -> None:
    assert parse_text(text) == text


def test_names_of_places_and_uuids() -> None:
    assert (parse_name("0"), parse_name("Not Specified"), parse_name(" BANK  0 ")) == ("0", "", "BANK 0")
    assert parse_uuid("4C4C4544-0030-4A10-8048-C4C04F503732") == "4c4c4544-0030-4a10-8048-c4c04f503732"
    for shared in (
        "03000200-0400-0500-0006-000700080009",
        "00000000-0000-0000-0000-000000000000",
        "Not Settable",
        None,
    ):
        assert parse_uuid(shared) == ""


@pytest.mark.parametrize(
    ("text", "maker"),
    [
        ("00CE00B300CE", "Samsung"), ("80AD000080AD", "Hynix"), ("0xCE00000000000000", "Samsung"), ("7F7F7F0B0000", "Nanya"),
        ("01980000802C", "Kingston"), ("802C", "Micron"), ("Samsung", "Samsung"), ("7F7F7F7F", "7F7F7F7F"), ("04FF", "04FF"),
    ],
)  # fmt: skip
def test_makers_by_jedec(text: str, maker: str) -> None:
    assert jedec.maker_of(text) == maker


def test_dmi_and_firmware(tmp_path: Path) -> None:
    names = "sys/firmware/efi/efivars"
    host = tree(
        tmp_path,
        {
            "sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
            "sys/class/dmi/id/product_uuid": "4C4C4544-0030-4A10-8048-C4C04F503732\n",
            "sys/class/dmi/id/chassis_type": "23\n",
            "sys/class/dmi/id/ec_firmware_release": "1.7\n",
            f"{names}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c": b"\6\0\0\0\1",
            f"{names}/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c": b"\6\0\0\0\0",
            "sys/firmware/dmi/tables/DMI": table_of(every_structure()),
        },
    )
    found = facts("dmi", host).hardware
    assert (found.firmware.type, found.firmware.secure_boot, found.firmware.setup_mode) == ("uefi", True, False)
    assert (found.firmware.controller_release, found.firmware.size, found.chassis.height) == ("1.7", 32 << 20, 2)
    assert found.chassis.type == "rack mount chassis" and found.management_controller.interface == "KCS"
    assert len(found.further_boards) == len(smbios_names.BOARD_TYPES) - 1 and found.further_boards[0].position == 2
    first = elements(facts("dmi", host))
    assert elements(facts("dmi", host)) == first
    (tmp_path / "sys/firmware/dmi/tables/DMI").write_bytes(table_of(every_structure()[:-3]))
    assert elements(facts("dmi", host)) != first


def test_machines_without_smbios(tmp_path: Path) -> None:
    model = {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "proc/device-tree/serial-number": "10000000a1b2c3d4\0",
    }
    found = facts("dmi", tree(tmp_path / "pi", model)).hardware
    assert (found.system.product, found.system.serial_number) == ("Raspberry Pi 4 Model B Rev 1.4", "10000000a1b2c3d4")
    assert not found.HasField("firmware")
    power = {"proc/device-tree/model": "IBM,9009-42A\0", "proc/device-tree/system-id": "IBM,0278A1B2C\0"}
    found = facts("dmi", tree(tmp_path / "power", power)).hardware
    assert (found.system.manufacturer, found.system.product) == ("IBM", "IBM,9009-42A")
    sysinfo = "Manufacturer:         IBM\nType:                 3906\nModel:                701 M04\nSequence Code:        00000000000A1B2C\n"
    found = facts("dmi", tree(tmp_path / "z", {"proc/sysinfo": sysinfo})).hardware
    assert (found.system.product, found.system.serial_number) == ("3906", "00000000000A1B2C")
    assert read("dmi", tree(tmp_path / "nothing", {"proc/cpuinfo": "processor: 0\n"})).outcome == ABSENT


# --- processors ---


@pytest.mark.parametrize(
    ("text", "status", "detail"),
    [
        ("Not affected", "not affected", ""),
        ("Vulnerable", "vulnerable", ""),
        ("Vulnerable: Clear CPU buffers attempted, no microcode; SMT vulnerable", "vulnerable", "Clear CPU buffers attempted, no microcode; SMT vulnerable"),
        ("Mitigation: PTI", "mitigated", "PTI"),
        ("KVM: Mitigation: VMX disabled", "affected", "KVM: Mitigation: VMX disabled"),
        ("KVM: Vulnerable", "affected", "KVM: Vulnerable"),
        ("Processor vulnerable", "vulnerable", ""),
        ("Unknown: No mitigations", "", "Unknown: No mitigations"),
    ],
)  # fmt: skip
def test_vulnerabilities(text: str, status: str, detail: str) -> None:
    found = cpu.parse_vulnerability("x", text)
    assert (found.status, found.detail) == (status, detail)


def test_what_runs_changes_no_mitigation(tmp_path: Path) -> None:
    folder = "sys/devices/system/cpu/vulnerabilities"
    clock = "processor: 0\nvendor_id: GenuineIntel\ncpu MHz\t\t: %s\n"
    host = tree(tmp_path, {f"{folder}/itlb_multihit": "KVM: Mitigation: VMX disabled\n", "proc/cpuinfo": clock % "800"})
    before = elements(facts("cpu", host))
    tree(tmp_path, {f"{folder}/itlb_multihit": "KVM: Mitigation: Split huge pages\n", "proc/cpuinfo": clock % "3600"})
    assert {path: item.content for path, item in elements(facts("cpu", host)).items()} == {
        path: item.content for path, item in before.items()
    }
    tree(tmp_path, {f"{folder}/meltdown": "Vulnerable\n"})
    assert len(elements(facts("cpu", host))) == len(before) + 1


def test_caches_nodes_and_threads(tmp_path: Path) -> None:
    folder = "sys/devices/system/cpu"
    index = f"{folder}/cpu0/cache/index3"
    files = {
        f"{index}/level": "3\n", f"{index}/type": "Unified\n", f"{index}/size": "32768K\n",
        f"{index}/ways_of_associativity": "16\n", f"{index}/coherency_line_size": "64\n", f"{folder}/smt/control": "off\n",
        "sys/devices/system/node/node0/cpulist": "0-3\n", "sys/kernel/cpu_byteorder": "big\n",
        "sys/devices/system/node/node0/meminfo": "Node 0 MemTotal:       8044560 kB\n", "proc/cpuinfo": "",
    }  # fmt: skip
    found = facts("cpu", tree(tmp_path, files)).hardware.processors
    assert [(c.level, c.type, c.size, c.ways, c.line_size) for c in found.caches] == [(3, "unified", 32 << 20, 16, 64)]
    assert [(n.number, n.processors, n.memory) for n in found.numa_nodes] == [(0, "0-3", 8044560 << 10)]
    assert found.HasField("simultaneous_threads") and not found.simultaneous_threads
    assert found.byte_order == "big endian"


BIG_LITTLE = "".join(
    f"processor\t: {n}\nCPU implementer\t: 0x41\nCPU part\t: {p}\n\n" for n, p in enumerate(["0xd03", "0xd08"])
)


@pytest.mark.parametrize(
    ("text", "model", "threads"),
    [
        ("processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\nuarch\t\t: sifive,u74-mc\n", "sifive,u74-mc", 1),
        ("vendor_id       : IBM/S390\n# processors    : 2\nprocessor 0: version = FF,  identification = 0A1B2C,  machine = 3906\n", "3906", 2),
        ("processor\t: 0\ncpu\t\t: POWER9 (architected), altivec supported\nclock\t\t: 2500.000000MHz\nrevision\t: 2.2 (pvr 004e 1202)\n\ntimebase\t: 512000000\nmachine\t\t: CHRP IBM,9009-42A\n", "POWER9 (architected)", 1),
        (BIG_LITTLE, "Cortex-A53", 2),
    ],
)  # fmt: skip
def test_cpuinfo_of_other_architectures(text: str, model: str, threads: int) -> None:
    found = cpuinfo.describe(text)
    assert (found.model, found.threads) == (model, threads)


def test_several_models() -> None:
    assert list(cpuinfo.describe(BIG_LITTLE).models) == ["Cortex-A53", "Cortex-A72"]


# --- PCI and USB ---

IDS = """\
# comment
1af4  Red Hat, Inc.
\t1041  Virtio 1.0 network device
\t1042  Virtio 1.0 block device
8086  Intel Corporation
\t1237  440FX - 82441FX PMC [Natoma]
\t\t1af4 1100  Qemu virtual machine
\t1041  Another maker's device
C 01  Mass storage controller
\t06  SATA controller
\t\t01  AHCI 1.0
C 03  Display controller
\t00  VGA compatible controller
"""
HWDB = """\
pci:v00008086*
 ID_VENDOR_FROM_DATABASE=Intel Corporation

pci:v00008086d00001237*
 ID_MODEL_FROM_DATABASE=440FX - 82441FX PMC [Natoma]

"""
CLASSES = "pci:v*d*sv*sd*bc01sc06*\n ID_PCI_SUBCLASS_FROM_DATABASE=SATA controller\n\n"


def test_names_of_ids(tmp_path: Path) -> None:
    asked: set[hwids.Id] = {
        ("8086",),
        ("8086", "1237"),
        ("8086", "1237", "1af4", "1100"),
        ("C", "0106"),
        ("8086", "1042"),
        ("ffff",),
    }
    host = tree(tmp_path / "list", {"usr/share/misc/pci.ids": IDS})
    assert hwids.names(host, "pci", asked) == {
        ("8086",): "Intel Corporation",
        ("8086", "1237"): "440FX - 82441FX PMC [Natoma]",
        ("8086", "1237", "1af4", "1100"): "Qemu virtual machine",
        ("C", "0106"): "SATA controller",
    }
    folder = "usr/lib/udev/hwdb.d/20-pci"
    host = tree(tmp_path / "hwdb", {f"{folder}-vendor-model.hwdb": HWDB, f"{folder}-classes.hwdb": CLASSES})
    assert hwids.names(host, "pci", asked) == {
        ("8086",): "Intel Corporation",
        ("8086", "1237"): "440FX - 82441FX PMC [Natoma]",
        ("C", "0106"): "SATA controller",
    }
    assert hwids.names(Host(str(tmp_path / "neither")), "pci", asked) == {}


def test_a_list_is_read_once_and_again_when_it_is_another(tmp_path: Path) -> None:
    host = tree(tmp_path, {"usr/share/misc/pci.ids": IDS})
    assert hwids.names(host, "pci", {("1af4",)}) == {("1af4",): "Red Hat, Inc."}
    reads: list[str] = []
    host.read_bytes = lambda path: reads.append(path)  # type: ignore[method-assign,assignment,return-value,func-returns-value]  # counts
    assert hwids.names(host, "pci", {("1af4",)}) == {("1af4",): "Red Hat, Inc."} and reads == []
    del host.read_bytes  # type: ignore[method-assign]  # the class' own again
    tree(tmp_path, {"usr/share/misc/pci.ids": IDS.replace("Red Hat, Inc.", "Red Hat")})
    assert hwids.names(host, "pci", {("1af4",)}) == {("1af4",): "Red Hat"}


def device(
    address: str, ids: str, kind: str, driver: str = "", place: str = "pci0000:00", more: Tree | None = None
) -> dict[str, "str | bytes"]:
    real = f"sys/devices/{place}/{address}"
    uevent = f"{driver and f'DRIVER={driver}'}\nPCI_CLASS={kind}\nPCI_ID={ids}\nPCI_SUBSYS_ID=1AF4:1100\nPCI_SLOT_NAME={address}\n"
    files: dict[str, str | bytes] = {
        f"{real}/uevent": uevent,
        f"{real}/revision": "0x02\n",
        f"sys/bus/pci/devices/{address}": f"-> ../../../devices/{place}/{address}",
    }
    return files | {f"{real}/{name}": content for name, content in (more or {}).items()}


def test_pci_devices(tmp_path: Path) -> None:
    regions = "0x00000000d0000000 0x00000000dfffffff 0x000000000014220c\n0x0 0x0 0x0\n0xfe000000 0xfe0fffff 0x40200\n"
    host = tree(
        tmp_path,
        {
            "usr/share/misc/pci.ids": IDS,
            **device("0000:00:00.0", "8086:1237", "60000"),
            **device("0000:00:02.0", "8086:1042", "30000", "i915", more={"resource": regions}),
            **device("0000:00:03.0", "1AF4:1042", "10000", "virtio-pci"),
            **device("0000:05:00.0", "8086:1041", "20000", more={"removable": "removable\n"}),
            **device(
                "0001:00:02.0",
                "8086:1041",
                "20000",
                place="LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00/0a-1/pci0001:00",
            ),
            "sys/bus/pci/slots/3/address": "0000:00:02\n",
        },
    )
    found = facts("pci", host).hardware
    bridge, video = found.pci_devices
    assert (bridge.vendor, bridge.device, bridge.subsystem) == (
        "Intel Corporation",
        "440FX - 82441FX PMC [Natoma]",
        "Red Hat, Inc. Qemu virtual machine",
    )
    assert (video.class_id, getattr(video, "class"), video.memory >> 20, video.slot) == (
        "0300",
        "VGA compatible controller",
        256,
        "3",
    )
    assert (video.driver, video.revision, video.subsystem) == ("i915", "02", "Red Hat, Inc.")
    # A disk of the cloud, a device in a dock, a function that Hyper-V lends: they come and go.
    assert [d.address for d in found.hotplug_pci_devices] == ["0000:00:03.0", "0000:05:00.0", "0001:00:02.0"]
    before = elements(facts("pci", host))
    assert set(before) == {"hardware.pci_devices[0000:00:00.0]", "hardware.pci_devices[0000:00:02.0]"}
    (tmp_path / "sys/bus/pci/devices/0000:05:00.0").unlink()
    tree(tmp_path, device("0000:00:02.0", "8086:1042", "30000", "vfio-pci", more={"resource": regions}))
    tree(tmp_path, {"usr/share/misc/pci.ids": IDS.replace("Natoma", "Triton")})
    after = elements(facts("pci", host))
    assert {path: item.content for path, item in after.items()} == {path: item.content for path, item in before.items()}
    tree(tmp_path, device("0000:00:02.0", "8086:1237", "30000", "vfio-pci", more={"resource": regions}))
    assert elements(facts("pci", host)) != after  # another card in its place


def test_usb_devices(tmp_path: Path) -> None:
    folder = "sys/bus/usb/devices"
    ids = "046d  Logitech, Inc.\n\tc52b  Unifying Receiver\n"
    files = {
        "usr/share/misc/usb.ids": ids, f"{folder}/usb1/idVendor": "1d6b\n", f"{folder}/1-0:1.0/bInterfaceClass": "09\n",
        f"{folder}/1-4/idVendor": "046d\n", f"{folder}/1-4/idProduct": "c52b\n", f"{folder}/1-4/product": "USB Receiver\n",
        f"{folder}/1-4/bcdDevice": "1211\n", f"{folder}/1-4/bDeviceClass": "00\n", f"{folder}/1-4/speed": "1.5\n",
        f"{folder}/1-4/removable": "fixed\n", f"{folder}/1-4:1.0/bInterfaceClass": "03\n",
        f"{folder}/1-4:1.0/driver": "-> ../../../../bus/usb/drivers/usbhid", f"{folder}/1-5/uevent": "",
    }  # fmt: skip
    found = facts("usb", tree(tmp_path, files))
    (mouse,) = found.hardware.usb_devices
    assert (mouse.path, mouse.vendor, mouse.product, mouse.release) == (
        "1-4",
        "Logitech, Inc.",
        "USB Receiver",
        "12.11",
    )
    assert (list(mouse.classes), list(mouse.drivers)) == (["human interface device"], ["usbhid"])
    assert (mouse.speed, mouse.removable) == (1_500_000, "fixed")
    assert not elements(found)  # what people plug is state
    assert usb.class_of("zz") == "" and usb.parse_release("zz") == ""


LSPCI = {
    "plain": '00:1f.2 SATA controller: Intel Corporation 82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode] (rev 02)',
    "-nn": '00:1f.2 SATA controller [0106]: Intel Corporation 82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode] [8086:2922] (rev 02) (prog-if 01 [AHCI 1.0])',
    "-n": "00:1f.2 0106: 8086:2922 (rev 02)",
    "-D": "0000:00:1f.2 SATA controller: Intel Corporation 82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode] (rev 02)",
    "-m": '00:1f.2 "SATA controller" "Intel Corporation" "82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode]" -r02 -p01 "Red Hat, Inc." "QEMU Virtual Machine"',
    "-mm -nn": '00:1f.2 "SATA controller [0106]" "Intel Corporation [8086]" "82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode] [2922]" -r02 -p01 "Red Hat, Inc. [1af4]" "QEMU Virtual Machine [1100]"',
    "-vmm": "Slot:\t00:1f.2\nClass:\tSATA controller\nVendor:\tIntel Corporation\nDevice:\t82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode]\nSVendor:\tRed Hat, Inc.\nSDevice:\tQEMU Virtual Machine\nRev:\t02\nDriver:\tahci\n",
    "-vm": "Device:\t00:1f.2\nClass:\tSATA controller\nVendor:\tIntel Corporation\nDevice:\t82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode]\nRev:\t02\n",
}  # fmt: skip


@pytest.mark.parametrize("options", LSPCI)
def test_lspci_with_any_options(options: str) -> None:
    (found,) = lspci.parse_devices(LSPCI[options])
    assert (found.address, found.revision) == ("0000:00:1f.2", "02")
    if options != "-n":
        assert (getattr(found, "class"), found.vendor) == ("SATA controller", "Intel Corporation")
        assert found.device == "82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode]"
    if "n" in options.split("-")[-1] and options != "plain":
        assert (found.class_id, found.vendor_id, found.device_id) == ("0106", "8086", "2922")


def test_this_hosts_lspci_and_sysfs_agree() -> None:
    run = subprocess.run(["lspci", "-vmm", "-k", "-nn", "-D"], capture_output=True, text=True, check=True)
    if not run.stdout.strip():
        return  # a machine without PCI
    hardware = pci.collect(Host()).facts.hardware
    ours = {d.address: d for d in (*hardware.pci_devices, *hardware.hotplug_pci_devices)}
    theirs = {d.address: d for d in lspci.parse_devices(run.stdout)}
    assert set(ours) == set(theirs)
    for address, found in theirs.items():
        for field in ("class_id", "vendor_id", "device_id", "class", "vendor", "device", "revision", "driver"):
            assert getattr(ours[address], field) == getattr(found, field), (address, field)


# --- displays, batteries, TPM ---


def edid(descriptors: Iterable[bytes], serial: int = 0) -> bytes:
    head = (
        b"\0\xff\xff\xff\xff\xff\xff\0"
        + bytes([0x10, 0xAC, 0xBA, 0xA0])
        + serial.to_bytes(4, "little")
        + bytes([28, 26, 1, 3, 0, 52, 32])
    )
    return (head.ljust(54, b"\0") + b"".join(descriptors)).ljust(128, b"\0")


def test_a_display_without_descriptors_has_its_numbers() -> None:
    found = parse_edid(edid([], 0x304C4353), "card0-DP-1")
    assert found is not None
    assert (found.manufacturer, found.model, found.serial_number) == ("DEL", "a0ba", str(0x304C4353))
    assert (found.manufactured, found.width, found.height) == ("2016-W28", 520, 320)
    assert parse_edid(b"") is None and parse_edid(b"\0" * 128) is None and parse_edid(os.urandom(127)) is None


#: As proc_bus_input_devices of the kernel's Documentation/input prints it.
INPUTS = """\
I: Bus=0011 Vendor=0001 Product=0001 Version=ab41
N: Name="AT Translated Set 2 keyboard"
P: Phys=isa0060/serio0/input0
S: Sysfs=/devices/platform/i8042/serio0/input/input0

I: Bus=0019 Vendor=0000 Product=0001 Version=0000
N: Name="Power Button"
P: Phys=LNXPWRBN/button/input0

I: Bus=0000 Vendor=0000 Product=0000 Version=0000
N: Name="HDA Intel PCH HDMI"
P: Phys=
"""


def test_input_devices() -> None:
    assert [(d.path, d.name, d.vendor_id) for d in peripherals.parse_inputs(INPUTS)] == [
        ("LNXPWRBN/button/input0", "Power Button", ""),
        ("isa0060/serio0/input0", "AT Translated Set 2 keyboard", "0001"),
    ]


def test_displays_and_sound_cards(tmp_path: Path) -> None:
    name = b"\0\0\0\xfc\0DELL U2415\n  "
    cards = " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n                      HDA Intel PCH at 0xf7e10000 irq 31\n 1 [U0x46d0x825    ]: USB-Audio - USB Device 0x46d:0x825\n"
    host = tree(
        tmp_path,
        {
            "sys/class/drm/card0-HDMI-A-1/edid": edid([name]),
            "sys/class/drm/card0-DP-1/edid": b"",
            "sys/class/drm/version": "drm 1.1.0 20060810\n",
            "proc/asound/cards": cards,
        },
    )
    found = facts("peripherals", host)
    assert [(d.connector, d.model) for d in found.hardware.displays] == [("card0-HDMI-A-1", "DELL U2415")]
    assert [(c.id, c.driver, c.name) for c in found.hardware.sound_cards] == [
        ("PCH", "HDA-Intel", "HDA Intel PCH"),
        ("U0x46d0x825", "USB-Audio", "USB Device 0x46d:0x825"),
    ]
    assert not elements(found)
    assert peripherals.parse_cards("--- no soundcards ---\n") == []


#: A Toshiba's battery, as the kernel gave it to udev (a public `udevadm info --export-db`).
TOSHIBA = """\
POWER_SUPPLY_NAME=BAT1
POWER_SUPPLY_TYPE=Battery
POWER_SUPPLY_STATUS=%s
POWER_SUPPLY_PRESENT=1
POWER_SUPPLY_TECHNOLOGY=Li-ion
POWER_SUPPLY_VOLTAGE_MIN_DESIGN=11100000
POWER_SUPPLY_CHARGE_FULL_DESIGN=4000000
POWER_SUPPLY_CHARGE_FULL=%s
POWER_SUPPLY_MODEL_NAME=PA3534U
POWER_SUPPLY_MANUFACTURER=TOSHIBA
POWER_SUPPLY_SERIAL_NUMBER=3658Q
"""


def test_batteries(tmp_path: Path) -> None:
    folder = "sys/class/power_supply"
    mouse = "POWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_SCOPE=Device\nPOWER_SUPPLY_MODEL_NAME=M705\n"
    host = tree(
        tmp_path,
        {
            f"{folder}/BAT1/uevent": TOSHIBA % ("Charging", 4000000),
            f"{folder}/hidpp_battery_0/uevent": mouse,
            f"{folder}/AC/uevent": "POWER_SUPPLY_TYPE=Mains\nPOWER_SUPPLY_ONLINE=1\n",
        },
    )
    (found,) = facts("batteries", host).hardware.batteries
    assert (found.name, found.model, found.serial_number, found.chemistry) == ("BAT1", "PA3534U", "3658Q", "Li-ion")
    assert (found.capacity, found.voltage) == (44400, 11100)
    before = elements(facts("batteries", host))
    tree(
        tmp_path,
        {f"{folder}/BAT1/uevent": TOSHIBA % ("Discharging", 3900000), f"{folder}/AC/uevent": "POWER_SUPPLY_ONLINE=0\n"},
    )
    assert elements(facts("batteries", host)) == before
    assert (
        batteries.parse_battery("BAT0", {"POWER_SUPPLY_TYPE": "Battery", "POWER_SUPPLY_ENERGY_FULL_DESIGN": "9" * 40})
        is not None
    )


def test_tpm(tmp_path: Path) -> None:
    caps = "Manufacturer: 0x53544d20\nTCG version: 1.2\nFirmware version: 8.16\n"  # the kernel's Documentation/ABI
    assert tpm.parse_caps(caps) == ("STM", "1.2", "8.16")
    table = table_of([structure(43, 0x1F, {4: (4, 0x20584649), 8: (1, 2), 0x0A: (4, 0x00070055)}, {0x12: "INFINEON"})])
    host = tree(tmp_path, {"sys/class/tpm/tpm0/tpm_version_major": "2\n", "sys/firmware/dmi/tables/DMI": table})
    found = facts("tpm", host).hardware.tpm
    assert (found.version, found.manufacturer, found.firmware, found.description) == ("2.0", "IFX", "7.85", "INFINEON")


# --- clouds and hypervisors ---

AWS = {
    "v1": {"cloud_name": "aws", "instance_id": "i-0123456789abcdef0", "region": "eu-central-1", "availability_zone": "eu-central-1a"},
    "ds": {
        "meta_data": {"ami-id": "ami-0abc", "instance-type": "m5.large"},
        "dynamic": {"instance-identity": {"document": {"accountId": "123456789012", "imageId": "ami-0abc"}}},
    },
}  # fmt: skip
AZURE = {
    "v1": {"cloud-name": "azure", "instance-id": "4c4c4544-0030", "region": "westeurope"},
    "ds": {"meta_data": {"imds": {"compute": {
        "vmSize": "Standard_D2s_v3", "subscriptionId": "s-1", "zone": "1",
        "storageProfile": {"imageReference": {"publisher": "Debian", "offer": "debian-12", "sku": "12-gen2", "version": "latest", "id": ""}},
    }}}},
}  # fmt: skip


def test_clouds_by_cloud_init() -> None:
    found = cloud.parse_instance_data(json.dumps(AWS))
    assert (found.provider, found.instance_id, found.instance_type) == ("aws", "i-0123456789abcdef0", "m5.large")
    assert (found.region, found.zone, found.image, found.account) == (
        "eu-central-1",
        "eu-central-1a",
        "ami-0abc",
        "123456789012",
    )
    found = cloud.parse_instance_data(json.dumps(AZURE))
    assert (found.provider, found.instance_type, found.account, found.zone) == ("azure", "Standard_D2s_v3", "s-1", "1")
    assert found.image == "Debian:debian-12:12-gen2:latest"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"v1": []}',
        '{"v1": {"cloud_name": "nocloud", "instance_id": "x"}}',
        "[" * 100000,
        '{"v1": {"cloud_name": 3.5}}',
    ],
)
def test_no_cloud_by_cloud_init(text: str) -> None:
    assert not cloud.parse_instance_data(text).ListFields()


@pytest.mark.parametrize(
    ("files", "provider", "identity", "kind"),
    [
        ({"sys_vendor": "Amazon EC2", "product_name": "m5.large", "board_asset_tag": "i-0abc"}, "aws", "i-0abc", "m5.large"),
        ({"sys_vendor": "Xen", "product_name": "HVM domU", "bios_version": "4.2.amazon"}, "aws", "", ""),
        ({"sys_vendor": "Microsoft Corporation", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77", "product_uuid": "AB12"}, "azure", "ab12", ""),
        ({"sys_vendor": "Google", "product_name": "Google Compute Engine"}, "gce", "", ""),
        ({"sys_vendor": "DigitalOcean", "product_serial": "123"}, "digitalocean", "123", ""),
        ({"sys_vendor": "Hetzner", "product_name": "vServer", "product_serial": "42"}, "hetzner", "42", ""),
        ({"sys_vendor": "OpenStack Foundation", "product_name": "OpenStack Nova", "product_uuid": "U"}, "openstack", "u", ""),
        ({"sys_vendor": "Scaleway", "product_name": "SCW-DEV1-S", "product_uuid": "u"}, "scaleway", "u", "DEV1-S"),
        ({"sys_vendor": "Alibaba Cloud", "product_name": "Alibaba Cloud ECS"}, "aliyun", "", ""),
        ({"sys_vendor": "QEMU", "chassis_asset_tag": "OracleCloud.com"}, "oracle", "", ""),
        ({"sys_vendor": "Vultr", "product_serial": "7"}, "vultr", "7", ""),
        ({"sys_vendor": "Dell Inc.", "product_serial": "7"}, "", "", ""),
    ],
)  # fmt: skip
def test_clouds_by_firmware(files: dict[str, str], provider: str, identity: str, kind: str, tmp_path: Path) -> None:
    host = tree(tmp_path, {f"sys/class/dmi/id/{name}": f"{text}\n" for name, text in files.items()})
    found = facts("cloud", host).hardware.cloud
    assert (found.provider, found.instance_id, found.instance_type) == (provider, identity, kind)
    assert set(files) <= set(clouds.FILES)


def test_while_cloud_init_is_at_work_nothing_is_gone(tmp_path: Path) -> None:
    firmware = {"sys/class/dmi/id/sys_vendor": "Hetzner\n", "sys/class/dmi/id/product_serial": "42\n"}
    host = tree(tmp_path, {**firmware, "run/cloud-init/enabled": ""})
    result = read("cloud", host)
    assert "hardware.cloud.region" in result.section.unreadable and "not finished" in result.section.reason
    data = json.dumps({"v1": {"cloud_name": "hetzner", "instance_id": "42", "region": "eu-central"}})
    tree(tmp_path, {"run/cloud-init/instance-data.json": data, "run/cloud-init/result.json": "{}"})
    assert not read("cloud", host).section.unreadable
    assert facts("cloud", host).hardware.cloud.region == "eu-central"


def test_google_tells_the_instance_by_its_guest_agent(tmp_path: Path) -> None:
    settings = "[Instance]\ninstance_id = 4567\n\n[InstanceSetup]\nset_host_keys = false\n"
    files = {"sys/class/dmi/id/product_name": "Google Compute Engine\n", "etc/default/instance_configs.cfg": settings}
    assert facts("cloud", tree(tmp_path, files)).hardware.cloud.instance_id == "4567"


def test_what_cloud_init_found_counts_more(tmp_path: Path) -> None:
    host = tree(
        tmp_path,
        {"sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "run/cloud-init/instance-data.json": json.dumps(AWS)},
    )
    assert facts("cloud", host).hardware.cloud.zone == "eu-central-1a"
    tree(tmp_path, {"run/cloud-init/instance-data.json": json.dumps({"v1": {**AWS["v1"], "region": "eu-west-1"}})})
    assert facts("cloud", host).hardware.cloud.region == "eu-west-1"


Z_VM = "Manufacturer:         IBM\nVM00 Name:            LINUX01\nVM00 Control Program: %s\n"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"proc/sysinfo": Z_VM % "z/VM    6.4.0"}, "zvm"),
        ({"proc/sysinfo": Z_VM % "KVM/Linux"}, "kvm"),
        ({"proc/sysinfo": "Manufacturer:         IBM\nLPAR Name:            LP01\n"}, "none"),
        ({"proc/device-tree/hypervisor/compatible": "linux,kvm\0"}, "kvm"),
        ({"proc/device-tree/ibm,partition-name": "x", "proc/device-tree/hmc-managed?": ""}, "powervm"),
        ({"sys/class/dmi/id/sys_vendor": "Nutanix\n", "sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc\n"}, "kvm"),
        ({"sys/class/dmi/id/bios_vendor": "BHYVE\n"}, "bhyve"),
        ({"sys/class/dmi/id/sys_vendor": "Parallels International GmbH.\n"}, "parallels"),
        ({"sys/class/dmi/id/product_name": "Google Compute Engine\n"}, "google"),
        ({"sys/class/dmi/id/sys_vendor": "Apple Inc.\n", "sys/class/dmi/id/product_name": "Apple Virtualization Generic Platform\n"}, "apple"),
        ({"proc/cpuinfo": "vendor_id: User Mode Linux\n"}, "uml"),
        ({"proc/cpuinfo": "flags: fpu hypervisor lm\n"}, "vm-other"),
        ({"proc/xen/capabilities": "control_d\n"}, "none"),
    ],
)  # fmt: skip
def test_hypervisors_by_the_names_of_systemd(files: dict[str, str], name: str, tmp_path: Path) -> None:
    assert virtualization.machine(tree(tmp_path, files)) == name


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"run/host/container-manager": "lxc\n"}, "lxc"),
        ({"run/systemd/container": "podman\n"}, "podman"),
        ({".dockerenv": ""}, "docker"),
        ({"proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2\n"}, "wsl"),
        ({"proc/vz/version": ""}, "openvz"),
        ({"proc/1/environ": "PATH=/bin\0container=incus\0"}, "container-other"),
        ({}, None),
    ],
)
def test_containers_by_the_names_of_systemd(files: dict[str, str], name: str | None, tmp_path: Path) -> None:
    assert virtualization.container(tree(tmp_path, files)) == name


def test_nothing_is_asked_of_a_bare_tree(tmp_path: Path) -> None:
    for name in ("batteries", "cloud", "dmi", "pci", "peripherals", "tpm", "usb"):
        assert read(name, Host(str(tmp_path))).outcome == ABSENT


def test_chassis_codes() -> None:
    assert dmi.parse_chassis_type(0x17) == "rack mount chassis" and dmi.parse_variable(b"\6\0\0\0\1") is True
    assert dmi.parse_variable(b"\6\0\0\0") is None and dmi.parse_variable(None) is None
