"""Parts and sensors: what the tables say, what is broken in them, and when they are read anew."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import badsnmp, readouts, recorded
from tests.support.readouts import poll
from tests.support.tables import table

from driftline.v1.facts_pb2 import Component
from driftline_agent.devices.mib import Table
from driftline_agent.devices.mibs import entity_mib, entity_sensors
from driftline_agent.devices.mibs.entity_sensors import scaled
from driftline_agent.devices.mibs.freshness import MANY_ROWS, TRUSTED_S, UNTOLD_S, Sign
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.snmp.pace import Pace
from driftline_agent.devices.topics import entities
from driftline_agent.errors import UnreadableError
from driftline_agent.utilization.aggregate import Metric

_COLUMNS = {name: one.oid[-1] for name, one in entity_mib.PHYSICAL.items()}
_BASE = entity_mib.PHYSICAL["entPhysicalDescr"].oid[:-1]


def physical(rows: dict[int, tuple[int, int, str]], **more: dict[int, str | int | bytes]) -> Table:
    """Return entPhysicalTable with parent, class and name of each part."""
    said: dict[int | tuple[int, ...], dict[str, int | str | bytes | tuple[int, ...]]] = {}
    for index, (parent, kind, name) in rows.items():
        said[index] = {"entPhysicalContainedIn": parent, "entPhysicalClass": kind, "entPhysicalName": name}
    for column, values in more.items():
        for index, value in values.items():
            said.setdefault(index, {})[column] = value
    return table(entity_mib.PHYSICAL, said)


def components(found: Table, interfaces: dict[int, str] | None = None) -> dict[str, Component]:
    return {one.place: one for one in entity_mib.parse(found, interfaces or {}, Table({}), "sw1").components}


def test_sensors_and_empty_containers_are_no_components() -> None:
    rows = {
        1: (0, 3, "Chassis"),
        2: (1, 5, "Slot 1"),
        3: (1, 5, "Slot 2"),
        4: (2, 6, "PSU"),
        5: (3, 8, "Temp"),
        6: (2, 8, "T"),
    }
    assert list(components(physical(rows))) == ["Chassis", "Chassis/Slot 1", "Chassis/Slot 1/PSU"]


@pytest.mark.parametrize(
    "text", ["N/A", "Unknown", "", "  ", "--", "To be filled by O.E.M.", "n/a\0", "Not Specified", "(null)"]
)
def test_what_means_nothing_is_absent(text: str) -> None:
    columns = ("entPhysicalSerialNum", "entPhysicalModelName", "entPhysicalMfgName", "entPhysicalHardwareRev")
    part = components(physical({1: (0, 3, "Chassis")}, **{column: {1: text} for column in columns}))["Chassis"]
    assert (part.serial_number, part.model, part.manufacturer, part.hardware_revision) == ("", "", "", "")


@pytest.mark.parametrize(
    ("text", "said"), [("0", ""), ("0000000", ""), ("FDO0", "FDO0"), ("serial", "serial"), ("None", "")]
)
def test_serial_numbers(text: str, said: str) -> None:
    assert components(physical({1: (0, 3, "C")}, entPhysicalSerialNum={1: text}))["C"].serial_number == said


def test_zero_is_a_revision() -> None:
    assert components(physical({1: (0, 3, "C")}, entPhysicalHardwareRev={1: "0"}))["C"].hardware_revision == "0"


def test_wrong_types_are_absent_and_rows_without_a_class_are_there() -> None:
    found = components(physical({}, entPhysicalSerialNum={7: 5, 8: "S"}, entPhysicalClass={7: "chassis", 8: 99}))
    assert {place: getattr(one, "class") for place, one in found.items()} == {"part #1": "", "part #2": ""}
    assert [one.serial_number for one in found.values()] == ["", "S"]


def test_an_optic_has_the_interface_of_its_port() -> None:
    rows = {
        1: (0, 3, "C"),
        2: (1, 5, "Slot 1"),
        3: (2, 9, "Optic"),
        4: (3, 10, "Te1/1"),
        5: (1, 10, "Te1/2"),
        6: (5, 9, "SFP"),
    }
    found = components(physical(rows), {4: "Te1/1", 5: "Te1/2"})
    assert {place: one.interface for place, one in found.items()} == {
        "C": "",
        "C/Slot 1": "",
        "C/Slot 1/Optic": "Te1/1",
        "C/Slot 1/Optic/Te1/1": "Te1/1",
        "C/Te1/2": "Te1/2",
        "C/Te1/2/SFP": "Te1/2",
    }


def test_alias_mapping() -> None:
    if_index = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)
    said = table(
        entity_mib.ALIAS,
        {
            (4, 0): {"entAliasMappingIdentifier": (*if_index, 12)},
            (4, 1): {"entAliasMappingIdentifier": (*if_index, 3)},
            (5, 0): {"entAliasMappingIdentifier": (1, 3, 6, 1, 4, 1)},
            (6,): {"entAliasMappingIdentifier": (*if_index, 1)},
            (7, 0): {"entAliasMappingIdentifier": 9},
        },
    )
    assert entity_mib.interface_indexes(said) == {4: 3}


def test_day_of_manufacture_and_state() -> None:
    made = {1: bytes.fromhex("07d908060d1e1e01"), 2: bytes(8), 3: b"junk"}
    found = physical({1: (0, 3, "A"), 2: (0, 3, "B"), 3: (0, 3, "D")}, entPhysicalMfgDate=made)
    state = table(entity_mib.STATE, {1: {"entStateOper": 3}, 2: {"entStateOper": 1}, 3: {"entStateOper": 2}})
    parsed = entity_mib.parse(found, {}, state, "").components
    assert [(one.manufactured, one.status) for one in parsed] == [("2009-08-06", "enabled"), ("", ""), ("", "disabled")]


@given(
    st.dictionaries(
        st.integers(-1, 8) | st.tuples(st.integers(0, 3), st.integers(0, 3)),
        st.dictionaries(
            st.sampled_from(sorted(entity_mib.PHYSICAL)),
            st.integers(-(2**31), 2**32) | st.binary(max_size=12) | st.just((1, 3, 6)) | st.integers(0, 11),
        ),
        max_size=8,
    )
)
def test_whatever_a_device_sends_is_survived_and_gives_the_same_bytes(rows: dict[int, dict[str, int | bytes]]) -> None:
    found = table(entity_mib.PHYSICAL, rows)
    first = entity_mib.parse(found, {}, Table({}), "x").components
    assert [one.SerializeToString() for one in entity_mib.parse(found, {}, Table({}), "x").components] == [
        one.SerializeToString() for one in first
    ]
    assert len({one.place for one in first}) == len(first)


@pytest.mark.parametrize(
    ("value", "scale", "precision", "wanted"),
    [
        (418, 9, 1, "41.8"),
        (-6556, 9, 3, "-6.556"),
        (1656, 8, 2, "0.01656"),
        (21625, 8, 0, "21.625"),
        (12, 10, 0, "12000"),
        (5, 9, -2, "500"),
        (7, None, None, "7"),
        (7, 6, 9, "7E-18"),
        (1, 14, 0, None),
        (1, 99, 0, None),
        (1, 9, 10, None),
        (1_000_000_000, 9, 0, None),
        (-1_000_000_000, 9, 0, None),
    ],
)
def test_scaling_is_exact(value: int, scale: int | None, precision: int | None, wanted: str | None) -> None:
    assert scaled(value, scale, precision) == (None if wanted is None else Decimal(wanted))


def test_sensors_of_all_types() -> None:
    names = list(entity_sensors.STANDARD)

    def sensor(*said: int) -> dict[str, int]:
        return dict(zip(names, said, strict=True))

    said = table(
        entity_sensors.STANDARD,
        {
            1: sensor(8, 9, 1, 418, 1),
            2: sensor(9, 9, 0, 45, 1),
            3: sensor(6, 7, 0, 500, 1),
            4: sensor(6, 9, 0, 350, 1),
            5: sensor(10, 9, 0, 9000, 3),
            6: sensor(12, 9, 0, 1, 1),
            7: sensor(6, 7, 0, 0, 1),
            8: sensor(8, 9, 1, 400, 1),
        },
    )
    places = {
        1: "C/Inlet",
        2: "C/Humidity",
        3: "C/Te1 Receive Power",
        4: "C/PSU power",
        5: "C/Fan",
        6: "C/Door",
        7: "C/Rx power",
    }
    assert entity_sensors.measure(said, entity_sensors.STANDARD, places) == {
        Metric("hw.temperature", "C/Inlet", "Cel", 1): 41.8,
        Metric("hw.humidity", "C/Humidity", "1", 3): 0.45,
        Metric("hw.optical_power", "C/Te1 Receive Power", "dBm", 2): pytest.approx(-3.0103, abs=1e-4),
        Metric("hw.power", "C/PSU power", "W", 3): 350.0,
    }
    found = entity_sensors.parse(said, entity_sensors.STANDARD, places)
    assert [(one.place, one.type, one.status) for one in found if one.place in ("C/Fan", "C/Door")] == [
        ("C/Door", "truthvalue", "ok"),
        ("C/Fan", "rpm", "nonoperational"),
    ]


def test_when_the_table_is_read_anew() -> None:
    before = Sign(1000.0, 500_000, 4242)
    assert before.holds(Sign(1300.0, 530_000, 4242), rows=10)
    assert not before.holds(Sign(1300.0, 530_000, 520_000), rows=10)
    assert not before.holds(Sign(1300.0, 20_000, 4242), rows=10), "restarted, and changed at the same tick as before"
    assert not before.holds(Sign(1300.0, None, 4242), rows=10)
    assert not before.holds(Sign(1000.0 + TRUSTED_S, 500_000 + TRUSTED_S * 100, 4242), rows=10)
    assert not before.holds(Sign(900.0, 490_000, 4242), rows=10)
    for untold in (None, 0):
        silent, later = Sign(1000.0, 500_000, untold), Sign(1300.0, 530_000, untold)
        assert not silent.holds(later, rows=MANY_ROWS)
        assert silent.holds(later, rows=MANY_ROWS + 1)
        assert not silent.holds(Sign(1000.0 + UNTOLD_S, 500_000 + UNTOLD_S * 100, untold), rows=MANY_ROWS + 1)


def integer(value: int, tag: int = 2) -> bytes:
    return badsnmp.integer(value, tag)


def chassis(rows: int, changed: int = 4242, uptime: int = 500_000) -> dict[badsnmp.Arcs, bytes]:
    """Return a device with some line cards, one of which has a sensor."""
    out = {
        (1, 3, 6, 1, 2, 1, 1, 1, 0): badsnmp.tlv(4, b"router"),
        (1, 3, 6, 1, 2, 1, 1, 3, 0): integer(uptime, 67),
        (1, 3, 6, 1, 2, 1, 47, 1, 4, 1, 0): integer(changed, 67),
    }
    for index in range(1, rows + 1):
        out[*_BASE, _COLUMNS["entPhysicalContainedIn"], index] = integer(0 if index == 1 else 1)
        out[*_BASE, _COLUMNS["entPhysicalClass"], index] = integer(3 if index == 1 else 8 if index == 2 else 9)
        out[*_BASE, _COLUMNS["entPhysicalName"], index] = badsnmp.tlv(4, f"Part {index}".encode())
    for column, value in ((1, 8), (2, 9), (3, 0), (4, 40), (5, 1)):
        out[1, 3, 6, 1, 2, 1, 99, 1, 1, 1, column, 2] = integer(value)
    return out


def test_a_big_table_is_walked_once_and_sensors_are_measured_at_each_poll() -> None:
    device = chassis(5000)
    kept: dict[str, object] = {}
    with recorded.serve({"big": device}) as port:
        first, measured = poll(port, "big", entities.TOPIC, kept)
        pace = Pace()

        async def again(readout: Readout) -> tuple[bytes, object]:
            reading = await entities.read(readout)
            assert reading is not None
            return reading.facts.SerializeToString(), await entities.measure(readout)

        second = readouts.on_device(port, "big", again, kept=kept, pace=pace)
    assert first is not None
    assert len(first.facts.device.components) == 4999
    assert measured.gauges == {Metric("hw.temperature", "Part 1/Part 2", "Cel", 1): 40.0}
    assert second == (first.facts.SerializeToString(), measured)
    assert pace.requests < 20


def test_what_ends_in_the_middle_is_unreadable_and_not_half_true() -> None:
    async def read(readout: Readout) -> None:
        with pytest.raises(UnreadableError):
            await entities.read(readout)
        assert (await entities.measure(readout)).gauges == {}

    with recorded.serve({"big": chassis(1000)}) as port:
        readouts.on_device(port, "big", read, pace=Pace(variables=500))


def test_what_is_always_cut_at_the_same_place_is_told_with_its_reason() -> None:
    kept: dict[str, object] = {}

    async def read(readout: Readout) -> bytes:
        reading = await entities.read(readout)
        assert reading is not None
        assert len(reading.facts.device.components) == 99
        assert "more rows than the bound" in reading.unreadable["device.components[*]"]
        return reading.facts.SerializeToString()

    with recorded.serve({"big": chassis(1000)}) as port:
        first, again = (readouts.on_device(port, "big", read, kept=kept, bound=100) for _ in range(2))
        assert first == again
        whole, _ = poll(port, "big", entities.TOPIC, kept, readouts.NOW_S + 0.5)
    assert whole is not None
    assert len(whole.facts.device.components) == 999, "what was cut is not kept"


def test_a_part_that_is_added_is_seen_though_the_table_is_kept() -> None:
    before, after = chassis(20), chassis(21, changed=530_000, uptime=530_000)
    restarted = chassis(21, changed=4242, uptime=9000)
    for later in (after, restarted):
        kept: dict[str, object] = {}
        with recorded.serve({"it": before}) as port:
            poll(port, "it", entities.TOPIC, kept)
        with recorded.serve({"it": later}) as port:
            reading, _ = poll(port, "it", entities.TOPIC, kept, readouts.NOW_S + 300)
        assert reading is not None
        assert len(reading.facts.device.components) == 20
