"""What a CI reports of its ports, of what is at them, and of what it is known by."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import zstandard
from sqlmodel import Session, col, select

from driftline import paths
from driftline.v1.facts_pb2 import Facts
from driftline.v1.network_pb2 import Interface
from driftline_baseline.proposals import counts
from driftline_baseline.topology import ends, sights
from driftline_baseline.topology.ends import Neighbour, Port
from driftline_baseline.topology.sights import Evidence, Who
from driftline_cmdb import record
from driftline_cmdb.identity import bindings
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.elements import Element, Holding, Path, Section
from driftline_cmdb.tables.identity import IdentityClaim
from driftline_cmdb.tables.sources import Source
from driftline_cmdb.tables.topology import TopologyKey
from driftline_cmdb.topology.due import TOPICS

#: Topics of which the STATE is read; `arp` says which address goes with a hardware address.
_READ = sorted(TOPICS | {"arp"})
#: A port with more hardware addresses behind it leads to other bridges: nobody there is next to it.
_CROWD = 64
#: Claims of sources that name a CI to its neighbours, and what their values are known as.
_CLAIMED = {
    "lldp_chassis_id": "chassis",
    "mac": "mac",
    "management_address": "address",
    "hostname": "name",
    "fqdn": "name",
}
#: Attributes of a device that name it to its neighbours, by element path.
_SELF = {
    "device": ("chassis", "lldp_chassis_id"),
    "device.snmp": ("name", "system_name"),
    "device.spanning_tree": ("mac", "address"),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What one CI's sources say."""

    evidence: Evidence
    #: What it is known by.
    keys: frozenset[str]
    #: When each topic was read last, ms, by name.
    read_ms: Mapping[str, int] = field(default_factory=dict)

    def heard_ms(self, by: str, now_ms: int) -> int:
        """Return when what is seen in this way was read."""
        topics = ("forwarding",) if by == sights.MAC else ("lldp", "neighbours")
        return max((self.read_ms[topic] for topic in topics if topic in self.read_ms), default=now_ms)


def look(session: Session, ci: Ci) -> Look:
    """Read what a CI's sources say of its ports and of what is at them."""
    query = (
        select(Section.id, Section.name, Section.observed_ms, Section.state)
        .join(Source, col(Source.id) == col(Section.source_id))
        .join(Binding, col(Binding.source_id) == col(Source.id))
        .where(
            Binding.ci_id == ci.id,
            col(Binding.until_ms).is_(None),
            col(Section.name).in_(_READ),
            col(Section.muted).is_(False),
        )
        .order_by(*bindings.precedence(lowest_first=True), col(Section.id))
    )
    state, read_ms, held = Facts(), dict[str, int](), []
    for section_id, name, observed_ms, content in session.exec(query):
        read_ms[name] = max(observed_ms, read_ms.get(name, 0))
        if content:
            state.MergeFromString(zstandard.decompress(content))
        if name == "interfaces":
            held.append(section_id)
    interfaces = _interfaces(session, held, state)
    ports = [ends.port_of(one) for one in interfaces if one.type != "loopback"]
    told = Evidence(ports, _heard(state), _behind(state), {one.mac: one.address for one in state.network.neighbours})
    return Look(told, frozenset(_keys(session, ci, ports, interfaces)), read_ms)


def _interfaces(session: Session, sections: Sequence[int], state: Facts) -> list[Interface]:
    """Return a CI's interfaces with what matters here: decisions from the holdings, the rest from the state."""
    found: dict[str, Interface] = {}
    for one in (*state.network.interfaces, *state.network.passing_interfaces):
        found.setdefault(one.name, Interface(name=one.name)).MergeFrom(one)
    if not sections:
        return list(found.values())
    query = (
        select(Path.text, Element.content)
        .select_from(Holding)
        .join(Path, col(Path.id) == col(Holding.path_id))
        .join(Element, col(Element.id) == col(Holding.element_id))
        .where(
            col(Holding.source_id).in_(select(Section.source_id).where(col(Section.id).in_(sections))),
            col(Holding.section_id).in_(sections),
            col(Holding.until_revision).is_(None),
            col(Path.text).startswith("network.interfaces["),
        )
    )
    for path, content in session.exec(query):
        (_, _), (_, keys), *below = paths.steps(path)
        one = found.setdefault(keys[0], Interface(name=keys[0])) if keys else Interface()
        if not below:
            one.MergeFromString(content)
        elif below[0][0] == "addresses" and below[0][1]:
            one.addresses.add(address=below[0][1][0])
    return [found[name] for name in sorted(found)]


def _heard(state: Facts) -> list[Neighbour]:
    return [
        Neighbour(
            one.interface,
            one.protocol,
            one.chassis_id,
            one.port_id,
            one.system_name,
            one.port_description,
            tuple(one.management_addresses),
        )
        for one in state.network.lldp_neighbours
    ]


def _behind(state: Facts) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in state.device.forwarding:
        mac = ends.mac_of(one.mac)
        if mac and one.interface and one.status in ("", "learned"):
            found.setdefault(one.interface, set()).add(mac)
    return {port: macs for port, macs in found.items() if len(macs) <= _CROWD}


def _keys(session: Session, ci: Ci, ports: Iterable[Port], interfaces: Iterable[Interface]) -> set[str]:
    """Return what a CI is known by at the other ends of its cables."""
    found = {f"mac:{one}" for one in ends.all_macs(ports)} | set(ends.name_keys(ci.name))
    addresses = (a.address for one in interfaces for a in (*one.addresses, *one.automatic_addresses))
    found |= {key for one in addresses if (key := _key("address", one))}
    for kind, text in session.exec(
        select(IdentityClaim.kind, IdentityClaim.key).where(
            IdentityClaim.ci_id == ci.id, col(IdentityClaim.kind).in_(sorted(_CLAIMED))
        )
    ):
        found |= _keyed(_CLAIMED[kind], text.partition(":")[2])
    for place, attributes in record.elements_of(session, ci.id, sorted(_SELF)).items():
        kind, name = _SELF[place]
        found |= _keyed(kind, str(attributes.get(name) or ""))
    return found


def _keyed(kind: str, text: str) -> set[str]:
    if kind == "name":
        return set(ends.name_keys(text))
    key = _key(kind, text)
    return {key} if key else set()


def _key(kind: str, text: str) -> str | None:
    if not text:
        return None
    if kind == "chassis":
        return ends.chassis_key(text)
    if kind == "mac":
        return f"mac:{mac}" if (mac := ends.mac_of(text)) else None
    key = ends.address_key(text)
    return key if key and counts(key.partition(":")[2]) else None


def who(session: Session, keys: Collection[str]) -> Who:
    """Return what says which CI goes by some keys; all that will be asked for are named before.

    The first key that exactly one CI has decides. An address or a name does not where both sides have a chassis id and
    these differ: a new switch with the name or the address that its maker gave it is not the one that has it, too.
    """
    holders: dict[str, set[int]] = {}
    for part in chunks(sorted(keys)):
        query = (
            select(TopologyKey.key, TopologyKey.ci_id)
            .join(Ci, col(Ci.id) == col(TopologyKey.ci_id))
            .where(col(TopologyKey.key).in_(part), col(Ci.merged_into_id).is_(None))
        )
        for key, ci_id in session.exec(query):
            holders.setdefault(key, set()).add(ci_id)
    named = {ci_id for found in holders.values() for ci_id in found}
    with_chassis: set[int] = set()
    for ids in chunks(sorted(named)):
        own = select(TopologyKey.ci_id).where(
            col(TopologyKey.ci_id).in_(ids), col(TopologyKey.key).startswith("chassis:")
        )
        with_chassis.update(session.exec(own))

    def found(asked: Sequence[str]) -> int | None:
        hardware = any(key.startswith("mac:") for key in asked)
        for key in asked:
            cis = holders.get(key, set())
            if key.startswith(("address:", "name:")) and hardware:
                cis = cis - with_chassis
            if len(cis) == 1:
                return next(iter(cis))
        return None

    return found
