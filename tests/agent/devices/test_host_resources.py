"""Servers without an agent: storage and devices, against what a real snmpd says and what this host is."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import badsnmp, recorded, snmpd
from tests.support.readouts import poll
from tests.support.tables import table

from driftline_agent.devices.mibs.storage_areas import STORAGE, areas
from driftline_agent.devices.topics import host_resources, installed_software
from driftline_agent.host import Host
from driftline_agent.topics import dpkg, filesystems
from driftline_agent.utilization.aggregate import Metric

TYPES = (1, 3, 6, 1, 2, 1, 25, 2, 1)


@pytest.fixture(scope="module")
def served() -> Iterator[snmpd.Snmpd]:
    with snmpd.serve() as running:
        yield running


def storage(*rows: tuple[str, int, int, int, int]) -> list[tuple[str, str, int, int]]:
    """Return name, type, size and use of the areas of description, type, unit, size and use."""
    names = list(STORAGE)
    said = {
        index: dict(zip(names, ((*TYPES, kind), name, unit, size, used), strict=True))
        for index, (name, kind, unit, size, used) in enumerate(rows, 1)
    }
    return [(one.name, one.kind, one.size, one.used) for one in areas(table(STORAGE, said))]


def test_only_what_stays_and_holds_data() -> None:
    assert storage(
        ("Physical memory", 2, 1024, 1000, 500),
        ("Memory buffers", 1, 1024, 1000, 500),
        ("Cached memory", 1, 1024, 300, 300),
        ("Swap space", 3, 1024, 0, 0),
        ("/", 4, 4096, 1000, 10),
        ("/", 4, 4096, 900, 10),
        ("/run", 4, 4096, 77, 10),
        ("/tmp", 4, 4096, 77, 10),
        ("/dev/shm", 4, 4096, 88, 10),
        ("/etc/hostname", 4, 4096, 1000, 10),
        ("/snap/core20/1974", 4, 131072, 507, 507),
        ("/var/lib/docker/overlay2/abc/merged", 4, 4096, 1000, 10),
        ("/mnt/cd", 7, 2048, 1000, 1000),
        ("/srv", 4, 4096, 2000, 3000),
    ) == [
        ("/", "fixedDisk", 4096000, 40960),
        ("/srv", "fixedDisk", 8192000, 8192000),
        ("Physical memory", "ram", 1024000, 512000),
    ]


def test_names_and_numbers_of_other_makers() -> None:
    assert storage(
        ("C:\\ Label:System  Serial Number 1a2b3c4d", 4, 4096, -1, -2),
        ("/dev/ad0s1a: mounted on: /", 4, 1024, 5, 1),
        ("devfs: dev file system, mounted on: /dev", 4, 1024, 5, 1),
        ("32768kb Flash", 8, 1, 31651840, 7),
    ) == [
        ("/", "fixedDisk", 5120, 1024),
        ("32768kb Flash", "flashMemory", 31651840, 7),
        ("C:\\", "fixedDisk", (2**32 - 1) * 4096, (2**32 - 2) * 4096),
    ]


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(sorted(STORAGE)),
            st.integers(-(2**33), 2**64 - 1)
            | st.binary(max_size=6)
            | st.integers(0, 11).map(lambda arc: (*TYPES, arc)),
        ),
        max_size=5,
    )
)
def test_whatever_a_device_sends_is_survived(rows: list[dict[str, int | bytes]]) -> None:
    found = areas(table(STORAGE, dict(enumerate(rows))))
    host_resources.parse_areas(found)
    assert all(value >= 0 for value in host_resources.measure_areas(found).values())


def test_an_interface_that_is_added_changes_nothing_here() -> None:
    def device(*interfaces: int) -> dict[badsnmp.Arcs, bytes]:
        base = (1, 3, 6, 1, 2, 1, 25, 3, 2, 1)
        out = {
            (*base, 2, 196608): badsnmp.oid((1, 3, 6, 1, 2, 1, 25, 3, 1, 3)),
            (*base, 3, 196608): badsnmp.tlv(4, b"CPU"),
        }
        for index in interfaces:
            out[*base, 2, index] = badsnmp.oid((1, 3, 6, 1, 2, 1, 25, 3, 1, 4))
            out[*base, 3, index] = badsnmp.tlv(4, f"network interface veth{index}".encode())
        return out

    with recorded.serve({"one": device(262145), "two": device(262145, 262146)}) as port:
        one, two = (poll(port, name, host_resources.TOPIC)[0] for name in ("one", "two"))
    assert one is not None
    assert two is not None
    assert one.facts.SerializeToString() == two.facts.SerializeToString()
    assert [device.description for device in one.facts.device.host_devices] == ["CPU"]


def test_a_real_snmpd_says_of_storage_what_this_host_says(served: snmpd.Snmpd) -> None:
    reading, measured = poll(served.port, snmpd.COMMUNITY, host_resources.TOPIC)
    again, _ = poll(served.port, snmpd.COMMUNITY, host_resources.TOPIC)
    assert reading is not None
    assert again is not None
    assert reading.facts.SerializeToString() == again.facts.SerializeToString()
    assert not reading.unreadable
    found = {one.name: one for one in reading.facts.device.storage_areas}
    own = {one.mount_point: one for one in filesystems.collect(Host()).facts.storage.filesystems}
    assert "/" in own
    disks = {name for name, one in found.items() if name.startswith("/")}
    # The table tells no kinds of file systems, so mounts of a virtual machine's host are in it too.
    assert "/" in disks
    for name in disks & own.keys():
        if own[name].type != "zfs":
            assert found[name].size == own[name].size
    root = os.statvfs("/")
    used = (root.f_blocks - root.f_bfree) / root.f_blocks
    assert measured.gauges[Metric("system.filesystem.utilization", "/", "1", 4)] == pytest.approx(used, abs=0.02)
    assert reading.facts.hardware.memory.usable > 0
    kinds = {one.type for one in reading.facts.device.host_devices}
    assert "processor" in kinds
    assert not kinds & {"network", "coprocessor"}


def test_a_real_snmpd_says_of_packages_what_dpkg_says(served: snmpd.Snmpd) -> None:
    reading, _ = poll(served.port, snmpd.COMMUNITY, installed_software.TOPIC)
    assert reading is not None
    with open("/var/lib/dpkg/status", encoding="utf-8") as status:  # noqa: PTH123  # the host's own, not a path of ours
        own = {(one.name, one.architecture): one for one in dpkg.parse_status(status.read())}
    found = {(one.name, one.architecture): one for one in reading.facts.software.packages}
    assert {one.manager for one in found.values()} == {"dpkg"}
    assert len(found.keys() ^ own.keys()) <= len(own) / 100
    assert {key: one.version for key, one in found.items() if key in own} == {
        key: own[key].version for key in found.keys() & own.keys()
    }
