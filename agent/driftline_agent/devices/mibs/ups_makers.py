"""What makers' own MIBs tell of a UPS: PowerNet-MIB (APC), XUPS-MIB (Eaton, Powerware), MG-SNMP-UPS-MIB (Eaton, MGE).

Only asked where sysObjectID is the maker's: all of it where there is no UPS-MIB, the serial number in any case.
"""

from collections.abc import Awaitable, Callable

from driftline.v1.facts_pb2 import Ups
from driftline_agent.devices.mib import MibObject, Row, mib
from driftline_agent.devices.mibs.nothing import meant, meant_serial
from driftline_agent.devices.mibs.ups_mib import whole
from driftline_agent.devices.mibs.ups_state import Line, UpsState, part, share, warm
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.snmp import oids

APC = mib(
    "PowerNet-MIB",
    "1.3.6.1.4.1.318.1.1.1",
    upsBasicIdentModel="1.1.1",
    upsBasicIdentName="1.1.2",
    upsAdvIdentFirmwareRevision="1.2.1",
    upsAdvIdentSerialNumber="1.2.3",
    upsBasicBatteryStatus="2.1.1",
    upsAdvBatteryCapacity="2.2.1",
    upsAdvBatteryTemperature="2.2.2",
    upsAdvBatteryRunTimeRemaining="2.2.3",
    upsAdvBatteryActualVoltage="2.2.8",
    upsAdvInputLineVoltage="3.2.1",
    upsBasicOutputStatus="4.1.1",
    upsAdvOutputVoltage="4.2.1",
    upsAdvOutputLoad="4.2.3",
    upsAdvOutputCurrent="4.2.4",
)
#: upsBasicBatteryStatus: batteryNormal, batteryLow.
_APC_BATTERY = {2: "normal", 3: "low"}
#: upsBasicOutputStatus: onLine, onBattery, onSmartBoost, timedSleeping, softwareBypass, off, rebooting, switchedBypass,
#: hardwareFailureBypass, sleepingUntilPowerReturn, onSmartTrim, in the words of upsOutputSource.
_APC_OUTPUT = {
    2: "normal",
    3: "battery",
    4: "booster",
    5: "none",
    6: "bypass",
    7: "none",
    8: "none",
    9: "bypass",
    10: "bypass",
    11: "none",
    12: "reducer",
}
XUPS = mib(
    "XUPS-MIB",
    "1.3.6.1.4.1.534.1",
    xupsIdentManufacturer="1.1",
    xupsIdentModel="1.2",
    xupsIdentSoftwareVersion="1.3",
    xupsIdentSerialNumber="1.6",
    xupsBatTimeRemaining="2.1",
    xupsBatVoltage="2.2",
    xupsBatCurrent="2.3",
    xupsBatCapacity="2.4",
    xupsInputNumPhases="3.3",
    xupsOutputLoad="4.1",
    xupsOutputNumPhases="4.3",
    xupsOutputSource="4.5",
)
#: xupsOutputSource in the words of upsOutputSource; several UPSs beside each other and ways to save energy are normal.
_XUPS_OUTPUT = {
    1: "other",
    2: "none",
    3: "normal",
    4: "bypass",
    5: "battery",
    6: "booster",
    7: "reducer",
    8: "normal",
    9: "normal",
    10: "normal",
    11: "bypass",
    12: "normal",
}
XUPS_INPUTS = mib("XUPS-MIB", "1.3.6.1.4.1.534.1.3.4.1", xupsInputVoltage=2, xupsInputWatts=4)
XUPS_OUTPUTS = mib("XUPS-MIB", "1.3.6.1.4.1.534.1.4.4.1", xupsOutputVoltage=2, xupsOutputWatts=4)
MGE = mib(
    "MG-SNMP-UPS-MIB",
    "1.3.6.1.4.1.705.1",
    upsmgIdentFamilyName="1.1",
    upsmgIdentModelName="1.2",
    upsmgIdentFirmwareVersion="1.4",
    upsmgIdentSerialNumber="1.7",
    upsmgConfigLowBatteryTime="4.7",
    upsmgConfigVARating="4.12",
    upsmgBatteryRemainingTime="5.1",
    upsmgBatteryLevel="5.2",
    upsmgBatteryVoltage="5.5",
    upsmgBatteryTemperature="5.7",
    upsmgBatteryLowBattery="5.14",
    upsmgInputPhaseNum="6.1",
    upsmgOutputPhaseNum="7.1",
    upsmgOutputOnBattery="7.3",
    upsmgOutputOnByPass="7.4",
)
MGE_INPUTS = mib("MG-SNMP-UPS-MIB", "1.3.6.1.4.1.705.1.6.2.1", mginputVoltage=2)
MGE_OUTPUTS = mib(
    "MG-SNMP-UPS-MIB", "1.3.6.1.4.1.705.1.7.2.1", mgoutputVoltage=2, mgoutputLoadPerPhase=4, mgoutputCurrent=5
)


def parse_apc(row: Row) -> UpsState:
    """Return what PowerNet-MIB says. Times are in hundredths of a second."""
    return UpsState(
        Ups(
            manufacturer="APC",
            model=meant(row.text("upsBasicIdentModel")),
            name=row.text("upsBasicIdentName") or "",
            software_version=meant(row.text("upsAdvIdentFirmwareRevision")),
            serial_number=meant_serial(row.text("upsAdvIdentSerialNumber")),
            battery_status=_APC_BATTERY.get(row.integer("upsBasicBatteryStatus") or 0, ""),
            output_source=_APC_OUTPUT.get(row.integer("upsBasicOutputStatus") or 0, ""),
        ),
        charge=share(row.integer("upsAdvBatteryCapacity")),
        left_s=part(row.integer("upsAdvBatteryRunTimeRemaining"), 100),
        celsius=warm(row.integer("upsAdvBatteryTemperature")),
        volts=part(row.integer("upsAdvBatteryActualVoltage"), 1),
        inputs={1: Line(part(row.integer("upsAdvInputLineVoltage"), 1))},
        outputs={
            1: Line(
                part(row.integer("upsAdvOutputVoltage"), 1),
                part(row.integer("upsAdvOutputCurrent"), 1),
                load=share(row.integer("upsAdvOutputLoad")),
            )
        },
    )


async def _apc(readout: Readout) -> UpsState:
    row, _ = await readout.scalars(*APC.values())
    return parse_apc(row)


async def _xups(readout: Readout) -> UpsState:
    row, _ = await readout.scalars(*XUPS.values())
    inputs, outputs = await readout.table(*XUPS_INPUTS.values()), await readout.table(*XUPS_OUTPUTS.values())
    load = share(row.integer("xupsOutputLoad"))
    out_lines = [(index[0], line) for index, line in outputs.rows() if len(index) == 1]
    return UpsState(
        Ups(
            manufacturer=meant(row.text("xupsIdentManufacturer")),
            model=meant(row.text("xupsIdentModel")),
            software_version=meant(row.text("xupsIdentSoftwareVersion")),
            serial_number=meant_serial(row.text("xupsIdentSerialNumber")),
            output_source=_XUPS_OUTPUT.get(row.integer("xupsOutputSource") or 0, ""),
            input_lines=whole(row.integer("xupsInputNumPhases")),
            output_lines=whole(row.integer("xupsOutputNumPhases")),
        ),
        charge=share(row.integer("xupsBatCapacity")),
        left_s=part(row.integer("xupsBatTimeRemaining"), 1),
        volts=part(row.integer("xupsBatVoltage"), 1),
        amperes=part(row.integer("xupsBatCurrent"), 1, -(2**31)),
        inputs={
            index[0]: Line(part(line.integer("xupsInputVoltage"), 1), watts=part(line.integer("xupsInputWatts"), 1))
            for index, line in inputs.rows()
            if len(index) == 1
        },
        # The load is told of all lines together.
        outputs={
            number: Line(
                part(line.integer("xupsOutputVoltage"), 1),
                watts=part(line.integer("xupsOutputWatts"), 1),
                load=load if len(out_lines) == 1 else None,
            )
            for number, line in out_lines
        },
    )


async def _mge(readout: Readout) -> UpsState:
    row, _ = await readout.scalars(*MGE.values())
    inputs, outputs = await readout.table(*MGE_INPUTS.values()), await readout.table(*MGE_OUTPUTS.values())
    on_battery, on_bypass = row.truth("upsmgOutputOnBattery"), row.truth("upsmgOutputOnByPass")
    low, warns_s = row.truth("upsmgBatteryLowBattery"), whole(row.integer("upsmgConfigLowBatteryTime"))
    # One phase has tables with rows for three; the number of lines says how many count.
    in_lines, out_lines = whole(row.integer("upsmgInputPhaseNum")), whole(row.integer("upsmgOutputPhaseNum"))
    return UpsState(
        Ups(
            manufacturer="MGE",
            model=" ".join(
                filter(None, (meant(row.text(name)) for name in ("upsmgIdentFamilyName", "upsmgIdentModelName")))
            ),
            software_version=meant(row.text("upsmgIdentFirmwareVersion")),
            serial_number=meant_serial(row.text("upsmgIdentSerialNumber")),
            battery_status="" if low is None else "low" if low else "normal",
            output_source="battery"
            if on_battery
            else "bypass"
            if on_bypass
            else ""
            if on_battery is None
            else "normal",
            rated_output=whole(row.integer("upsmgConfigVARating")),
            input_lines=in_lines,
            output_lines=out_lines,
            low_battery_time=None if warns_s is None else warns_s // 60,
        ),
        charge=share(row.integer("upsmgBatteryLevel")),
        left_s=part(row.integer("upsmgBatteryRemainingTime"), 1),
        celsius=warm(row.integer("upsmgBatteryTemperature")),
        volts=part(row.integer("upsmgBatteryVoltage"), 10),
        inputs={
            index[0]: Line(part(line.integer("mginputVoltage"), 10))
            for index, line in inputs.rows()
            if index and 0 < index[0] <= (in_lines or 3)
        },
        outputs={
            index[0]: Line(
                part(line.integer("mgoutputVoltage"), 10),
                part(line.integer("mgoutputCurrent"), 10),
                load=share(line.integer("mgoutputLoadPerPhase")),
            )
            for index, line in outputs.rows()
            if index and 0 < index[0] <= (out_lines or 3)
        },
    )


#: Below which sysObjectID, how it is read, and where its serial number is. An Eaton card has two of the MIBs.
_MAKERS: tuple[tuple[str, Callable[[Readout], Awaitable[UpsState]], tuple[MibObject, ...]], ...] = (
    ("1.3.6.1.4.1.318", _apc, (APC["upsAdvIdentSerialNumber"],)),
    ("1.3.6.1.4.1.534", _xups, (XUPS["xupsIdentSerialNumber"],)),
    ("1.3.6.1.4.1.705", _mge, (MGE["upsmgIdentSerialNumber"], XUPS["xupsIdentSerialNumber"])),
)


def _maker(
    readout: Readout,
) -> tuple[Callable[[Readout], Awaitable[UpsState]] | None, tuple[MibObject, ...]]:
    object_id = readout.system.object_id or ()
    for base, read_it, serials in _MAKERS:
        if oids.within(object_id, oids.parse(base)):
            return read_it, serials
    return None, ()


async def read(readout: Readout) -> UpsState | None:
    """Read a device by its maker's MIB; None where it is of none of the makers, or tells nothing."""
    read_it, _ = _maker(readout)
    state = await read_it(readout) if read_it else None
    return state if state is not None and (state.facts.model or state.charge is not None) else None


async def serial_number(readout: Readout) -> str:
    """Return its serial number, which UPS-MIB has not; empty where nobody tells."""
    _, objects = _maker(readout)
    if not objects:
        return ""
    row, _ = await readout.scalars(*objects)
    return next(filter(None, (meant_serial(row.text(one.name)) for one in objects)), "")
