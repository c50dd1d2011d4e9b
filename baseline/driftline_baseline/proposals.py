"""Relations and services proposed from what is seen: who connects to whom, which container runs where. Pure.

A proposal is a guess with its evidence, for a person to confirm. CIs are ids here.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from driftline_baseline.services import Infrastructure, Listener

#: Kinds of proposals.
KINDS = ("service", "depends on", "runs on", "infrastructure", "device")
#: Networks that are made anew on every host by some program, or that a carrier shares: an address in one tells nobody
#: apart, however few CIs hold it.
NOBODYS = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "127.0.0.0/8",
            "169.254.0.0/16",  # RFC 3927, and the clouds' metadata services
            "172.17.0.0/16",  # Docker's bridge
            "192.168.122.0/24",  # libvirt's
            "10.88.0.0/16",  # Podman's
            "10.42.0.0/16",  # pods of k3s and RKE
            "10.244.0.0/16",  # pods of flannel and kind
            "100.64.0.0/10",  # RFC 6598, carriers' NAT
            "192.0.0.0/24",
            "224.0.0.0/4",
            "::1/128",
            "fe80::/10",
            "ff00::/8",
        ),
    )
)
#: What is for everyone though no port says what it is.
EVERYONE = "everyone"
#: Clients that evidence names, at most.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class SeenPeer:
    """Another host's address that a CI talks to."""

    ci: int
    #: in or out.
    direction: str
    protocol: str
    address: str
    #: The port that is connected to.
    port: int
    unit: str = ""
    process: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A CI connects to a port of another one."""

    front: int
    behind: int
    protocol: str
    port: int
    #: Of `behind`.
    address: str
    front_unit: str = ""
    behind_unit: str = ""

    @property
    def name(self) -> str:
        """Protocol and port: ``tcp/5432``."""
        return f"{self.protocol}/{self.port}"


@dataclass(frozen=True, slots=True)
class Known:
    """A link with when it was first and last seen."""

    link: Link
    since_ms: int
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a person may confirm."""

    kind: str
    #: What makes it the same proposal when it is seen again.
    key: str
    #: The CI in front; None of a service that is not on record, and where there are many.
    front: int | None
    behind: int | None
    #: What it rests on. A rejected proposal comes again only where something is here that was not.
    material: tuple[str, ...]
    links: tuple[Known, ...]
    #: What everyone uses it for: DNS. Empty of a single one.
    purpose: str = ""

    @property
    def since_ms(self) -> int:
        """When it was first seen."""
        return min(one.since_ms for one in self.links)

    @property
    def seen_ms(self) -> int:
        """When it was last seen."""
        return max(one.seen_ms for one in self.links)


def counts(address: str) -> bool:
    """Tell whether an address can tell one CI from another."""
    try:
        place = ip_address(address)
    except ValueError:
        return False
    return not any(place in network for network in NOBODYS if network.version == place.version)


def links_of(
    peers: Iterable[SeenPeer],
    holders: Mapping[str, Collection[int]],
    listeners: Mapping[int, Sequence[Listener]],
) -> list[Link]:
    """Return who connects to whom, by addresses that exactly one CI holds.

    :param holders: CIs by each address that they hold.
    :param listeners: ports at which the CIs that are connected to wait. One that is not known is believed only from
        that CI's own side.
    """
    found: dict[tuple[int, int, str, int], Link] = {}
    for one in peers:
        held = holders.get(one.address, ())
        if len(held) != 1 or not one.port or not counts(one.address):
            continue
        (other,) = held
        if other == one.ci:
            continue
        if one.direction == "in":
            link = Link(other, one.ci, one.protocol, one.port, "", "", one.unit or one.process)
        else:
            at = _listening(listeners.get(other, ()), one)
            if at is None:
                continue
            unit = one.unit or one.process
            link = Link(one.ci, other, one.protocol, one.port, one.address, unit, at.unit or at.process)
        key = (link.front, link.behind, link.protocol, link.port)
        found[key] = _both(found[key], link) if key in found else link
    return [found[key] for key in sorted(found)]


def _both(one: Link, other: Link) -> Link:
    return Link(
        one.front,
        one.behind,
        one.protocol,
        one.port,
        one.address or other.address,
        one.front_unit or other.front_unit,
        one.behind_unit or other.behind_unit,
    )


def _listening(listeners: Sequence[Listener], peer: SeenPeer) -> Listener | None:
    fitting = (one for one in listeners if (one.protocol, one.port) == (peer.protocol, peer.port))
    return next((one for one in fitting if one.address in ("0.0.0.0", "::", peer.address)), None)  # noqa: S104  # read, nothing is bound


@dataclass(frozen=True, slots=True)
class Fleet:
    """What of all links one needs to know whether something is for everyone."""

    #: CIs that tell of their peers.
    size: int
    #: How many connect to this port of this CI: (behind, protocol, port).
    clients: Mapping[tuple[int, str, int], int]
    #: How many CIs one connects to.
    reach: Mapping[int, int]


def dependencies(
    links: Iterable[Known],
    fleet: Fleet,
    infrastructure: Infrastructure,
    service_at: Callable[[int, str], int | None],
    is_part: Callable[[int, int], bool],
) -> list[Proposed]:
    """Return which CI depends on which, and what everyone depends on, each once.

    :param service_at: the service CI that a port of a CI belongs to.
    :param is_part: whether a CI is one that a service CI runs on; it does not depend on what it is part of.
    """
    found: dict[str, tuple[str, int | None, int | None, str, list[Known]]] = {}
    for one in links:
        link = one.link
        purpose, is_hub_in_front = _purpose(link, fleet, infrastructure)
        if purpose and is_hub_in_front:
            key, front, behind = f"infrastructure:out:{link.front}:{purpose}", link.front, None
        elif purpose:
            key, front, behind = f"infrastructure:in:{link.behind}:{link.name}", None, link.behind
        else:
            service = service_at(link.behind, link.name)
            if service is not None and is_part(link.front, service):
                continue
            front, behind = link.front, link.behind if service is None else service
            if front == behind:
                continue
            key = f"depends on:{front}:{behind}"
        kind = "infrastructure" if purpose else "depends on"
        found.setdefault(key, (kind, front, behind, purpose, []))[4].append(one)
    return [
        Proposed(
            kind,
            key,
            front,
            behind,
            tuple(sorted({one.link.name for one in rests})) if kind == "depends on" else (purpose,),
            tuple(rests),
            purpose,
        )
        for key, (kind, front, behind, purpose, rests) in sorted(found.items())
    ]


def _purpose(link: Link, fleet: Fleet, infrastructure: Infrastructure) -> tuple[str, bool]:
    """Return what everyone uses a link for, and whether its front uses everyone; empty where it is these two's own."""
    if link.name in infrastructure.asked:
        return infrastructure.asked[link.name], True
    if link.name in infrastructure.served:
        return infrastructure.served[link.name], False
    enough = max(infrastructure.least, fleet.size * infrastructure.share // 100 + 1)
    if fleet.reach.get(link.front, 0) >= enough:
        return EVERYONE, True
    if fleet.clients.get((link.behind, link.protocol, link.port), 0) >= enough:
        return EVERYONE, False
    return "", False


def host_of(container: int, keys: Iterable[str], holders: Mapping[str, Collection[int]]) -> tuple[int, str] | None:
    """Return the CI that a container runs on, and the key that says so: what it sees of hardware is its host's.

    :param keys: of the hardware that the container sees.
    :param holders: CIs that are no containers, by the keys that they claim.
    """
    found = [(next(iter(held)), key) for key in keys if len(held := set(holders.get(key, ())) - {container}) == 1]
    return found[0] if len({ci for ci, _ in found}) == 1 else None


def told(proposed: Proposed, name_of: Callable[[int], str]) -> str:
    """Return the evidence of a relation in words, as the record keeps it: how it is known."""
    parts = []
    for one in proposed.links[:_NAMED]:
        link = one.link
        place = f"{link.address or name_of(link.behind)}:{link.port}"
        who = name_of(link.front) + (f" ({link.front_unit})" if link.front_unit else "")
        parts.append(f"{link.protocol} {place} from {who}")
    return "seen: " + "; ".join(parts)
