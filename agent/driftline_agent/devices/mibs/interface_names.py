"""What interfaces are called: the keys of network.interfaces, which bridge ports, neighbours and parts refer to."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from driftline_agent.devices.mib import Row, Table
from driftline_agent.devices.mibs.if_mib import IF, IFX
from driftline_agent.devices.readout import Readout

#: Characters of a name or a description at most: IF-MIB has 255 octets, and some devices send more.
MOST = 255
#: Without these of a row it cannot be told what it is called.
_NEEDED = ("ifDescr", "ifName")
#: AIX writes what the adapter is behind the interface's name: "en0; Product: 2-Port Adapter Manufacturer: ...".
_PRODUCT = "; Product: "


def interface_names(table: Table) -> dict[int, str]:
    """Return the names of a table with the columns ifName and ifDescr, by ifIndex.

    It is ifName, else ifDescr. Where several interfaces share one, ifDescr follows in brackets, and where that is
    shared too, the index, which is another one after a restart of some devices. A row of which a name may be missing
    because its column was cut short is left out: it would get another name than it had.
    """
    own: dict[int, tuple[str, str]] = {}
    for index, row in table.rows():
        there = [name in row.variables for name in _NEEDED]
        if (
            len(index) != 1
            or not any(there)
            or any(name in table.cuts for name in _NEEDED if name not in row.variables)
        ):
            continue
        description = (row.text("ifDescr") or "")[:MOST].partition(_PRODUCT)[0].strip()
        own[index[0]] = ((row.text("ifName") or "")[:MOST].strip() or description, description)
    shared = Counter(name for name, _ in own.values())
    names = {
        index: _told_apart(name, description) if shared[name] > 1 else name
        for index, (name, description) in own.items()
    }
    shared = Counter(names.values())
    return {index: name if name and shared[name] == 1 else f"{name}#{index}" for index, name in names.items()}


def _told_apart(name: str, description: str) -> str:
    return f"{name} ({description})" if description not in ("", name) else name


@dataclass(frozen=True, slots=True)
class InterfaceNames:
    """How interfaces are called, and how to find one by what else tables say of it."""

    #: ifIndex to name, as network.interfaces has it.
    by_index: Mapping[int, str]
    #: What only one interface has to its name: ifDescr, and hardware address (lower case with colons).
    by_description: Mapping[str, str] = field(default_factory=dict)
    by_mac: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    #: Why some may be missing, in words; empty where none is.
    cut: str = ""

    def find(self, text: str) -> str | None:
        """Return the name of the interface that a table calls by its name, its description or its hardware address."""
        if text in self.names:
            return text
        return self.by_description.get(text) or self.by_mac.get(text.lower())


def _only(pairs: Iterable[tuple[str | None, str]]) -> dict[str, str]:
    """Return what stands for exactly one name."""
    found: dict[str, set[str]] = {}
    for value, name in pairs:
        if value:
            found.setdefault(value, set()).add(name)
    return {value: next(iter(names)) for value, names in found.items() if len(names) == 1}


def parse_names(table: Table) -> InterfaceNames:
    """Return the names of a table with the columns ifName, ifDescr and ifPhysAddress."""
    by_index = interface_names(table)
    rows: dict[int, Row] = {index[0]: row for index, row in table.rows() if len(index) == 1 and index[0] in by_index}
    return InterfaceNames(
        by_index,
        _only((row.text("ifDescr"), by_index[index]) for index, row in rows.items()),
        _only((row.mac("ifPhysAddress"), by_index[index]) for index, row in rows.items()),
        frozenset(by_index.values()),
        next((table.cuts[name] for name in _NEEDED if name in table.cuts), ""),
    )


async def names_of(readout: Readout) -> InterfaceNames:
    """Return how the interfaces of a device are called. Nothing that it answers raises."""

    async def made() -> InterfaceNames:
        return parse_names(await readout.table(IFX["ifName"], IF["ifDescr"], IF["ifPhysAddress"]))

    return await readout.once("interface names", made)
