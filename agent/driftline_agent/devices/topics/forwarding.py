"""Which hardware address is behind which port: the forwarding database.

Source: Q-BRIDGE-MIB dot1qTpFdbTable; BRIDGE-MIB dot1dTpFdbTable where that has nothing. A database that several VLANs
share is told of with VLAN 0.
"""

from collections.abc import Iterator, Mapping

from driftline.v1.device_pb2 import ForwardingEntry
from driftline_agent.devices.mib import Table, mib
from driftline_agent.devices.mibs.marks import note_cuts
from driftline_agent.devices.mibs.ports import BridgePorts, bridge_ports
from driftline_agent.devices.readout import Readout, must_answer
from driftline_agent.devices.snmp.textual import phys_address
from driftline_agent.devices.snmp.values import Oid
from driftline_agent.devices.topic import DeviceTopic
from driftline_agent.topic import Reading

_VLANS = mib("Q-BRIDGE-MIB", "1.3.6.1.2.1.17.7.1.4.2.1", dot1qVlanFdbId=3)
_BY_VLAN = mib("Q-BRIDGE-MIB", "1.3.6.1.2.1.17.7.1.2.2.1", dot1qTpFdbPort=2, dot1qTpFdbStatus=3)
_ALL = mib("BRIDGE-MIB", "1.3.6.1.2.1.17.4.3.1", dot1dTpFdbPort=2, dot1dTpFdbStatus=3)
_INVALID = 2
_STATUS = {1: "other", 3: "learned", 4: "self", 5: "mgmt"}
#: Entries that are told of; the others are not, and it is said.
MOST = 20_000


def vlans_of(table: Table) -> dict[int, int]:
    """Return VLANs by the number of their database (FID); 0 where several share one."""
    out: dict[int, int] = {}
    for index, row in table.rows():
        fid = row.integer("dot1qVlanFdbId")
        if len(index) == 2 and fid is not None:  # TimeMark, VlanIndex
            out[fid] = 0 if out.get(fid, index[1]) != index[1] else index[1]
    return out


def _vlan(fid: int, vlans: Mapping[int, int]) -> int:
    """Return the VLAN of a database. Devices that do not tell number databases as VLANs."""
    vlan = vlans.get(fid, fid)
    return vlan if 0 < vlan < 4095 else 0


def entries(table: Table, prefix: str, vlans: Mapping[int, int], ports: BridgePorts) -> list[ForwardingEntry]:
    """Return the entries by address and VLAN."""
    return [
        ForwardingEntry(mac=mac, vlan=vlan, interface=interface, status=status)
        for (mac, vlan), (interface, status) in sorted(_entries(table, prefix, vlans, ports))
    ]


def _entries(
    table: Table, prefix: str, vlans: Mapping[int, int], ports: BridgePorts
) -> Iterator[tuple[tuple[str, int], tuple[str, str]]]:
    seen: dict[tuple[str, int], tuple[str, str]] = {}
    for index, row in table.rows():
        mac = _mac(index[-6:])
        status = row.integer(f"{prefix}Status")
        if mac is None or len(index) not in (6, 7) or status == _INVALID:
            continue
        vlan = _vlan(index[0], vlans) if len(index) == 7 else 0
        port = row.integer(f"{prefix}Port")
        seen[(mac, vlan)] = ((ports.name(port) if port else None) or "", _STATUS.get(status or 0, ""))
    yield from seen.items()


def _mac(arcs: Oid) -> str | None:
    return phys_address(bytes(arcs)) if len(arcs) == 6 and max(arcs) < 256 else None


async def _read(readout: Readout) -> Reading | None:
    reading = Reading()
    by_vlan = await readout.table(*_BY_VLAN.values())
    tables = [by_vlan]
    if by_vlan:
        vlans = await readout.table(*_VLANS.values())
        tables.append(vlans)
        ports = await bridge_ports(readout)
        found = entries(by_vlan, "dot1qTpFdb", vlans_of(vlans), ports)
    else:
        must_answer(by_vlan)
        table = await readout.table(*_ALL.values())
        must_answer(table)
        tables.append(table)
        ports = await bridge_ports(readout)
        found = entries(table, "dot1dTpFdb", {}, ports)
    note_cuts(reading, "device.forwarding[*]", *tables)
    if ports.cut:
        reading.unreadable["device.forwarding[*]"] = ports.cut
    if len(found) > MOST:
        reading.unreadable["device.forwarding[*]"] = f"{len(found)} entries; the first {MOST} are told of"
    reading.facts.device.forwarding.extend(found[:MOST])
    return reading if found else None


TOPIC = DeviceTopic(revision=1, fills=("device.forwarding",), read=_read, every_s=300)
