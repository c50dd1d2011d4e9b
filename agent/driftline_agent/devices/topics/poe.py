"""Power over Ethernet. Source: POWER-ETHERNET-MIB (RFC 3621), CISCO-POWER-ETHERNET-EXT-MIB for power by port."""

from collections.abc import Mapping

from driftline.v1.facts_pb2 import PoeGroup, PoePort
from driftline_agent.devices.mib import Row, Table, mib
from driftline_agent.devices.mibs import entity_mib
from driftline_agent.devices.mibs.interface_names import names_of
from driftline_agent.devices.mibs.poe_ports import WIRED, Port, port_names
from driftline_agent.devices.readout import Readout, must_answer
from driftline_agent.devices.topic import DeviceTopic, Measured
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading
from driftline_agent.utilization.aggregate import Metric

PORTS = mib(
    "POWER-ETHERNET-MIB",
    "1.3.6.1.2.1.105.1.1.1",
    pethPsePortAdminEnable=3,
    pethPsePortDetectionStatus=6,
    pethPsePortPowerPriority=7,
    pethPsePortType=9,
    pethPsePortPowerClassifications=10,
)
GROUPS = mib(
    "POWER-ETHERNET-MIB",
    "1.3.6.1.2.1.105.1.3.1.1",
    pethMainPsePower=2,
    pethMainPseOperStatus=3,
    pethMainPseConsumptionPower=4,
    pethMainPseUsageThreshold=5,
)
#: Same index as the ports. Power in milliwatts.
CISCO = mib(
    "CISCO-POWER-ETHERNET-EXT-MIB",
    "1.3.6.1.4.1.9.9.402.1.2.1",
    cpeExtPsePortPwrConsumption=9,
    cpeExtPsePortEntPhyIndex=11,
)
_TYPE = mib("IF-MIB", "1.3.6.1.2.1.2.2.1", ifType=3)
_STATUS = {1: "on", 2: "off", 3: "faulty"}
_DETECTION = {1: "disabled", 2: "searching", 3: "deliveringPower", 4: "fault", 5: "test", 6: "otherFault"}
_PRIORITY = {1: "critical", 2: "high", 3: "low"}
_CLASSES = {number: f"class{number - 1}" for number in range(1, 6)}


def rows_of(table: Table) -> dict[Port, Row]:
    """Return the ports' rows by group and port."""
    return {(index[0], index[1]): row for index, row in table.rows() if len(index) == 2}


def parse_ports(table: Table, names: Mapping[Port, str]) -> list[PoePort]:
    """Return the ports, sorted by name."""
    out = [
        PoePort(
            port=names[port],
            enabled=row.truth("pethPsePortAdminEnable"),
            priority=_PRIORITY.get(row.integer("pethPsePortPowerPriority") or 0, ""),
            detection=_DETECTION.get(row.integer("pethPsePortDetectionStatus") or 0, ""),
            power_class=_CLASSES.get(row.integer("pethPsePortPowerClassifications") or 0, ""),
            type=row.text("pethPsePortType") or "",
        )
        for port, row in rows_of(table).items()
    ]
    return sorted(out, key=lambda one: one.port)


def parse_groups(table: Table) -> list[PoeGroup]:
    """Return the groups, sorted by number."""
    out = []
    for index, row in table.rows():
        power, threshold = row.integer("pethMainPsePower"), row.integer("pethMainPseUsageThreshold")
        if len(index) == 1 and index[0] < 2**31:
            out.append(
                PoeGroup(
                    group=index[0],
                    power=power if power is not None and 0 < power < 2**32 else None,
                    threshold=threshold if threshold is not None and 0 < threshold < 100 else None,
                    status=_STATUS.get(row.integer("pethMainPseOperStatus") or 0, ""),
                )
            )
    return out


async def _names(readout: Readout, ports: Table) -> dict[Port, str]:
    interfaces = await names_of(readout)
    types = await readout.table(_TYPE["ifType"])
    cut = interfaces.cut or next(iter(types.cuts.values()), "")
    if cut:
        raise UnreadableError(f"names of interfaces: {cut}")
    if ports.cuts and readout.ended:
        # Half of the ports may be called otherwise than all of them.
        raise UnreadableError(readout.ended)
    wired = {
        index[0]: interfaces.by_index[index[0]]
        for index, row in types.rows()
        if row.integer("ifType") in WIRED and index[0] in interfaces.by_index
    }
    known: dict[Port, str] = {}
    parts = rows_of(await readout.table(CISCO["cpeExtPsePortEntPhyIndex"]))
    if parts:
        indexes = entity_mib.interface_indexes(await readout.table(*entity_mib.ALIAS.values()))
        for port, row in parts.items():
            name = interfaces.by_index.get(indexes.get(row.integer("cpeExtPsePortEntPhyIndex") or 0, 0))
            if name:
                known[port] = name
    return port_names(rows_of(ports), known, wired)


async def read(readout: Readout) -> Reading | None:
    """Read groups and ports."""
    await readout.table(*PORTS.values(), *GROUPS.values())  # one question where there is no power over Ethernet
    ports, groups = await readout.table(*PORTS.values()), await readout.table(*GROUPS.values())
    must_answer(ports)
    must_answer(groups)
    if not ports and not groups:
        return None
    reading = Reading()
    reading.facts.device.poe_groups.extend(parse_groups(groups))
    reading.facts.device.poe_ports.extend(parse_ports(ports, await _names(readout, ports) if ports else {}))
    for table, path in ((groups, "device.poe_groups[*]"), (ports, "device.poe_ports[*]")):
        if table.cuts:
            reading.unreadable[path] = next(iter(table.cuts.values()))
    return reading


async def measure(readout: Readout) -> Measured:
    """Measure the power that groups give, and ports where Cisco tells."""
    measured = Measured()
    groups = await readout.table(*GROUPS.values())
    for index, row in groups.rows():
        power = row.integer("pethMainPseConsumptionPower")
        if len(index) == 1 and power is not None and 0 <= power < 10**6:
            measured.gauges[Metric("hw.power", f"PoE {index[0]}", "W", 1)] = power
    ports = await readout.table(*PORTS.values())
    consumption = await readout.table(CISCO["cpeExtPsePortPwrConsumption"]) if ports else Table({})
    if consumption:
        try:
            names = await _names(readout, ports)
        except UnreadableError:
            return measured
        for port, row in rows_of(consumption).items():
            power = row.integer("cpeExtPsePortPwrConsumption")
            if port in names and power is not None and 0 <= power < 10**6:
                measured.gauges[Metric("hw.power", f"PoE {names[port]}", "W", 3)] = power / 1000
    return measured


TOPIC = DeviceTopic(
    revision=1,
    fills=("device.poe_groups", "device.poe_ports"),
    read=read,
    measure=measure,
    news=frozenset({"hardware", "restart", "configuration"}),
)
