"""Printers. Source: Printer-MIB (RFC 3805), HOST-RESOURCES-MIB hrPrinterTable. Of several in one device, the first.

How full supplies are is measured: as a share of what they hold new; of a waste box it is the room that is left.
"""

import re
from collections import Counter
from collections.abc import Iterable

from driftline.v1.facts_pb2 import Printer, PrinterTray
from driftline_agent.devices.mib import Row, Table, mib
from driftline_agent.devices.mibs.nothing import meant, meant_serial
from driftline_agent.devices.readout import Readout, must_answer
from driftline_agent.devices.topic import Counter as DeviceCounter
from driftline_agent.devices.topic import DeviceTopic, Measured
from driftline_agent.topic import Reading
from driftline_agent.utilization.aggregate import Metric

#: Index: hrDeviceIndex.
GENERAL = mib("Printer-MIB", "1.3.6.1.2.1.43.5.1.1", prtGeneralPrinterName=16, prtGeneralSerialNumber=17)
STATUS = mib("HOST-RESOURCES-MIB", "1.3.6.1.2.1.25.3.5.1", hrPrinterStatus=1, hrPrinterDetectedErrorState=2)
#: Index of all that follow: hrDeviceIndex, number.
SUPPLIES = mib(
    "Printer-MIB",
    "1.3.6.1.2.1.43.11.1.1",
    prtMarkerSuppliesColorantIndex=3,
    prtMarkerSuppliesClass=4,
    prtMarkerSuppliesType=5,
    prtMarkerSuppliesDescription=6,
    prtMarkerSuppliesSupplyUnit=7,
    prtMarkerSuppliesMaxCapacity=8,
    prtMarkerSuppliesLevel=9,
)
COLORANTS = mib("Printer-MIB", "1.3.6.1.2.1.43.12.1.1", prtMarkerColorantValue=4)
TRAYS = mib("Printer-MIB", "1.3.6.1.2.1.43.8.2.1", prtInputMaxCapacity=9, prtInputMediaName=12, prtInputName=13)
MARKERS = mib("Printer-MIB", "1.3.6.1.2.1.43.10.2.1", prtMarkerCounterUnit=3, prtMarkerLifeCount=4)
_TABLES = (GENERAL, STATUS, SUPPLIES, COLORANTS, TRAYS)
#: hrPrinterStatus; unknown(2) is none.
_STATES = {1: "other", 3: "idle", 4: "printing", 5: "warmup"}
#: Bits of hrPrinterDetectedErrorState, the highest of the first byte first.
_ERRORS = (
    *("lowPaper", "noPaper", "lowToner", "noToner", "doorOpen", "jammed", "offline", "serviceRequested"),
    *("inputTrayMissing", "outputTrayMissing", "markerSupplyMissing", "outputNearFull", "outputFull"),
    *("inputTrayEmpty", "overduePreventMaint"),
)
#: PrtMarkerSuppliesTypeTC; unknown(2) is none.
_TYPES = {
    1: "other",
    3: "toner",
    4: "wasteToner",
    5: "ink",
    6: "inkCartridge",
    7: "inkRibbon",
    8: "wasteInk",
    9: "opc",
    10: "developer",
    11: "fuserOil",
    12: "solidWax",
    13: "ribbonWax",
    14: "wasteWax",
    15: "fuser",
    16: "coronaWire",
    17: "fuserOilWick",
    18: "cleanerUnit",
    19: "fuserCleaningPad",
    20: "transferUnit",
    21: "tonerCartridge",
    22: "fuserOiler",
    23: "water",
    24: "wasteWater",
    25: "glueWaterAdditive",
    26: "wastePaper",
    27: "bindingSupply",
    28: "bandingSupply",
    29: "stitchingWire",
    30: "shrinkWrap",
    31: "paperWrap",
    32: "staples",
    33: "inserts",
    34: "covers",
}
#: PrtMarkerSuppliesClassTC.
_CLASSES = {1: "other", 3: "supplyThatIsConsumed", 4: "receptacleThatIsFilled"}
#: prtMarkerSuppliesSupplyUnit percent(19); prtMarkerCounterUnit impressions(7) and sheets(8).
_PERCENT, _PAGES = 19, (7, 8)
#: Some put a cartridge's serial number into its description: "Black Toner;SN7F8A02", "Drum, S/N:CRUM-1706".
_SERIAL = re.compile(r"[\s,;:(\[]*\b(?:S/N|SN|Serial(?: No| Number)?)[:#. ]*(?=[\w\-]*\d)\w[\w\-]*\W*$", re.IGNORECASE)


def errors(octets: bytes | None) -> list[str]:
    """Return the names of the bits that are set in hrPrinterDetectedErrorState."""
    bits = "".join(f"{byte:08b}" for byte in octets or b"")
    return sorted(name for name, bit in zip(_ERRORS, bits, strict=False) if bit == "1")


def of_printer(table: Table, printer: int) -> list[tuple[int, Row]]:
    """Return number and row of what belongs to a printer."""
    return [(index[1], row) for index, row in table.rows() if len(index) == 2 and index[0] == printer]


def first(tables: Iterable[Table]) -> int | None:
    """Return the lowest hrDeviceIndex that tables speak of."""
    return min((index[0] for table in tables for index, _ in table.rows() if index), default=None)


def named(rows: Iterable[tuple[int, Row]], column: str, otherwise: str) -> dict[int, str]:
    """Return a name for each number: what the column says without a serial number, told apart by order."""
    out: dict[int, str] = {}
    seen: Counter[str] = Counter()
    for number, row in rows:
        name = _SERIAL.sub("", row.text(column) or "") or f"{otherwise} {number}"
        seen[name] += 1
        out[number] = name if seen[name] == 1 else f"{name} #{seen[name]}"
    return out


def level(row: Row) -> float | None:
    """Return how much of a supply is left, 0 to 1.

    -1 is no restriction, -2 unknown, -3 some; none of them is a share.
    """
    left, most = row.integer("prtMarkerSuppliesLevel"), row.integer("prtMarkerSuppliesMaxCapacity")
    if left is None or left < 0:
        return None
    if most is not None and most > 0:
        return min(left / most, 1.0)
    return left / 100 if row.integer("prtMarkerSuppliesSupplyUnit") == _PERCENT and left <= 100 else None


def parse(general: Table, status: Table, supplies: Table, colorants: Table, trays: Table) -> Printer | None:
    """Return what is said of the first printer; None where there is none."""
    printer = first((general, status, supplies, trays))
    if printer is None:
        return None
    about = dict(general.rows()).get((printer,), Row({}))
    now = dict(status.rows()).get((printer,), Row({}))
    colors = {number: meant(row.text("prtMarkerColorantValue")) for number, row in of_printer(colorants, printer)}
    out = Printer(
        serial_number=meant_serial(about.text("prtGeneralSerialNumber")),
        name=meant(about.text("prtGeneralPrinterName")),
        status=_STATES.get(now.integer("hrPrinterStatus") or 0, ""),
        errors=errors(now.octets("hrPrinterDetectedErrorState")),
    )
    rows = of_printer(supplies, printer)
    names = named(rows, "prtMarkerSuppliesDescription", "supply")
    for number, row in rows:
        capacity = row.integer("prtMarkerSuppliesMaxCapacity")
        supply = out.supplies.add(
            description=names[number],
            type=_TYPES.get(row.integer("prtMarkerSuppliesType") or 0, ""),
            color=colors.get(row.integer("prtMarkerSuppliesColorantIndex") or 0, ""),
            capacity=capacity if capacity is not None and 0 < capacity < 2**31 else None,
        )
        setattr(supply, "class", _CLASSES.get(row.integer("prtMarkerSuppliesClass") or 0, ""))
    tray_rows = of_printer(trays, printer)
    names = named(tray_rows, "prtInputName", "tray")
    for number, row in tray_rows:
        capacity = row.integer("prtInputMaxCapacity")
        out.trays.append(
            PrinterTray(
                name=names[number],
                media=row.text("prtInputMediaName") or "",
                capacity=capacity if capacity is not None and 0 < capacity < 2**31 else None,
            )
        )
    out.supplies.sort(key=lambda one: one.description)
    out.trays.sort(key=lambda one: one.name)
    return out


async def _tables(readout: Readout) -> list[Table]:
    # Asked for together: a device that is no printer is asked once.
    await readout.table(*(one for objects in (*_TABLES, MARKERS) for one in objects.values()))
    return [await readout.table(*objects.values()) for objects in _TABLES]


async def read(readout: Readout) -> Reading | None:
    """Read the printer."""
    tables = await _tables(readout)
    for table in tables:
        must_answer(table)
    printer = parse(*tables)
    if printer is None:
        return None
    reading = Reading()
    reading.facts.device.printer.CopyFrom(printer)
    paths = ("", "", "supplies[*]", "supplies[*].color", "trays[*]")
    for table, path in zip(tables, paths, strict=True):
        if table.cuts:
            reading.unreadable[f"device.printer.{path}".rstrip(".")] = next(iter(table.cuts.values()))
    return reading


async def measure(readout: Readout) -> Measured:
    """Measure supplies, and pages."""
    general, status, supplies, _, trays = await _tables(readout)
    printer = first((general, status, supplies, trays))
    measured = Measured()
    if printer is None:
        return measured
    rows = of_printer(supplies, printer)
    names = named(rows, "prtMarkerSuppliesDescription", "supply")
    for number, row in rows:
        left = level(row)
        if left is not None:
            measured.gauges[Metric("hw.printer.supply", names[number], "1", 3)] = left
    for number, row in of_printer(await readout.table(*MARKERS.values()), printer):
        count = row.integer("prtMarkerLifeCount")
        if count is not None and count >= 0 and row.integer("prtMarkerCounterUnit") in _PAGES:
            metric = Metric("hw.printer.pages", f"marker {number}", "{page}/s", 4)
            measured.counters[metric] = DeviceCounter(count, bits=32)
    return measured


TOPIC = DeviceTopic(
    revision=1, fills=("device.printer",), read=read, measure=measure, news=frozenset({"hardware", "restart"})
)
