"""Readouts of served devices, and tables as a device would give them, for the tests of device topics."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from driftline.v1.facts_pb2 import Facts
from driftline_agent.devices.mib import MibObject, Row, Table, mib
from driftline_agent.devices.profile import STANDARD
from driftline_agent.devices.readout import Readout, System
from driftline_agent.devices.snmp import transport
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.pace import Pace
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.values import Kind, Oid, Var
from driftline_agent.devices.snmp.walk import Patience, Walker
from driftline_agent.devices.topic import DeviceTopic, Measured, all_topics
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading

_SYSTEM = mib("SNMPv2-MIB", "1.3.6.1.2.1.1", sysDescr=1, sysObjectID=2, sysUpTime=3, sysName=5)
_T = TypeVar("_T")


def on_device(
    port: int,
    community: str,
    use: Callable[[Readout], Awaitable[_T]],
    kept: dict[str, object] | None = None,
    at_s: float = 1_000_000.0,
    pace: Pace | None = None,
    bound: int = 100_000,
) -> _T:
    """Poll the device of a community once: return what `use` makes of its readout."""

    async def run() -> _T:
        session = await transport.connect(Target("127.0.0.1", Community(2, community), port))
        try:
            walker = Walker(session, pace, patience=Patience(timeout_s=10, bound=bound))
            row, _ = await Readout(session.target, walker, System("", None, "", None, at_s), STANDARD).scalars(
                *_SYSTEM.values()
            )
            system = System(
                row.text("sysDescr") or "",
                row.oid("sysObjectID"),
                row.text("sysName") or "",
                row.integer("sysUpTime"),
                at_s,
            )
            return await use(Readout(session.target, walker, system, STANDARD, lambda: at_s, kept))
        finally:
            await session.close()

    return asyncio.run(run())


async def _polled(readout: Readout, topic: DeviceTopic) -> tuple[Reading | None, Measured]:
    try:
        reading = await topic.read(readout) if topic.read else None
    except UnreadableError as error:
        reading = Reading(unreadable={"": str(error)})
    return reading, await topic.measure(readout) if topic.measure else Measured()


def poll(
    port: int, community: str, topic: DeviceTopic, kept: dict[str, object] | None = None, at_s: float = 1_000_000.0
) -> tuple[Reading | None, Measured]:
    """Read and measure one topic; an UnreadableError stands under the empty path."""
    return on_device(port, community, lambda readout: _polled(readout, topic), kept, at_s)


Value = int | str | bytes | Oid


def variable(value: Value) -> Var:
    """Return a value as a device sends it."""
    if isinstance(value, int):
        return Var((), Kind.INTEGER, value)
    if isinstance(value, tuple):
        return Var((), Kind.OID, value)
    return Var((), Kind.OCTETS, value if isinstance(value, bytes) else value.encode())


def table(
    objects: Mapping[str, MibObject],
    rows: Mapping[int | Oid, Mapping[str, Value]],
    cuts: Mapping[str, str] | None = None,
) -> Table:
    """Return a table that has some rows, by index."""
    columns: dict[str, dict[Oid, Var]] = {name: {} for name in objects}
    for index, row in rows.items():
        for name, value in row.items():
            columns[name][(index,) if isinstance(index, int) else index] = variable(value)
    return Table(columns, cuts or {})


def row(**values: Value) -> Row:
    """Return scalars."""
    return Row({name: variable(value) for name, value in values.items()})


def readings(
    port: int, community: str, topics: Iterable[str], *, address: str = "127.0.0.1", version: int = 2
) -> dict[str, Reading | None]:
    """Return what topics read in one poll, by topic."""

    async def run() -> dict[str, Reading | None]:
        target = Target(address, Community(version, community), port)
        session = await transport.connect(target)
        try:
            readout = Readout(
                target, Walker(session, patience=Patience(timeout_s=5)), System("", None, "", None, 0.0), STANDARD
            )
            return {name: await _read(all_topics()[name], readout) for name in topics}
        finally:
            await session.close()

    return asyncio.run(run())


async def _read(topic: DeviceTopic, readout: Readout) -> Reading | None:
    return None if topic.read is None else await topic.read(readout)


def facts(found: dict[str, Reading | None]) -> Facts:
    """Return all facts of some readings."""
    out = Facts()
    for reading in found.values():
        if reading is not None:
            out.MergeFrom(reading.facts)
    return out
