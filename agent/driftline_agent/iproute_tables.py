"""Routes, rules and neighbours as iproute2 prints them, for people and with -j.

Source: ip-route(8), ip-rule(8), ip-neighbour(8).
"""

import re
from collections.abc import Iterator

from driftline.v1.facts_pb2 import Neighbour, PolicyRule, Route
from driftline_agent.iproute import MAX_ENTRIES, Entry, from_json, pairs_of, small

_ROUTE_TYPES = frozenset(
    ["unicast", "local", "broadcast", "multicast", "throw", "unreachable", "prohibit", "blackhole", "anycast"]
)
_TOLD_TYPES = frozenset(["unicast", "local", "throw", "unreachable", "prohibit", "blackhole"])
_WITH_VALUE = frozenset({
    "via", "dev", "proto", "protocol", "scope", "src", "metric", "table", "weight", "mtu", "advmss", "rto_min",
    "expires", "hoplimit", "pref", "nhid", "error", "window", "rtt", "initcwnd", "initrwnd", "realm", "realms",
    "from", "iif", "tos", "encap",
})  # fmt: skip
_KNOWN_NEIGHBOUR = frozenset({"REACHABLE", "STALE", "DELAY", "PROBE", "PERMANENT"})


def parse_route_lines(text: str) -> list[Entry]:
    """Return the routes of ``ip route``; next hops on lines of their own belong to the one before."""
    known = from_json(text)
    if known is not None:
        return known
    out: list[Entry] = []
    for line in text.replace("\\", "\n\t").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "nexthop":
            if out:
                out[-1].setdefault("nexthops", []).append(_route_words(words[1:]))
            continue
        entry: Entry = {"type": words.pop(0)} if words[0] in _ROUTE_TYPES else {}
        if words:
            entry["dst"] = words[0]
            out.append({**entry, **_route_words(words[1:])})
    return out


def _route_words(words: list[str]) -> Entry:
    entry: Entry = {}
    position = 0
    while position < len(words):
        name = words[position]
        if name == "via" and position + 2 < len(words) and words[position + 1] in ("inet", "inet6"):
            entry["gateway"] = words[position + 2]
            position += 3
        elif name in _WITH_VALUE and position + 1 < len(words):
            entry[{"via": "gateway", "proto": "protocol", "src": "prefsrc"}.get(name, name)] = words[position + 1]
            position += 2
        else:
            position += 1
    return entry


def _gateway(hop: Entry) -> str:
    via = hop.get("via")
    return str(hop.get("gateway") or (via.get("host") if isinstance(via, dict) else "") or "")


def _routes_of(entry: Entry) -> Iterator[Route]:
    destination, kind = str(entry.get("dst") or ""), str(entry.get("type") or "unicast")
    table = str(entry.get("table") or "main")
    if not destination or kind not in _TOLD_TYPES or table == "local":
        return
    hops = entry.get("nexthops")
    several = [hop for hop in hops if isinstance(hop, dict)] if isinstance(hops, list) else []
    source = str(entry.get("prefsrc") or "")
    v6 = ":" in destination + source + "".join(map(_gateway, several or [entry]))
    if destination == "default":
        destination = "::/0" if v6 else "0.0.0.0/0"
    elif "/" not in destination:
        destination += "/128" if ":" in destination else "/32"
    for hop in several or [entry]:
        out = Route(
            destination=destination,
            table=table,
            metric=small(entry.get("metric") or 0) or 0,
            gateway=_gateway(hop),
            interface=str(hop.get("dev") or entry.get("dev") or ""),
            protocol=str(entry.get("protocol") or "boot"),
            source=source,
            type=kind,
        )
        weight = small(hop.get("weight"))
        if several and weight:
            out.weight = weight
        yield out


def routes(text: str) -> list[Route]:
    """Return the routes of ``ip route``, sorted by key."""
    found: dict[tuple[str, str, int, str, str], Route] = {}
    for entry in parse_route_lines(text)[:MAX_ENTRIES]:
        for route in _routes_of(entry):
            found[route.destination, route.table, route.metric, route.gateway, route.interface] = route
    return [found[key] for key in sorted(found)]


def rules(text: str, family: str = "") -> list[PolicyRule]:
    """Return the rules of ``ip rule``, sorted by key.

    :param family: ipv4 or ipv6, where the rules do not show it.
    """
    known = from_json(text)
    lines = [_rule_line(entry) for entry in known] if known is not None else text.splitlines()
    out: dict[tuple[str, int, str], PolicyRule] = {}
    for line in lines[:MAX_ENTRIES]:
        priority, colon, rest = line.strip().partition(":")
        number = small(priority) if colon and priority.isdigit() else None
        action = re.search(r"\b(lookup|goto|nop|blackhole|unreachable|prohibit)\b.*$", rest)
        if number is None or action is None:
            continue
        done, protocol = action[0].strip(), ""
        match = re.search(r"\s+proto(?:col)?\s+(\S+)$", done)
        if match is not None:
            done, protocol = done[: match.start()], match[1]
        selector = " ".join(rest[: action.start()].split())
        kind = family or ("ipv6" if re.search(r"[0-9a-f]*:[0-9a-f:]+", selector) else "ipv4")
        rule = PolicyRule(family=kind, priority=number, selector=selector, actions=[done], protocol=protocol)
        before = out.setdefault((kind, number, selector), rule)
        if before is not rule:
            before.actions.append(done)
    return [out[key] for key in sorted(out)]


def _rule_line(entry: Entry) -> str:
    """Return a rule of ``ip -j rule`` as it is printed for people."""

    def prefix(name: str) -> str:
        bits = entry.get(f"{name}len")
        return f"{entry[name]}/{bits}" if bits is not None else str(entry[name])

    words = ["not"] if "not" in entry else []
    words += ["from", prefix("src")] if "src" in entry else ["from", "all"]
    if "dst" in entry:
        words += ["to", prefix("dst")]
    if "tos" in entry:
        words += ["tos", str(entry["tos"])]
    if "fwmark" in entry:
        words += ["fwmark", str(entry["fwmark"]) + (f"/{entry['fwmask']}" if "fwmask" in entry else "")]
    words += [word for name in ("iif", "oif") if name in entry for word in (name, str(entry[name]))]
    if "uid_start" in entry:
        words += ["uidrange", f"{entry['uid_start']}-{entry.get('uid_end', entry['uid_start'])}"]
    if "ipproto" in entry:
        words += ["ipproto", str(entry["ipproto"])]
    for name in ("sport", "dport"):
        if name in entry:
            words += [name, str(entry[name])]
        elif f"{name}_start" in entry:
            words += [name, f"{entry[f'{name}_start']}-{entry.get(f'{name}_end')}"]
    if "goto" in entry:
        words += ["goto", str(entry["goto"])]
    elif "action" in entry:
        words.append(str(entry["action"]))
    else:
        words += ["lookup", str(entry.get("table", "main"))]
    if "suppress_prefixlen" in entry:
        words += ["suppress_prefixlength", str(entry["suppress_prefixlen"])]
    if "protocol" in entry:
        words += ["proto", str(entry["protocol"])]
    return f"{entry.get('priority')}: {' '.join(words)}"


def neighbours(text: str) -> list[Neighbour]:
    """Return the neighbours of ``ip neighbour``, sorted by key; unanswered ones are left out."""
    entries = from_json(text)
    if entries is None:
        entries = []
        for line in text.splitlines():
            words = line.split()
            if len(words) >= 2:
                pairs = pairs_of(words, ("dev", "lladdr"))
                states = [word for word in words if word.isupper() and word.isalpha()]
                router = {"router": None} if "router" in words else {}
                entries.append({"dst": words[0], **pairs, "state": states, **router})
    out: dict[tuple[str, str], Neighbour] = {}
    for entry in entries[:MAX_ENTRIES]:
        known = entry.get("state")
        if not isinstance(known, list) or not _KNOWN_NEIGHBOUR.intersection(map(str, known)):
            continue
        found = Neighbour(interface=str(entry.get("dev") or ""), address=str(entry.get("dst") or ""))
        found.mac = str(entry.get("lladdr") or "").lower()
        if "PERMANENT" in known:
            found.permanent = True
        if "router" in entry:
            found.router = True
        if found.address:
            out[found.interface, found.address] = found
    return [out[key] for key in sorted(out)]
