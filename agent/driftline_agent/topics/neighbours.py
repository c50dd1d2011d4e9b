"""Neighbours on the links, by ARP and NDP. Source: rtnetlink(7) RTM_GETNEIGH, linux/neighbour.h."""

import struct
from collections.abc import Mapping

from driftline.v1.facts_pb2 import Neighbour
from driftline_agent.host import Host
from driftline_agent.netlink import RTM_NEWNEIGH, attributes, ip, messages
from driftline_agent.topic import Reading, Topic

_NDA_DST, _NDA_LLADDR = 1, 2
_PERMANENT, _ROUTER, _PROXY = 0x80, 0x80, 0x08
#: REACHABLE, STALE, DELAY, PROBE and PERMANENT: someone has answered, or is known.
_KNOWN = 0x02 | 0x04 | 0x08 | 0x10 | _PERMANENT
_REACHABLE, _UNANSWERED = 0x02, 0x01 | 0x20
_NEIGHBOUR = struct.Struct("=BBHiHBB")
#: A router of a large network has tens of thousands; of more than so many an inventory tells nothing useful.
MAX_NEIGHBOURS = 2000


def parse_neighbours(data: bytes, interfaces: Mapping[int, str]) -> list[Neighbour]:
    """Return the neighbours of an RTM_GETNEIGH dump, sorted by key; multicast ones are left out.

    :param interfaces: names by index.
    """
    out: dict[tuple[str, str], Neighbour] = {}
    for message in messages(data):
        if message.type != RTM_NEWNEIGH:
            continue
        try:
            _, _, _, index, state, flags, _ = _NEIGHBOUR.unpack_from(message.body)
            found = attributes(message.body, _NEIGHBOUR.size)
            if not state & (_KNOWN | _UNANSWERED) or flags & _PROXY or index not in interfaces:
                continue
            mac = found.get(_NDA_LLADDR, b"")
            entry = Neighbour(interface=interfaces[index], address=ip(found[_NDA_DST]), mac=mac.hex(":"))
        except (struct.error, ValueError, KeyError):
            continue
        if state & _PERMANENT:
            entry.permanent = True
        if flags & _ROUTER:
            entry.router = True
        if state & (_REACHABLE | _UNANSWERED):
            entry.reachable = bool(state & _REACHABLE)
        out[entry.interface, entry.address] = entry
    # Who scans a network has thousands that gave no answer: they push out nobody who did.
    kept = sorted(out, key=lambda key: (out[key].HasField("reachable") and not out[key].reachable, key))
    return [out[key] for key in sorted(kept[:MAX_NEIGHBOURS])]


def collect(host: Host) -> Reading:
    """Read the neighbours of the agent's own network namespace."""
    from driftline_agent.topics.interfaces import parse_links

    reading = Reading()
    names = {index: interface.name for index, interface in parse_links(host.netlink("link")).items()}
    reading.facts.network.neighbours.extend(parse_neighbours(host.netlink("neighbour"), names))
    return reading


TOPIC = Topic(revision=2, fills=("network.neighbours",), collect=collect)
