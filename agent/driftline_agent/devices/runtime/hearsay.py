"""What a device's facts say of addresses: its own, and those of who answers on its links. Pure."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from ipaddress import ip_address

from driftline.v1.collector_pb2 import Sighting
from driftline.v1.facts_pb2 import Facts
from driftline_agent.devices.settings.config import Discovery, Network

#: An address is told of at most once in this time, s.
TOLD_S = 3600.0
_ARP = "arp"

#: Address and hardware address.
Neighbours = Sequence[tuple[str, str]]


def own_addresses(facts: Facts) -> frozenset[str]:
    """Return the addresses that a device sends from, without those that every device has."""
    found: set[str] = set()
    for interface in facts.network.interfaces:
        for entry in (*interface.addresses, *interface.automatic_addresses):
            try:
                place = ip_address(entry.address.partition("/")[0].partition("%")[0])
            except ValueError:
                continue
            if not (place.is_loopback or place.is_link_local or place.is_unspecified):
                found.add(str(place))
    return frozenset(found)


def neighbours(facts: Facts) -> Neighbours:
    """Return who answers on a device's links."""
    return [(one.address, one.mac) for one in facts.network.neighbours if one.mac and _alive(one)]


def _alive(neighbour: object) -> bool:
    return not (neighbour.HasField("reachable") and not neighbour.reachable)  # type: ignore[attr-defined]  # a message


class Hearsay:
    """Which of the neighbours that devices tell of are worth telling.

    :param discovery: nothing outside of its prefixes is ever told of.
    """

    def __init__(self, discovery: Discovery | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._discovery, self._clock = discovery, clock
        self._told_s: dict[str, float] = {}
        #: Who answered the last pass of discovery; None before there was one: it may still find them itself.
        self._answered: Collection[str] | None = None

    def follow(self, discovery: Discovery | None) -> None:
        """Go on with another file."""
        self._discovery = discovery

    def swept(self, answered: Collection[str]) -> None:
        """Note who answered a pass that has ended."""
        self._answered = answered

    def sightings(self, found: Neighbours, ours: Callable[[str], bool], now_ms: int) -> list[Sighting]:
        """Return what to tell of some neighbours.

        :param ours: whether an address is of a device that this agent speaks for.
        """
        discovery, answered, now_s = self._discovery, self._answered, self._clock()
        if discovery is None or answered is None:
            return []
        out = []
        for address, mac in found:
            if now_s - self._told_s.get(address, -TOLD_S) < TOLD_S or not listed(discovery, address):
                continue
            if address not in answered and not ours(address):
                self._told_s[address] = now_s
                out.append(Sighting(address=address, mac=mac, answers=[_ARP], seen_at_ms=now_ms))
        if out:
            self._told_s = {one: at for one, at in self._told_s.items() if now_s - at < TOLD_S}
        return out


def listed(discovery: Discovery, address: str) -> bool:
    """Tell whether discovery looks at an address."""
    try:
        place = ip_address(address)
    except ValueError:
        return False

    def within(prefixes: Iterable[Network]) -> Iterator[Network]:
        return (prefix for prefix in prefixes if prefix.version == place.version and place in prefix)

    if any(True for _ in within(discovery.excluded)):
        return False
    return any(
        prefix.version == 6 or prefix.prefixlen >= 31 or place not in (prefix.network_address, prefix.broadcast_address)
        for prefix in within(discovery.prefixes)
    )
