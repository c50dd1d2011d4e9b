"""Storage, memory and devices of servers that run no agent. Source: HOST-RESOURCES-MIB (RFC 2790).

hrSystemUptime and the like are no facts. Network interfaces among the devices are left out: they are in
network.interfaces, and one that is added is one change.
"""

import re

from driftline.v1.facts_pb2 import HostDevice, StorageArea
from driftline_agent.devices.mib import Table, mib
from driftline_agent.devices.mibs.nothing import meant
from driftline_agent.devices.mibs.storage_areas import MEMORY, STORAGE, Area, areas
from driftline_agent.devices.readout import Readout, must_answer
from driftline_agent.devices.snmp import oids
from driftline_agent.devices.topic import DeviceTopic, Measured
from driftline_agent.topic import Reading
from driftline_agent.utilization.aggregate import Metric

DEVICES = mib("HOST-RESOURCES-MIB", "1.3.6.1.2.1.25.3.2.1", hrDeviceType=2, hrDeviceDescr=3, hrDeviceStatus=5)
SYSTEM = mib("HOST-RESOURCES-MIB", "1.3.6.1.2.1.25.2", hrMemorySize=2)
#: hrDeviceTypes, by the last arc; unknown(2) is none.
_TYPES = {
    1: "other",
    3: "processor",
    4: "network",
    5: "printer",
    6: "diskStorage",
    10: "video",
    11: "audio",
    12: "coprocessor",
    13: "keyboard",
    14: "modem",
    15: "parallelPort",
    16: "pointing",
    17: "serialPort",
    18: "tape",
    19: "clock",
    20: "volatileMemory",
    21: "nonVolatileMemory",
}
_TYPES_BASE = oids.parse("1.3.6.1.2.1.25.3.1")
#: hrDeviceStatus; unknown(1) is none.
_STATUS = {2: "running", 3: "warning", 4: "testing", 5: "down"}
#: What net-snmp says where it gives no type, guesses, or tells of what comes and goes by itself.
_LEFT_OUT = re.compile(r"^(network interface |Guessing that there's|RAM disk|loop|LVM volume .*snap)")


def parse_devices(table: Table) -> list[HostDevice]:
    """Return the devices, sorted by index, without network interfaces."""
    out = []
    for index, row in table.rows():
        pointed, description = row.oid("hrDeviceType") or (), meant(row.text("hrDeviceDescr"))
        kind = _TYPES.get(pointed[-1], "") if oids.within(pointed, _TYPES_BASE) else ""
        if len(index) == 1 and kind not in ("network", "coprocessor") and not _LEFT_OUT.match(description):
            status = _STATUS.get(row.integer("hrDeviceStatus") or 0, "")
            out.append(HostDevice(index=index[0], type=kind, description=description, status=status))
    return out


def parse_areas(found: list[Area]) -> list[StorageArea]:
    """Return the areas. Memory has no size: kernels round it, each version in its own way."""
    return [
        StorageArea(name=area.name, type=area.kind, size=area.size if area.swap or area.kind not in MEMORY else None)
        for area in found
    ]


def measure_areas(found: list[Area]) -> dict[Metric, float]:
    """Return how full the areas are. Main memory is left to topic health: here caches count as used."""
    out: dict[Metric, float] = {}
    for area in found:
        share = area.used / area.size
        if area.swap:
            out[Metric("system.paging.utilization", area.name, "1", 4)] = share
        elif area.kind not in MEMORY:
            out[Metric("system.filesystem.utilization", area.name, "1", 4)] = share
            out[Metric("system.filesystem.usage", area.name, "By", 0)] = area.used
    return out


async def read(readout: Readout) -> Reading | None:
    """Read storage, memory and devices."""
    await readout.table(*STORAGE.values(), *DEVICES.values())  # one question where there are none
    storage, devices = await readout.table(*STORAGE.values()), await readout.table(*DEVICES.values())
    must_answer(storage)
    must_answer(devices)
    if not storage and not devices:
        return None
    memory, cuts = await readout.scalars(*SYSTEM.values())
    reading = Reading()
    facts = reading.facts
    facts.device.storage_areas.extend(parse_areas(areas(storage)))
    facts.device.host_devices.extend(parse_devices(devices))
    size = memory.integer("hrMemorySize")
    if size is not None and 0 < size < 2**53:
        facts.hardware.memory.usable = size * 1024
    if cuts:
        reading.unreadable["hardware.memory.usable"] = next(iter(cuts.values()))
    for table, path in ((storage, "device.storage_areas[*]"), (devices, "device.host_devices[*]")):
        if table.cuts:
            reading.unreadable[path] = next(iter(table.cuts.values()))
    return reading if facts.ListFields() or reading.unreadable else None


async def measure(readout: Readout) -> Measured:
    """Measure how full file systems and swap are."""
    return Measured(measure_areas(areas(await readout.table(*STORAGE.values()))))


TOPIC = DeviceTopic(
    revision=1,
    fills=("device.storage_areas", "device.host_devices", "hardware.memory.usable"),
    read=read,
    measure=measure,
    news=frozenset({"hardware", "restart"}),
)
