"""Network interfaces and their addresses.

Source: rtnetlink(7) RTM_GETLINK and RTM_GETADDR, /sys/class/net, what the driver says by ioctl(2).
"""

import struct
from collections.abc import Mapping

from driftline import late
from driftline.v1.facts_pb2 import Address, Interface
from driftline_agent import links as kinds
from driftline_agent import passing
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.netlink import RTM_NEWADDR, RTM_NEWLINK, attributes, ip, messages, u32
from driftline_agent.topic import Reading, Topic

# linux/if_link.h, linux/if_addr.h, linux/if_arp.h
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER = 1, 3, 4, 5, 10
_IFLA_OPERSTATE, _IFLA_LINKINFO, _IFLA_LINK_NETNSID = 16, 18, 37
_IFLA_TXQLEN, _IFLA_IFALIAS, _IFLA_PROMISCUITY, _IFLA_PERM_ADDRESS = 13, 20, 30, 54
_IFLA_INFO_KIND, _IFLA_INFO_DATA = 1, 2
_IFA_ADDRESS, _IFA_LOCAL, _IFA_LABEL, _IFA_BROADCAST, _IFA_FLAGS, _IFA_PROTO = 1, 2, 3, 4, 8, 11
_IFF_UP, _IFA_F_TEMPORARY, _IFA_F_PERMANENT = 0x1, 0x01, 0x80
_ARPHRD_ETHER, _ARPHRD_INFINIBAND, _ARPHRD_LOOPBACK = 1, 32, 772
#: linux/if.h, IFF_*: what is set of an interface. What programs and the kernel turn (ALLMULTI, RUNNING) is not here.
_FLAGS = {0x2: "broadcast", 0x10: "point-to-point", 0x80: "noarp", 0x1000: "multicast"}
_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host"}
_OPERSTATES = ("unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up")  # RFC 2863
#: Kinds of links that the kernel names otherwise than the schema.
_KINDS = {"team": "bond"}
_HARDWARE = {_ARPHRD_ETHER: "ethernet", _ARPHRD_INFINIBAND: "infiniband"}
#: Names of devices in the path of an interface that are an address on a bus: PCI, USB, virtio,
#: Xen, the platform, s390's channels, Hyper-V.
_ON_BUS = late.pattern(
    r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]|\d+-[\d.]+:\d+\.\d+|virtio-mmio\.\d+|vif-\d+"
    r"|[0-9a-f]+\.[\w-]+|[0-9a-f]\.[0-9a-f]\.[0-9a-f]{4}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
)
_LINK = struct.Struct("=BBHiII")
_ADDR = struct.Struct("=BBBBI")


def parse_links(data: bytes) -> dict[int, Interface]:
    """Return the interfaces of an RTM_GETLINK dump, by index; a message that is cut is left out."""
    return parse_passing(data)[0]


def parse_passing(data: bytes) -> tuple[dict[int, Interface], set[str]]:
    """Return the interfaces of an RTM_GETLINK dump, by index, and the names of those that come and go by themselves."""
    raw: dict[int, tuple[Interface, dict[int, bytes]]] = {}
    for message in messages(data):
        if message.type != RTM_NEWLINK:
            continue
        try:
            _, _, hardware, index, flags, _ = _LINK.unpack_from(message.body)
            found = attributes(message.body, _LINK.size)
            raw[index] = (_interface(hardware, flags, found), found)
        except (struct.error, KeyError):
            continue
    names = {index: interface.name for index, (interface, _) in raw.items()}
    for interface, found in raw.values():
        _relate(interface, found, names)
        info = attributes(found.get(_IFLA_LINKINFO, b""))
        if _IFLA_INFO_DATA in info:
            kinds.describe(interface, _text(info.get(_IFLA_INFO_KIND, b"")), info[_IFLA_INFO_DATA], names)
    return {index: interface for index, (interface, _) in raw.items()}, {
        interface.name
        for interface, found in raw.values()
        if passing.is_passing(interface, _IFLA_LINK_NETNSID in found)
    }


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "replace")


def _interface(hardware: int, flags: int, found: Mapping[int, bytes]) -> Interface:
    out = Interface(name=_text(found[_IFLA_IFNAME]), enabled=bool(flags & _IFF_UP))
    out.flags.extend(sorted(name for bit, name in _FLAGS.items() if flags & bit))
    kind = _text(attributes(found.get(_IFLA_LINKINFO, b"")).get(_IFLA_INFO_KIND, b""))
    if hardware == _ARPHRD_LOOPBACK:
        out.type = "loopback"
    elif kind:
        out.type = _KINDS.get(kind, kind)
    else:
        out.type = _HARDWARE.get(hardware, "other")
    # Other kinds of hardware have something else here: tunnels their local address.
    if hardware in _HARDWARE:
        mac, made_with = found.get(_IFLA_ADDRESS, b""), found.get(_IFLA_PERM_ADDRESS, b"")
        if any(mac):
            out.mac = mac.hex(":")
        if any(made_with):
            out.permanent_mac = made_with.hex(":")
    if _IFLA_MTU in found:
        out.mtu = u32(found[_IFLA_MTU])
    if _IFLA_TXQLEN in found:
        out.queue_length = u32(found[_IFLA_TXQLEN])
    if _IFLA_PROMISCUITY in found:
        out.promiscuous = u32(found[_IFLA_PROMISCUITY]) > 0
    out.alias = _text(found.get(_IFLA_IFALIAS, b""))
    state = found.get(_IFLA_OPERSTATE, b"\0")[:1] or b"\0"
    out.link = _OPERSTATES[state[0]] if 0 < state[0] < len(_OPERSTATES) else ""
    return out


def _relate(interface: Interface, found: Mapping[int, bytes], names: Mapping[int, str]) -> None:
    if _IFLA_MASTER in found:
        interface.master = names.get(u32(found[_IFLA_MASTER]), "")
    # The other end of a veth pair stands in another namespace: its index means nothing here.
    if _IFLA_LINK in found and _IFLA_LINK_NETNSID not in found and interface.type != "veth":
        interface.parent = names.get(u32(found[_IFLA_LINK]), "")
        if interface.parent == interface.name:
            interface.parent = ""


def parse_addresses(data: bytes) -> dict[int, list[tuple[Address, bool]]]:
    """Return the addresses of an RTM_GETADDR dump, by interface index, sorted; temporary ones are left out.

    With each goes whether it came by itself.
    """
    out: dict[int, dict[str, tuple[Address, bool]]] = {}
    for message in messages(data):
        if message.type != RTM_NEWADDR:
            continue
        try:
            _, length, flags, scope, index = _ADDR.unpack_from(message.body)
            found = attributes(message.body, _ADDR.size)
            if _IFA_FLAGS in found:
                flags = u32(found[_IFA_FLAGS])
            far = found.get(_IFA_ADDRESS)
            raw = found.get(_IFA_LOCAL) or far
            if raw is None or (len(raw) == 16 and flags & _IFA_F_TEMPORARY):
                continue
            address = f"{ip(raw)}/{length}"
            entry = Address(address=address, scope=_SCOPES.get(scope, str(scope)), dynamic=not flags & _IFA_F_PERMANENT)
            if far and far != raw:
                entry.peer = ip(far)
            if _IFA_BROADCAST in found:
                entry.broadcast = ip(found[_IFA_BROADCAST])
            protocol = found[_IFA_PROTO][0] if _IFA_PROTO in found else None
        except (struct.error, ValueError, IndexError):
            continue
        entry.label = _text(found.get(_IFA_LABEL, b""))
        out.setdefault(index, {})[address] = entry, passing.is_automatic(entry, protocol)
    return {index: [found[address] for address in sorted(found)] for index, found in out.items()}


def parse_bus_address(path: str) -> str:
    """Return the address on its bus of what /sys/class/net/NAME leads to; empty for what is virtual."""
    if "/virtual/" in path:
        return ""
    names = path.partition("/net/")[0].split("/")
    return next((name for name in reversed(names) if _ON_BUS.fullmatch(name)), "")


def _add_sysfs(host: Host, interface: Interface) -> None:
    folder = f"/sys/class/net/{interface.name}"
    if _is_real(host, folder, interface):
        driver = host.link(f"{folder}/device/driver")
        interface.driver = driver.rpartition("/")[2] if driver else ""
        if interface.bus_address:
            _add_functions(host, folder, interface)
        if host.live:
            _ask_driver(host, interface)
    if interface.type == "ethernet" and (host.exists(f"{folder}/wireless") or host.exists(f"{folder}/phy80211")):
        interface.type = "wireless"
        if host.live:
            from driftline_agent import ethtool

            interface.ssid = ethtool.ssid(interface.name)
    try:
        speed, duplex = host.number(f"{folder}/speed"), host.line(f"{folder}/duplex")
    except UnreadableError:
        return  # EINVAL: the driver does not tell, or the link is down
    if speed and speed > 0:
        interface.speed = speed * 1_000_000
    if duplex in ("full", "half"):
        interface.duplex = duplex


def _is_real(host: Host, folder: str, interface: Interface) -> bool:
    """Add the address of an interface's device; tell whether there is one."""
    path = host.link(folder)
    interface.bus_address = parse_bus_address(path) if path else ""
    return path is not None and "/virtual/" not in path


def _add_functions(host: Host, folder: str, interface: Interface) -> None:
    most = host.number(f"{folder}/device/sriov_totalvfs")
    if most:
        interface.virtual_functions_max = most
        interface.virtual_functions = host.number(f"{folder}/device/sriov_numvfs") or 0


def _ask_driver(host: Host, interface: Interface) -> None:
    from driftline_agent import ethtool

    told = ethtool.driver(interface.name)
    interface.driver = interface.driver or told.driver
    interface.firmware = told.firmware
    # A driver without a version of its own has the kernel's, and of that topic kernel tells.
    if told.version != host.line("/proc/sys/kernel/osrelease"):
        interface.driver_version = told.version
    names = host.kept.get("ethtool features")
    if names is None:
        names = host.kept["ethtool features"] = ethtool.feature_names(interface.name)
    found = ethtool.settings(interface.name, names)
    if found.autonegotiation is not None:
        interface.autonegotiation = found.autonegotiation
    interface.port = found.port
    interface.rings.extend(found.rings)
    interface.channels.extend(found.channels)
    interface.flow_control.extend(found.flow_control)
    interface.features.extend(found.features)


def collect(host: Host) -> Reading:
    """Read the interfaces of the agent's own network namespace."""
    reading = Reading()
    network = reading.facts.network
    addresses = parse_addresses(host.netlink("address"))
    links, leaving = parse_passing(host.netlink("link"))
    bonds = {interface.name for interface in links.values() if interface.type == "bond"}
    for index, interface in sorted(links.items(), key=lambda item: item[1].name):
        for address, automatic in addresses.get(index, []):
            if address.label == interface.name:
                address.label = ""
            (interface.automatic_addresses if automatic else interface.addresses).append(address)
        _add_sysfs(host, interface)
        passing.settle_mac(host, interface, interface.master in bonds)
        passing.settle_mtu(interface)
        gone_soon = interface.name in leaving or passing.is_plugged(host, interface)
        (network.passing_interfaces if gone_soon else network.interfaces).append(interface)
    return reading


TOPIC = Topic(
    revision=4,
    fills=("network.interfaces", "network.passing_interfaces"),
    collect=collect,
    events=frozenset({"link", "address", "device"}),
    watches=("/etc/network", "/etc/netplan", "/etc/systemd/network"),
)
