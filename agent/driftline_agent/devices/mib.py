"""What a poll of one device asks, and what it was told: objects by their MIB names, tables by columns and rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from driftline_agent.devices.snmp import oids, textual
from driftline_agent.devices.snmp.columns import Cut
from driftline_agent.devices.snmp.values import ABSENT, NUMBERS, Kind, Oid, Var


@dataclass(frozen=True, slots=True)
class MibObject:
    """An object of a MIB: a column of a table, or a scalar (its instance is .0)."""

    #: As the MIB has it: IF-MIB::ifDescr.
    qualified: str
    oid: Oid

    @property
    def name(self) -> str:
        """Its name without the MIB's: ifDescr."""
        return self.qualified.partition("::")[2]


def mib(module: str, base: str, **arcs: int | str) -> dict[str, MibObject]:
    """Return objects below a name, by their names.

    >>> IF = mib("IF-MIB", "1.3.6.1.2.1.2.2.1", ifIndex=1, ifDescr=2)

    :param arcs: object name to what follows `base`: 2, or "1.2".
    """
    start = oids.parse(base)
    return {
        name: MibObject(f"{module}::{name}", (*start, *map(int, str(rest).split(".")))) for name, rest in arcs.items()
    }


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table, or some scalars: variables by the short names of their objects.

    What is absent, of another type than was asked for, or means nothing is None. Of numbers, what the device sent is
    returned, -1 and 0 included.
    """

    variables: Mapping[str, Var]

    def integer(self, name: str) -> int | None:
        """Return a number."""
        var = self.variables.get(name)
        return var.data if var is not None and var.kind in NUMBERS and isinstance(var.data, int) else None

    def text(self, name: str) -> str | None:
        """Return DisplayString or SnmpAdminString without what devices pad it with; None where it is empty."""
        octets = self.octets(name)
        return None if octets is None else textual.display_string(octets)

    def octets(self, name: str) -> bytes | None:
        """Return the bytes of an OCTET STRING."""
        var = self.variables.get(name)
        return var.data if var is not None and isinstance(var.data, bytes) and var.kind is Kind.OCTETS else None

    def mac(self, name: str) -> str | None:
        """Return PhysAddress or MacAddress like 00:11:22:33:44:55; None where it is empty, zero or something else."""
        octets = self.octets(name)
        found = None if octets is None else textual.phys_address(octets)
        return found if found is not None and len(found) == 17 else None

    def oid(self, name: str) -> Oid | None:
        """Return an OBJECT IDENTIFIER; None for zeroDotZero."""
        var = self.variables.get(name)
        found = var.data if var is not None and isinstance(var.data, tuple) else None
        return None if found in (None, (0, 0)) else found

    def address(self, name: str) -> str | None:
        """Return an IpAddress as text."""
        var = self.variables.get(name)
        return str(var.data) if var is not None and var.kind is Kind.IP_ADDRESS else None

    def truth(self, name: str) -> bool | None:
        """Return a TruthValue."""
        number = self.integer(name)
        return None if number is None else textual.truth_value(number)

    def kind(self, name: str) -> Kind | None:
        """Return the type that a variable came as."""
        var = self.variables.get(name)
        return None if var is None or var.kind in ABSENT else var.kind


@dataclass(frozen=True, slots=True)
class Table:
    """What came of some columns, and which of them are not whole."""

    #: Short name of the column -> index -> variable, as the device sent them.
    columns: Mapping[str, Mapping[Oid, Var]]
    #: Short name of a column that is not whole -> why, in words. What came of it stands in `columns`.
    cuts: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything came."""
        return any(self.columns.values())

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return not self.cuts

    def rows(self) -> Iterator[tuple[Oid, Row]]:
        """Yield the rows that have at least one column, in the order of their indexes."""
        indexes = sorted({index for column in self.columns.values() for index in column})
        for index in indexes:
            yield index, Row({name: column[index] for name, column in self.columns.items() if index in column})


def in_words(cut: Cut) -> str:
    """Return why a column is not whole, for people."""
    return f"{cut.why}: {cut.detail}" if cut.detail else str(cut.why)


def short_names(objects: Iterable[MibObject]) -> Sequence[str]:
    """Return the objects' short names."""
    return [one.name for one in objects]
