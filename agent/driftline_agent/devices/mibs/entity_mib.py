"""ENTITY-MIB (RFC 6933), ENTITY-STATE-MIB (RFC 4268): what a device is made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from driftline.v1.facts_pb2 import Component
from driftline_agent.devices.mib import Row, Table, mib
from driftline_agent.devices.mibs.nothing import meant, meant_serial
from driftline_agent.devices.mibs.places import CLASSES, Part, children, parents, places, stack_members
from driftline_agent.devices.snmp import oids, textual

PHYSICAL = mib(
    "ENTITY-MIB",
    "1.3.6.1.2.1.47.1.1.1.1",
    entPhysicalDescr=2,
    entPhysicalContainedIn=4,
    entPhysicalClass=5,
    entPhysicalParentRelPos=6,
    entPhysicalName=7,
    entPhysicalHardwareRev=8,
    entPhysicalFirmwareRev=9,
    entPhysicalSoftwareRev=10,
    entPhysicalSerialNum=11,
    entPhysicalMfgName=12,
    entPhysicalModelName=13,
    entPhysicalAlias=14,
    entPhysicalAssetID=15,
    entPhysicalIsFRU=16,
    entPhysicalMfgDate=17,
)
#: What the places follow from.
KEYS = frozenset(
    {
        "entPhysicalDescr",
        "entPhysicalContainedIn",
        "entPhysicalClass",
        "entPhysicalParentRelPos",
        "entPhysicalName",
        "entPhysicalSerialNum",
        "entPhysicalModelName",
    }
)
#: Columns -> fields of a component.
FIELDS = {
    "entPhysicalHardwareRev": "hardware_revision",
    "entPhysicalFirmwareRev": "firmware_revision",
    "entPhysicalSoftwareRev": "software_revision",
    "entPhysicalMfgName": "manufacturer",
    "entPhysicalAlias": "alias",
    "entPhysicalAssetID": "asset_tag",
    "entPhysicalIsFRU": "replaceable",
    "entPhysicalMfgDate": "manufactured",
    "entAliasMappingIdentifier": "interface",
    "entStateOper": "status",
}
#: entAliasMappingTable: which interface a port is. Index: entPhysicalIndex, entAliasLogicalIndexOrZero.
ALIAS = mib("ENTITY-MIB", "1.3.6.1.2.1.47.1.3.2.1", entAliasMappingIdentifier=2)
GENERAL = mib("ENTITY-MIB", "1.3.6.1.2.1.47.1.4", entLastChangeTime=1)
STATE = mib("ENTITY-STATE-MIB", "1.3.6.1.2.1.131.1.1.1", entStateOper=3)
#: What entAliasMappingIdentifier points at: an instance of IF-MIB::ifIndex.
_IF_INDEX = mib("IF-MIB", "1.3.6.1.2.1.2.2.1", ifIndex=1)["ifIndex"].oid
#: entStateOper (RFC 4268 EntityOperState); unknown(1) is none.
_OPERATION = {2: "disabled", 3: "enabled", 4: "testing"}


@dataclass(frozen=True, slots=True)
class Entities:
    """All parts of a device, and where each is."""

    components: list[Component]
    #: entPhysicalIndex -> place, of sensors too.
    places: Mapping[int, str]


def interface_indexes(alias: Table) -> dict[int, int]:
    """Return entPhysicalIndex -> ifIndex. Of several interfaces of a port it is the lowest: others are built on it."""
    out: dict[int, int] = {}
    for index, row in alias.rows():
        pointed = row.oid("entAliasMappingIdentifier")
        if pointed is not None and len(index) == 2 and oids.within(pointed, _IF_INDEX):
            found = pointed[len(_IF_INDEX)]
            out[index[0]] = min(found, out.get(index[0], found))
    return out


def parse(physical: Table, interfaces: Mapping[int, str], state: Table, system_name: str) -> Entities:
    """Return what entPhysicalTable says.

    :param interfaces: entPhysicalIndex -> name of the interface.
    :param system_name: sysName.
    """
    rows = {index[0]: row for index, row in physical.rows() if len(index) == 1 and index[0] > 0}
    parts = {index: _part(index, row, interfaces.get(index, "")) for index, row in rows.items()}
    found = places(parts, system_name)
    above = parents(parts)
    below = children(above)
    members = stack_members(parts)
    states = {index[0]: row.integer("entStateOper") for index, row in state.rows() if len(index) == 1}
    components = []
    for index in _shown(parts, above):
        component = _component(found[index], parts[index], rows[index])
        component.interface = _interface(parts, above, below, index)
        component.status = _OPERATION.get(states.get(index) or 0, "")
        if index in members:
            component.stack_member = members[index]
        components.append(component)
    return Entities(sorted(components, key=lambda one: one.place), found)


def _part(index: int, row: Row, interface: str) -> Part:
    return Part(
        index,
        row.integer("entPhysicalContainedIn") or 0,
        CLASSES.get(row.integer("entPhysicalClass") or 0, ""),
        row.integer("entPhysicalParentRelPos"),
        meant(row.text("entPhysicalName")),
        meant(row.text("entPhysicalDescr")),
        meant(row.text("entPhysicalModelName")),
        meant_serial(row.text("entPhysicalSerialNum")),
        interface,
    )


def _shown(parts: Mapping[int, Part], above: Mapping[int, int]) -> Iterator[int]:
    """Yield the parts that are reported: no sensors, and no containers but those that hold something that is."""
    full: set[int] = set()
    for index, part in parts.items():
        if part.kind not in ("sensor", "container"):
            at = index
            while at and at not in full:
                full.add(at)
                at = above[at]
    yield from (index for index in parts if index in full and parts[index].kind != "sensor")


def _component(place: str, part: Part, row: Row) -> Component:
    component = Component(
        place=place,
        name=part.name,
        description=part.description,
        manufacturer=meant(row.text("entPhysicalMfgName")),
        model=part.model,
        serial_number=part.serial,
        hardware_revision=meant(row.text("entPhysicalHardwareRev")),
        firmware_revision=meant(row.text("entPhysicalFirmwareRev")),
        software_revision=meant(row.text("entPhysicalSoftwareRev")),
        alias=row.text("entPhysicalAlias") or "",
        asset_tag=meant(row.text("entPhysicalAssetID")),
        replaceable=row.truth("entPhysicalIsFRU"),
        index=part.index,
    )
    setattr(component, "class", part.kind)
    made = textual.date_and_time(row.octets("entPhysicalMfgDate") or b"")
    if made is not None and made.year >= 1970:
        component.manufactured = made.date().isoformat()
    return component


def _interface(parts: Mapping[int, Part], above: Mapping[int, int], below: Mapping[int, list[int]], index: int) -> str:
    """Return the interface of a port, or of a module that holds one port alone or stands in a port: an optic."""
    part = parts[index]
    if part.interface or part.kind not in ("module", "port"):
        return part.interface
    ports = [child for child in below.get(index, ()) if parts[child].kind == "port"]
    if len(ports) == 1:
        return parts[ports[0]].interface
    holder = parts.get(above[index])
    while holder is not None and holder.kind == "container":
        holder = parts.get(above[holder.index])
    return holder.interface if holder is not None and holder.kind == "port" else ""
