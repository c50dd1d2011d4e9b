"""Readouts for tests of device topics: of a real agent over UDP, or of rows that a test writes down."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from driftline_agent.devices.mib import MibObject, Table
from driftline_agent.devices.profile import STANDARD
from driftline_agent.devices.readout import Readout, System
from driftline_agent.devices.snmp import transport
from driftline_agent.devices.snmp.columns import Cut, Why
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.oids import within
from driftline_agent.devices.snmp.textual import display_string
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.values import Data, Kind, Oid, Var
from driftline_agent.devices.snmp.walk import Patience, Walk, Walker

_SYSTEM = [(1, 3, 6, 1, 2, 1, 1, arc, 0) for arc in (1, 2, 5)]
Value = tuple[Kind, Data]


@asynccontextmanager
async def readout(port: int, community: str, version: int = 2) -> AsyncIterator[Readout]:
    """Ask an agent on this host."""
    target = Target("127.0.0.1", Community(version, community), port)
    session = await transport.connect(target)
    try:
        walker = Walker(session, patience=Patience(timeout_s=10))
        description, object_id, name = [
            found[0].data if found else None for found in (await walker.get(_SYSTEM)).columns
        ]
        system = System(
            (display_string(description) if isinstance(description, bytes) else None) or "",
            object_id if isinstance(object_id, tuple) else None,
            (display_string(name) if isinstance(name, bytes) else None) or "",
            None,
            0.0,
        )
        yield Readout(target, walker, system, STANDARD)
    finally:
        await session.close()


class Rows(Walker):
    """Answers from rows; some columns end early, for a reason."""

    def __init__(self, rows: Mapping[Oid, Value], cuts: Mapping[Oid, Why]) -> None:
        self._rows, self._cuts = rows, cuts
        self.asked: list[Oid] = []

    async def columns(self, bases: Sequence[Oid]) -> Walk:
        self.asked += bases
        found = tuple(
            tuple(Var(oid, *self._rows[oid]) for oid in sorted(self._rows) if within(oid, base)) for base in bases
        )
        cuts = tuple(Cut(base, base, self._cuts[base], "") for base in bases if base in self._cuts)
        return Walk(found, cuts, frozenset())

    async def get(self, oids: Sequence[Oid]) -> Walk:
        found = tuple((Var(oid, *self._rows[oid]),) if oid in self._rows else () for oid in oids)
        return Walk(found, (), frozenset())


def value(data: Data) -> Value:
    """Return a value with the type that it has most of the time."""
    if isinstance(data, bytes):
        return Kind.OCTETS, data
    if isinstance(data, tuple):
        return Kind.OID, data
    return (Kind.IP_ADDRESS if isinstance(data, str) else Kind.INTEGER), data


def rows(columns: Mapping[MibObject, Mapping[int | Oid, Data | Value]]) -> dict[Oid, Value]:
    """Return rows by names, of columns by index."""
    out = {}
    for column, cells in columns.items():
        for index, data in cells.items():
            suffix = index if isinstance(index, tuple) else (index,)
            typed = data if isinstance(data, tuple) and data and isinstance(data[0], Kind) else value(data)  # type: ignore[arg-type]
            out[(*column.oid, *suffix)] = typed
    return out  # type: ignore[return-value]  # a Value is told from an OID by its Kind


def written(
    columns: Mapping[MibObject, Mapping[int | Oid, Data | Value]],
    cuts: Mapping[MibObject, Why] | None = None,
    description: str = "",
    object_id: Oid | None = None,
) -> Readout:
    """Return a readout of a device that answers with these columns."""
    walker = Rows(rows(columns), {one.oid: why for one, why in (cuts or {}).items()})
    system = System(description, object_id, "", None, 0.0)
    return Readout(Target("192.0.2.1", Community(2, "public")), walker, system, STANDARD)


def table(columns: Mapping[MibObject, Mapping[int | Oid, Data | Value]]) -> Table:
    """Return a table with these columns."""
    by_name: dict[str, dict[Oid, Var]] = {one.name: {} for one in columns}
    for oid, (kind, data) in rows(columns).items():
        for one in columns:
            if within(oid, one.oid):
                by_name[one.name][oid[len(one.oid) :]] = Var(oid, kind, data)
    return Table(by_name)
