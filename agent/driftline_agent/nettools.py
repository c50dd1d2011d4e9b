"""What the net-tools print on Linux: ifconfig, arp, route and netstat -r, of the old and the new kind."""

import ipaddress
import re

from driftline import late
from driftline.v1.facts_pb2 import Address, Interface, Neighbour, Route

_NEW = late.pattern(r"^(\S+): flags=\d+<([^>]*)>(.*)$")
_OLD = late.pattern(r"^(\S+)\s+Link encap:(.*)$")
_MAC = late.pattern(r"(?:HWaddr|ether)\s+((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})\b")
_INFINIBAND = late.pattern(r"(?:HWaddr|infiniband)\s+((?:[0-9A-Fa-f]{2}[:-]){7,}\S+)")
_OLD_INET = late.pattern(r"inet addr:(\S+)(?:\s+P-t-P:(\S+))?(?:\s+Bcast:(\S+))?(?:\s+Mask:(\S+))?")
_NEW_INET = late.pattern(r"inet (\d\S*)\s+netmask (\S+)(?:\s+broadcast (\S+))?(?:\s+destination (\S+))?")
_OLD_INET6 = late.pattern(r"inet6 addr:\s*(\S+)/(\d+)\s+Scope:(\w+)")
_NEW_INET6 = late.pattern(r"inet6 ([0-9a-f:.]+)\s+prefixlen (\d+)\s+scopeid 0x[0-9a-f]+<(\w+)>")
_ARP = late.pattern(r"^(\S+) \(([\d.]+)\) at ([0-9A-Fa-f:.-]{11,})(?: \[\w+\])?(.*)$")
_EVERYWHERE = {"default": "0.0.0.0", "::": "::/0", "[::]/0": "::/0"}  # noqa: S104  # read, nothing is bound
_SCOPES = {"global": "global", "link": "link", "host": "host", "site": "site", "compat": "host"}
_KINDS = (
    ("loop", "loopback"), ("ether", "ethernet"), ("infiniband", "infiniband"),
    ("tunnel", "tun"), ("unspec", "other"), ("point-to-point", "other"),
    ("ipv6-in-ipv4", "sit"), ("ipip", "ipip"), ("sit", "sit"),
)  # fmt: skip


def prefix_length(mask: str) -> int | None:
    """Return the bits of a netmask: 255.255.252.0, 0xfffffc00; None where it is none."""
    try:
        number = int(mask, 16) if mask.lower().startswith("0x") else int(ipaddress.IPv4Address(mask))
    except ValueError:
        return None
    bits = f"{number:032b}"
    return bits.count("1") if len(bits) == 32 and "01" not in bits else None


def _scope(address: str) -> str:
    """Return the scope that ifconfig does not print of IPv4."""
    try:
        known = ipaddress.IPv4Address(address)
    except ValueError:
        return ""
    return "host" if known.is_loopback else "link" if known.is_link_local else "global"


def _inet(line: str) -> Address | None:
    old, new = _OLD_INET.search(line), _NEW_INET.search(line)
    if old is None and new is None:
        return None
    if old is not None:
        local, peer, broadcast, mask = old.groups()
    else:
        local, mask, broadcast, peer = new.groups() if new is not None else ("", "", "", "")
    bits = prefix_length(mask or "255.255.255.255")
    scope = _scope(local)
    if bits is None or not scope:
        return None
    # Without a broadcast address ifconfig prints 0.0.0.0, or the address itself.
    no = (None, "0.0.0.0", local)  # noqa: S104  # read, nothing is bound
    return Address(
        address=f"{local}/{bits}",
        scope=scope,
        broadcast="" if broadcast in no else str(broadcast),
        peer="" if peer in no else str(peer),
    )


def _inet6(line: str) -> Address | None:
    match = _OLD_INET6.search(line) or _NEW_INET6.search(line)
    if match is None or int(match[2][:4]) > 128:
        return None
    return Address(address=f"{match[1].lower()}/{match[2]}", scope=_SCOPES.get(match[3].lower(), match[3].lower()))


def parse_ifconfig(text: str) -> list[Interface]:
    """Return the interfaces, sorted by name; ``eth0:1`` is a label of an address of eth0."""
    out: dict[str, Interface] = {}
    addresses: dict[str, dict[str, Address]] = {}
    entry: Interface | None = None
    label = ""
    for line in text.splitlines():
        new, old = _NEW.match(line), _OLD.match(line)
        head = new or old
        if head is not None:
            name, colon, _ = head[1].partition(":")
            label = head[1] if colon else ""
            entry = out.setdefault(name, Interface(name=name))
            if new is not None:
                entry.enabled = "UP" in new[2].split(",")
                line = new[3]
            elif old is not None:
                _kind(entry, old[2])
        elif entry is not None and not line[:1].isspace() and line.strip():
            entry = None  # another program's
        if entry is not None:
            _line(entry, line, addresses.setdefault(entry.name, {}), label)
    for name, found in addresses.items():
        out[name].addresses.extend(found[key] for key in sorted(found))
    return [out[name] for name in sorted(out)]


def _kind(entry: Interface, text: str) -> None:
    lower = text.strip().lower().removeprefix("local ")
    for word, kind in _KINDS:
        if lower.startswith(word) and not entry.type:
            entry.type = kind


def _line(entry: Interface, line: str, addresses: dict[str, Address], label: str) -> None:
    mac = _MAC.search(line) or _INFINIBAND.search(line)
    if mac is not None and mac[1].strip("0:-"):
        entry.mac = mac[1].lower().replace("-", ":")
    words = line.split()
    if words and words[0] in ("ether", "loop", "infiniband", "unspec", "tunnel", "sit", "ppp"):
        _kind(entry, words[0])
    for address in (_inet(line), _inet6(line)):
        if address is not None:
            address.label = label if ":" not in address.address else ""
            addresses[address.address] = address
    for pattern, field in ((r"\bmtu[ :](\d+)", "mtu"), (r"\btxqueuelen[ :](\d+)", "queue_length")):
        match = re.search(pattern, line, re.IGNORECASE)
        if match is not None and len(match[1]) < 10:
            setattr(entry, field, int(match[1]))
    # The old kind: "UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1"
    if "MTU:" in line and "Metric:" in line:
        entry.enabled = "UP" in words


def parse_arp(text: str) -> list[Neighbour]:
    """Return the neighbours of ``arp -a``, ``arp -an`` or ``arp``, sorted by key; incomplete ones are left out."""
    out: dict[tuple[str, str], Neighbour] = {}
    for line in text.splitlines():
        match = _ARP.match(line.strip())
        words = line.split()
        if match is not None:
            found = Neighbour(address=match[2], mac=match[3].lower())
            rest = match[4].split()
            if "on" in rest[:-1]:
                found.interface = rest[rest.index("on") + 1]
            flags = "M" if "PERM" in rest else ""
        elif (
            len(words) >= 5
            and re.fullmatch(r"[\d.]+", words[0])
            and re.fullmatch(r"(?:[0-9A-Fa-f]{2}:){5}\S\S", words[2])
        ):
            # Address HWtype HWaddress Flags Mask Iface
            found, flags = Neighbour(address=words[0], mac=words[2].lower(), interface=words[-1]), words[3]
        else:
            continue
        if "M" in flags:
            found.permanent = True
        out[found.interface, found.address] = found
    return [out[key] for key in sorted(out)]


def parse_routes(text: str) -> list[Route]:
    """Return the routes of ``netstat -rn``, ``route -n`` and the same with -6, sorted by key."""
    out: dict[tuple[str, str, int, str, str], Route] = {}
    columns: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["Destination"]:
            columns = line.replace("Next Hop", "Gateway").split()
        elif columns and len(words) >= len(columns) - 1:
            route = _route(dict(zip(columns, words, strict=False)), words[-1])
            if route is not None:
                out[route.destination, route.table, route.metric, route.gateway, route.interface] = route
    return [out[key] for key in sorted(out)]


def _route(row: dict[str, str], interface: str) -> Route | None:
    flags = row.get("Flags") or row.get("Flag", "")
    destination = row["Destination"]
    destination = _EVERYWHERE.get(destination, destination)
    # A cache's entries, and what the kernel delivers to itself.
    if not flags or "C" in flags or "c" in flags or flags in ("Un", "!n"):
        return None
    if ":" not in destination:
        bits = prefix_length(row.get("Genmask", ""))
        try:
            destination = f"{ipaddress.IPv4Address(destination)}/{bits}"
        except ValueError:
            return None
        if bits is None:
            return None
    elif "/" not in destination:
        destination += "/128"
    gateway = row.get("Gateway", "")
    metric = row.get("Metric") or row.get("Met") or "0"
    rejected = "!" in flags
    return Route(
        destination=destination.lower(),
        table="main",
        metric=int(metric) if metric.isdigit() and len(metric) < 11 else 0,
        gateway=gateway if "G" in flags and gateway.strip("0.:[]*-") else "",
        interface="" if interface in ("*", "-") or (rejected and interface == "lo") else interface,
        # The kernel's older list has no sign for a black hole, only no interface.
        type="unreachable" if rejected else "blackhole" if interface in ("*", "-") else "unicast",
    )
