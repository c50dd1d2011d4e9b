"""UPS-MIB (RFC 1628)."""

from driftline.v1.facts_pb2 import Ups
from driftline_agent.devices.mib import Row, Table, mib
from driftline_agent.devices.mibs.nothing import meant
from driftline_agent.devices.mibs.ups_state import Line, UpsState, part, share, warm
from driftline_agent.devices.readout import Readout

_BASE = "1.3.6.1.2.1.33.1"
#: Asked of every device: without these there is no UPS.
SIGNS = mib("UPS-MIB", _BASE, upsIdentModel="1.2", upsBatteryStatus="2.1", upsEstimatedChargeRemaining="2.4")
SCALARS = mib(
    "UPS-MIB",
    _BASE,
    upsIdentManufacturer="1.1",
    upsIdentUPSSoftwareVersion="1.3",
    upsIdentAgentSoftwareVersion="1.4",
    upsIdentName="1.5",
    upsIdentAttachedDevices="1.6",
    upsEstimatedMinutesRemaining="2.3",
    upsBatteryVoltage="2.5",
    upsBatteryCurrent="2.6",
    upsBatteryTemperature="2.7",
    upsInputNumLines="3.2",
    upsOutputSource="4.1",
    upsOutputNumLines="4.3",
    upsConfigOutputVA="9.5",
    upsConfigLowBattTime="9.7",
)
INPUTS = mib("UPS-MIB", f"{_BASE}.3.3.1", upsInputVoltage=3, upsInputCurrent=4, upsInputTruePower=5)
OUTPUTS = mib(
    "UPS-MIB", f"{_BASE}.4.4.1", upsOutputVoltage=2, upsOutputCurrent=3, upsOutputPower=4, upsOutputPercentLoad=5
)
ALARMS = mib("UPS-MIB", f"{_BASE}.6.2.1", upsAlarmDescr=2)
WELL_KNOWN = mib(
    "UPS-MIB",
    f"{_BASE}.6.3",
    upsAlarmBatteryBad=1,
    upsAlarmOnBattery=2,
    upsAlarmLowBattery=3,
    upsAlarmDepletedBattery=4,
    upsAlarmTempBad=5,
    upsAlarmInputBad=6,
    upsAlarmOutputBad=7,
    upsAlarmOutputOverload=8,
    upsAlarmOnBypass=9,
    upsAlarmBypassBad=10,
    upsAlarmOutputOffAsRequested=11,
    upsAlarmUpsOffAsRequested=12,
    upsAlarmChargerFailed=13,
    upsAlarmUpsOutputOff=14,
    upsAlarmUpsSystemOff=15,
    upsAlarmFanFailure=16,
    upsAlarmFuseFailure=17,
    upsAlarmGeneralFault=18,
    upsAlarmDiagnosticTestFailed=19,
    upsAlarmCommunicationsLost=20,
    upsAlarmAwaitingPower=21,
    upsAlarmShutdownPending=22,
    upsAlarmShutdownImminent=23,
    upsAlarmTestInProgress=24,
)
_NAMES = {one.oid: one.name for one in WELL_KNOWN.values()}
#: upsBatteryStatus; unknown(1) is none.
_BATTERY = {2: "normal", 3: "low", 4: "depleted"}
SOURCES = {1: "other", 2: "none", 3: "normal", 4: "bypass", 5: "battery", 6: "booster", 7: "reducer"}


def parse(row: Row, inputs: Table, outputs: Table, alarms: Table) -> UpsState:
    """Return what UPS-MIB says.

    :param row: all of :data:`SIGNS` and :data:`SCALARS` that came.
    """
    names = {_NAMES.get(row.oid("upsAlarmDescr") or ()) for _, row in alarms.rows()}
    facts = Ups(
        manufacturer=meant(row.text("upsIdentManufacturer")),
        model=meant(row.text("upsIdentModel")),
        software_version=meant(row.text("upsIdentUPSSoftwareVersion")),
        agent_version=meant(row.text("upsIdentAgentSoftwareVersion")),
        name=row.text("upsIdentName") or "",
        attached_devices=row.text("upsIdentAttachedDevices") or "",
        battery_status=_BATTERY.get(row.integer("upsBatteryStatus") or 0, ""),
        output_source=SOURCES.get(row.integer("upsOutputSource") or 0, ""),
        rated_output=whole(row.integer("upsConfigOutputVA")),
        input_lines=whole(row.integer("upsInputNumLines")),
        output_lines=whole(row.integer("upsOutputNumLines")),
        low_battery_time=whole(row.integer("upsConfigLowBattTime")),
        alarms=sorted(name for name in names if name),
    )
    return UpsState(
        facts,
        charge=share(row.integer("upsEstimatedChargeRemaining")),
        left_s=part(row.integer("upsEstimatedMinutesRemaining"), 1 / 60),
        celsius=warm(row.integer("upsBatteryTemperature")),
        volts=part(row.integer("upsBatteryVoltage"), 10),
        amperes=part(row.integer("upsBatteryCurrent"), 10, -(2**31)),
        inputs={
            index[0]: Line(
                part(row.integer("upsInputVoltage"), 1),
                part(row.integer("upsInputCurrent"), 10),
                part(row.integer("upsInputTruePower"), 1),
            )
            for index, row in inputs.rows()
            if len(index) == 1
        },
        outputs={
            index[0]: Line(
                part(row.integer("upsOutputVoltage"), 1),
                part(row.integer("upsOutputCurrent"), 10),
                part(row.integer("upsOutputPower"), 1),
                share(row.integer("upsOutputPercentLoad")),
            )
            for index, row in outputs.rows()
            if len(index) == 1
        },
    )


def whole(number: int | None) -> int | None:
    """Return a number of something; None where it is none."""
    return number if number is not None and 0 < number < 2**31 else None


async def read(readout: Readout) -> UpsState | None:
    """Read a device; None where it has no UPS-MIB."""
    signs, cuts = await readout.scalars(*SIGNS.values())
    if not any(signs.kind(name) for name in SIGNS):
        state = UpsState(unreadable=dict(cuts))
        return state if cuts else None
    more, cuts = await readout.scalars(*SCALARS.values())
    tables = [await readout.table(*objects.values()) for objects in (INPUTS, OUTPUTS, ALARMS)]
    state = parse(Row({**signs.variables, **more.variables}), *tables)
    if tables[2].cuts:
        state.unreadable["device.ups.alarms"] = next(iter(tables[2].cuts.values()))
    if cuts:
        state.unreadable["device.ups"] = next(iter(cuts.values()))
    return state
