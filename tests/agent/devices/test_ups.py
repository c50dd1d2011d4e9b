"""Power supplies: UPS-MIB, and the makers' own where it is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import recorded
from tests.support.corpora import corpus
from tests.support.readouts import poll
from tests.support.tables import row, table

from driftline_agent.devices.mib import Table
from driftline_agent.devices.mibs import ups_makers, ups_mib
from driftline_agent.devices.topics import ups
from driftline_agent.utilization.aggregate import Metric

NONE = Table({})
CHARGE, LEFT = Metric("hw.battery.charge", "", "1", 3), Metric("hw.battery.time_left", "", "s", 0)
_UPS_MIB = (1, 3, 6, 1, 2, 1, 33)


def test_alarms_by_name() -> None:
    known = (*_UPS_MIB, 1, 6, 3)
    alarms = table(
        ups_mib.ALARMS,
        {
            1: {"upsAlarmDescr": (*known, 22)},
            2: {"upsAlarmDescr": (*known, 2)},
            3: {"upsAlarmDescr": (*known, 2)},
            4: {"upsAlarmDescr": (1, 3, 6, 1, 4, 1, 1)},
            5: {"upsAlarmDescr": 2},
        },
    )
    found = ups_mib.parse(row(upsBatteryStatus=3, upsOutputSource=5), NONE, NONE, alarms).facts
    assert list(found.alarms) == ["upsAlarmOnBattery", "upsAlarmShutdownPending"]
    assert (found.battery_status, found.output_source) == ("low", "battery")


def test_what_is_no_number_is_not_measured() -> None:
    said = row(
        upsEstimatedChargeRemaining=-1, upsEstimatedMinutesRemaining=-1, upsBatteryTemperature=0, upsConfigOutputVA=-1
    )
    lines = table(
        ups_mib.OUTPUTS, {1: {"upsOutputVoltage": -1, "upsOutputPercentLoad": 65535}, (1, 2): {"upsOutputVoltage": 5}}
    )
    state = ups_mib.parse(said, NONE, lines, NONE)
    assert state.measured().gauges == {}
    assert state.facts.ListFields() == []


def test_apc() -> None:
    state = ups_makers.parse_apc(
        row(
            upsBasicIdentModel="Smart-UPS 1500",
            upsAdvIdentSerialNumber="AS1234567890",
            upsBasicBatteryStatus=2,
            upsAdvBatteryCapacity=100,
            upsAdvBatteryTemperature=24,
            upsAdvBatteryRunTimeRemaining=342000,
            upsBasicOutputStatus=12,
            upsAdvOutputLoad=17,
        )
    )
    assert (state.facts.model, state.facts.serial_number) == ("Smart-UPS 1500", "AS1234567890")
    assert (state.facts.battery_status, state.facts.output_source) == ("normal", "reducer")
    assert state.measured().gauges == {
        CHARGE: 1.0,
        LEFT: 3420.0,
        Metric("hw.temperature", "battery", "Cel", 1): 24.0,
        Metric("hw.ups.load", "output 1", "1", 3): 0.17,
    }


@given(
    st.dictionaries(
        st.sampled_from([*ups_mib.SIGNS, *ups_mib.SCALARS, *ups_makers.APC]),
        st.integers(-(2**31), 2**64 - 1) | st.binary(max_size=8) | st.just((1, 3, 6)),
    )
)
def test_whatever_a_device_sends_is_survived(said: dict[str, int | bytes]) -> None:
    for state in (ups_mib.parse(row(**said), NONE, NONE, NONE), ups_makers.parse_apc(row(**said))):
        assert 0 <= (state.charge or 0) <= 2.5


EATONS = ("eaton-mgeups_9pxle", "eatonupsm2_9px+empg2")


@pytest.mark.parametrize("name", EATONS)
def test_makers_own_tell_the_same_as_ups_mib(name: str) -> None:
    """What is left of a recording without UPS-MIB is read by MG-SNMP-UPS-MIB or XUPS-MIB."""
    whole = recorded.read(corpus("snmp", f"{name}.snmprec"))
    makers = {oid: value for oid, value in whole.items() if oid[:7] != _UPS_MIB}
    with recorded.serve({"whole": whole, "makers": makers}) as port:
        standard, measured = poll(port, "whole", ups.TOPIC)
        own, own_measured = poll(port, "makers", ups.TOPIC)
        again, _ = poll(port, "makers", ups.TOPIC)
    assert standard is not None
    assert own is not None
    assert again is not None
    assert again.facts.SerializeToString() == own.facts.SerializeToString()
    a, b = standard.facts.device.ups, own.facts.device.ups
    assert (a.serial_number, a.output_source, a.output_lines) == (b.serial_number, b.output_source, b.output_lines)
    assert a.serial_number.startswith("GA10")
    assert "9PX 1000i" in b.model
    gauges, own_gauges = measured.gauges, own_measured.gauges
    assert gauges[CHARGE] == own_gauges[CHARGE]
    assert own_gauges[LEFT] == pytest.approx(gauges[LEFT], abs=60)
    for metric in (Metric("hw.voltage", f"{way} 1", "V", 1) for way in ("input", "output")):
        assert own_gauges[metric] == pytest.approx(gauges[metric], abs=1.5)
