"""Routes of all tables but the local one. Source: rtnetlink(7) RTM_GETROUTE, /etc/iproute2/rt_protos."""

import struct
from collections.abc import Iterator, Mapping

from driftline.v1.facts_pb2 import Route
from driftline_agent.host import Host
from driftline_agent.netlink import RTM_NEWROUTE, attribute_list, ip, messages, u32
from driftline_agent.routing import parse_protocols, protocol_names, table_name
from driftline_agent.topic import Reading, Topic

# linux/rtnetlink.h
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC, _RTA_MULTIPATH, _RTA_TABLE, _RTA_VIA = (
    1, 4, 5, 6, 7, 9, 15, 18,
)  # fmt: skip
_RTM_F_CLONED, _RT_TABLE_LOCAL, _RTPROT_REDIRECT = 0x200, 255, 1
_TYPES = {1: "unicast", 2: "local", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
_LOCAL, _OF_THE_KERNEL = 2, 2
_ROUTE = struct.Struct("=BBBBBBBBI")
_NEXT_HOP = struct.Struct("=HBBi")


def parse_routes(data: bytes, interfaces: Mapping[int, str], protocols: Mapping[int, str]) -> list[Route]:
    """Return the routes of an RTM_GETROUTE dump; one with several next hops is one route for each.

    :param interfaces: names by index.
    :param protocols: names by number, besides the well-known ones.
    """
    names = protocol_names(protocols)
    out: list[Route] = []
    for message in messages(data):
        if message.type != RTM_NEWROUTE:
            continue
        try:
            out += _routes_of(message.body, interfaces, names)
        except (struct.error, ValueError):
            continue  # cut
    return out


def _routes_of(body: bytes, interfaces: Mapping[int, str], names: Mapping[int, str]) -> Iterator[Route]:
    family, bits, _, _, table, protocol, _, kind, flags = _ROUTE.unpack_from(body)
    found = dict(attribute_list(body, _ROUTE.size))
    table = u32(found[_RTA_TABLE]) if _RTA_TABLE in found else table
    if table == _RT_TABLE_LOCAL or kind not in _TYPES or flags & _RTM_F_CLONED or protocol == _RTPROT_REDIRECT:
        return
    if kind == _LOCAL and protocol == _OF_THE_KERNEL:
        return  # what the local table holds, in the table of a VRF
    anywhere = "0.0.0.0" if family == 2 else "::"  # noqa: S104  # a destination, nothing is bound
    base = Route(
        destination=f"{ip(found[_RTA_DST]) if _RTA_DST in found else anywhere}/{bits}",
        table=table_name(table),
        metric=u32(found[_RTA_PRIORITY]) if _RTA_PRIORITY in found else 0,
        protocol=names.get(protocol, str(protocol)),
        source=ip(found[_RTA_PREFSRC]) if _RTA_PREFSRC in found else "",
        type=_TYPES[kind],
    )
    for index, gateway, weight in _next_hops(found):
        route = Route(gateway=gateway, interface=interfaces.get(index, "") if index else "", weight=weight)
        route.MergeFrom(base)
        yield route


def _gateway(found: Mapping[int, bytes]) -> str:
    if _RTA_GATEWAY in found:
        return ip(found[_RTA_GATEWAY])
    return ip(found[_RTA_VIA][2:]) if _RTA_VIA in found else ""


def _next_hops(found: Mapping[int, bytes]) -> Iterator[tuple[int, str, int | None]]:
    """Yield index, gateway and, where there are several, weight of each next hop."""
    hops = found.get(_RTA_MULTIPATH)
    if hops is None:
        yield (u32(found[_RTA_OIF]) if _RTA_OIF in found else 0), _gateway(found), None
        return
    position = 0
    while position + _NEXT_HOP.size <= len(hops):
        length, _, weight, index = _NEXT_HOP.unpack_from(hops, position)
        if length < _NEXT_HOP.size:
            return
        below = dict(attribute_list(hops[: position + length], position + _NEXT_HOP.size))
        yield index, _gateway(below), weight + 1
        position += (length + 3) & ~3


def _key(route: Route) -> tuple[str, str, int, str, str]:
    return route.destination, route.table, route.metric, route.gateway, route.interface


def collect(host: Host) -> Reading:
    """Read the routes of the agent's own network namespace."""
    from driftline_agent.passing import is_passing_route
    from driftline_agent.topics.interfaces import parse_passing

    links, leaving = parse_passing(host.netlink("link"))
    names = {index: interface.name for index, interface in links.items()}
    protocols = parse_protocols(host)
    found = {
        _key(route): route
        for dump in ("route4", "route6")
        for route in parse_routes(host.netlink(dump), names, protocols)
    }
    reading = Reading()
    network = reading.facts.network
    for key in sorted(found):
        (network.passing_routes if is_passing_route(found[key], leaving) else network.routes).append(found[key])
    return reading


TOPIC = Topic(
    revision=4,
    fills=("network.routes", "network.passing_routes"),
    collect=collect,
    events=frozenset({"link", "route"}),
    watches=("/etc/network", "/etc/netplan", "/etc/systemd/network"),
)
