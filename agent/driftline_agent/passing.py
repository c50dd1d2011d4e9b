"""Tells interfaces, addresses and routes that come and go by themselves from those that someone decides on.

By structure where the kernel tells enough; else by the names that container engines, hypervisors and VPNs give.
"""

import re

from driftline.v1.facts_pb2 import Address, Interface, Route
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

#: What makes it: names that it documents or hard-codes.
_NAMES = {
    "docker": r"docker\d+|docker_gwbridge|br-[0-9a-f]{12}|vx-[0-9a-f]{6}-\w+",
    "podman": r"podman\d+|cni-podman\d+",
    "containers": r"veth.+|v[eb]-.+|vz-.+|lxcbr\d+|lxdbr\d+|incusbr\d+|waydroid\d+",
    "kubernetes": (
        r"cni\d+|cali[0-9a-f]{11}|flannel(?:\.|-v6\.).+|vxlan(?:-v6)?\.calico|wireguard\.cali|cilium_\w+|lxc[0-9a-f]{12}"
        r"|lxc_health|kube-(?:ipvs|bridge|dummy-if).*|nodelocaldns|weave|datapath|vxlan-6784|eni[0-9a-f]{11}|azv[0-9a-f]{11}"
        r"|gke[0-9a-f]{11}|antrea-(?:gw|tun)\d+|genev_sys_\d+|vxlan_sys_\d+|ovs-system|ovn-k8s-mp\d+|cbr0"
    ),
    "virtual machines": (
        r"vnet\d+|virbr\d+(?:-nic)?|macvtap\d+|vif\d+\.\d+(?:-emu)?|tap\d+i\d+|fw(?:br|ln|pr)\d+[ip]\d+"
        r"|(?:tap|qbr|qvb|qvo)[0-9a-f]{8}-[0-9a-f]{2}|vboxnet\d+|vmnet\d+"
    ),
    "lines": r"ppp\d+|ippp\d+|tailscale\d+|zt[0-9a-z]{8,10}|nordlynx|nordtun|CloudflareWARP|cscotun\d+|gpd\d+|ipsec\d+",
    # Each comes with the kernel module of its kind, whoever asked for that.
    "modules": r"tunl0|gre0|gretap0|erspan0|sit0|ip6tnl0|ip6gre0|ip_vti0|ip6_vti0|teql0|ifb[01]|usbmon\d+",
}
_PASSING = re.compile("|".join(_NAMES.values()))
#: What an interface is called inside a container, as the one way out of it; there its peer stands elsewhere, too.
_OWN = re.compile(r"(?:eth|net|host|lan|wan|mgmt)\d+|en[ospx]\w+")
_PHYSICAL_BUS = re.compile(r"\d+-[\d.]+:\d+\.\d+|[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
#: Who finds routes out: routing daemons, router advertisements; 80 is Calico's. Those of DHCP are configuration.
_LEARNT = frozenset(
    {"ra", "gated", "mrt", "zebra", "bird", "dnrouted", "xorp", "ntk", "babel", "openr", "bgp", "isis", "ospf", "rip"}
    | {"eigrp", "keepalived", "80"}
)
_LINK_LOCAL = re.compile(r"fe[89ab][0-9a-f]:")
# linux/if_addr.h: IFA_PROTO
_OF_THE_KERNEL, _OF_KEEPALIVED = 3, 18
# linux/netdevice.h: NET_ADDR_*
_RANDOM, _STOLEN, _SET = 1, 2, 3


def is_passing(interface: Interface, elsewhere: bool) -> bool:
    """Tell whether an interface comes and goes by itself.

    :param elsewhere: its other end stands in another network namespace.
    """
    if _PASSING.fullmatch(interface.name):
        return True
    if interface.type == "veth" and elsewhere:
        return not _OWN.fullmatch(interface.name)
    # A tun or tap that does not persist lives as long as the program that has it open; one that persists was made by a
    # person or a configuration, and stays.
    return interface.type == "ppp" or (interface.type == "tun" and not interface.tun.persistent)


def is_plugged(host: Host, interface: Interface) -> bool:
    """Tell whether the device can be pulled out, and the firmware says so: docks, telephones, adapters."""
    if not _PHYSICAL_BUS.fullmatch(interface.bus_address):
        return False
    device = f"/sys/class/net/{interface.name}/device"
    if ":" in interface.bus_address and "-" in interface.bus_address:  # USB: the interface's device stands above
        device = host.resolve(device).rpartition("/")[0]
    try:
        return host.line(f"{device}/removable") == "removable"
    except UnreadableError:
        return False


def settle_mac(host: Host, interface: Interface, of_a_bond: bool) -> None:
    """Move a hardware address that is nobody's decision to where it is state.

    :param of_a_bond: it is a bond's member: it has the bond's address for as long as it is one.
    """
    if not interface.mac:
        return
    if interface.type != "wireless" and not of_a_bond:
        if interface.mac == interface.permanent_mac:
            return
        try:
            assigned = host.number(f"/sys/class/net/{interface.name}/addr_assign_type")
        except UnreadableError:
            assigned = None
        if assigned not in (_RANDOM, _STOLEN):
            return
    interface.mac_in_use = interface.mac
    interface.ClearField("mac")


def settle_mtu(interface: Interface) -> None:
    """Move the MTU of a bridge, which follows its ports, to where it is state."""
    if interface.type == "bridge" and interface.HasField("mtu"):
        interface.mtu_in_use = interface.mtu
        interface.ClearField("mtu")


def is_automatic(address: Address, protocol: int | None) -> bool:
    """Tell whether an address came by itself.

    :param protocol: IFA_PROTO, which kernels before 5.18 do not tell; there a link-local address with a short host part
        counts as someone's.
    """
    if protocol == _OF_KEEPALIVED:
        return True
    if address.dynamic or not _LINK_LOCAL.match(address.address):
        return False
    if protocol is not None:
        return protocol == _OF_THE_KERNEL
    return address.address.partition("/")[0].partition("::")[2].count(":") >= 2


def is_passing_route(route: Route, passing: frozenset[str] | set[str]) -> bool:
    """Tell whether a route comes and goes by itself.

    :param passing: names of the interfaces that do.
    """
    if route.interface in passing or route.protocol in _LEARNT:
        return True
    return route.protocol == "kernel" and _LINK_LOCAL.match(route.destination) is not None
