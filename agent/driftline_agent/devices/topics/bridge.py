"""What a device does as a bridge: its ports, and the spanning tree.

Source: BRIDGE-MIB (RFC 4188), Q-BRIDGE-MIB dot1qPortVlanTable (RFC 4363), RSTP-MIB (RFC 4318). Trees of single VLANs,
which Cisco has in a context or community for each, are not asked for: what is read is the tree of the default context.
"""

from collections.abc import Iterator

from driftline.v1.device_pb2 import SpanningTree, SwitchPort
from driftline_agent.devices.mib import Row, Table, mib
from driftline_agent.devices.mibs.marks import note_cuts, note_values
from driftline_agent.devices.mibs.ports import BridgePorts, bridge_ports
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.topic import DeviceTopic
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading

_BRIDGE = mib(
    "BRIDGE-MIB",
    "1.3.6.1.2.1.17",
    dot1dBaseBridgeAddress="1.1",
    dot1dStpProtocolSpecification="2.1",
    dot1dStpPriority="2.2",
    dot1dStpDesignatedRoot="2.5",
    dot1dStpRootPort="2.7",
    dot1dStpBridgeMaxAge="2.12",
    dot1dStpBridgeHelloTime="2.13",
    dot1dStpBridgeForwardDelay="2.14",
)
_RSTP = mib("RSTP-MIB", "1.3.6.1.2.1.17.2", dot1dStpVersion=16)
_PORTS = {
    **mib(
        "BRIDGE-MIB",
        "1.3.6.1.2.1.17.2.15.1",
        dot1dStpPortPriority=2,
        dot1dStpPortState=3,
        dot1dStpPortEnable=4,
        dot1dStpPortPathCost=5,
        dot1dStpPortPathCost32=11,
    ),
    **mib("RSTP-MIB", "1.3.6.1.2.1.17.2.19.1", dot1dStpPortAdminEdgePort=2),
    **mib(
        "Q-BRIDGE-MIB",
        "1.3.6.1.2.1.17.7.1.4.5.1",
        dot1qPvid=1,
        dot1qPortAcceptableFrameTypes=2,
        dot1qPortIngressFiltering=3,
    ),
}
_PROTOCOLS = {2: "decLb100", 3: "ieee8021d"}
_VERSIONS = {0: "stp", 2: "rstp", 3: "mstp"}
_STATES = {1: "disabled", 2: "blocking", 3: "listening", 4: "learning", 5: "forwarding", 6: "broken"}
_ACCEPTS = {1: "all", 2: "tagged"}
#: What may be missing where one could not be read.
_TREE_FIELDS = {
    "dot1dBaseBridgeAddress": "address",
    "dot1dStpProtocolSpecification": "protocol",
    "dot1dStpPriority": "priority",
    "dot1dStpBridgeMaxAge": "bridge_max_age",
    "dot1dStpBridgeHelloTime": "bridge_hello_time",
    "dot1dStpBridgeForwardDelay": "bridge_forward_delay",
    "dot1dStpVersion": "version",
}
_PORT_FIELDS = {
    "dot1qPvid": "pvid",
    "dot1qPortAcceptableFrameTypes": "accepts",
    "dot1qPortIngressFiltering": "ingress_filtering",
    "dot1dStpPortEnable": "stp_enabled",
    "dot1dStpPortPriority": "stp_priority",
    "dot1dStpPortAdminEdgePort": "stp_edge",
}
#: dot1dStpPortPathCost of a port whose cost is larger.
_LARGEST_COST = 65535
#: The times are hundredths of a second.
_MS = 10


def spanning_tree(row: Row, ports: BridgePorts) -> SpanningTree | None:
    """Return what a bridge says of itself; None where the device is no bridge."""
    address = row.mac("dot1dBaseBridgeAddress")
    protocol = _PROTOCOLS.get(row.integer("dot1dStpProtocolSpecification") or 0)
    if address is None and protocol is None:
        return None
    out = SpanningTree(address=address or "", protocol=protocol or "")
    if (version := row.integer("dot1dStpVersion")) is not None:
        out.version = _VERSIONS.get(version, "")
    priority = row.integer("dot1dStpPriority")
    if priority is not None and 0 <= priority <= 0xFFFF:
        out.priority = priority
    root = row.octets("dot1dStpDesignatedRoot") or b""
    if len(root) == 8 and any(root):
        out.root = f"{root[:2].hex()}.{root[2:].hex()}"
    if port := row.integer("dot1dStpRootPort"):
        out.root_port = ports.name(port) or ""
    for column, field in (
        ("dot1dStpBridgeMaxAge", "bridge_max_age"),
        ("dot1dStpBridgeHelloTime", "bridge_hello_time"),
        ("dot1dStpBridgeForwardDelay", "bridge_forward_delay"),
    ):
        time = row.integer(column)
        if time is not None and 0 < time < 1 << 31:
            setattr(out, field, time * _MS)
    return out


def switch_ports(table: Table, ports: BridgePorts) -> list[SwitchPort]:
    """Return the ports whose interfaces can be told, by interface."""
    rows = {index[0]: row for index, row in table.rows() if len(index) == 1}
    by_name: dict[str, SwitchPort] = {}
    # dot1dBasePort ends at 65535; what a device says beyond that may fit no field.
    for number in sorted(one for one in {*rows, *ports.index_of} if one < 1 << 31):
        name = ports.name(number)
        if name is not None and name not in by_name:
            by_name[name] = _port(name, number, rows.get(number) or Row({}))
    return [by_name[name] for name in sorted(by_name)]


def _port(name: str, number: int, row: Row) -> SwitchPort:
    out = SwitchPort(
        interface=name,
        bridge_port=number,
        accepts=_ACCEPTS.get(row.integer("dot1qPortAcceptableFrameTypes") or 0, ""),
        stp_state=_STATES.get(row.integer("dot1dStpPortState") or 0, ""),
        ingress_filtering=row.truth("dot1qPortIngressFiltering"),
        # enabled(1), disabled(2)
        stp_enabled=row.truth("dot1dStpPortEnable"),
        stp_edge=row.truth("dot1dStpPortAdminEdgePort"),
    )
    for field, number_, most in _numbers(row):
        if number_ is not None and 0 <= number_ <= most:
            setattr(out, field, number_)
    return out


def _numbers(row: Row) -> Iterator[tuple[str, int | None, int]]:
    yield "pvid", row.integer("dot1qPvid") or None, 4094
    yield "stp_priority", row.integer("dot1dStpPortPriority"), 255
    cost = row.integer("dot1dStpPortPathCost")
    if cost in (None, _LARGEST_COST):
        cost = row.integer("dot1dStpPortPathCost32") or cost
    yield "stp_cost", cost, (1 << 31) - 1


async def _read(readout: Readout) -> Reading | None:
    reading = Reading()
    device = reading.facts.device
    row, cuts = await readout.scalars(*_BRIDGE.values(), *_RSTP.values())
    ports = await bridge_ports(readout)
    table = await readout.table(*_PORTS.values())
    tree = spanning_tree(row, ports)
    if tree is not None:
        device.spanning_tree.CopyFrom(tree)
    device.switch_ports.extend(switch_ports(table, ports))
    note_values(reading, "device.spanning_tree", cuts, _TREE_FIELDS)
    note_values(reading, "device.switch_ports[*]", table.cuts, _PORT_FIELDS)
    note_cuts(reading, "device.switch_ports[*]", table)
    if ports.cut:
        reading.unreadable["device.switch_ports[*]"] = ports.cut
    if tree is None and not device.switch_ports:
        if reading.unreadable:
            raise UnreadableError(next(iter(reading.unreadable.values())))
        return None
    return reading


TOPIC = DeviceTopic(
    revision=1,
    fills=("device.switch_ports", "device.spanning_tree"),
    read=_read,
    news=frozenset({"link", "configuration", "restart"}),
)
