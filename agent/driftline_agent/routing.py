"""Names of routing tables and of who made a route or rule. Source: rtnetlink(7), /etc/iproute2/rt_protos."""

from collections.abc import Mapping

from driftline_agent.host import Host

_TABLES = {253: "default", 254: "main", 255: "local"}
#: iproute2 etc/iproute2/rt_protos; the host's own file goes before it.
_PROTOCOLS = {
    0: "unspec", 1: "redirect", 2: "kernel", 3: "boot", 4: "static", 8: "gated", 9: "ra", 10: "mrt", 11: "zebra",
    12: "bird", 13: "dnrouted", 14: "xorp", 15: "ntk", 16: "dhcp", 18: "keepalived", 42: "babel", 99: "openr",
    186: "bgp", 187: "isis", 188: "ospf", 189: "rip", 192: "eigrp",
}  # fmt: skip


def table_name(number: int) -> str:
    """Return a table's name where the kernel itself gives it a meaning, otherwise its number."""
    return _TABLES.get(number, str(number))


def protocol_names(more: Mapping[int, str]) -> Mapping[int, str]:
    """Return the names of protocols by number.

    :param more: of the host's own file.
    """
    return {**_PROTOCOLS, **more}


def parse_rt_protos(text: str) -> dict[int, str]:
    """Return the numbers and names of an rt_protos file."""
    out: dict[int, str] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 2:
            try:
                out[int(words[0], 0)] = words[1]
            except ValueError:
                continue
    return out


def parse_protocols(host: Host) -> dict[int, str]:
    """Return what the host's own rt_protos names."""
    text = host.read("/etc/iproute2/rt_protos")
    if text is None:
        text = host.read("/usr/share/iproute2/rt_protos") or ""
    return parse_rt_protos(text)
