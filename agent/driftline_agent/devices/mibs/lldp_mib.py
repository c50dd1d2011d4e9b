"""Tables of LLDP: what a device heard, and what it calls itself. LLDP-MIB, and two MIBs of the same shape.

Source: IEEE 802.1AB-2005 (LLDP-MIB), IEEE 802.1AB-2009 (LLDP-V2-MIB), TIMETRA-LLDP-MIB.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from driftline.v1.facts_pb2 import LldpNeighbour
from driftline_agent.devices.mib import MibObject, Row, Table, mib
from driftline_agent.devices.mibs import lldp_ids
from driftline_agent.devices.mibs.lldp_ports import LocalPort
from driftline_agent.devices.snmp.values import Oid


@dataclass(frozen=True, slots=True)
class Flavour:
    """A MIB that has the tables."""

    #: Begins the names of the columns about others, and about the device itself.
    remote: str
    local: str
    #: Sub-identifiers of a remote row's index: TimeMark, local port, in some the destination MAC's number, RemIndex.
    arcs: int
    #: The local port is an ifIndex.
    by_index: bool
    neighbours: Mapping[str, MibObject]
    addresses: Mapping[str, MibObject]
    ports: Mapping[str, MibObject]
    chassis: Mapping[str, MibObject]


def _flavour(module: str, base: str, prefix: str, first: int, *, by_index: bool) -> Flavour:
    """Return a MIB's objects.

    :param first: number of the column RemChassisIdSubtype; the others follow it.
    """
    remote, local = f"{prefix}Rem", f"{prefix}Loc"
    names = ("ChassisIdSubtype", "ChassisId", "PortIdSubtype", "PortId", "PortDesc", "SysName", "SysDesc")
    columns = {f"{remote}{name}": first + at for at, name in enumerate((*names, "SysCapSupported", "SysCapEnabled"))}
    return Flavour(
        remote,
        local,
        first - 1,
        by_index,
        mib(module, f"{base}.4.1.1", **columns),
        mib(module, f"{base}.4.2.1", **{f"{remote}ManAddrIfSubtype": 3, f"{remote}ManAddrIfId": 4}),
        mib(module, f"{base}.3.7.1", **{f"{local}PortIdSubtype": 2, f"{local}PortId": 3, f"{local}PortDesc": 4}),
        mib(module, f"{base}.3", **{f"{local}ChassisIdSubtype": 1, f"{local}ChassisId": 2}),
    )


#: In the order that they are asked in: the next one where one has no neighbours.
FLAVOURS = (
    _flavour("LLDP-MIB", "1.0.8802.1.1.2.1", "lldp", 4, by_index=False),
    _flavour("LLDP-V2-MIB", "1.3.111.2.802.1.1.13.1", "lldpV2", 5, by_index=True),
)
#: It has four sub-identifiers in its index, but the columns of LLDP-MIB.
TIMETRA = Flavour(
    "tmnxLldpRem",
    "tmnxLldpLoc",
    4,
    True,
    mib(
        "TIMETRA-LLDP-MIB",
        "1.3.6.1.4.1.6527.3.1.2.59.4.1.1",
        tmnxLldpRemChassisIdSubtype=4,
        tmnxLldpRemChassisId=5,
        tmnxLldpRemPortIdSubtype=6,
        tmnxLldpRemPortId=7,
        tmnxLldpRemPortDesc=8,
        tmnxLldpRemSysName=9,
        tmnxLldpRemSysDesc=10,
        tmnxLldpRemSysCapEnabled=12,
    ),
    mib("TIMETRA-LLDP-MIB", "1.3.6.1.4.1.6527.3.1.2.59.4.2.1", tmnxLldpRemManAddrIfSubtype=3),
    {},
    {},
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A neighbour, and where it was heard."""

    #: Index of its row, without what follows in rows below it.
    row: Oid
    neighbour: LldpNeighbour

    @property
    def port(self) -> int:
        """Number of the local port."""
        return self.row[1]


def own_chassis(row: Row, flavour: Flavour) -> str:
    """Return the device's own chassis id; empty where it has none."""
    octets = row.octets(f"{flavour.local}ChassisId") or b""
    return lldp_ids.chassis_id(row.integer(f"{flavour.local}ChassisIdSubtype"), octets)


def local_ports(table: Table, flavour: Flavour) -> dict[int, LocalPort]:
    """Return the device's own ports by their numbers."""
    out: dict[int, LocalPort] = {}
    for index, row in table.rows():
        if len(index) == 1:
            subtype = row.integer(f"{flavour.local}PortIdSubtype")
            spelled = lldp_ids.port_id(subtype, row.octets(f"{flavour.local}PortId") or b"")
            out[index[0]] = LocalPort(subtype, spelled, lldp_ids.words(row.octets(f"{flavour.local}PortDesc") or b""))
    return out


def heard(neighbours: Table, addresses: Table, flavour: Flavour) -> Iterator[Heard]:
    """Yield neighbours, the oldest first; the interface is not set yet. One without a chassis id is none."""
    managed: dict[Oid, set[str]] = {}
    for index, _ in addresses.rows():
        if address := lldp_ids.management_address(index[flavour.arcs :]):
            managed.setdefault(index[: flavour.arcs], set()).add(address)
    for index, row in neighbours.rows():
        if len(index) == flavour.arcs and (found := _neighbour(row, flavour.remote)) is not None:
            found.management_addresses.extend(sorted(managed.get(index, ())))
            yield Heard(index, found)


def _neighbour(row: Row, prefix: str) -> LldpNeighbour | None:
    def text(name: str) -> str:
        return lldp_ids.words(row.octets(f"{prefix}{name}") or b"")

    chassis = lldp_ids.chassis_id(row.integer(f"{prefix}ChassisIdSubtype"), row.octets(f"{prefix}ChassisId") or b"")
    if not chassis:
        return None
    return LldpNeighbour(
        chassis_id=chassis,
        port_id=lldp_ids.port_id(row.integer(f"{prefix}PortIdSubtype"), row.octets(f"{prefix}PortId") or b""),
        protocol="LLDP",
        system_name=text("SysName"),
        system_description=text("SysDesc"),
        port_description=text("PortDesc"),
        capabilities=lldp_ids.capabilities(row.octets(f"{prefix}SysCapEnabled")),
    )
