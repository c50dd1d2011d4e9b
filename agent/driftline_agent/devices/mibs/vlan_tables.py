"""Tables of VLANs: Q-BRIDGE-MIB (RFC 4363), and IEEE8021-Q-BRIDGE-MIB, which has them with a component before.

Members are those of the static table: someone put them there. The current table has those that GVRP or MVRP brought
too, and may leave out ports that are down; it counts where the static one has no member at all, and for VLANs that are
not in it though nobody learnt them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from driftline.v1.device_pb2 import Vlan
from driftline_agent.devices.mib import MibObject, Row, Table, mib
from driftline_agent.devices.mibs.ports import BridgePorts, port_list

#: dot1qVlanStatus of VLANs that nobody made here.
_LEARNT = 3
#: VLANs that frames can have (IEEE 802.1Q).
FIRST, LAST = 1, 4094


@dataclass(frozen=True, slots=True)
class Flavour:
    """A MIB that has the tables; the VLAN is the last part of their indexes."""

    prefix: str
    static: Mapping[str, MibObject]
    current: Mapping[str, MibObject]


def _flavour(
    module: str, base: str, prefix: str, columns: tuple[int, int, int], current: tuple[int, int, int]
) -> Flavour:
    name, egress, untagged = columns
    static = {
        f"{prefix}StaticName": name,
        f"{prefix}StaticEgressPorts": egress,
        f"{prefix}StaticUntaggedPorts": untagged,
    }
    now = dict(
        zip((f"{prefix}CurrentEgressPorts", f"{prefix}CurrentUntaggedPorts", f"{prefix}Status"), current, strict=True)
    )
    return Flavour(prefix, mib(module, f"{base}.3.1", **static), mib(module, f"{base}.2.1", **now))


FLAVOURS = (
    _flavour("Q-BRIDGE-MIB", "1.3.6.1.2.1.17.7.1.4", "dot1qVlan", (1, 2, 4), (4, 5, 6)),
    _flavour("IEEE8021-Q-BRIDGE-MIB", "1.3.111.2.802.1.1.4.1.4", "ieee8021QBridgeVlan", (3, 4, 6), (5, 6, 7)),
)


def vlans(static: Table, current: Table, flavour: Flavour, ports: BridgePorts) -> list[Vlan]:
    """Return the VLANs by id."""
    prefix = flavour.prefix
    made, now = dict(_rows(static)), dict(_rows(current))
    from_current = not any(any(row.octets(f"{prefix}StaticEgressPorts") or b"") for row in made.values())
    out: list[Vlan] = []
    for number in sorted({*made, *now}):
        made_row, now_row = made.get(number), now.get(number, Row({}))
        if made_row is None and now_row.integer(f"{prefix}Status") == _LEARNT:
            continue
        vlan = Vlan(id=number, name=(made_row.text(f"{prefix}StaticName") if made_row else None) or "")
        row, kind = (now_row, "Current") if made_row is None or from_current else (made_row, "Static")
        members = set(port_list(row.octets(f"{prefix}{kind}EgressPorts") or b""))
        untagged = set(port_list(row.octets(f"{prefix}{kind}UntaggedPorts") or b""))
        vlan.ports.extend(_names(members, ports))
        vlan.tagged.extend(_names(members - untagged, ports))
        out.append(vlan)
    return out


def _rows(table: Table) -> Iterator[tuple[int, Row]]:
    """Yield rows by VLAN. Of rows filtered by time the last one counts."""
    for index, row in table.rows():
        if index and FIRST <= index[-1] <= LAST:
            yield index[-1], row


def _names(numbers: set[int], ports: BridgePorts) -> list[str]:
    return sorted({name for name in map(ports.name, numbers) if name})
