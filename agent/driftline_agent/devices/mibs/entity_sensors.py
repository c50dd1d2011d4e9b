"""ENTITY-SENSOR-MIB (RFC 3433), and CISCO-ENTITY-SENSOR-MIB, its elder with the same columns and meanings. Pure."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal

from driftline.v1.facts_pb2 import DeviceSensor
from driftline_agent.devices.mib import MibObject, Row, Table, mib
from driftline_agent.utilization.aggregate import Metric

STANDARD = mib(
    "ENTITY-SENSOR-MIB",
    "1.3.6.1.2.1.99.1.1.1",
    entPhySensorType=1,
    entPhySensorScale=2,
    entPhySensorPrecision=3,
    entPhySensorValue=4,
    entPhySensorOperStatus=5,
)
CISCO = mib(
    "CISCO-ENTITY-SENSOR-MIB",
    "1.3.6.1.4.1.9.9.91.1.1.1.1",
    entSensorType=1,
    entSensorScale=2,
    entSensorPrecision=3,
    entSensorValue=4,
    entSensorStatus=5,
)
#: EntitySensorDataType; unknown(2) is none. dBm(14) is Cisco's.
_TYPES = {
    1: "other",
    3: "volts",
    4: "volts",
    5: "amperes",
    6: "watts",
    7: "hertz",
    8: "celsius",
    9: "percentRH",
    10: "rpm",
    11: "cmm",
    12: "truthvalue",
    13: "specialEnum",
    14: "dBm",
}
#: EntitySensorDataScale -> power of ten. exa(14) and peta(15) are left out: RFC 3433 gives them each other's powers.
_SCALES = {
    1: -24,
    2: -21,
    3: -18,
    4: -15,
    5: -12,
    6: -9,
    7: -6,
    8: -3,
    9: 0,
    10: 3,
    11: 6,
    12: 9,
    13: 12,
    16: 21,
    17: 24,
}
_STATUS = {1: "ok", 2: "unavailable", 3: "nonoperational"}
#: EntitySensorValue: what cannot be told is sent as one of these.
_MOST = 1_000_000_000
#: Type -> metric, unit, decimal places kept, and what the value is multiplied by.
_METRICS: dict[str, tuple[str, str, int, int | Decimal]] = {
    "celsius": ("hw.temperature", "Cel", 1, 1),
    "volts": ("hw.voltage", "V", 3, 1),
    "amperes": ("hw.current", "A", 4, 1),
    "watts": ("hw.power", "W", 3, 1),
    "rpm": ("hw.fan_speed", "rpm", 0, 1),
    "dBm": ("hw.optical_power", "dBm", 2, 1),
    "percentRH": ("hw.humidity", "1", 3, Decimal("0.01")),
    "hertz": ("hw.frequency", "Hz", 2, 1),
}
#: A sensor in watts that is so called measures light: the power of a laser, in thousandths of watts at most.
_LIGHT = re.compile(
    r"\b(rx|tx|receive|transmit|optical|laser|light)\b.*\bpower\b|\bpower\b.*\b(rx|tx)\b", re.IGNORECASE
)


def scaled(value: int, scale: int | None, precision: int | None) -> Decimal | None:
    """Return entPhySensorValue in its unit, exactly; None where it is none.

    :param scale: entPhySensorScale; units where it is absent.
    :param precision: entPhySensorPrecision: digits after the point, -8 to 9; 0 where it is absent.
    """
    power, digits = _SCALES.get(9 if scale is None else scale), precision or 0
    if power is None or not -8 <= digits <= 9 or abs(value) >= _MOST:
        return None
    return Decimal(value).scaleb(power - digits)


def parse(table: Table, objects: Mapping[str, MibObject], places: Mapping[int, str]) -> list[DeviceSensor]:
    """Return the sensors that have a place, sorted by it."""
    kind, _, _, _, status = objects
    out = []
    for index, row in table.rows():
        if len(index) == 1 and index[0] in places:
            sensor_type = _TYPES.get(row.integer(kind) or 0, "")
            said = _STATUS.get(row.integer(status) or 0, "")
            out.append(DeviceSensor(place=places[index[0]], type=sensor_type, status=said))
    return sorted(out, key=lambda one: one.place)


def measure(table: Table, objects: Mapping[str, MibObject], places: Mapping[int, str]) -> dict[Metric, float]:
    """Return what sensors that work and have a place measure."""
    out: dict[Metric, float] = {}
    for index, row in table.rows():
        if len(index) == 1 and index[0] in places:
            out.update(_measure(row, objects, places[index[0]]))
    return out


def _measure(row: Row, objects: Mapping[str, MibObject], place: str) -> dict[Metric, float]:
    kind, scale, precision, value, status = objects
    sensor_type, number = _TYPES.get(row.integer(kind) or 0, ""), row.integer(value)
    if number is None or sensor_type not in _METRICS or row.integer(status) not in (None, 1):
        return {}
    found = scaled(number, row.integer(scale), row.integer(precision))
    if found is None:
        return {}
    if sensor_type == "watts" and _LIGHT.search(place.rpartition("/")[2]):
        if found <= 0:
            return {}
        return {Metric("hw.optical_power", place, "dBm", 2): 10 * math.log10(float(found * 1000))}
    name, unit, decimals, factor = _METRICS[sensor_type]
    return {Metric(name, place, unit, decimals): float(found * factor)}
