"""Which interface stands on which: ifStackTable, IEEE8023-LAG-MIB. Pure."""

from collections.abc import Iterable, Mapping

from driftline import paths
from driftline.v1.facts_pb2 import Interface
from driftline_agent.devices.mib import Table
from driftline_agent.devices.mibs.interface_types import HARDWARE

#: ifStackStatus: active and notInService; rows of other states are about to be made.
_THERE = (1, 2)
#: Ports that are told of one by one, whose bond is not known while they are down. A section may name 100 paths.
_MOST = 60


def parse_stack(table: Table) -> set[tuple[int, int]]:
    """Return pairs of ifIndex, the higher one first; 0 stands for nothing and is left out."""
    return {
        (index[0], index[1])
        for index, row in table.rows()
        if len(index) == 2 and 0 not in index and index[0] != index[1] and row.integer("ifStackStatus") in _THERE
    }


def parse_members(table: Table) -> dict[int, int]:
    """Return the aggregator of each port that is attached to one, by ifIndex; not of those that are their own."""
    out = {}
    for index, row in table.rows():
        aggregator = row.integer("dot3adAggPortAttachedAggID")
        if len(index) == 1 and aggregator and aggregator != index[0]:
            out[index[0]] = aggregator
    return out


def relate(found: Mapping[int, Interface], stack: Iterable[tuple[int, int]], members: Mapping[int, int]) -> None:
    """Add to interfaces what they stand on, and whose members they are.

    A bond's and a bridge's members name it as their master. What stands on one interface alone has it for its parent;
    on several, for its lower ones.
    """
    lower: dict[int, set[int]] = {}
    for higher, one in stack:
        if higher in found and one in found:
            lower.setdefault(higher, set()).add(one)
    for port, aggregator in members.items():
        if port in found and aggregator in found:
            found[port].master = found[aggregator].name
    for higher, those in sorted(lower.items()):
        above = found[higher]
        if above.type in ("bond", "bridge"):
            for one in sorted(those):
                found[one].master = found[one].master or above.name
        elif len(those) == 1:
            above.parent = found[next(iter(those))].name
        else:
            above.lower.extend(sorted(found[one].name for one in those))


def unknown_masters(found: Iterable[Interface]) -> list[str]:
    """Return the paths of masters that nobody can tell now: tables leave out a port that is down, as its bond does."""
    every = list(found)
    if not any(one.type == "bond" for one in every):
        return []
    down = {one.name for one in every if one.type in HARDWARE and not one.master and one.link != "up"}
    if len(down) <= _MOST:
        return [f"{_pattern(name)}.master" for name in sorted(down)]
    patterns = _patterns(down, {one.name for one in every} - down)
    return [f"{one}.master" for one in patterns] if len(patterns) <= _MOST else ["network.interfaces[*].master"]


def _pattern(name: str) -> str:
    return paths.quote(paths.keyed("network.interfaces", name))


def _patterns(wanted: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return patterns that match all of some names and none of the others: by how they begin."""
    taken = {name[:length] for name in others for length in range(len(name) + 1)}
    out = set()
    for name in wanted:
        start = next((name[:length] for length in range(1, len(name) + 1) if name[:length] not in taken), None)
        out.add(_pattern(name) if start is None else f"{_pattern(start)[:-1]}*]")
    return sorted(out)
