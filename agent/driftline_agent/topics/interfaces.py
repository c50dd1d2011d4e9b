"""Network interfaces and their addresses. Source: rtnetlink(7) RTM_GETLINK and RTM_GETADDR, /sys/class/net."""

import struct
from collections.abc import Mapping

from driftline.v1.facts_pb2 import Address, Interface
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.netlink import RTM_NEWADDR, RTM_NEWLINK, attributes, ip, messages, u32
from driftline_agent.topic import Reading, Topic

# linux/if_link.h, linux/if_addr.h, linux/if_arp.h
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER = 1, 3, 4, 5, 10
_IFLA_OPERSTATE, _IFLA_LINKINFO, _IFLA_LINK_NETNSID = 16, 18, 37
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _IFLA_VLAN_ID = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_IFF_UP, _IFA_F_TEMPORARY, _IFA_F_PERMANENT = 0x1, 0x01, 0x80
_ARPHRD_ETHER, _ARPHRD_INFINIBAND, _ARPHRD_LOOPBACK = 1, 32, 772
_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host"}
_OPERSTATES = ("unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up")  # RFC 2863
#: Kinds of links that the kernel names otherwise than the schema.
_KINDS = {"team": "bond"}
_HARDWARE = {_ARPHRD_ETHER: "ethernet", _ARPHRD_INFINIBAND: "infiniband"}
_LINK = struct.Struct("=BBHiII")
_ADDR = struct.Struct("=BBBBI")


def parse_links(data: bytes) -> dict[int, Interface]:
    """Return the interfaces of an RTM_GETLINK dump, by index."""
    raw: dict[int, tuple[Interface, dict[int, bytes]]] = {}
    for message in messages(data):
        if message.type == RTM_NEWLINK:
            _, _, hardware, index, flags, _ = _LINK.unpack_from(message.body)
            found = attributes(message.body, _LINK.size)
            raw[index] = (_interface(hardware, flags, found), found)
    names = {index: interface.name for index, (interface, _) in raw.items()}
    for interface, found in raw.values():
        _relate(interface, found, names)
    return {index: interface for index, (interface, _) in raw.items()}


def _interface(hardware: int, flags: int, found: Mapping[int, bytes]) -> Interface:
    out = Interface(name=found[_IFLA_IFNAME].rstrip(b"\0").decode(), enabled=bool(flags & _IFF_UP))
    info = attributes(found.get(_IFLA_LINKINFO, b""))
    kind = info.get(_IFLA_INFO_KIND, b"").rstrip(b"\0").decode()
    if hardware == _ARPHRD_LOOPBACK:
        out.type = "loopback"
    elif kind:
        out.type = _KINDS.get(kind, kind)
    else:
        out.type = _HARDWARE.get(hardware, "other")
    if kind == "vlan":
        vlan = attributes(info.get(_IFLA_INFO_DATA, b"")).get(_IFLA_VLAN_ID)
        if vlan:
            out.vlan_id = struct.unpack_from("=H", vlan)[0]
    mac = found.get(_IFLA_ADDRESS, b"")
    # Other kinds of hardware have something else here: tunnels their local address.
    if hardware in _HARDWARE and any(mac):
        out.mac = mac.hex(":")
    if _IFLA_MTU in found:
        out.mtu = u32(found[_IFLA_MTU])
    state = found.get(_IFLA_OPERSTATE, b"\0")[0]
    out.link = _OPERSTATES[state] if 0 < state < len(_OPERSTATES) else ""
    return out


def _relate(interface: Interface, found: Mapping[int, bytes], names: Mapping[int, str]) -> None:
    if _IFLA_MASTER in found:
        interface.master = names.get(u32(found[_IFLA_MASTER]), "")
    # The other end of a veth pair stands in another namespace: its index means nothing here.
    if _IFLA_LINK in found and _IFLA_LINK_NETNSID not in found and interface.type != "veth":
        interface.parent = names.get(u32(found[_IFLA_LINK]), "")
        if interface.parent == interface.name:
            interface.parent = ""


def parse_addresses(data: bytes) -> dict[int, list[Address]]:
    """Return the addresses of an RTM_GETADDR dump, by interface index, sorted; temporary ones are left out."""
    out: dict[int, dict[str, Address]] = {}
    for message in messages(data):
        if message.type != RTM_NEWADDR:
            continue
        _, length, flags, scope, index = _ADDR.unpack_from(message.body)
        found = attributes(message.body, _ADDR.size)
        if _IFA_FLAGS in found:
            flags = u32(found[_IFA_FLAGS])
        raw = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
        if raw is None or (len(raw) == 16 and flags & _IFA_F_TEMPORARY):
            continue
        address = f"{ip(raw)}/{length}"
        out.setdefault(index, {})[address] = Address(
            address=address, scope=_SCOPES.get(scope, str(scope)), dynamic=not flags & _IFA_F_PERMANENT
        )
    return {index: [found[address] for address in sorted(found)] for index, found in out.items()}


def _add_sysfs(host: Host, interface: Interface) -> None:
    folder = f"/sys/class/net/{interface.name}"
    driver = host.link(f"{folder}/device/driver")
    interface.driver = driver.rpartition("/")[2] if driver else ""
    if interface.type == "ethernet" and (host.exists(f"{folder}/wireless") or host.exists(f"{folder}/phy80211")):
        interface.type = "wireless"
    try:
        speed, duplex = host.number(f"{folder}/speed"), host.line(f"{folder}/duplex")
    except UnreadableError:
        return  # EINVAL: the driver does not tell, or the link is down
    if speed and speed > 0:
        interface.speed = speed * 1_000_000
    if duplex in ("full", "half"):
        interface.duplex = duplex


def collect(host: Host) -> Reading:
    """Read the interfaces of the agent's own network namespace."""
    reading = Reading()
    addresses = parse_addresses(host.netlink("address"))
    links = parse_links(host.netlink("link"))
    for index, interface in sorted(links.items(), key=lambda item: item[1].name):
        interface.addresses.extend(addresses.get(index, []))
        _add_sysfs(host, interface)
        reading.facts.network.interfaces.append(interface)
    return reading


TOPIC = Topic(
    revision=2,
    fills=("network.interfaces",),
    collect=collect,
    watches=("/etc/network", "/etc/netplan", "/etc/systemd/network"),
    events=frozenset({"link", "address"}),
)
