"""Which interface is meant by LLDP's number of a local port.

LLDP-MIB says of LldpPortNumber: a bridge's is dot1dBasePort, any other system's is ifIndex. Devices differ: lldpd has
ifIndex on bridges too, others count ports of their own. So a port's own id or description decides where it names one
interface; the number is taken as the standard says where it does not.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from driftline_agent.devices.mib import Row, Table
from driftline_agent.devices.mibs import lldp_ids
from driftline_agent.devices.mibs.ports import BridgePorts

#: LldpPortIdSubtype.
_ALIAS, _MAC, _NAME, _LOCAL = 1, 3, 5, 7


@dataclass(frozen=True, slots=True)
class LocalPort:
    """What a device says of one of its ports. lldpLocPortTable."""

    subtype: int | None
    id: str
    description: str


@dataclass(slots=True)
class Interfaces:
    """Interfaces by what they may be called. ifIndex of all that are called so."""

    by_text: dict[str, set[int]] = field(default_factory=dict)
    by_alias: dict[str, set[int]] = field(default_factory=dict)
    by_mac: dict[str, set[int]] = field(default_factory=dict)


def interfaces(table: Table, names: Mapping[int, str]) -> Interfaces:
    """Return the interfaces of IF-MIB by ifName, ifDescr, name, ifAlias and ifPhysAddress."""
    out = Interfaces()
    for index, name in names.items():
        out.by_text.setdefault(name, set()).add(index)
    for arcs, row in table.rows():
        if len(arcs) == 1:
            _add(out, arcs[0], row)
    return out


def _add(out: Interfaces, index: int, row: Row) -> None:
    for column in ("ifName", "ifDescr"):
        if text := lldp_ids.words(row.octets(column) or b""):
            out.by_text.setdefault(text, set()).add(index)
    if text := lldp_ids.words(row.octets("ifAlias") or b""):
        out.by_alias.setdefault(text, set()).add(index)
    if mac := row.mac("ifPhysAddress"):
        out.by_mac.setdefault(mac, set()).add(index)


class LocalPorts:
    """Tells the interface of a local port by its number.

    :param ports: by their numbers; empty where the device has no lldpLocPortTable.
    """

    def __init__(self, ports: Mapping[int, LocalPort], bridge: BridgePorts, interfaces: Interfaces) -> None:
        self._ports, self._bridge, self._interfaces = ports, bridge, interfaces
        # What two ports say says nothing of either: some give all the MAC of the chassis, or one description
        self._ids = Counter((port.subtype, port.id) for port in ports.values())
        self._descriptions = Counter(port.description for port in ports.values())

    def name(self, number: int) -> str | None:
        """Return the name of the interface; None where it cannot be told."""
        candidates = [index for index in self._numbered(number) if index in self._bridge.names]
        for matches in self._called(self._ports.get(number)):
            chosen = next((index for index in candidates if index in matches), None)
            if chosen is None and len(matches) == 1:
                chosen = next(iter(matches))
            if chosen is not None and chosen in self._bridge.names:
                return self._bridge.names[chosen]
        return self._bridge.names[candidates[0]] if candidates else None

    def _numbered(self, number: int) -> Iterable[int]:
        bridge = [self._bridge.index_of[number]] if number in self._bridge.index_of else []
        # A device that leaves the table of its ports out does not follow the standard in their numbers either:
        # FortiOS and RouterOS have ifIndex
        return (*bridge, number) if self._ports else (number, *bridge)

    def _called(self, port: LocalPort | None) -> Iterator[set[int]]:
        if port is None:
            return
        if port.id and self._ids[(port.subtype, port.id)] == 1:
            if port.subtype == _MAC:
                yield self._interfaces.by_mac.get(port.id, set())
            elif port.subtype == _ALIAS:
                yield self._interfaces.by_alias.get(port.id, set())
            # Without a subtype or with a wrong one it may still be a name
            yield self._interfaces.by_text.get(port.id, set())
        if port.description and self._descriptions[port.description] == 1:
            yield self._interfaces.by_text.get(port.description, set())
            yield self._interfaces.by_alias.get(port.description, set())
        if port.subtype == _LOCAL and port.id.isascii() and port.id.isdigit() and len(port.id) < 11:
            yield {int(port.id)}  # Junos: ifIndex
