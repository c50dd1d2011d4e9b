"""Policy rules: which routing table is asked.

Source: rtnetlink(7) RTM_GETRULE, linux/fib_rules.h, ip-rule(8).
"""

import struct
from collections.abc import Mapping

from driftline.v1.facts_pb2 import PolicyRule
from driftline_agent.host import Host
from driftline_agent.netlink import RTM_NEWRULE, attributes, ip, messages, u32
from driftline_agent.routing import parse_protocols, protocol_names, table_name
from driftline_agent.topic import Reading, Topic

_DST, _SRC, _IIF, _GOTO, _PRIORITY, _FWMARK, _TUN_ID, _SUPPRESS_GROUP, _SUPPRESS_PREFIX, _TABLE, _FWMASK, _OIF = (
    1, 2, 3, 4, 6, 10, 12, 13, 14, 15, 16, 17,
)  # fmt: skip
_L3MDEV, _UID_RANGE, _PROTOCOL, _IP_PROTO, _SPORT, _DPORT = 19, 20, 21, 22, 23, 24
_INVERT, _TO_TABLE, _NOT_SET = 2, 1, 0xFFFFFFFF
_ACTIONS = {2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_FAMILIES = {2: "ipv4", 10: "ipv6"}
_IP_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}
_RULE = struct.Struct("=BBBBBBBBI")


def _range(data: bytes, form: str) -> str:
    first, last = struct.unpack_from(form, data)
    return f"{first}-{last}" if first != last or form == "=II" else str(first)


def _prefix(found: Mapping[int, bytes], key: int, bits: int) -> str:
    if key not in found:
        return "all"
    data = found[key]
    return ip(data) if bits == len(data) * 8 else f"{ip(data)}/{bits}"


def _selector(found: Mapping[int, bytes], source: int, destination: int, tos: int, flags: int) -> str:
    words = ["not"] if flags & _INVERT else []
    words += ["from", _prefix(found, _SRC, source)]
    if _DST in found:
        words += ["to", _prefix(found, _DST, destination)]
    if tos:
        words += ["tos", f"{tos:#04x}"]
    if _FWMARK in found or _FWMASK in found:
        mark, mask = (u32(found[key]) if key in found else 0 for key in (_FWMARK, _FWMASK))
        if mark or mask:
            words += ["fwmark", f"{mark:#x}" if mask == _NOT_SET else f"{mark:#x}/{mask:#x}"]
    for key, word in ((_IIF, "iif"), (_OIF, "oif")):
        if key in found:
            words += [word, found[key].rstrip(b"\0").decode("utf-8", "replace")]
    if _UID_RANGE in found:
        words += ["uidrange", _range(found[_UID_RANGE], "=II")]
    if _IP_PROTO in found:
        words += ["ipproto", _IP_PROTOCOLS.get(found[_IP_PROTO][0], str(found[_IP_PROTO][0]))]
    for key, word in ((_SPORT, "sport"), (_DPORT, "dport")):
        if key in found:
            words += [word, _range(found[key], "=HH")]
    if found.get(_TUN_ID):
        words += ["tun_id", str(struct.unpack_from(">Q", found[_TUN_ID])[0])]
    return " ".join(words)


def _action(found: Mapping[int, bytes], action: int, table: int) -> str:
    if action != _TO_TABLE:
        word = _ACTIONS.get(action, str(action))
        return f"{word} {u32(found[_GOTO])}" if _GOTO in found else word
    if found.get(_L3MDEV, b"\0")[0]:
        words = ["lookup", "[l3mdev-table]"]
    else:
        words = ["lookup", table_name(u32(found[_TABLE]) if _TABLE in found else table)]
    for key, word in ((_SUPPRESS_PREFIX, "suppress_prefixlength"), (_SUPPRESS_GROUP, "suppress_ifgroup")):
        if key in found and u32(found[key]) != _NOT_SET:
            words += [word, str(u32(found[key]))]
    return " ".join(words)


def parse_rules(data: bytes, protocols: Mapping[int, str]) -> list[PolicyRule]:
    """Return the rules of RTM_GETRULE dumps, sorted by key; what is cut is left out.

    :param protocols: names by number, besides the well-known ones.
    """
    names = protocol_names(protocols)
    out: dict[tuple[str, int, str], PolicyRule] = {}
    for message in messages(data):
        if message.type != RTM_NEWRULE:
            continue
        try:
            family, destination, source, tos, table, _, _, action, flags = _RULE.unpack_from(message.body)
            found = attributes(message.body, _RULE.size)
            rule = PolicyRule(
                family=_FAMILIES[family],
                priority=u32(found[_PRIORITY]) if _PRIORITY in found else 0,
                selector=_selector(found, source, destination, tos, flags),
                actions=[_action(found, action, table)],
                protocol=names.get(found[_PROTOCOL][0], str(found[_PROTOCOL][0])) if _PROTOCOL in found else "",
            )
        except (struct.error, ValueError, KeyError, IndexError):
            continue
        known = out.setdefault((rule.family, rule.priority, rule.selector), rule)
        if known is not rule:
            known.actions.extend(rule.actions)
    return [out[key] for key in sorted(out)]


def collect(host: Host) -> Reading:
    """Read the rules of the agent's own network namespace."""
    reading = Reading()
    protocols = parse_protocols(host)
    reading.facts.network.rules.extend(
        rule for dump in ("rule4", "rule6") for rule in parse_rules(host.netlink(dump), protocols)
    )
    return reading


TOPIC = Topic(
    revision=1,
    fills=("network.rules",),
    collect=collect,
    watches=("/etc/network", "/etc/netplan", "/etc/systemd/network"),
    events=frozenset({"rule"}),
)
