"""Interfaces as iproute2 prints them, for people (with any of -d, -o, -s) and with -j.

Source: ip-address(8), ip-link(8), iproute2 ip/ipaddress.c.

Both forms become the same dictionaries, as ``ip -j`` has them; what is cut or not understood is left out.
"""

import json
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from driftline import late
from driftline.v1.facts_pb2 import Address, Interface

Entry = dict[str, Any]

_HEAD = late.pattern(r"^(\d+):\s+(\S+?)(?:@(\S+))?:\s+<([^>]*)>\s*(.*)$")
_ONE_LINE = late.pattern(r"^(\d+):\s+(\S+)\s+(inet6?|link/\S+)\s+(.*)$")
_TYPES = {"loopback": "loopback", "ether": "ethernet", "infiniband": "infiniband"}
#: What link/... says of hardware that has no Ethernet address; the kind follows from it.
_LINK_KINDS = {"sit": "sit", "ipip": "ipip", "gre": "gre", "tunnel6": "ip6tnl", "gre6": "ip6gre"}
_KINDS = frozenset({
    "bond", "bridge", "dummy", "erspan", "geneve", "gre", "gretap", "ifb", "ip6erspan", "ip6gre", "ip6gretap",
    "ip6tnl", "ipip", "ipoib", "ipvlan", "ipvtap", "macsec", "macvlan", "macvtap", "netdevsim", "netkit", "nlmon",
    "sit", "team", "tun", "veth", "vlan", "vrf", "vti", "vti6", "vxlan", "wireguard", "xfrm",
})  # fmt: skip
#: What is set of an interface; the rest is state.
_SET = {"BROADCAST": "broadcast", "MULTICAST": "multicast", "NOARP": "noarp", "POINTOPOINT": "point-to-point"}
_RENAMED = {"team": "bond"}
MAX_ENTRIES = 100_000


def _number(word: object) -> int | None:
    text = str(word)
    try:
        found = int(text, 0)
    except ValueError:
        return None
    return found if -(1 << 63) <= found < 1 << 63 else None


def small(word: object) -> int | None:
    """Return a number that fits 31 bits, or None."""
    found = _number(word)
    return found if found is not None and 0 <= found < 1 << 31 else None


def from_json(text: str) -> list[Entry] | None:
    """Return the entries of ``ip -j``; None where it is no JSON."""
    if not text.lstrip().startswith(("[", "{")):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def pairs_of(words: Iterable[str], names: Iterable[str]) -> Entry:
    """Return the words after each of these names."""
    wanted, found = frozenset(names), list(words)
    return {name: value for name, value in pairwise(found) if name in wanted}


def _address(family: str, words: list[str]) -> Entry | None:
    """Return an entry of addr_info: ``192.0.2.1 peer 192.0.2.2/32 brd ... scope global dynamic eth0:1``."""
    if not words:
        return None
    pairs = pairs_of(words[1:], ("peer", "brd", "scope"))
    local, _, length = words[0].partition("/")
    peer, _, its_length = str(pairs.get("peer", "")).partition("/")
    bits = small(length or its_length or ("128" if family == "inet6" else "32"))
    if bits is None:
        return None
    used = {"peer", "brd", "scope", *map(str, pairs.values())}
    flags = [word for word in words[1:] if word not in used]
    label = flags[-1] if family == "inet" and flags and flags[-1] not in _FLAGS else ""
    return {
        "local": local, "prefixlen": bits, "address": peer, "broadcast": pairs.get("brd", ""),
        "scope": pairs.get("scope", ""), "dynamic": "dynamic" in flags, "temporary": "temporary" in flags,
        "label": label,
    }  # fmt: skip


_FLAGS = frozenset({
    "dynamic", "permanent", "temporary", "secondary", "tentative", "deprecated", "dadfailed", "noprefixroute",
    "mngtmpaddr", "home", "nodad", "autojoin", "optimistic", "stable-privacy", "proto",
})  # fmt: skip


def _link_entry(match: re.Match[str]) -> Entry:
    words = match[5].split()
    entry: Entry = {"ifindex": int(match[1]) if len(match[1]) < 10 else 0, "ifname": match[2], "addr_info": []}
    entry["flags"] = [flag for flag in match[4].split(",") if flag]
    if match[3] and match[3] != "NONE":
        entry["link"] = match[3]
    pairs = pairs_of(words, ("mtu", "master", "state", "qlen"))
    for name, key in (("mtu", "mtu"), ("qlen", "txqlen")):
        if name in pairs:
            entry[key] = small(pairs[name])
    if "master" in pairs:
        entry["master"] = pairs["master"]
    if "state" in pairs:
        entry["operstate"] = pairs["state"]
    return entry


def parse_links(text: str) -> list[Entry]:
    """Return the interfaces of ``ip address`` or ``ip link``, each with its addresses."""
    known = from_json(text)
    if known is not None:
        return known
    out: dict[str, Entry] = {}
    entry: Entry | None = None
    for line in text.replace("\\", "\n    ").splitlines():
        head = _HEAD.match(line)
        if head is not None:
            entry = out.setdefault(head[2], _link_entry(head))
            continue
        one = _ONE_LINE.match(line)  # -o
        if one is not None:
            entry = out.setdefault(one[2], {"ifindex": int(one[1][:9]), "ifname": one[2], "addr_info": []})
            line = f"{one[3]} {one[4]}"
        words = line.split()
        if entry is not None and words:
            _add_line(entry, words)
    return list(out.values())


def _add_line(entry: Entry, words: list[str]) -> None:
    if words[0].startswith("link/"):
        entry["link_type"] = words[0].removeprefix("link/")
        if len(words) > 1 and words[1] not in ("brd", "peer", "promiscuity"):
            entry["address"] = words[1]
        pairs = pairs_of(words, ("promiscuity", "permaddr", "numtxqueues"))
        entry["permaddr"] = pairs.get("permaddr", "")
        if "promiscuity" in pairs:
            entry["promiscuity"] = small(pairs["promiscuity"])
        if "link-netnsid" in words:
            entry["link_netnsid"] = 0
    elif words[0] in ("inet", "inet6"):
        found = _address(words[0], words[1:])
        if found is not None:
            entry["addr_info"].append(found)
    elif words[0] == "alias":
        entry["ifalias"] = " ".join(words[1:])
    elif words[0] in _KINDS:
        entry["linkinfo"] = {"info_kind": words[0], "info_data": _details(words)}
    elif words[0].startswith(("bridge_slave", "bond_slave")):
        return


def _details(words: list[str]) -> Entry:
    """Return what ``-d`` prints of a kind, named as in JSON."""
    pairs = dict(pairwise(words[1:]))
    data: Entry = {**pairs}
    for name, key in (
        ("stp_state", "stp_state"),
        ("priority", "priority"),
        ("vlan_filtering", "vlan_filtering"),
        ("miimon", "miimon"),
    ):
        if name in pairs:
            data[key] = small(pairs[name])
    if "lacp_rate" in pairs:
        data["ad_lacp_rate"] = pairs["lacp_rate"]
    if "dstport" in pairs:
        data["port"] = small(pairs["dstport"])
    if words[0] == "vlan":
        data["id"], data["protocol"] = small(pairs.get("id", "")), pairs.get("protocol", "")
    if words[0] == "vxlan":
        data["id"], data["link"] = small(pairs.get("id", "")), pairs.get("dev", "")
        data["learning"] = "nolearning" not in words
    if words[0] in ("macvlan", "macvtap", "ipvlan", "ipvtap"):
        data["mode"] = pairs.get("mode", "")
    if words[0] == "tun":
        data["type"], data["persist"] = pairs.get("type", ""), pairs.get("persist") == "on" or "persist" in words
    return data


def interface_of(entry: Entry) -> Interface | None:
    """Return the interface of an entry; None where it has no name."""
    name = entry.get("ifname")
    if not isinstance(name, str) or not name:
        return None
    link_type = str(entry.get("link_type", ""))
    info = entry.get("linkinfo")
    kind = str(info.get("info_kind", "")) if isinstance(info, dict) else ""
    kind = kind or _LINK_KINDS.get(link_type, "")
    out = Interface(name=name)
    if link_type == "loopback":
        out.type = "loopback"
    elif kind:
        out.type = _RENAMED.get(kind, kind)
    elif link_type and (link_type != "ether" or "promiscuity" in entry):
        # Without -d a bridge looks like the card of a machine.
        out.type = _TYPES.get(link_type, "other")
    flags = entry.get("flags")
    if not out.type and isinstance(flags, list) and "MASTER" in flags:
        out.type = "bond"
    if isinstance(flags, list):
        out.enabled = "UP" in flags
        out.flags.extend(sorted(word for flag, word in _SET.items() if flag in flags))
    if link_type in ("ether", "infiniband"):
        for key, field in (("address", "mac"), ("permaddr", "permanent_mac")):
            mac = str(entry.get(key) or "").lower()
            if mac.strip("0:"):
                setattr(out, field, mac)
    for key, field in (("mtu", "mtu"), ("txqlen", "queue_length")):
        number = small(entry.get(key))
        if number is not None:
            setattr(out, field, number)
    promiscuity = small(entry.get("promiscuity"))
    if promiscuity is not None:
        out.promiscuous = promiscuity > 0
    state = str(entry.get("operstate", "")).lower()
    out.link = state if state not in ("", "unknown") else ""
    out.alias, out.master = str(entry.get("ifalias") or ""), str(entry.get("master") or "")
    link = entry.get("link")
    if isinstance(link, str) and link != name and kind != "veth" and "link_netnsid" not in entry:
        out.parent = link
    if isinstance(info, dict) and isinstance(info.get("info_data"), dict):
        _describe(out, kind, info["info_data"])
    found: dict[str, Address] = {}
    infos = entry.get("addr_info")
    for one in infos if isinstance(infos, list) else []:
        address = _address_of(one, name) if isinstance(one, dict) else None
        if address is not None:
            found[address.address] = address
    out.addresses.extend(found[key] for key in sorted(found))
    return out


def _address_of(entry: Entry, interface: str) -> Address | None:
    local, bits = entry.get("local") or entry.get("address"), small(entry.get("prefixlen"))
    # Addresses drawn by lot (RFC 8981) come and go.
    if not isinstance(local, str) or bits is None or (entry.get("temporary") and ":" in local):
        return None
    out = Address(address=f"{local}/{bits}", scope=str(entry.get("scope") or "global"))
    out.dynamic = bool(entry.get("dynamic"))
    out.broadcast = str(entry.get("broadcast") or "")
    peer, label = str(entry.get("address") or ""), str(entry.get("label") or "")
    out.peer = peer if peer != local else ""
    out.label = label if label != interface else ""
    return out


def _describe(out: Interface, kind: str, data: Entry) -> None:
    def number(name: str) -> int | None:
        return small(data.get(name))

    if kind == "vlan" and number("id") is not None:
        out.vlan_id = number("id") or 0
        out.vlan_protocol = str(data.get("protocol") or "")
    elif kind in ("macvlan", "macvtap", "ipvlan", "ipvtap"):
        out.mode = str(data.get("mode") or "")
    elif kind == "tun":
        out.tun.mode = str(data.get("type") or "")
        out.tun.persistent = bool(data.get("persist"))
    elif kind == "bond":
        out.bond.mode, out.bond.primary = str(data.get("mode") or ""), str(data.get("primary") or "")
        out.bond.active_member = str(data.get("active_slave") or "")
        out.bond.hash_policy = str(data.get("xmit_hash_policy") or "")
        if out.bond.mode == "802.3ad":
            out.bond.lacp_rate = str(data.get("ad_lacp_rate") or "")
        if number("miimon") is not None:
            out.bond.miimon = number("miimon") or 0
    elif kind == "bridge":
        if number("stp_state") is not None:
            out.bridge.stp = ("off", "kernel", "user")[min(number("stp_state") or 0, 2)]
        if number("priority") is not None:
            out.bridge.priority = number("priority") or 0
        if number("vlan_filtering") is not None:
            out.bridge.vlan_filtering = bool(number("vlan_filtering"))
    elif kind in ("vxlan", "geneve", "gre", "gretap", "ipip", "sit", "ip6tnl", "ip6gre", "vti"):
        remote, local = data.get("group") or data.get("remote"), data.get("local")
        out.tunnel.remote = str(remote) if remote not in (None, "any") else ""
        out.tunnel.local = str(local) if local not in (None, "any") else ""
        for name, field in (("ttl", "ttl"), ("port", "port"), ("id", "vni")):
            value = number(name)
            if value:
                setattr(out.tunnel, field, value)
        if kind == "vxlan":
            out.tunnel.learning = bool(data.get("learning", True))
            out.parent = out.parent or str(data.get("link") or "")


def interfaces(text: str) -> list[Interface]:
    """Return the interfaces of ``ip address`` or ``ip link``, sorted by name."""
    found = {one.name: one for one in map(interface_of, parse_links(text)[:MAX_ENTRIES]) if one is not None}
    return [found[name] for name in sorted(found)]
