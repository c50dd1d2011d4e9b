"""Devices that are on the network and not on record: what several see of one is one proposal. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One look at something unknown: by a neighbour at one of its ports, or by an agent that knocked."""

    since_ms: int
    seen_ms: int
    #: Where: (CI, port). None of what an agent saw by knocking.
    place: tuple[int, str] | None = None
    #: LLDP, CDPv2, MAC; icmp, tcp/22, snmp.
    by: tuple[str, ...] = ()
    name: str = ""
    address: str = ""
    #: Hardware address or chassis id, lower case.
    mac: str = ""
    #: Site whose agents reach it; empty where that is not known.
    site: str = ""
    #: Name of a credential that it answered to.
    credential: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """Something unknown, all looks at it together."""

    since_ms: int
    seen_ms: int
    name: str = ""
    address: str = ""
    mac: str = ""
    site: str = ""
    credential: str = ""
    description: str = ""
    places: tuple[tuple[int, str], ...] = ()
    by: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What makes it the same one tomorrow: its hardware address, which it keeps, else address, else name."""
        for kind, value in (("mac", self.mac), ("address", f"{self.site}/{self.address}"), ("name", self.name)):
            if value.strip("/") and (kind != "address" or self.address):
                return f"device:{kind}:{value}"
        return f"device:place:{self.places[0] if self.places else ''}"

    @property
    def shown(self) -> str:
        """How people are told of it: r2 (10.99.0.2)."""
        if self.name:
            return f"{self.name} ({self.address})" if self.address else self.name
        return self.address or self.mac or "without a name"


def together(glimpses: Iterable[Glimpse]) -> list[Unmanaged]:
    """Return what was seen, each thing once: what shares a hardware address, or an address at a site, is one.

    A neighbour often names another address than the one that it answers at. What one neighbour and one that answered
    call themselves, and nobody else does, is one too.
    """
    groups: list[list[Glimpse]] = []
    places: dict[str, int] = {}
    for one in glimpses:
        marks = _marks(one)
        found = sorted({places[mark] for mark in marks if mark in places})
        if found:
            into, *others = found
            for other in others:
                groups[into] += groups[other]
                groups[other] = []
            places.update({mark: into for mark, at in places.items() if at in others})
        else:
            into = len(groups)
            groups.append([])
        groups[into].append(one)
        places.update(dict.fromkeys(marks, into))
    return sorted((_merged(group) for group in _by_name([group for group in groups if group])), key=lambda one: one.key)


def _by_name(groups: Sequence[list[Glimpse]]) -> list[list[Glimpse]]:
    named: dict[str, list[list[Glimpse]]] = {}
    for group in groups:
        for name in {f"{one.site}/{one.name.partition('.')[0].lower()}" for one in group if one.name}:
            named.setdefault(name, []).append(group)
    found = list(groups)
    for same in named.values():
        heard = [group for group in same if all(one.place for one in group)]
        knocked = [group for group in same if not any(one.place for one in group)]
        if len(same) == 2 and len(heard) == len(knocked) == 1 and heard[0] in found and knocked[0] in found:
            found = [group for group in found if group is not heard[0] and group is not knocked[0]]
            found.append(heard[0] + knocked[0])
    return found


def _marks(one: Glimpse) -> list[str]:
    marks = [f"mac:{one.mac}"] if one.mac else []
    if one.address:
        marks += [f"address:{one.site}/{one.address}"]
    return marks or [f"name:{one.name}" if one.name else f"place:{one.place}"]


def _merged(looks: Sequence[Glimpse]) -> Unmanaged:
    group = sorted(looks, key=lambda one: not one.credential)  # what answered knows best

    def first(name: str) -> str:
        return next((value for one in group if (value := str(getattr(one, name)))), "")

    return Unmanaged(
        since_ms=min(one.since_ms for one in group),
        seen_ms=max(one.seen_ms for one in group),
        name=first("name"),
        address=first("address"),
        mac=first("mac"),
        site=first("site"),
        credential=first("credential"),
        description=first("description"),
        places=tuple(sorted({one.place for one in group if one.place is not None})),
        by=tuple(sorted({word for one in group for word in one.by})),
    )


def at_site(glimpses: Iterable[Glimpse], site_of: dict[int, str], sites: Sequence[str]) -> list[Glimpse]:
    """Return looks with their site: that of the device that looked, else the only one that there is.

    :param site_of: site by CI that is read there.
    """
    only = sites[0] if len(sites) == 1 else ""
    return [
        one if one.site or one.place is None else replace(one, site=site_of.get(one.place[0], only)) for one in glimpses
    ]
