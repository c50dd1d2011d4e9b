"""Parts that a device is made of, and its sensors.

Source: ENTITY-MIB (TIMETRA-CHASSIS-MIB), ENTITY-STATE-MIB, ENTITY-SENSOR-MIB (CISCO-ENTITY-SENSOR-MIB).

The table of parts may have thousands of rows and seldom changes, so what was read of it is kept as long as the device
says that nothing changed (:mod:`driftline_agent.devices.mibs.freshness`). Sensors are measured at every poll.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from driftline.v1.facts_pb2 import Device
from driftline_agent.devices.mib import MibObject, Table
from driftline_agent.devices.mibs import entity_mib, entity_sensors, timetra
from driftline_agent.devices.mibs.freshness import Sign
from driftline_agent.devices.mibs.interface_names import names_of
from driftline_agent.devices.readout import Readout, must_answer
from driftline_agent.devices.snmp import oids
from driftline_agent.devices.topic import DeviceTopic, Measured
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading

_KEPT = "entities"
_CISCO = oids.parse("1.3.6.1.4.1.9")


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of the parts."""

    sign: Sign
    rows: int
    #: Serialized Device: a tenth of what messages take.
    components: bytes
    #: entPhysicalIndex -> place, of what the sensors' table speaks of.
    places: Mapping[int, str]
    #: ifIndex -> name, of the interfaces that parts belong to.
    interfaces: Mapping[int, str | None]
    #: Attribute path -> why it is not whole.
    unreadable: Mapping[str, str]


async def _sign(readout: Readout) -> Sign:
    row, _ = await readout.scalars(*entity_mib.GENERAL.values())
    return Sign(readout.system.at_s, readout.system.uptime_ticks, row.integer("entLastChangeTime"))


async def _sensors(readout: Readout) -> tuple[Table, Mapping[str, MibObject]]:
    """Return the sensors' table, and whose columns these are."""
    table = await readout.table(*entity_sensors.STANDARD.values())
    object_id = readout.system.object_id
    if not table and not table.cuts and object_id is not None and oids.within(object_id, _CISCO):
        return await readout.table(*entity_sensors.CISCO.values()), entity_sensors.CISCO
    return table, entity_sensors.STANDARD


async def _known(readout: Readout, sensors: Table) -> _Known:
    """Return the parts as this poll or an earlier one read them."""
    sign = await _sign(readout)
    names = await names_of(readout)
    known = readout.kept.get(_KEPT)
    if isinstance(known, _Known) and (known.sign == sign or _holds(known, sign, names.by_index, sensors)):
        return known
    known = readout.kept[_KEPT] = await _read_parts(readout, sign, names.by_index, sensors)
    return known


def _holds(known: _Known, sign: Sign, names: Mapping[int, str], sensors: Table) -> bool:
    return (
        not known.unreadable
        and known.sign.holds(sign, known.rows)
        and all(names.get(index) == name for index, name in known.interfaces.items())
        and all(index[0] in known.places for index, _ in sensors.rows())
    )


async def _read_parts(readout: Readout, sign: Sign, names: Mapping[int, str], sensors: Table) -> _Known:
    physical = await readout.table(*entity_mib.PHYSICAL.values())
    must_answer(physical)
    if not physical and timetra.applies(readout.system.object_id):
        physical = timetra.as_physical(await readout.table(*timetra.HARDWARE.values()))
        must_answer(physical)
    cut_keys = entity_mib.KEYS & physical.cuts.keys()
    if cut_keys and readout.ended:
        # Where half of the rows came, the places of those would be others than before.
        raise UnreadableError(physical.cuts[min(cut_keys)])
    none = Table({})
    alias = await readout.table(*entity_mib.ALIAS.values()) if physical else none
    state = await readout.table(*entity_mib.STATE.values()) if physical else none
    unreadable = {"device.components[*]": physical.cuts[min(cut_keys)]} if cut_keys else {}
    for table in (physical, alias, state):
        for name, why in table.cuts.items():
            if name in entity_mib.FIELDS:
                unreadable[f"device.components[*].{entity_mib.FIELDS[name]}"] = why
    indexes = entity_mib.interface_indexes(alias)
    interfaces = {part: names[index] for part, index in indexes.items() if index in names}
    found = entity_mib.parse(physical, interfaces, state, readout.system.name)
    measured = [index[0] for index, _ in sensors.rows()]
    places = {
        index: found.places.get(index, f"sensor {index}") for index in measured if index in found.places or not cut_keys
    }
    return _Known(
        sign,
        len(found.places),
        Device(components=found.components).SerializeToString(),
        places,
        {index: names.get(index) for index in indexes.values()},
        unreadable,
    )


async def read(readout: Readout) -> Reading | None:
    """Read the parts, where they may have changed, and the state of the sensors."""
    sensors, objects = await _sensors(readout)
    known = await _known(readout, sensors)
    reading = Reading(unreadable=dict(known.unreadable))
    device = reading.facts.device
    device.ParseFromString(known.components)
    device.sensors.extend(entity_sensors.parse(sensors, objects, known.places))
    if sensors.cuts:
        reading.unreadable["device.sensors[*]"] = next(iter(sensors.cuts.values()))
    if not device.components and not device.sensors and not reading.unreadable:
        return None
    return reading


async def measure(readout: Readout) -> Measured:
    """Measure what the sensors do."""
    sensors, objects = await _sensors(readout)
    if not sensors:
        return Measured()
    try:
        known = await _known(readout, sensors)
    except UnreadableError:
        return Measured()
    return Measured(entity_sensors.measure(sensors, objects, known.places))


TOPIC = DeviceTopic(
    revision=1,
    fills=("device.components", "device.sensors"),
    read=read,
    measure=measure,
    news=frozenset({"hardware", "restart"}),
)
