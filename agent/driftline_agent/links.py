"""What the kind of a network link says of it: bond, bridge, VLAN, tunnel, macvlan, tun.

Source: rtnetlink(7), linux/if_link.h and linux/if_tunnel.h (IFLA_BOND_*, IFLA_BR_*, IFLA_VXLAN_* ...), names as in
ip-link(8).
"""

import struct
from collections.abc import Callable, Mapping, Sequence

from driftline.v1.facts_pb2 import Interface
from driftline_agent.netlink import attribute_list, attributes, ip, u32

_BOND_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
_HASH_POLICIES = ("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac")
_RATES, _SELECTS = ("slow", "fast"), ("stable", "bandwidth", "count")
_RESELECTS, _FAIL_OVERS = ("always", "better", "failure"), ("none", "active", "follow")
_STP = ("off", "kernel", "user")
_MACVLAN_MODES = {1: "private", 2: "vepa", 4: "bridge", 8: "passthru", 16: "source"}
_IPVLAN_MODES = ("l2", "l3", "l3s")
_TUN_MODES = {1: "tun", 2: "tap"}
_VLAN_PROTOCOLS = {0x8100: "802.1Q", 0x88A8: "802.1ad"}
_8023AD = 4
_NOBODY = 0xFFFFFFFF
#: The bridge counts time in USER_HZ, a hundredth of a second on every architecture.
_TICK_MS = 10

Attributes = Mapping[int, bytes]
Names = Mapping[int, str]


def _word(names: Sequence[str], data: bytes | None) -> str:
    return names[data[0]] if data and data[0] < len(names) else ""


def _u16(data: bytes) -> int:
    return int(struct.unpack_from("=H", data)[0])


def _big16(data: bytes) -> int:
    return int(struct.unpack_from(">H", data)[0])


def _big32(data: bytes) -> int:
    return int(struct.unpack_from(">I", data)[0])


def _vlan(out: Interface, data: bytes, names: Names) -> None:
    found = attributes(data)
    if 1 in found:
        out.vlan_id = _u16(found[1])
    if 5 in found:
        out.vlan_protocol = _VLAN_PROTOCOLS.get(_big16(found[5]), "")


def _bond(out: Interface, data: bytes, names: Names) -> None:
    found, bond = attributes(data), out.bond
    mode = found.get(1, b"\xff")[0]
    bond.mode = _word(_BOND_MODES, found.get(1))
    for key, name in ((3, "miimon"), (4, "up_delay"), (5, "down_delay"), (18, "min_links")):
        if key in found:
            setattr(bond, name, u32(found[key]))
    if 11 in found:
        bond.primary = names.get(u32(found[11]), "")
    if 2 in found:
        bond.active_member = names.get(u32(found[2]), "")
    if found.get(7) and u32(found[7]):
        bond.arp_interval = u32(found[7])
        bond.arp_targets.extend(ip(target) for _, target in attribute_list(found.get(8, b"")) if len(target) == 4)
        targets = (target for _, target in attribute_list(found.get(31, b"")) if len(target) == 16)
        bond.arp_targets.extend(ip(target) for target in targets if any(target))
    bond.hash_policy = _word(_HASH_POLICIES, found.get(14))
    bond.primary_reselect = _word(_RESELECTS, found.get(12))
    bond.fail_over_mac = _word(_FAIL_OVERS, found.get(13))
    if mode == _8023AD:
        bond.lacp_rate = _word(_RATES, found.get(21))
        bond.ad_select = _word(_SELECTS, found.get(22))
        partner = attributes(found.get(23, b"")).get(5, b"")
        bond.partner_mac = partner.hex(":") if any(partner) else ""


def _bridge(out: Interface, data: bytes, names: Names) -> None:
    found, bridge = attributes(data), out.bridge
    for key, name in ((1, "forward_delay"), (2, "hello_time"), (3, "max_age"), (4, "ageing_time")):
        if key in found:
            setattr(bridge, name, u32(found[key]) * _TICK_MS)
    if 5 in found:
        state = u32(found[5])
        bridge.stp = _STP[state] if state < len(_STP) else ""
    if 6 in found:
        bridge.priority = _u16(found[6])
    if 7 in found:
        bridge.vlan_filtering = bool(found[7][0])
        if bridge.vlan_filtering and 39 in found and _u16(found[39]):
            bridge.default_vlan = _u16(found[39])
    if 23 in found:
        bridge.multicast_snooping = bool(found[23][0])
    root = found.get(10, b"")
    if len(root) == 8 and bridge.stp not in ("", "off"):
        bridge.root_id = f"{root[:2].hex()}.{root[2:].hex()}"


def _outer(data: bytes | None) -> str:
    """Return an outer address; an unset one is none."""
    return ip(data) if data is not None and len(data) in (4, 16) and any(data) else ""


def _tunnel(out: Interface, local: bytes | None, remote: bytes | None, ttl: bytes | None) -> None:
    out.tunnel.SetInParent()
    out.tunnel.local, out.tunnel.remote = _outer(local), _outer(remote)
    if ttl and ttl[0]:
        out.tunnel.ttl = ttl[0]


def _gre(out: Interface, data: bytes, names: Names) -> None:
    found = attributes(data)
    _tunnel(out, found.get(6), found.get(7), found.get(8))
    for key, flags, name in ((4, 2, "input_key"), (5, 3, "output_key")):
        if found.get(key) and _big16(found.get(flags, b"\0\0")) & 0x2000:  # GRE_KEY
            setattr(out.tunnel, name, _big32(found[key]))


def _iptun(out: Interface, data: bytes, names: Names) -> None:
    found = attributes(data)
    _tunnel(out, found.get(2), found.get(3), found.get(4))


def _vti(out: Interface, data: bytes, names: Names) -> None:
    found = attributes(data)
    _tunnel(out, found.get(4), found.get(5), None)
    for key, name in ((2, "input_key"), (3, "output_key")):
        if found.get(key) and any(found[key]):
            setattr(out.tunnel, name, _big32(found[key]))


def _vxlan(out: Interface, data: bytes, names: Names) -> None:
    found = attributes(data)
    _tunnel(out, found.get(4) or found.get(17), found.get(2) or found.get(16), found.get(5))
    if 1 in found:
        out.tunnel.vni = u32(found[1])
    if 15 in found:
        out.tunnel.port = _big16(found[15])
    if 7 in found:
        out.tunnel.learning = bool(found[7][0])
    if 3 in found and not out.parent:
        out.parent = names.get(u32(found[3]), "")


def _geneve(out: Interface, data: bytes, names: Names) -> None:
    found = attributes(data)
    _tunnel(out, None, found.get(2) or found.get(7), found.get(3))
    if 1 in found:
        out.tunnel.vni = u32(found[1])
    if 5 in found:
        out.tunnel.port = _big16(found[5])


def _macvlan(out: Interface, data: bytes, names: Names) -> None:
    mode = attributes(data).get(1)
    out.mode = _MACVLAN_MODES.get(u32(mode), "") if mode else ""


def _ipvlan(out: Interface, data: bytes, names: Names) -> None:
    mode = attributes(data).get(1)
    out.mode = _word(_IPVLAN_MODES, mode)


def _vrf(out: Interface, data: bytes, names: Names) -> None:
    table = attributes(data).get(1)
    if table:
        out.vrf_table = u32(table)


def _tun(out: Interface, data: bytes, names: Names) -> None:
    found = attributes(data)
    out.tun.mode = _TUN_MODES.get(found.get(3, b"\0")[0], "")
    if 1 in found and u32(found[1]) != _NOBODY:
        out.tun.owner = u32(found[1])
    if 2 in found and u32(found[2]) != _NOBODY:
        out.tun.group = u32(found[2])
    if 6 in found:
        out.tun.persistent = bool(found[6][0])


_KINDS: dict[str, Callable[[Interface, bytes, Names], None]] = {
    "vlan": _vlan, "bond": _bond, "bridge": _bridge, "vxlan": _vxlan, "geneve": _geneve, "vrf": _vrf, "tun": _tun,
    "macvlan": _macvlan, "macvtap": _macvlan, "ipvlan": _ipvlan, "ipvtap": _ipvlan, "vti": _vti, "vti6": _vti,
    "gre": _gre, "gretap": _gre, "ip6gre": _gre, "ip6gretap": _gre, "erspan": _gre, "ip6erspan": _gre,
    "ipip": _iptun, "sit": _iptun, "ip6tnl": _iptun,
}  # fmt: skip


def describe(out: Interface, kind: str, data: bytes, names: Names) -> None:
    """Add to a link what its kind says.

    :param kind: as the kernel names it.
    :param data: IFLA_INFO_DATA.
    :param names: of the links, by index.
    """
    add = _KINDS.get(kind)
    if add is None:
        return
    try:
        add(out, data, names)
    except (struct.error, IndexError, ValueError):
        return  # cut, or from a kernel that has it otherwise: what came before it stands
