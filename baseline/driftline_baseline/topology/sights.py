"""What one CI sees at its ports: whom it hears by LLDP or CDP, and whose hardware address is behind a port."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from driftline_baseline.topology.ends import (
    Neighbour,
    Port,
    all_macs,
    chassis_key,
    find_port,
    keys_of,
    name_keys,
    port_with,
)

#: How something is seen where no protocol tells: by the forwarding table of a bridge.
MAC = "MAC"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a CI's own sources say of its ports and of what is at them."""

    ports: Sequence[Port] = ()
    heard: Sequence[Neighbour] = ()
    #: Hardware addresses behind each port, in their normal form, without the bridge's own.
    behind: Mapping[str, Collection[str]] = field(default_factory=dict)
    #: Addresses by hardware address, as the CI's own neighbour table says.
    addresses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """One device that a CI sees at one of its ports."""

    port: str
    #: LLDP, CDPv2, LLDP and CDPv2, MAC.
    by: str
    #: The CI that it is; None where no CI, or none for sure, goes by what is known of it.
    far_ci: int | None
    #: Name of that CI's port; as the neighbour names it where the CI has no such port.
    far_port: str
    #: By what it may be known, the surest first.
    keys: tuple[str, ...] = ()
    name: str = ""
    chassis_id: str = ""
    port_id: str = ""
    port_description: str = ""
    address: str = ""

    @property
    def key(self) -> str:
        """What makes it the same one when it is seen again at the same port."""
        if self.far_ci is not None:
            return f"ci:{self.far_ci}:{self.far_port}"
        return self.keys[0] if self.keys else f"port:{self.far_port}"


#: Says which CI goes by some keys, the surest first: its id, or None.
Who = Callable[[Sequence[str]], int | None]
#: Says which ports a CI has.
PortsOf = Callable[[int], Sequence[Port]]


def seen_by(
    ci: int, evidence: Evidence, who: Who, ports_of: PortsOf, standing: Collection[tuple[str, int]] = ()
) -> list[Seen]:
    """Return what a CI sees at its ports. What it sees of itself is left out.

    :param standing: (port, CI) that are known by hardware address already.
    """
    by_protocol: dict[tuple[str, str], Seen] = {}
    for neighbour in evidence.heard:
        one = _heard(neighbour, who, ports_of)
        if one.far_ci == ci:
            continue
        there = by_protocol.get((one.port, _merged_key(one)))
        by_protocol[one.port, _merged_key(one)] = one if there is None else _both(there, one, ports_of)
    told = {one.port for one in by_protocol.values()}
    found = list({(one.port, one.key): one for one in by_protocol.values()}.values())
    own = all_macs(evidence.ports)
    silent = sorted(evidence.behind.keys() | {port for port, _ in standing})
    for port in silent:
        if port not in told:
            found += _behind(ci, port, set(evidence.behind.get(port, ())) - own, evidence, who, ports_of, standing)
    return found


def _heard(neighbour: Neighbour, who: Who, ports_of: PortsOf) -> Seen:
    keys = tuple(keys_of(neighbour))
    far = who(keys)
    port = find_port(ports_of(far), neighbour.port_id, neighbour.port_description) if far is not None else None
    return Seen(
        port=neighbour.port,
        by=neighbour.protocol or "LLDP",
        far_ci=far,
        far_port=port or neighbour.port_id or neighbour.port_description,
        keys=keys,
        name=neighbour.system_name,
        chassis_id=neighbour.chassis_id,
        port_id=neighbour.port_id,
        port_description=neighbour.port_description,
        address=next(iter(neighbour.addresses), ""),
    )


def _merged_key(one: Seen) -> str:
    """Return what is equal for what LLDP and CDP tell of one cable."""
    if one.far_ci is not None:
        return f"ci:{one.far_ci}"
    names = name_keys(one.name or one.chassis_id)
    return names[-1] if names else chassis_key(one.chassis_id)


def _both(one: Seen, two: Seen, ports_of: PortsOf) -> Seen:
    """Return what two protocols tell of one device at one port, the one whose port is a known one first."""
    known = {port.name for port in ports_of(one.far_ci)} if one.far_ci is not None else set()
    first, second = (two, one) if two.far_port in known and one.far_port not in known else (one, two)
    protocols = sorted({*one.by.split(" and "), *two.by.split(" and ")}, reverse=True)
    return replace(
        first,
        by=" and ".join(protocols),
        keys=tuple(dict.fromkeys([*first.keys, *second.keys])),
        name=first.name or second.name,
        address=first.address or second.address,
        port_description=first.port_description or second.port_description,
    )


def _behind(
    ci: int,
    port: str,
    macs: Collection[str],
    evidence: Evidence,
    who: Who,
    ports_of: PortsOf,
    standing: Collection[tuple[str, int]],
) -> list[Seen]:
    """Return who is behind a port at which nobody tells who he is.

    A bridge forgets an address after minutes of silence: that a port has none says nothing, so who was known to be
    there stays. One whose address is still there stays, too, when others come behind him: containers, virtual machines.
    """
    owners: dict[int, list[str]] = {}
    unknown = []
    for mac in sorted(macs):
        owner = who([f"mac:{mac}"])
        if owner is None:
            unknown.append(mac)
        elif owner != ci:
            owners.setdefault(owner, []).append(mac)
    stays = {far for at, far in standing if at == port and (far in owners or not macs)}
    if not stays and len(owners) == 1 and not unknown:
        stays = set(owners)
    found = [
        Seen(port, MAC, far, _port_behind(ports_of(far), owners.get(far, [])), tuple(f"mac:{m}" for m in owners[far]))
        if far in owners
        else Seen(port, MAC, far, "")  # forgotten by the bridge: as it was known before
        for far in sorted(stays)
    ]
    if not owners and len(unknown) == 1:
        (mac,) = unknown
        address = evidence.addresses.get(mac, "")
        found.append(Seen(port, MAC, None, "", (f"mac:{mac}",), chassis_id=mac, address=address))
    return found


def _port_behind(ports: Sequence[Port], macs: Sequence[str]) -> str:
    names = [name for mac in macs if (name := port_with(ports, mac))]
    return names[0] if names else next(iter(macs), "")
