"""How busy a device is, and how warm: processor, memory, temperature; as its profile says, or the standard MIBs."""

from collections.abc import Callable, Sequence

from driftline_agent.devices.mib import Row, Table, mib
from driftline_agent.devices.profile import Gauge
from driftline_agent.devices.profiles import settle
from driftline_agent.devices.profiling import gauges
from driftline_agent.devices.profiling.gauges import Measure
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.topic import DeviceTopic, Measured
from driftline_agent.utilization.aggregate import Metric

#: HOST-RESOURCES-MIB (RFC 2790).
PROCESSOR = mib("HOST-RESOURCES-MIB", "1.3.6.1.2.1.25.3.3.1", hrProcessorLoad=2)
STORAGE = mib(
    "HOST-RESOURCES-MIB",
    "1.3.6.1.2.1.25.2.3.1",
    hrStorageType=2,
    hrStorageDescr=3,
    hrStorageAllocationUnits=4,
    hrStorageSize=5,
    hrStorageUsed=6,
)
#: hrStorageTypes: hrStorageRam.
_RAM = (1, 3, 6, 1, 2, 1, 25, 2, 1, 2)
#: hrStorageDescr of the whole memory, and of what is given up when programs want it.
_WHOLE = ("physical memory", "real memory", "ram", "main memory")
_IDLE = ("memory buffers", "cached memory", "ram (buffers)", "ram (cache)")
#: UCD-SNMP-MIB memory group, KiB, and the processor's ticks.
MEMORY = mib("UCD-SNMP-MIB", "1.3.6.1.4.1.2021.4", memTotalReal=5, memAvailReal=6, memBuffer=14, memCached=15)
TICKS = mib("UCD-SNMP-MIB", "1.3.6.1.4.1.2021.11", ssCpuIdle=11)
#: ENTITY-SENSOR-MIB (RFC 3433): who has celsius(8) there is not asked for temperatures in the maker's own way.
SENSOR = mib("ENTITY-SENSOR-MIB", "1.3.6.1.2.1.99.1.1.1", entPhySensorType=1)
_CELSIUS = 8

_CPU = Metric("system.cpu.utilization", "", "1", 4)
_SHARE, _USED = ("system.memory.utilization", "1", 4), ("system.memory.usage", "By", 0)
_COLDEST, _HOTTEST = -60, 250


def processors(found: Sequence[Measure]) -> dict[Metric, float]:
    """Return how busy the processors are together, and each where there are several, 0..1. Pure."""
    shares = {
        one.name: share
        for one in found
        if 0 <= (share := (one.parts["percent"] if "percent" in one.parts else 100 - one.parts["idle"]) / 100) <= 1
    }
    out = {_CPU._replace(instance=name): share for name, share in shares.items()} if len(shares) > 1 else {}
    return out | {_CPU: sum(shares.values()) / len(shares)} if shares else {}


def memories(found: Sequence[Measure]) -> dict[Metric, float]:
    """Return how much of each memory is used, bytes and 0..1; the only one has no name. Pure."""
    out = {}
    for one in found:
        used, free, total = (one.parts.get(part) for part in ("used", "free", "total"))
        if used is None and free is not None and total is not None:
            used = total - free
        if total is None and used is not None and free is not None:
            total = used + free
        share = one.parts["percent"] / 100 if "percent" in one.parts else None
        if share is None and used is not None and total:
            share = used / total
        if used is None and share is not None and total:
            used = share * total
        name = one.name if len(found) > 1 else ""
        if share is not None and 0 <= share <= 1:
            out[Metric(_SHARE[0], name, *_SHARE[1:])] = share
            if used is not None:
                out[Metric(_USED[0], name, *_USED[1:])] = used
    return out


def temperatures(found: Sequence[Measure]) -> dict[Metric, float]:
    """Return degrees by place; what no device bears is no temperature. Pure."""
    return {
        Metric("hw.temperature", one.name or "system", "Cel", 1): one.parts["value"]
        for one in found
        if _COLDEST < one.parts["value"] < _HOTTEST
    }


def ram(table: Table) -> list[Measure]:
    """Return memory as hrStorageTable has it; what are buffers and caches there counts as free. Pure."""
    rows = [row for _, row in table.rows()]
    named = {(row.text("hrStorageDescr") or "").lower(): row for row in rows}
    typed = [row for row in rows if row.oid("hrStorageType") == _RAM]
    for row in [*(named[name] for name in _WHOLE if name in named), *typed]:
        unit, size, used = (
            row.integer(name) for name in ("hrStorageAllocationUnits", "hrStorageSize", "hrStorageUsed")
        )
        if unit and size and used is not None and 0 <= used <= size:
            idle = sum(_bytes(named[name]) for name in _IDLE if name in named)
            taken = used * unit - (idle if 0 < idle < used * unit else 0)
            return [Measure("", {"used": float(taken), "total": float(size * unit)})]
    return []


def _bytes(row: Row) -> int:
    return (row.integer("hrStorageUsed") or 0) * (row.integer("hrStorageAllocationUnits") or 0)


def ucd(row: Row) -> list[Measure]:
    """Return memory as UCD-SNMP-MIB has it. Pure."""
    total, free = row.integer("memTotalReal"), row.integer("memAvailReal")
    if not total or free is None:
        return []
    free += (row.integer("memBuffer") or 0) + (row.integer("memCached") or 0)
    return [Measure("", {"free": float(free * 1024), "total": float(total * 1024)})]


async def measure(readout: Readout) -> Measured:
    """Measure processor, memory and temperature."""
    profile = await settle(readout)
    ways, out = profile.gauges, Measured()
    out.gauges |= await _by_profile(readout, ways.get("cpu", ()), processors) or await _standard_processors(readout)
    out.gauges |= await _by_profile(readout, ways.get("memory", ()), memories) or await _standard_memory(readout)
    if "temperature" in ways:
        kinds = await readout.table(*SENSOR.values())
        if not any(row.integer("entPhySensorType") == _CELSIUS for _, row in kinds.rows()):
            out.gauges |= await _by_profile(readout, ways["temperature"], temperatures)
    return out


async def _by_profile(
    readout: Readout, ways: Sequence[Gauge], meaning: Callable[[Sequence[Measure]], dict[Metric, float]]
) -> dict[Metric, float]:
    """Return what the first way that means something measures."""
    for way in ways:
        found = meaning(await gauges.measure(readout, way))
        if found:
            return found
    return {}


async def _standard_processors(readout: Readout) -> dict[Metric, float]:
    table = await readout.table(*PROCESSOR.values())
    loads = [
        Measure(str(at), {"percent": float(load)})
        for at, (_, row) in enumerate(table.rows())
        if (load := row.integer("hrProcessorLoad")) is not None
    ]
    found = processors(loads)
    if not found:
        row, _ = await readout.scalars(*TICKS.values())
        idle = row.integer("ssCpuIdle")
        found = processors([] if idle is None else [Measure("", {"idle": float(idle)})])
    return found


async def _standard_memory(readout: Readout) -> dict[Metric, float]:
    row, _ = await readout.scalars(*MEMORY.values())
    return memories(ucd(row)) or memories(ram(await readout.table(*STORAGE.values())))


TOPIC = DeviceTopic(revision=1, measure=measure)
