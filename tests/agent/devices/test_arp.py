"""Neighbours of devices: from rows to facts."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tables import written

from driftline import facts
from driftline.v1.facts_pb2 import Neighbour
from driftline_agent.devices.mibs.if_mib import IF, IFX
from driftline_agent.devices.mibs.ip_mib import NEIGHBOUR, OLD_NEIGHBOUR
from driftline_agent.devices.snmp.columns import Why
from driftline_agent.devices.topics import arp
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading

MAC = bytes.fromhex("001c73000009")
NAMES: dict[Any, dict[Any, Any]] = {IFX["ifName"]: {1: b"e1"}, IF["ifDescr"]: {1: b"Ethernet1"}}
V6 = (0x20, 1, 0xD, 0xB8, *[0] * 11, 9)


def read(columns: dict[Any, dict[Any, Any]], cuts: Any = None) -> Reading | None:
    return asyncio.run(arp.read(written(columns, cuts)))


def test_both_families() -> None:
    indexes = {(1, 1, 4, 192, 0, 2, 9): MAC, (1, 2, 16, *V6): MAC, (7, 1, 4, 192, 0, 2, 3): MAC}
    gone = {(1, 1, 4, 192, 0, 2, 8): b"", (1, 1, 4, 224, 0, 0, 5): MAC, (1, 1, 4, 192, 0, 2, 1): MAC, (1, 1, 3, 1): MAC}
    reading = read(
        NAMES
        | {
            NEIGHBOUR["ipNetToPhysicalPhysAddress"]: indexes | gone,
            NEIGHBOUR["ipNetToPhysicalType"]: {
                (1, 1, 4, 192, 0, 2, 9): 3, (1, 2, 16, *V6): 4, (1, 1, 4, 192, 0, 2, 8): 3, (1, 1, 4, 192, 0, 2, 1): 5,
            },
            NEIGHBOUR["ipNetToPhysicalState"]: {(1, 1, 4, 192, 0, 2, 9): 1, (1, 1, 4, 192, 0, 2, 8): 7},
        }
    )  # fmt: skip
    assert reading is not None
    assert list(reading.facts.network.neighbours) == [
        Neighbour(interface="#7", address="192.0.2.3", mac="00:1c:73:00:00:09"),
        Neighbour(interface="e1", address="192.0.2.8", permanent=False, reachable=False),
        Neighbour(interface="e1", address="192.0.2.9", mac="00:1c:73:00:00:09", permanent=False, reachable=True),
        Neighbour(interface="e1", address="2001:db8::9", mac="00:1c:73:00:00:09", permanent=True),
    ]


def test_the_older_table() -> None:
    rows = {(1, 192, 0, 2, 9): MAC, (1, 192, 0, 2, 8): MAC, (1, 255, 255, 255, 255): MAC, (1, 192, 0, 2): MAC}
    kinds = {(1, 192, 0, 2, 9): 4, (1, 192, 0, 2, 8): 2}
    reading = read(NAMES | {OLD_NEIGHBOUR["ipNetToMediaPhysAddress"]: rows, OLD_NEIGHBOUR["ipNetToMediaType"]: kinds})
    assert reading is not None
    assert list(reading.facts.network.neighbours) == [
        Neighbour(interface="e1", address="192.0.2.9", mac="00:1c:73:00:00:09", permanent=True)
    ]


def test_nothing_and_no_answer() -> None:
    assert read(NAMES) is None
    cuts = {NEIGHBOUR["ipNetToPhysicalPhysAddress"]: Why.SILENT}
    with pytest.raises(UnreadableError, match="silent"):
        read(NAMES, cuts)
    reading = read(NAMES | {NEIGHBOUR["ipNetToPhysicalPhysAddress"]: {(1, 1, 4, 192, 0, 2, 9): MAC}}, cuts)
    assert reading is not None
    assert reading.unreadable == {"network.neighbours[*]": "silent"}


def test_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arp, "MOST", 10)
    rows = {(1, 10, 0, 0, one): MAC for one in range(1, 30)}
    reading = read(NAMES | {OLD_NEIGHBOUR["ipNetToMediaPhysAddress"]: rows})
    assert reading is not None
    assert len(reading.facts.network.neighbours) == 10
    assert reading.unreadable == {"network.neighbours[*]": "there are more than 10"}


_INDEXES = st.lists(st.integers(0, 4) | st.integers(0, 300), max_size=9).map(tuple)
_VALUES = st.integers(-5, 300) | st.binary(max_size=9) | st.just("1.2.3.4")


@given(
    st.dictionaries(
        st.sampled_from([*NEIGHBOUR.values(), *OLD_NEIGHBOUR.values()]), st.dictionaries(_INDEXES, _VALUES, max_size=5)
    )
)
def test_whatever_a_device_sends(columns: dict[Any, dict[Any, Any]]) -> None:
    reading = read(NAMES | columns)
    if reading is not None:
        facts.elements(reading.facts)
        facts.flatten(reading.facts)
