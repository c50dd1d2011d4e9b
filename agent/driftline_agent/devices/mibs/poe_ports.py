"""Which interface a port of POWER-ETHERNET-MIB is: no object says so; it is told where numbers leave no doubt. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

#: pethPsePortGroupIndex, pethPsePortIndex.
Port = tuple[int, int]
_NUMBER = re.compile(r"\d+")
_LAST_NUMBER = re.compile(r"\d+$")
#: ifType of ports that can give power: ethernetCsmacd, gigabitEthernet.
WIRED = frozenset({6, 117})


def port_names(ports: Iterable[Port], known: Mapping[Port, str], wired: Mapping[int, str]) -> dict[Port, str]:
    """Return what each port is called: the interface's name, else group/port: 1/12.

    A group's ports are all called in one way, so that a port that is added renames no other.

    :param known: names of the ports whose interface the device tells.
    :param wired: ifIndex -> name of the interfaces of the types :data:`WIRED`.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for group, number in sorted(set(ports)):
        groups[group].append(number)
    out = {port: f"{port[0]}/{port[1]}" for port in sorted(set(ports))}
    for group, numbers in groups.items():
        told = (
            {number: known[group, number] for number in numbers if (group, number) in known}
            or _by_if_index(numbers, wired, len(groups))
            or _by_name(group, numbers, wired)
        )
        if len(told) == len(numbers) == len(set(told.values())):
            out.update({(group, number): name for number, name in told.items()})
    return out if len(set(out.values())) == len(out) else {port: f"{port[0]}/{port[1]}" for port in out}


def _by_if_index(numbers: list[int], wired: Mapping[int, str], groups: int) -> dict[int, str]:
    """Many switches number their ports by ifIndex; with several groups that would be an accident."""
    return {number: wired[number] for number in numbers} if groups == 1 and all(one in wired for one in numbers) else {}


def _by_name(group: int, numbers: list[int], wired: Mapping[int, str]) -> dict[int, str]:
    """Gi1/0/1 to Gi1/0/24 are the ports of group 1, where they alone have all of its numbers."""
    rows: dict[str, dict[int, str]] = defaultdict(dict)
    for name in wired.values():
        last = _LAST_NUMBER.search(name)
        if last is not None:
            rows[name[: last.start()]][int(last.group())] = name
    fitting = []
    for start, row in rows.items():
        first = _NUMBER.search(start)
        if (first is None or int(first.group()) == group) and all(number in row for number in numbers):
            fitting.append(row)
    return {number: fitting[0][number] for number in numbers} if len(fitting) == 1 else {}
