"""Kinds of interfaces, in the words of network.proto's Interface.type."""

import re

#: IANAifType-MIB (https://www.iana.org/assignments/ianaiftype-mib): number to our word. What is not here is "other".
_BY_NUMBER = {
    6: "ethernet",  # ethernetCsmacd
    7: "ethernet",  # iso88023Csmacd
    9: "token-ring",  # iso88025TokenRing
    15: "fddi",  # fddi
    18: "ds1",  # ds1
    19: "ds1",  # e1
    20: "isdn",  # basicISDN
    21: "isdn",  # primaryISDN
    22: "serial",  # propPointToPointSerial
    23: "ppp",  # ppp
    24: "loopback",  # softwareLoopback
    26: "ethernet",  # ethernet3Mbit
    28: "slip",  # slip
    30: "ds3",  # ds3
    32: "frame-relay",  # frameRelay
    33: "serial",  # rs232
    34: "parallel",  # para
    37: "atm",  # atm
    39: "sonet",  # sonet
    44: "frame-relay",  # frameRelayService
    49: "atm",  # aal5
    50: "sonet",  # sonetPath
    51: "sonet",  # sonetVT
    56: "fibre-channel",  # fibreChannel
    62: "ethernet",  # fastEther
    63: "isdn",  # isdn
    69: "ethernet",  # fastEtherFX
    71: "wireless",  # ieee80211
    75: "isdn",  # isdns
    76: "isdn",  # isdnu
    77: "lapd",  # lapd
    94: "dsl",  # adsl
    95: "dsl",  # radsl
    96: "dsl",  # sdsl
    97: "dsl",  # vdsl
    100: "voice",  # voiceEM
    101: "voice",  # voiceFXO
    102: "voice",  # voiceFXS
    103: "voice",  # voiceEncap
    104: "voice",  # voiceOverIp
    108: "ppp",  # pppMultilinkBundle
    117: "ethernet",  # gigabitEthernet
    118: "hdlc",  # hdlc
    127: "cable",  # docsCableMaclayer
    128: "cable",  # docsCableDownstream
    129: "cable",  # docsCableUpstream
    131: "tunnel",  # tunnel
    134: "atm",  # atmSubInterface
    135: "vlan",  # l2vlan
    136: "vlan",  # l3ipvlan
    142: "ip",  # ipForward
    150: "mpls",  # mplsTunnel
    157: "wireless",  # propWirelessP2P
    160: "usb",  # usb
    161: "bond",  # ieee8023adLag
    166: "mpls",  # mpls
    168: "dsl",  # hdsl2
    169: "dsl",  # shdsl
    171: "sonet",  # pos
    188: "wireless",  # radioMAC
    195: "optical",  # opticalChannel
    196: "optical",  # opticalTransport
    199: "infiniband",  # infiniband
    205: "cable",  # docsCableUpstreamChannel
    209: "bridge",  # bridge
    215: "sit",  # sixToFour
    222: "vlan",  # ciscoISLvlan
    230: "dsl",  # adsl2
    237: "wimax",  # ieee80216WMAN
    238: "dsl",  # adsl2plus
    243: "cellular",  # wwanPP
    244: "cellular",  # wwanPP2
    246: "pseudowire",  # ifPwType
    250: "gpon",  # gpon
    251: "dsl",  # vdsl2
    252: "wireless",  # capwapDot11Profile
    253: "wireless",  # capwapDot11Bss
    254: "wireless",  # capwapWtpVirtualRadio
}
#: What stands for nothing: other, propVirtual, propMultiplexor.
_VAGUE = frozenset({1, 53, 54})
#: Names that makers give, where the number is vague.
_BY_NAME = (
    ("vlan", re.compile(r"(?:unrouted )?vlan(?:[ -]?interface|if)?[ -]?\d+|irb\.?\d*|bvi ?\d+", re.IGNORECASE)),
    ("loopback", re.compile(r"lo(?:opback)?[ -]?\d*", re.IGNORECASE)),
    ("bond", re.compile(r"(?:po|port-?channel|bundle-ether|bridge-aggregation|eth-trunk|lag|trk|ae) ?\d+", re.I)),
    ("tunnel", re.compile(r"tu(?:nnel)?[ -]?[\d/]+", re.IGNORECASE)),
    ("bridge", re.compile(r"br(?:idge)?-?\d+", re.IGNORECASE)),
)  # fmt: skip
#: Names that Linux or its tools give. net-snmp calls nearly all of them ethernet.
_OF_LINUX = (
    ("vlan", re.compile(r"[\w-]+\.\d+|vlan\d+")),
    ("bond", re.compile(r"bond\d+|team\d+")),
    ("bridge", re.compile(r"br\d+|br-.+|vmbr\d+|virbr\d+|docker\d+|docker_gwbridge|bridge\d*")),
    ("veth", re.compile(r"veth.+")),
    ("dummy", re.compile(r"dummy\d+")),
    ("tun", re.compile(r"tun\d+|tap\d+")),
    ("wireguard", re.compile(r"wg\d+")),
    ("wireless", re.compile(r"wlan\d+|wl[ops]\w+|ath\d+")),
    ("ifb", re.compile(r"ifb\d+")),
    ("vxlan", re.compile(r"vxlan\d+|flannel\.\d+")),
    ("gre", re.compile(r"gre\d+")),
    ("sit", re.compile(r"sit\d+")),
    ("ipip", re.compile(r"tunl\d+")),
)  # fmt: skip
#: What has a connector or an antenna of its own.
HARDWARE = frozenset({"ethernet", "wireless", "infiniband", "fibre-channel", "token-ring", "fddi"})
#: SVIs: their names have the VLAN's number, because they can have no other.
_SVI = re.compile(r"vlan(?:[ -]?interface|if| id)?[ -]?0*(\d{1,4})", re.IGNORECASE)
_ETHERNET, _TUNNEL, _LAG = 6, 131, 161


#: As a word: IOS-XE has X86_64_LINUX_IOSD in its description, and no interfaces that Linux named.
_LINUX = re.compile(r"\blinux\b", re.IGNORECASE)


def is_linux(system: str) -> bool:
    """Tell whether Linux names the interfaces of a device.

    :param system: sysDescr.
    """
    return _LINUX.search(system) is not None


def type_of(number: int | None, name: str, system: str) -> str:
    """Return the kind of an interface.

    :param number: ifType.
    :param system: sysDescr.
    """
    if "freebsd" in system.lower() and number in (_ETHERNET, _LAG):
        # lagg(4) gives its members the type of a LAG, and itself that of Ethernet.
        return "bond" if name.startswith("lagg") else "ethernet"
    if number in (_ETHERNET, _TUNNEL, *_VAGUE) and is_linux(system):
        for kind, pattern in _OF_LINUX:
            if pattern.fullmatch(name):
                return kind
    if number in _VAGUE:
        for kind, pattern in _BY_NAME:
            if pattern.fullmatch(name):
                return kind
    return _BY_NUMBER.get(number or 0, "other")


def vlan_of(kind: str, *names: str) -> int | None:
    """Return the number of the VLAN that an interface stands for, where its name or description says it for certain."""
    if kind != "vlan":
        return None
    for name in names:
        found = _SVI.fullmatch(name)
        if found and 0 < int(found[1]) < 4095:
            return int(found[1])
    return None
