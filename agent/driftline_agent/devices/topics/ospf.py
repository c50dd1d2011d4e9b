"""OSPF, of both versions. See :mod:`driftline_agent.devices.mibs.ospf_tables`."""

from driftline.v1.device_pb2 import OspfRouter
from driftline_agent.devices.mibs import ospf_tables
from driftline_agent.devices.mibs.interface_names import names_of
from driftline_agent.devices.mibs.marks import note_cuts, note_values
from driftline_agent.devices.mibs.ospf_tables import V2, V3, Version
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.topic import DeviceTopic
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading


async def _router(readout: Readout, version: Version, path: str, reading: Reading) -> OspfRouter | None:
    prefix = version.prefix
    row, cuts = await readout.scalars(*version.scalars.values())
    areas = await readout.table(*version.areas.values())
    interfaces = await readout.table(*version.interfaces.values())
    if not areas and not interfaces and not cuts:
        note_cuts(reading, path, areas, interfaces)
        return None
    neighbours = await readout.table(*version.neighbours.values())
    called = await names_of(readout)
    names = called.by_index
    for name, table in (("areas", areas), ("interfaces", interfaces), ("neighbours", neighbours)):
        note_cuts(reading, f"{path}.{name}[*]", table)
    if called.cut:
        reading.unreadable.setdefault(f"{path}.interfaces[*]", called.cut)
    note_values(reading, path, cuts, {f"{prefix}RouterId": "router_id", f"{prefix}{version.enabled}": "enabled"})
    note_values(reading, f"{path}.areas[*]", areas.cuts, {version.kind: "kind"})
    fields = {f"{prefix}If{column}": field for column, field in ospf_tables.FIELDS.items()}
    note_values(reading, f"{path}.interfaces[*]", interfaces.cuts, fields)
    router = ospf_tables.identifier(row, f"{prefix}RouterId")
    return OspfRouter(
        router_id="" if router in (None, "0.0.0.0") else router,  # noqa: S104  # an id that means none
        enabled=ospf_tables.enabled(row.integer(f"{prefix}{version.enabled}")),
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
