"""Bridges, neighbours, VLANs and routing out of rows as devices send them, and as none should."""

from collections.abc import Mapping

import pytest

from driftline.v1.facts_pb2 import LldpNeighbour
from driftline_agent import lldp
from driftline_agent.devices.mib import Row, Table
from driftline_agent.devices.mibs import (
    cdp_mib,
    lldp_extensions,
    lldp_ids,
    lldp_mib,
    ospf_tables,
    vlan_tables,
    vtp_tables,
)
from driftline_agent.devices.mibs.lldp_ports import LocalPort, LocalPorts, interfaces
from driftline_agent.devices.mibs.ports import BridgePorts, port_list
from driftline_agent.devices.snmp.values import Data, Kind, Oid, Var
from driftline_agent.devices.topics import bgp, bridge, forwarding, neighbours

OLD, V2 = lldp_mib.FLAVOURS
Q, IEEE = vlan_tables.FLAVOURS


def var(value: Data) -> Var:
    kind = Kind.OCTETS if isinstance(value, bytes) else Kind.IP_ADDRESS if isinstance(value, str) else Kind.INTEGER
    return Var((1, 3), kind, value)


def table(rows: Mapping[Oid, Mapping[str, Data]]) -> Table:
    columns: dict[str, dict[Oid, Var]] = {}
    for index, row in rows.items():
        for name, value in row.items():
            columns.setdefault(name, {})[index] = var(value)
    return Table(columns)


def row(**values: Data) -> Row:
    return Row({name: var(value) for name, value in values.items()})


@pytest.mark.parametrize(
    ("subtype", "octets", "chassis", "port"),
    [
        (4, bytes.fromhex("001c73b3afbb"), "00:1c:73:b3:af:bb", None),
        (3, bytes.fromhex("001c73b3afbb"), None, "00:1c:73:b3:af:bb"),
        (4, b"C0:06:C3:A1:3F:46", "c0:06:c3:a1:3f:46", None),
        (3, b"94:64:24:00:00:00", None, "94:64:24:00:00:00"),
        (4, b"\0" * 6, "00:00:00:00:00:00", None),
        (4, b"\1\2\3", "01:02:03", None),
        (5, b"\1\xc0\0\2\1", "192.0.2.1", None),
        (4, b"\1\xc0\0\2\1", None, "192.0.2.1"),
        (5, b"\2" + b"\xfe\x80" + b"\0" * 13 + b"\1", "fe80::1", None),
        (5, b"\xc0\0\2\1", "192.0.2.1", None),
        (5, b"192.0.2.1", "192.0.2.1", None),
        (6, b"Gi1/0/1\0\0\0", "Gi1/0/1", "Gi1/0/1"),
        (7, b" two  words ", "two  words", "two  words"),
        (1, b"uplink\x07\xff", "uplink \ufffd", "uplink \ufffd"),
        (None, bytes.fromhex("001c73b3afbb"), "00:1c:73:b3:af:bb", "00:1c:73:b3:af:bb"),
        (None, b"Port 1", "Port 1", "Port 1"),
        (99, b"", "", ""),
        (4, b"", "", ""),
    ],
)
def test_ids(subtype: int | None, octets: bytes, chassis: str | None, port: str | None) -> None:
    if chassis is not None:
        assert lldp_ids.chassis_id(subtype, octets) == chassis
    if port is not None:
        assert lldp_ids.port_id(subtype, octets) == port


@pytest.mark.parametrize(("kind", "body"), [(1, b"\4\0\x1c\x73\xb3\xaf\xbb"), (1, b"\5\1\xc0\0\2\1"), (1, b"\7 sw1\0")])
@pytest.mark.parametrize("port_body", [b"\3\0\x1c\x73\xb3\xaf\xbb", b"\5swp1", b"\4\2" + b"\xfe" * 16, b"\7 001"])
def test_ids_are_spelled_as_in_frames(kind: int, body: bytes, port_body: bytes) -> None:
    """What a host reads out of a frame and a switch answers over SNMP are one neighbour."""
    units = [bytes([number << 1, len(unit)]) + unit for number, unit in ((kind, body), (2, port_body))]
    heard = lldp.parse_frame(b"\0" * 12 + b"\x88\xcc" + b"".join(units), "eth0")
    assert heard is not None
    assert heard.chassis_id == lldp_ids.chassis_id(body[0], body[1:])
    assert heard.port_id == lldp_ids.port_id(port_body[0], port_body[1:])


def test_capabilities_are_bits_and_nothing_else() -> None:
    assert lldp_ids.capabilities(b"\x28\x00") == lldp_ids.capabilities(b"\x28") == ["Bridge", "Router"]
    assert lldp_ids.capabilities(b"28 00 2 4") == lldp_ids.capabilities(b"00") == lldp_ids.capabilities(None) == []


def test_management_addresses() -> None:
    assert lldp_ids.management_address((1, 4, 192, 0, 2, 1)) == "192.0.2.1"
    assert lldp_ids.management_address((1, 192, 0, 2, 1)) == "192.0.2.1"  # the length is left out
    assert lldp_ids.management_address((2, 16, 0x20, 1, *(0,) * 13, 1)) == "2001::1"
    for bad in ((), (1,), (1, 4), (1, 4, 300, 0, 2, 1), (6, 6, 1, 2, 3, 4, 5, 6), (2, 4, 1, 2, 3, 4)):
        assert lldp_ids.management_address(bad) is None


REMOTE = {"lldpRemChassisIdSubtype": 4, "lldpRemChassisId": b"\0\x1c\x73\0\0\1", "lldpRemPortIdSubtype": 5}


def test_the_newest_of_rows_that_came_twice_counts() -> None:
    rows = table(
        {
            (90, 7, 2): {**REMOTE, "lldpRemPortId": b"e1", "lldpRemSysName": b"new"},
            (100, 8, 1): {**REMOTE, "lldpRemPortId": b"e1", "lldpRemSysName": b"other port"},
            (5, 7, 1): {**REMOTE, "lldpRemPortId": b"e1", "lldpRemSysName": b"old"},
        }
    )
    addresses = table({(5, 7, 1, 1, 4, 192, 0, 2, 9): {"lldpRemManAddrIfSubtype": 2}})
    found = list(lldp_mib.heard(rows, addresses, OLD))
    for one in found:
        one.neighbour.interface = f"eth{one.port}"
    newest = neighbours.newest(one.neighbour for one in found)
    assert [(one.interface, one.system_name, list(one.management_addresses)) for one in newest] == [
        ("eth7", "new", []),
        ("eth8", "other port", []),
    ]


def test_rows_that_are_no_neighbours() -> None:
    rows = table(
        {
            (1, 7): REMOTE,
            (1, 7, 1, 4): REMOTE,
            (1, 7, 1): {"lldpRemChassisIdSubtype": b"4", "lldpRemSysName": b"no chassis"},
            (1, 7, 2): {"lldpRemChassisId": 7},
            (1, 7, 3): {**REMOTE, "lldpRemPortId": 5, "lldpRemSysCapEnabled": b"\xff" * 300, "lldpRemSysDesc": b"\0x"},
        }
    )
    (one,) = lldp_mib.heard(rows, table({(1,): {"lldpRemManAddrIfSubtype": 2}}), OLD)
    assert (one.row, one.neighbour) == (
        (1, 7, 3),
        LldpNeighbour(chassis_id="00:1c:73:00:00:01", protocol="LLDP"),
    )
    v2 = table({(1, 7, 1, 3): {"lldpV2RemChassisId": b"sw2", "lldpV2RemPortId": b"p"}})
    assert [one.port for one in lldp_mib.heard(v2, Table({}), V2)] == [7]


def test_extensions() -> None:
    found = [lldp_mib.Heard((1, 7, 3), LldpNeighbour()), lldp_mib.Heard((1, 8, 3), LldpNeighbour())]
    numbers = {(1, 7, 3): {"lldpXdot1RemPortVlanId": 20, "lldpXdot3RemMaxFrameSize": 9216}}
    more = {(1, 8, 3): {"lldpXdot1RemPortVlanId": -1, "lldpXdot3RemMaxFrameSize": 1 << 40}, (9,): {}}
    names = {(1, 7, 3, 30): {"lldpXdot1RemVlanName": b"printers"}, (1, 7, 3, 20): {"lldpXdot1RemVlanName": b"servers"}}
    lldp_extensions.add(found, table({**numbers, **more}), table({**names, (1,): {"lldpXdot1RemVlanName": b"x"}}))
    first, second = (one.neighbour for one in found)
    assert (first.port_vlan, first.max_frame_size, list(first.vlans)) == (20, 9216, ["20 servers", "30 printers"])
    assert second == LldpNeighbour()


NAMES = {1: "e1", 2: "e2", 3: "e3", 11: "br0"}
IFS = interfaces(
    table(
        {
            (1,): {"ifName": b"e1", "ifDescr": b"Port 1", "ifPhysAddress": b"\0\x1c\x73\0\0\1", "ifAlias": b"to sw2"},
            (2,): {"ifName": b"e2", "ifDescr": b"Port", "ifPhysAddress": b"\0\x1c\x73\0\0\2"},
            (3,): {"ifName": b"e3", "ifDescr": b"Port", "ifPhysAddress": b"\0\x1c\x73\0\0\3"},
            (11,): {"ifName": b"br0", "ifPhysAddress": b"\0\x1c\x73\0\0\1"},
        }
    ),
    NAMES,
)


@pytest.mark.parametrize(
    ("port", "bridge_ports", "name"),
    [
        (LocalPort(5, "e3", ""), {2: 1}, "e3"),  # its name is more than its number
        (LocalPort(3, "00:1c:73:00:00:03", ""), {2: 1}, "e3"),
        (LocalPort(3, "00:1c:73:00:00:01", ""), {2: 1}, "e1"),  # of two with that address the one with its number
        (LocalPort(1, "to sw2", ""), {}, "e1"),
        (LocalPort(7, "nothing", "Port 1"), {}, "e1"),  # by its description
        (LocalPort(7, "nothing", "Port"), {2: 3}, "e3"),  # two have that description
        (LocalPort(5, "port-002", "?"), {2: 3}, "e3"),  # a bridge's number
        (LocalPort(5, "port-002", "?"), {1: 1}, "e2"),  # a port that is none of the bridge's
        (LocalPort(7, "3", ""), {}, "e3"),  # Junos
        (None, {2: 3}, "e2"),  # no table of local ports: ifIndex
        (None, {}, "e2"),
    ],
)
def test_local_ports(port: LocalPort | None, bridge_ports: dict[int, int], name: str) -> None:
    found = LocalPorts({2: port} if port else {}, BridgePorts(bridge_ports, NAMES), IFS)
    assert found.name(2) == name
    assert found.name(77) is found.name(0) is None


def test_what_several_local_ports_say_alike_says_nothing() -> None:
    one = LocalPort(3, "00:1c:73:00:00:03", "Port 1")
    ports = LocalPorts({1: one, 2: one}, BridgePorts({}, NAMES), IFS)
    assert (ports.name(1), ports.name(2)) == ("e1", "e2")


def test_cdp_is_spelled_as_lldpd_spells_it() -> None:
    cache = {
        "cdpCacheDeviceId": b"sw2.example.net",
        "cdpCacheDevicePort": b"GigabitEthernet0/1",
        "cdpCachePlatform": b"cisco WS-C2960",
        "cdpCacheVersion": b"Cisco IOS\nVersion 15",
        "cdpCacheCapabilities": b"\0\0\0\x29",
        "cdpCacheAddressType": 1,
        "cdpCacheAddress": b"\xc0\0\2\1",
    }
    rows = table(
        {
            (1, 5): {**cache, "cdpCacheNativeVLAN": 20, "cdpCacheDuplex": 3},
            (2, 6): cache,
            (3,): cache,
            (3, 1): {"cdpCacheDeviceId": 7, "cdpCacheDevicePort": b"x"},
            (9, 1): {"cdpCacheDeviceId": b"x", "cdpCacheAddressType": 20, "cdpCacheAddress": b"abc"},
        }
    )
    second, first, lost = sorted(
        cdp_mib.heard(rows, NAMES), key=lambda one: (one.system_name != "sw2.example.net", one.protocol)
    )
    assert first == LldpNeighbour(
        interface="e1",
        chassis_id="sw2.example.net",
        port_id="GigabitEthernet0/1",
        protocol="CDPv2",
        system_name="sw2.example.net",
        system_description="cisco WS-C2960 running on\nCisco IOS\nVersion 15",
        port_description="GigabitEthernet0/1",
        management_addresses=["192.0.2.1"],
        capabilities=["Bridge", "Router"],
        port_vlan=20,
    )
    assert (second.interface, second.protocol) == ("e2", "CDPv1")
    assert (lost.interface, list(lost.management_addresses)) == ("", [])


def test_port_lists() -> None:
    assert port_list(b"\x80\x01") == [1, 16]
    assert port_list(b"") == port_list(b"\0" * 9) == []


PORTS = BridgePorts({1: 1, 2: 2, 9: 3}, NAMES)


def members(
    rows: Mapping[Oid, Mapping[str, Data]], now: Mapping[Oid, Mapping[str, Data]]
) -> dict[int, tuple[str, list[str], list[str]]]:
    found = vlan_tables.vlans(table(rows), table(now), Q, PORTS)
    return {one.id: (one.name, list(one.ports), list(one.tagged)) for one in found}


def test_static_members_count_and_learnt_vlans_do_not() -> None:
    static = {
        (1,): {
            "dot1qVlanStaticName": b"default",
            "dot1qVlanStaticEgressPorts": b"\xc0",
            "dot1qVlanStaticUntaggedPorts": b"\xc0",
        },
        (20,): {
            "dot1qVlanStaticName": b"",
            "dot1qVlanStaticEgressPorts": b"\x40\xff",
            "dot1qVlanStaticUntaggedPorts": b"\0",
        },
        (4095,): {"dot1qVlanStaticName": b"x"},
        (): {},
    }
    now = {
        (0, 1): {"dot1qVlanCurrentEgressPorts": b"\xff\xff", "dot1qVlanStatus": 2},
        (0, 30): {"dot1qVlanCurrentEgressPorts": b"\x80", "dot1qVlanStatus": 3},
        (0, 40): {"dot1qVlanCurrentEgressPorts": b"\x80", "dot1qVlanStatus": 2},
    }
    found = members({key: value for key, value in static.items() if key}, now)
    assert found == {1: ("default", ["e1", "e2"], []), 20: ("", ["e2", "e3"], ["e2", "e3"]), 40: ("", ["e1"], ["e1"])}


def test_without_static_members_the_current_ones_count() -> None:
    static = {(1,): {"dot1qVlanStaticName": b"default", "dot1qVlanStaticEgressPorts": b"\0\0"}}
    now = {
        (5, 1): {"dot1qVlanCurrentEgressPorts": b"\x80", "dot1qVlanCurrentUntaggedPorts": b"\x80"},
        (9, 1): {"dot1qVlanCurrentEgressPorts": b"\xc0", "dot1qVlanCurrentUntaggedPorts": 7},
    }
    assert members(static, now) == {1: ("default", ["e1", "e2"], ["e1", "e2"])}


def test_vlans_of_cisco() -> None:
    vlans = {
        (1, 1): {"vtpVlanName": b"default", "vtpVlanType": 1},
        (1, 20): {"vtpVlanName": b"servers", "vtpVlanType": 1},
        (1, 1002): {"vtpVlanName": b"fddi-default", "vtpVlanType": 2},
        (1, 1500): {"vtpVlanName": b"lab"},
        (7,): {"vtpVlanName": b"x"},
    }
    access = {(1,): {"vmVlan": 20, "vmVlanType": 1}, (2,): {"vmVlan": 1}, (3,): {"vmVlan": 20, "vmVlanType": 2}}
    everything = {f"vlanTrunkPortVlansEnabled{more}": b"\xff" * 128 for more in ("", "2k", "3k", "4k")}
    trunks = {
        (2,): {**everything, "vlanTrunkPortNativeVlan": 1, "vlanTrunkPortDynamicState": 1},
        (3,): {**everything, "vlanTrunkPortDynamicState": 4},  # it negotiates
    }
    found = vtp_tables.vlans(table(vlans), table(access), table(trunks), NAMES)
    assert {one.id: (one.name, list(one.ports), list(one.tagged)) for one in found} == {
        1: ("default", ["e2"], []),
        20: ("servers", ["e1", "e2"], ["e2"]),
        1500: ("lab", ["e2"], ["e2"]),
    }


def test_a_bridge_whose_tree_is_off_tells_no_root() -> None:
    off = row(dot1dBaseBridgeAddress=b"\0\x1c\x73\0\0\1", dot1dStpDesignatedRoot=b"\0" * 8, dot1dStpRootPort=0)
    tree = bridge.spanning_tree(off, PORTS)
    assert tree is not None
    assert (tree.address, tree.root, tree.root_port, tree.HasField("priority")) == ("00:1c:73:00:00:01", "", "", False)
    assert bridge.spanning_tree(row(dot1dStpPriority=4096), PORTS) is None
    wild = row(
        dot1dStpProtocolSpecification=3,
        dot1dStpPriority=-5,
        dot1dStpDesignatedRoot=b"1000.8e8c1b53079e",
        dot1dStpRootPort=9,
        dot1dStpBridgeMaxAge=1 << 60,
        dot1dStpVersion=b"2",
    )
    tree = bridge.spanning_tree(wild, PORTS)
    assert tree is not None
    assert (tree.root, tree.root_port, tree.HasField("bridge_max_age"), tree.version) == ("", "e3", False, "")


def test_switch_ports() -> None:
    rows = {
        (1,): {"dot1qPvid": 20, "dot1dStpPortState": 5, "dot1dStpPortEnable": 1, "dot1dStpPortPathCost": 65535},
        (2,): {"dot1qPvid": 0, "dot1dStpPortState": 99, "dot1dStpPortPriority": b"x", "dot1dStpPortPathCost": 4},
        (77,): {"dot1qPvid": 20},
        (1, 1): {"dot1qPvid": 20},
    }
    rows[(1,)]["dot1dStpPortPathCost32"] = 200_000
    one, two, three = bridge.switch_ports(table(rows), PORTS)
    assert (one.interface, one.pvid, one.stp_state, one.stp_enabled, one.stp_cost) == (
        "e1",
        20,
        "forwarding",
        True,
        200_000,
    )
    assert (two.HasField("pvid"), two.stp_state, two.HasField("stp_priority"), two.stp_cost) == (False, "", False, 4)
    assert (three.interface, three.bridge_port) == ("e3", 9)


def test_forwarding() -> None:
    vlans = {(0, 20): {"dot1qVlanFdbId": 5}, (0, 30): {"dot1qVlanFdbId": 6}, (0, 31): {"dot1qVlanFdbId": 6}, (1,): {}}
    mac = (0, 0x1C, 0x73, 0, 0, 9)
    rows = table(
        {
            (5, *mac): {"dot1qTpFdbPort": 9, "dot1qTpFdbStatus": 3},
            (6, *mac): {"dot1qTpFdbPort": 0, "dot1qTpFdbStatus": 4},
            (70000, *mac): {"dot1qTpFdbPort": b"x", "dot1qTpFdbStatus": 1},
            (40, *mac): {"dot1qTpFdbPort": 1, "dot1qTpFdbStatus": 2},
            (5, 300, 1, 1, 1, 1, 1): {"dot1qTpFdbPort": 1},
            (5, 0, 0, 0, 0, 0, 0): {"dot1qTpFdbPort": 1},
            (5,): {"dot1qTpFdbPort": 1},
        }
    )
    known = forwarding.vlans_of(table({key: value for key, value in vlans.items() if value}))
    assert known == {5: 20, 6: 0}
    found = forwarding.entries(rows, "dot1qTpFdb", known, PORTS)
    assert [(one.mac, one.vlan, one.interface, one.status) for one in found] == [
        ("00:1c:73:00:00:09", 0, "", "other"),
        ("00:1c:73:00:00:09", 20, "e3", "learned"),
    ]


def test_bgp_peers() -> None:
    cisco, arista, _, standard = bgp._SOURCES
    six = (2, 16, 0x20, 1, *(0,) * 13, 1)
    rows = table({six: {"cbgpPeer2State": 6, "cbgpPeer2LocalAddr": b"\xc0\0\2\1", "cbgpPeer2RemoteAs": 4_200_000_000}})
    (one,) = bgp.peers(rows, cisco)
    assert (one.address, one.state, one.local_address, one.remote_as) == (
        "2001::1",
        "established",
        "192.0.2.1",
        4_200_000_000,
    )
    assert [one.address for one in bgp.peers(table({(1, *six): {"aristaBgp4V2PeerState": 1}}), arista)] == ["2001::1"]
    wild = table(
        {
            (192, 0, 2, 300): {"bgpPeerState": 6},
            (192, 0, 2): {"bgpPeerState": 6},
            (192, 0, 2, 1): {
                "bgpPeerState": 99,
                "bgpPeerAdminStatus": 7,
                "bgpPeerIdentifier": "0.0.0.0",
                "bgpPeerRemoteAs": -1,
                "bgpPeerHoldTimeConfigured": 1 << 40,
            },
        }
    )
    (one,) = bgp.peers(wild, standard)
    assert (one.address, one.state, one.HasField("enabled"), one.identifier) == ("192.0.2.1", "", False, "")
    assert not one.HasField("remote_as") and not one.HasField("hold_time")


def test_ospf() -> None:
    rows = table(
        {
            (192, 0, 2, 1, 0): {"ospfIfType": 3, "ospfIfAdminStat": 1, "ospfIfState": 4, "ospfIfAreaId": "0.0.0.0"},
            (0, 0, 0, 0, 2): {"ospfIfType": 99, "ospfIfHelloInterval": -1, "ospfIfAreaId": b"x"},
            (0, 0, 0, 0, 70): {"ospfIfAuthType": 2},
            (192, 0, 2, 999, 0): {"ospfIfType": 3},
            (1,): {"ospfIfType": 3},
        }
    )
    found = ospf_tables.interfaces(rows, ospf_tables.V2, NAMES)
    assert [one.address for one in found] == ["#70", "192.0.2.1", "e2"]
    assert (found[1].area, found[1].state, found[1].enabled) == ("0.0.0.0", "pointToPoint", True)
    assert (found[2].type, found[2].area, found[2].HasField("hello_interval")) == ("", "", False)
    areas = {
        (0, 0, 0, 7): {"ospfImportAsExtern": 3},
        (0, 0, 0, 700): {"ospfImportAsExtern": 3},
        (7,): {"ospfImportAsExtern": 1},
    }
    assert [(one.id, one.kind) for one in ospf_tables.areas(table(areas), ospf_tables.V2)] == [
        ("0.0.0.7", "importNssa")
    ]
    three = table(
        {
            (2, 0, 1 << 31): {
                "ospfv3NbrState": 8,
                "ospfv3NbrAddressType": 2,
                "ospfv3NbrAddress": b"\xfe\x80" + b"\0" * 14,
            }
        }
    )
    (one,) = ospf_tables.neighbours(three, ospf_tables.V3, NAMES)
    assert (one.address, one.router_id, one.state) == ("fe80::%e2", "128.0.0.0", "full")
