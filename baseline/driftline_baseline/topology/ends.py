"""Ports and the names they go by; neighbours and the keys they may be known by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from driftline.v1.network_pb2 import Interface
from driftline_baseline.identity.forms import NoForm, address, mac, words

#: Types of interfaces that no cable is put into: they stand on others, or on nothing.
_VIRTUAL = frozenset(
    [
        *("bond", "bridge", "vlan", "loopback", "tun", "vxlan", "macvlan", "macvtap", "ipvlan", "vrf", "gre"),
        *("wireguard", "dummy", "lag", "tunnel"),
    ]
)
#: Words for a port without a carrier: operstate of a host, IF-MIB::ifOperStatus of a device.
_DOWN = frozenset(["down", "lowerlayerdown", "notpresent", "lower-layer-down", "not-present"])
#: Hardware addresses of virtual routers (VRRP, RFC 9568; HSRP): they move between devices.
_SHARED_MACS = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:")
#: How a port may be named by another device, the surest first: IEEE 802.1AB port ID subtypes.
_NAMED = ("name", "description", "mac", "in-use", "alias", "index")
_DESCRIBED = ("name", "description", "alias")


@dataclass(frozen=True, slots=True)
class Port:
    """An interface as a place where a cable may end."""

    name: str
    #: None where it is not known.
    up: bool | None
    #: It stands on other interfaces: a bond, a bridge, a VLAN.
    virtual: bool
    #: What others may call it, by kind: ``name:gi1/0/1``, ``mac:02:00:..``.
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What a port hears of another device by LLDP or the like."""

    port: str
    #: LLDP, CDPv2.
    protocol: str
    chassis_id: str
    port_id: str
    system_name: str = ""
    port_description: str = ""
    addresses: tuple[str, ...] = ()


def port_of(interface: Interface) -> Port:
    """Return an interface as a port."""
    keys = [f"name:{words(interface.name)}"]
    for kind, text in (("description", interface.description), ("alias", interface.alias)):
        keys += [f"{kind}:{words(text)}"] if text else []
    for kind, text in (("mac", interface.mac), ("mac", interface.permanent_mac), ("in-use", interface.mac_in_use)):
        keys += [f"{kind}:{one}" for one in [mac_of(text)] if one]
    if interface.HasField("index"):
        keys.append(f"index:{interface.index}")
    up = None
    if interface.link:
        up = interface.link.lower() not in _DOWN
    if interface.HasField("enabled") and not interface.enabled:
        up = False
    return Port(interface.name, up, interface.type in _VIRTUAL, tuple(dict.fromkeys(keys)))


def mac_of(text: str) -> str | None:
    """Return a hardware address in its normal form; None where a text is none, or is nobody's own."""
    try:
        plain = mac(text)
    except NoForm:
        return None
    shared = plain.startswith(_SHARED_MACS) or plain.strip("0:") == "" or int(plain[:2], 16) & 1
    return None if shared else plain


def find_port(ports: Sequence[Port], port_id: str, description: str = "") -> str | None:
    """Return the name of the port that another device calls so; None where none or several may be meant."""
    for kinds, text in ((_NAMED, port_id), (_DESCRIBED, description)):
        for kind in kinds if text else ():
            wanted = mac_of(text) if kind in ("mac", "in-use") else words(text)
            fitting = [port for port in ports if f"{kind}:{wanted}" in port.keys]
            fitting = [port for port in fitting if not port.virtual] or fitting
            if len(fitting) == 1:
                return fitting[0].name
    return None


def port_with(ports: Sequence[Port], address_: str) -> str | None:
    """Return the port whose frames have this hardware address; of several that share it what stands on them."""
    fitting = [port for port in ports if {f"mac:{address_}", f"in-use:{address_}"} & set(port.keys)]
    cables = [port for port in fitting if not port.virtual]
    for part in (cables, [port for port in fitting if port.virtual]):
        if len(part) == 1:
            return part[0].name
    return None


def chassis_key(chassis_id: str) -> str:
    """Return what a chassis is known by, whoever writes it: a MAC in its normal form, else the text."""
    return f"chassis:{mac_of(chassis_id) or words(chassis_id)}"


def name_keys(name: str) -> list[str]:
    """Return what a device of this name may be known by: ``sw1.example.com(FOX1)``, sw1.example.com, sw1."""
    plain = words(name).partition("(")[0].rstrip(". ")
    return list(dict.fromkeys(f"name:{one}" for one in (plain, plain.partition(".")[0]) if one))


def address_key(text: str) -> str | None:
    """Return what a device at this address is known by; None where the text is no address."""
    try:
        return f"address:{address(text)}"
    except NoForm:
        return None


def keys_of(neighbour: Neighbour) -> list[str]:
    """Return the keys that say who a neighbour is, the surest first."""
    chassis = [chassis_key(neighbour.chassis_id)] if neighbour.chassis_id else []
    hardware = [f"mac:{one}" for one in [mac_of(neighbour.chassis_id)] if one]
    addresses = [key for one in neighbour.addresses if (key := address_key(one))]
    # CDP's device id is a name; LLDP's chassis id may be one, too.
    names = name_keys(neighbour.system_name) + ([] if hardware else name_keys(neighbour.chassis_id))
    return list(dict.fromkeys([*chassis, *hardware, *addresses, *names]))


def all_macs(ports: Iterable[Port]) -> set[str]:
    """Return the hardware addresses that ports have or use."""
    return {key.partition(":")[2] for port in ports for key in port.keys if key.startswith(("mac:", "in-use:"))}
