"""OSPF, of both versions. See :mod:`driftline_agent.devices.ospf_tables`."""

from driftline.v1.device_pb2 import OspfRouter
from driftline_agent.devices import ospf_tables
from driftline_agent.devices.interface_names import names_of
from driftline_agent.devices.marks import note_cuts
from driftline_agent.devices.ospf_tables import V2, V3, Version
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.topic import DeviceTopic
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading


async def _router(readout: Readout, version: Version, path: str, reading: Reading) -> OspfRouter | None:
    row, cuts = await readout.scalars(*version.scalars.values())
    areas = await readout.table(*version.areas.values())
    interfaces = await readout.table(*version.interfaces.values())
    if not areas and not interfaces and not cuts:
        note_cuts(reading, path, areas, interfaces)
        return None
    neighbours = await readout.table(*version.neighbours.values())
    names = (await names_of(readout)).by_index
    for name, table in (("areas", areas), ("interfaces", interfaces), ("neighbours", neighbours)):
        note_cuts(reading, f"{path}.{name}[*]", table)
    for words in cuts.values():
        reading.unreadable.setdefault(path, words)
    router = ospf_tables.identifier(row, f"{version.prefix}RouterId")
    return OspfRouter(
        router_id="" if router in (None, "0.0.0.0") else router,  # noqa: S104  # an id that means none
        enabled=ospf_tables.enabled(row.integer(f"{version.prefix}{version.enabled}")),
        areas=ospf_tables.areas(areas, version),
        interfaces=ospf_tables.interfaces(interfaces, version, names),
        neighbours=ospf_tables.neighbours(neighbours, version, names),
    )


async def _read(readout: Readout) -> Reading | None:
    reading = Reading()
    device = reading.facts.device
    for version, path, into in ((V2, "device.ospf", device.ospf), (V3, "device.ospf_v3", device.ospf_v3)):
        found = await _router(readout, version, path, reading)
        if found is not None and found.ByteSize():
            into.CopyFrom(found)
    if not device.HasField("ospf") and not device.HasField("ospf_v3"):
        if reading.unreadable:
            raise UnreadableError(next(iter(reading.unreadable.values())))
        return None
    return reading


TOPIC = DeviceTopic(
    revision=1,
    fills=("device.ospf", "device.ospf_v3"),
    read=_read,
    news=frozenset({"neighbour", "restart", "configuration"}),
)
