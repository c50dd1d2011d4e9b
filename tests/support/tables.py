"""What a test writes down as a device would give it: tables, scalars, and a whole readout that answers from columns."""

from collections.abc import Mapping, Sequence

from driftline_agent.devices.mib import MibObject, Row, Table
from driftline_agent.devices.profile import STANDARD
from driftline_agent.devices.readout import Readout, System
from driftline_agent.devices.snmp.columns import Cut, Why
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.oids import within
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.values import Data, Kind, Oid, Var
from driftline_agent.devices.snmp.walk import Walk, Walker

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


Typed = tuple[Kind, Data]


class Rows(Walker):
    """Answers from rows; some columns end early, for a reason."""

    def __init__(self, rows: Mapping[Oid, Typed], cuts: Mapping[Oid, Why]) -> None:
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


def typed(data: Data) -> Typed:
    """Return a value with the type that it has most of the time."""
    if isinstance(data, bytes):
        return Kind.OCTETS, data
    if isinstance(data, tuple):
        return Kind.OID, data
    return (Kind.IP_ADDRESS if isinstance(data, str) else Kind.INTEGER), data


def rows(columns: Mapping[MibObject, Mapping[int | Oid, Data | Typed]]) -> dict[Oid, Typed]:
    """Return rows by names, of columns by index."""
    out = {}
    for column, cells in columns.items():
        for index, data in cells.items():
            suffix = index if isinstance(index, tuple) else (index,)
            known = data if isinstance(data, tuple) and data and isinstance(data[0], Kind) else typed(data)  # type: ignore[arg-type]
            out[(*column.oid, *suffix)] = known
    return out  # type: ignore[return-value]  # a Typed is told from an OID by its Kind


def written(
    columns: Mapping[MibObject, Mapping[int | Oid, Data | Typed]],
    cuts: Mapping[MibObject, Why] | None = None,
    description: str = "",
    object_id: Oid | None = None,
) -> Readout:
    """Return a readout of a device that answers with these columns."""
    walker = Rows(rows(columns), {one.oid: why for one, why in (cuts or {}).items()})
    system = System(description, object_id, "", None, 0.0)
    return Readout(Target("192.0.2.1", Community(2, "public")), walker, system, STANDARD)
