"""Who a host talks to: connections made into few entries that stay, one a remote end and port.

A connection is a moment's matter, and an inventory is read every few minutes: an entry comes when its connection is
seen, and goes a day and an hour after it was seen last, so that what happens once a day stays.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple

from driftline_agent.numbers import whole
from driftline_agent.sockdiag import CONNECTED, Connection

#: Seconds that an entry stays without being seen.
KEPT_S = 25 * 3600.0
#: Other hosts that are told of by name, for a port here and for a port elsewhere; with more, they are one entry ``*``.
MOST_IN, MOST_OUT = 64, 128
#: Entries in all; past them the port with the most becomes one entry.
MOST = 500
#: High ports of one other host; with more, they are one entry with port 0: a protocol that negotiates its ports.
MOST_HIGH = 8
#: Stands for more hosts than are told of.
MANY = "*"
#: The lowest port that some kernel gives by itself to whoever connects (RFC 6056 has 1024, Linux 32768, others 49152).
_EPHEMERAL = 32_768
_TCP_LISTEN = 10


class Key(NamedTuple):
    """What makes an entry, as in the schema."""

    direction: str
    protocol: str
    address: str
    port: int


#: A port, of one direction and protocol.
_Group = tuple[str, str, int]


@dataclass(slots=True)
class Holder:
    """Who has the connection at this end, as far as it is known."""

    unit: str = ""
    process: str = ""
    executable: str = ""
    package: str = ""


@dataclass(slots=True)
class _Entry:
    seen: float
    holder: Holder = field(default_factory=Holder)


def parse_table(
    text: str, parse_address: Callable[[str, str], str], byteorder: str = sys.byteorder
) -> Iterator[Connection]:
    """Yield the connections of /proc/net/tcp and its like, in every state; LISTEN has no remote port."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10:
            continue
        state, inode = whole(fields[3], 255, 16), whole(fields[9])
        ends = [end.partition(":") for end in fields[1:3]]
        ports = [whole(port, 65_535, 16) for _, _, port in ends]
        if inode is None or state not in CONNECTED | {_TCP_LISTEN} or None in ports:
            continue
        try:
            local, remote = (parse_address(address, byteorder) for address, _, _ in ends)
        except (ValueError, OverflowError):
            continue
        yield Connection(local, ports[0] or 0, remote, ports[1] or 0, inode)


def key_of(protocol: str, one: Connection, listening: Set[int]) -> Key | None:
    """Return the entry that a connection belongs to; None where it leads to this host itself, or nowhere.

    :param listening: local ports that wait for connections.
    """
    address = _other(one)
    if address is None or not one.remote_port or not one.local_port:
        return None
    is_high, is_theirs = one.remote_port >= _EPHEMERAL, one.local_port < _EPHEMERAL
    if one.local_port in listening or (is_high and is_theirs):
        return Key("in", protocol, address, one.local_port)
    if protocol == "udp" and is_high:
        return None  # neither end's port says what it is for
    return Key("out", protocol, address, one.remote_port)


def _other(one: Connection) -> str | None:
    address = ip_address(one.remote)
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    if address.is_loopback or address.is_unspecified or address.is_multicast or one.remote == one.local:
        return None
    return str(address)


@dataclass(slots=True)
class Memory:
    """What was seen of late; it is kept from one reading to the next."""

    entries: dict[Key, _Entry] = field(default_factory=dict)
    #: Ports with more hosts than are told of, each with when that was seen last and who has it.
    crowded: dict[_Group, _Entry] = field(default_factory=dict)
    #: Other hosts with more high ports than are told of: direction, protocol, address.
    spread: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def see(self, found: Iterable[Key], now: float) -> None:
        """Take in what is connected now, and forget what was not seen for long."""
        before = now - KEPT_S
        self.entries = {key: one for key, one in self.entries.items() if one.seen > before}
        self.crowded = {group: one for group, one in self.crowded.items() if one.seen > before}
        self.spread = {place: seen for place, seen in self.spread.items() if seen > before}
        counts: dict[_Group, int] = {}
        for key in sorted(set(found)):
            if key[:3] in self.spread and key.port >= _EPHEMERAL:
                self.spread[key[:3]] = now
                key = key._replace(port=0)
            group = self._group(key)
            counts[group] = counts.get(group, 0) + 1
            if group not in self.crowded:
                self.entries.setdefault(key, _Entry(now)).seen = now
        for group, count in counts.items():
            if group in self.crowded and count > _most(group) // 2:
                self.crowded[group].seen = now
        self._bound(now)

    def _group(self, key: Key) -> _Group:
        whole = (key.direction, key.protocol, 0)
        return whole if whole in self.crowded else (key.direction, key.protocol, key.port)

    def _bound(self, now: float) -> None:
        high: dict[tuple[str, str, str], list[Key]] = {}
        for key in self.entries:
            if key.direction == "out" and key.port >= _EPHEMERAL:
                high.setdefault(key[:3], []).append(key)
        for place, keys in high.items():
            if len(keys) > MOST_HIGH:
                self.spread[place] = now
                self.entries[Key(*place, 0)] = [self.entries.pop(key) for key in keys][-1]
        groups: dict[_Group, list[Key]] = {}
        for key in self.entries:
            groups.setdefault(self._group(key), []).append(key)
        for group, keys in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
            is_over = len(self.entries) + len(self.crowded) > MOST and len(keys) > 1
            if is_over or len(keys) > _most(group):
                self._crowd(group, keys, now)
        if len(self.entries) + len(self.crowded) > MOST:
            # Hosts on very many ports: of that direction and protocol nothing can be told.
            ways = [key[:2] for key in self.entries] + [group[:2] for group in self.crowded]
            way = max(sorted(set(ways)), key=ways.count)
            self._crowd((way[0], way[1], 0), [key for key in self.entries if key[:2] == way], now)
            self.crowded = {group: one for group, one in self.crowded.items() if group[:2] != way or not group[2]}

    def _crowd(self, group: _Group, keys: list[Key], now: float) -> None:
        entries = [self.entries.pop(key) for key in sorted(keys)]
        holder = next((one.holder for one in entries if one.holder.unit or one.holder.process), Holder())
        self.crowded[group] = _Entry(now, holder if group[2] else Holder())

    def told(self) -> dict[Key, Holder]:
        """Return the entries, sorted, with who has them here."""
        out = {key: one.holder for key, one in self.entries.items()}
        out |= {Key(way, protocol, MANY, port): one.holder for (way, protocol, port), one in self.crowded.items()}
        return {key: out[key] for key in sorted(out)}


def _most(group: _Group) -> int:
    return MOST_IN if group[0] == "in" else MOST_OUT
