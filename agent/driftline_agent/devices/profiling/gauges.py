"""Measures what a profile says how to measure: shares, bytes, degrees, row by row. Reading and computing apart."""

from collections.abc import Mapping
from dataclasses import dataclass

from driftline_agent.devices.mib import MibObject, Row
from driftline_agent.devices.profile import Gauge, Ref, Where
from driftline_agent.devices.profiling.identify import text_of
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.snmp.values import Oid

#: Characters of a number's text: some devices send "23C" or "12.5 %".
_NUMBER = frozenset("0123456789.")


@dataclass(frozen=True, slots=True)
class Measure:
    """What one row measures, in the object's units times `Gauge.unit`; percent as it is."""

    name: str
    parts: Mapping[str, float]


def number_of(row: Row, name: str) -> float | None:
    """Return a variable as a number; a text that begins with one is understood. Pure."""
    found = row.integer(name)
    if found is not None:
        return float(found)
    variable = row.variables.get(name)
    if variable is not None and isinstance(variable.data, float):
        return variable.data
    text = (row.text(name) or "").strip()
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    end = next((at for at, one in enumerate(text) if one not in _NUMBER), len(text))
    try:
        return sign * float(text[:end])
    except ValueError:
        return None


def counts(where: Where | None, row: Row) -> bool:
    """Tell whether a row counts. Pure."""
    if where is None:
        return True
    name = where.ref.object.name
    number = number_of(row, name)
    if where.pattern is not None and not where.pattern.search(text_of(row, name) or ""):
        return False
    if where.among is not None and number not in where.among:
        return False
    return number is None or number not in where.without


def measures(gauge: Gauge, rows: Mapping[Oid, Row]) -> list[Measure]:
    """Return what the rows measure. Pure."""
    out = []
    for index, row in sorted(rows.items()):
        if not counts(gauge.where, row):
            continue
        parts = {}
        for part, ref in gauge.parts.items():
            number = number_of(row, ref.object.name)
            if number is not None and number not in gauge.ignore:
                parts[part] = number * (1 if part in ("percent", "idle") else gauge.unit)
        if parts:
            out.append(Measure(_name(gauge, index, row), parts))
    return out


def _name(gauge: Gauge, index: Oid, row: Row) -> str:
    if isinstance(gauge.name, str):
        return gauge.name
    said = row.text(gauge.name.object.name) if gauge.name is not None else None
    return said or ".".join(map(str, index))


async def measure(readout: Readout, gauge: Gauge) -> list[Measure]:
    """Read and return what a device measures in one of the ways that its profile knows."""
    refs = [*gauge.parts.values(), *([gauge.where.ref] if gauge.where else [])]
    columns = [ref for ref in refs if ref.row is not None]
    scalars = [ref.object for ref in refs if ref.row is None]
    row, _ = await readout.scalars(*scalars)
    if not columns:
        return measures(gauge, {(): row})
    objects: list[MibObject] = [ref.object for ref in columns]
    if isinstance(gauge.name, Ref):
        objects.append(gauge.name.object)
    index = next((ref.index for ref in columns if ref.index is not None), None)
    table = await readout.table(*objects)
    rows = {
        found: Row({**row.variables, **one.variables}) for found, one in table.rows() if index is None or found == index
    }
    some = measures(gauge, rows)
    return some[:1] if any(ref.row == "first" for ref in columns) else some
