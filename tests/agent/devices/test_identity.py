"""What identification and health make of what a device says: the chassis, empty texts, clocks, numbers."""

import asyncio
import socket
from collections.abc import Mapping

import pytest
from tests.support import badsnmp, readouts, recorded
from tests.support.tables import variable

from driftline_agent.devices import profiles
from driftline_agent.devices.mib import Row, Table
from driftline_agent.devices.profiling import gauges, identify
from driftline_agent.devices.profiling.gauges import Measure
from driftline_agent.devices.readout import Readout, System
from driftline_agent.devices.snmp import transport
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.values import Oid, Var
from driftline_agent.devices.snmp.walk import Patience, Walker
from driftline_agent.devices.topics import device_identity, health
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading

_SHORT = {"class": "entPhysicalClass", "in": "entPhysicalContainedIn", "serial": "entPhysicalSerialNum"}


def entities(*rows: Mapping[str, int | str]) -> Table:
    columns: dict[str, dict[Oid, Var]] = {}
    for at, row in enumerate(rows, 1):
        for name, value in row.items():
            columns.setdefault(_SHORT[name], {})[at,] = variable(value)
    return Table(columns)


@pytest.mark.parametrize(
    ("rows", "serial"),
    [
        ([{"class": 3, "in": 0, "serial": "A"}, {"class": 9, "in": 1, "serial": "B"}], "A"),
        # a stack: its first member that says something
        ([{"class": 11, "in": 0}, {"class": 3, "in": 1, "serial": ""}, {"class": 3, "in": 1, "serial": "B"}], "B"),
        # an extender within a chassis comes first and is not the device
        ([{"class": 3, "in": 2, "serial": "FEX"}, {"class": 3, "in": 0, "serial": "A"}], "A"),
        # no chassis: the one that stands in nothing
        ([{"class": 9, "in": 0, "serial": "A"}, {"class": 10, "in": 1, "serial": "B"}], "A"),
        # nothing of that: nothing
        ([{"class": 9, "in": 0, "serial": "A"}, {"class": 9, "in": 0, "serial": "B"}], None),
        ([], None),
    ],
)
def test_the_part_that_is_the_device(rows: list[dict[str, int | str]], serial: str | None) -> None:
    assert identify.chassis(entities(*rows)).text("entPhysicalSerialNum") == serial


@pytest.mark.parametrize("text", ["", "N/A", "unknown", " - ", "0", "0000000000", "xxxxxxxx", "00:00:00:00", "None."])
def test_what_says_nothing(text: str) -> None:
    assert identify.meant(text) is None


@pytest.mark.parametrize("text", ["X1", "0A", "1", "Unknown Pleasures 1", "XX-9"])
def test_what_says_something(text: str) -> None:
    assert identify.meant(text) == text


def test_a_device_started_when_it_did_though_clocks_run_apart() -> None:
    def told(ticks: int | None, at_s: float, before: int | None) -> int | None:
        return device_identity.started_at(System("", None, "", ticks, at_s), before)

    assert told(100_00, 1100.4, None) == 1000
    assert told(200_00, 1203.0, 1000) == 1000
    assert told(10_00, 1300.0, 1000) == 1290
    assert told(None, 1300.0, 1000) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sw1.example.com", "sw1"),
        ("sw1.", "sw1"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("", None),
    ],
)
def test_the_name_without_its_domain(name: str, expected: str | None) -> None:
    assert device_identity.host_name(name) == expected


def test_layers_of_sys_services() -> None:
    assert device_identity.layers(78) == ["datalink", "internet", "end-to-end", "applications"]
    assert device_identity.layers(0) == device_identity.layers(None) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7), ("23C", 23), ("12.5 %", 12.5), ("-4", -4), ("cold", None), ("", None), ("1.2.3", None)],
)
def test_numbers_that_are_texts(value: int | str, expected: float | None) -> None:
    assert gauges.number_of(Row({"x": variable(value)}), "x") == expected


def test_memory_from_any_two_of_its_parts() -> None:
    for parts in (
        {"used": 25.0, "free": 75.0},
        {"used": 25.0, "total": 100.0},
        {"free": 75.0, "total": 100.0},
        {"percent": 25.0, "total": 100.0},
    ):
        found = {metric.name: value for metric, value in health.memories([Measure("", parts)]).items()}
        assert found == {"system.memory.utilization": 0.25, "system.memory.usage": 25.0}, parts
    assert health.memories([Measure("", {"free": 5.0})]) == {}
    assert health.memories([Measure("", {"used": 5.0, "total": 0.0})]) == {}


def test_what_cannot_be_is_not_measured() -> None:
    assert health.processors([Measure("1", {"percent": 101.0}), Measure("2", {"percent": -1.0})]) == {}
    assert health.temperatures([Measure("x", {"value": 65535.0})]) == {}


def test_what_a_silent_device_cannot_tell_is_unreadable_and_not_gone() -> None:
    async def run() -> Reading:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
            mute.bind(("127.0.0.1", 0))
            target = Target("127.0.0.1", Community(2, "x"), mute.getsockname()[1])
            session = await transport.connect(target)
            try:
                system = System("", (1, 3, 6, 1, 4, 1, 12356, 101, 1), "fw1.example.com", None, 0)
                walker = Walker(session, patience=Patience(timeout_s=0.01, retries=0))
                readout = Readout(target, walker, system, profiles.find(system))
                reading = await device_identity.read(readout)
                with pytest.raises(UnreadableError, match="silent"):
                    await device_identity.read(readout)
                return reading
            finally:
                await session.close()

    reading = asyncio.run(run())
    assert reading.facts.os.host.name == "fw1"
    assert {
        "os.release.version",
        "hardware.system.product",
        "hardware.system.serial_number",
        "hardware.firmware.version",
        "device.snmp.contact",
    } <= set(reading.unreadable)


def test_a_device_that_says_wrong_types_is_read_without_an_error() -> None:
    wrong = {
        (1, 3, 6, 1, 2, 1, 1, 1, 0): badsnmp.integer(5),
        (1, 3, 6, 1, 2, 1, 1, 2, 0): badsnmp.oid((1, 3, 6, 1, 4, 1, 12356, 101, 1)),
        (1, 3, 6, 1, 2, 1, 1, 7, 0): badsnmp.tlv(4, b"many"),
        (1, 3, 6, 1, 4, 1, 12356, 101, 4, 1, 1, 0): badsnmp.integer(7),
        (1, 3, 6, 1, 4, 1, 12356, 101, 4, 1, 4, 0): badsnmp.tlv(4, b"much"),
        (1, 3, 6, 1, 4, 1, 12356, 100, 1, 1, 1, 0): badsnmp.tlv(4, bytes(range(256))),
        (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 5, 1): badsnmp.tlv(4, b"chassis"),
    }
    with recorded.serve({"wrong": wrong}) as port:
        topics = {"device_identity": device_identity.TOPIC, "health": health.TOPIC}
        found = asyncio.run(readouts.polled(port, "wrong", topics))
    assert found.facts.hardware.system.manufacturer == "Fortinet"
    assert not found.facts.os.release.version
    assert found.measured.gauges == {}
