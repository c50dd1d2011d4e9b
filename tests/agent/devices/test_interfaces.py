"""Interfaces of devices: from rows as devices send them, and as they should not, to facts."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tables import Value, table, written

from driftline import facts, paths
from driftline.v1.facts_pb2 import Interface
from driftline_agent.devices.mibs import interface_types, macs
from driftline_agent.devices.mibs.if_mib import ETHERLIKE, IF, IFX, LAG, MAU, STACK
from driftline_agent.devices.mibs.interface_names import interface_names, names_of
from driftline_agent.devices.mibs.interface_rows import parse_speed
from driftline_agent.devices.mibs.ip_mib import ADDRESS, CISCO_ADDRESS, OLD_ADDRESS, OLD_ADDRESS_6
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.snmp.columns import Why
from driftline_agent.devices.snmp.values import Kind, Oid
from driftline_agent.devices.topics import interfaces
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading

UP, DOWN = 1, 2
ETHERNET, LOOPBACK, TUNNEL, VLAN, SVI, LAG_TYPE = 6, 24, 131, 135, 136, 161
#: A switch with four ports, two of them in a bond, a VLAN on it, and what a switch has besides.
NAMES: dict[Any, Any] = {1: b"Gi1/0/1", 2: b"Gi1/0/2", 3: b"Gi1/0/3", 50: b"Po1", 60: b"Vl10", 70: b"Nu0", 71: b"Vi2.1"}
TYPES: dict[Any, Any] = {1: ETHERNET, 2: ETHERNET, 3: ETHERNET, 50: LAG_TYPE, 60: SVI, 70: 1, 71: 23}
SWITCH: dict[Any, dict[Any, Any]] = {
    IFX["ifName"]: NAMES,
    IF["ifDescr"]: {
        1: b"GigabitEthernet1/0/1", 2: b"GigabitEthernet1/0/2", 3: b"GigabitEthernet1/0/3", 50: b"Port-channel1",
        60: b"Vlan10", 70: b"Null0", 71: b"Virtual-Access2.1",
    },
    IF["ifType"]: TYPES,
    IF["ifMtu"]: dict.fromkeys(NAMES, 1500),
    IF["ifSpeed"]: dict.fromkeys(NAMES, 1_000_000_000),
    IF["ifPhysAddress"]: {
        1: bytes.fromhex("001c73000001"), 2: bytes.fromhex("001c73000002"), 3: bytes.fromhex("001c73000003"),
        50: bytes.fromhex("001c73000001"), 60: bytes.fromhex("001c730000ff"), 70: b"",
    },
    IF["ifAdminStatus"]: dict.fromkeys(NAMES, UP) | {3: DOWN},
    IF["ifOperStatus"]: dict.fromkeys(NAMES, UP) | {3: DOWN},
    IFX["ifAlias"]: {1: b"uplink", 2: b"M\xfcnchen", 3: b"Gi1/0/3"},
    STACK["ifStackStatus"]: {(50, 1): 1, (50, 2): 1, (0, 50): 1, (1, 0): 1, (60, 50): 1},
    ETHERLIKE["dot3StatsDuplexStatus"]: {1: 3, 2: 2, 3: 1},
    MAU["ifMauAutoNegAdminStatus"]: {(1, 1): 1, (2, 1): 2},
}  # fmt: skip


def read(readout: Readout) -> Reading:
    reading = asyncio.run(interfaces.read(readout))
    assert reading is not None
    return reading


def by_name(reading: Reading) -> dict[str, Interface]:
    return {one.name: one for one in reading.facts.network.interfaces}


def test_a_switch() -> None:
    reading = read(written(SWITCH))
    found = by_name(reading)
    assert list(found) == ["Gi1/0/1", "Gi1/0/2", "Gi1/0/3", "Po1", "Vl10"]
    assert [one.name for one in reading.facts.network.passing_interfaces] == ["Nu0", "Vi2.1"]
    assert found["Gi1/0/1"] == Interface(
        name="Gi1/0/1", type="ethernet", mac="00:1c:73:00:00:01", mtu=1500, enabled=True, link="up", speed=10**9,
        duplex="full", master="Po1", alias="uplink", autonegotiation=True, index=1, description="GigabitEthernet1/0/1",
    )  # fmt: skip
    assert (found["Gi1/0/2"].alias, found["Gi1/0/2"].duplex, found["Gi1/0/2"].autonegotiation) == (
        "München",
        "half",
        False,
    )
    down = found["Gi1/0/3"]
    assert (down.alias, down.enabled, down.link, down.duplex) == ("", False, "down", "")
    assert (found["Po1"].type, found["Po1"].mac, found["Po1"].mac_in_use) == ("bond", "", "00:1c:73:00:00:01")
    assert (found["Vl10"].type, found["Vl10"].vlan_id, found["Vl10"].parent) == ("vlan", 10, "Po1")
    # While it is down nobody knows whether it is a member
    assert list(reading.unreadable) == ["network.interfaces[Gi1/0/3].master".replace("/", "\\/")]


def test_an_idle_device_gives_the_same_bytes() -> None:
    first, second = (read(written(SWITCH)).facts.SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_members_by_the_lag_mib() -> None:
    rows = SWITCH | {STACK["ifStackStatus"]: {}, LAG["dot3adAggPortAttachedAggID"]: {1: 50, 2: 2, 3: 0}}
    found = by_name(read(written(rows)))
    assert [found[name].master for name in ("Gi1/0/1", "Gi1/0/2", "Gi1/0/3", "Po1")] == ["Po1", "", "", ""]


def test_one_more_interface_is_one_more_element() -> None:
    def elements(columns: dict[Any, dict[Any, Any]]) -> dict[str, bytes]:
        found = facts.elements(read(written(columns, description="Linux router 6.1")).facts)
        return {path: one.digest for path, one in found.items()}

    linux: dict[Any, dict[Any, Any]] = {
        IFX["ifName"]: {1: b"lo", 2: b"eth0", 3: b"eth1"},
        IF["ifDescr"]: {1: b"lo", 2: b"Intel Corporation 82540EM", 3: b"Intel Corporation 82540EM"},
        IF["ifType"]: {1: LOOPBACK, 2: ETHERNET, 3: ETHERNET},
        IF["ifPhysAddress"]: {2: bytes.fromhex("001c73000001"), 3: bytes.fromhex("001c73000002")},
        IF["ifMtu"]: {1: 65536, 2: 1500, 3: 1500},
    }
    before = elements(linux)
    for name, mac in (
        (b"eth0.30", "001c73000001"),
        (b"mybridge", "001c73000002"),
        (b"wg0", ""),
        (b"lab", "0a0000000001"),
    ):
        more = {column: dict(cells) for column, cells in linux.items()}
        more[IFX["ifName"]][4] = more[IF["ifDescr"]][4] = name
        more[IF["ifType"]][4], more[IF["ifMtu"]][4] = ETHERNET, 1500
        more[IF["ifPhysAddress"]][4] = bytes.fromhex(mac)
        after = elements(more)
        assert set(after) - set(before) == {f"network.interfaces[{name.decode()}]"}
        assert {path: after[path] for path in before} == before


def test_passing_of_linux_are_those_of_a_host() -> None:
    names = [b"lo", b"eth0", b"docker0", b"veth12ab", b"tun0", b"ppp0", b"br0", b"bond0", b"eth0.5", b"cali0123456789a"]
    rows = {
        IFX["ifName"]: dict(enumerate(names, 1)),
        IF["ifDescr"]: dict(enumerate(names, 1)),
        IF["ifType"]: dict.fromkeys(range(1, 11), ETHERNET) | {1: LOOPBACK, 6: 23},
    }
    reading = read(written(rows, description="Linux box 6.1.0 x86_64"))
    passing = {one.name for one in reading.facts.network.passing_interfaces}
    assert passing == {"docker0", "veth12ab", "tun0", "ppp0", "cali0123456789a"}
    types = {name: one.type for name, one in by_name(reading).items()}
    assert types == {"lo": "loopback", "eth0": "ethernet", "br0": "bridge", "bond0": "bond", "eth0.5": "vlan"}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("Tunnel0", TUNNEL),
        ("Dialer1", 23),
        ("Virtual-Template1", 23),
        ("pppoe-out1", 23),
        ("ppp0", 23),
        ("Loopback7", 24),
        ("ge-0/0/0.100", VLAN),
        ("GigabitEthernet0/0.10", VLAN),
        ("ae0", LAG_TYPE),
        ("vlan10", SVI),
        ("ssl.root", TUNNEL),
    ],
)
def test_what_an_operator_makes_stays(name: str, number: int) -> None:
    rows: dict[Any, dict[Any, Any]] = {
        IFX["ifName"]: {1: name.encode()},
        IF["ifDescr"]: {1: b""},
        IF["ifType"]: {1: number},
    }
    assert list(by_name(read(written(rows)))) == [name]


@pytest.mark.parametrize(
    "name", ["Virtual-Access2", "Vi3", "<pppoe-anna>", "demux0.1073741825", "StackPort1", "NULL0", "CPU"]
)
def test_what_comes_and_goes(name: str) -> None:
    rows: dict[Any, dict[Any, Any]] = {IFX["ifName"]: {1: name.encode()}, IF["ifDescr"]: {1: b""}, IF["ifType"]: {1: 1}}
    reading = read(written(rows))
    assert [one.name for one in reading.facts.network.passing_interfaces] == [name]


def named(rows: dict[int | Oid, dict[str, Value]]) -> dict[int, str]:
    return dict(interface_names(table(IF | IFX, rows)))


def test_names() -> None:
    both = {
        1: (b"1", b"slot A"), 2: (b"1", b"slot B"), 3: (b"", b"eth3"), 4: (b"x\0", b"x"), 5: (b"same", b"same"),
        6: (b"same", b"same"), 8: (b"\xff\xfe", b""), 9: (b"", b""),
    }  # fmt: skip
    rows: dict[int | Oid, dict[str, Value]] = {at: {"ifName": one, "ifDescr": two} for at, (one, two) in both.items()}
    assert named(rows | {7: {"ifDescr": b"only described"}}) == {
        1: "1 (slot A)", 2: "1 (slot B)", 3: "eth3", 4: "x", 5: "same#5", 6: "same#6", 7: "only described", 8: "ÿþ",
        9: "#9",
    }  # fmt: skip


def test_names_do_not_follow_the_index() -> None:
    def names(first: int, second: int) -> set[str]:
        lan: Value = b"lan"
        return set(named({first: {"ifName": lan, "ifDescr": b"a"}, second: {"ifName": lan, "ifDescr": b"b"}}).values())

    assert names(1, 2) == names(7, 3) == {"lan (a)", "lan (b)"}


def test_other_tables_find_interfaces_by_whatever_they_say() -> None:
    names = asyncio.run(names_of(written(SWITCH)))
    assert names.by_index[50] == "Po1"
    asked = ("Po1", "GigabitEthernet1/0/2", "00:1C:73:00:00:02", "Gi9", "00:1c:73:00:00:01")
    assert [names.find(text) for text in asked] == ["Po1", "Gi1/0/2", "Gi1/0/2", None, None]
    assert names.cut == ""


def test_rows_that_may_be_missing() -> None:
    rows = SWITCH | {IFX["ifName"]: {1: b"Gi1/0/1"}}
    reading = read(written(rows, {IFX["ifName"]: Why.SILENT}))
    # The others would be called by their descriptions, as if someone had renamed them all
    assert list(by_name(reading)) == ["Gi1/0/1"]
    assert reading.unreadable["network.interfaces[*]"] == "ifName: silent"
    assert asyncio.run(names_of(written(rows, {IFX["ifName"]: Why.SILENT}))).by_index == {1: "Gi1/0/1"}


def test_no_name_at_all_came() -> None:
    with pytest.raises(UnreadableError, match="silent"):
        asyncio.run(interfaces.read(written(SWITCH | {IFX["ifName"]: {}}, {IFX["ifName"]: Why.SILENT})))


def test_nothing_came() -> None:
    assert asyncio.run(interfaces.read(written({}))) is None
    with pytest.raises(UnreadableError, match="silent"):
        asyncio.run(interfaces.read(written({}, {IF["ifDescr"]: Why.SILENT})))


def test_columns_that_were_cut() -> None:
    cuts = {IF["ifMtu"]: Why.BOUND, STACK["ifStackStatus"]: Why.SILENT, OLD_ADDRESS["ipAdEntIfIndex"]: Why.SILENT}
    found = read(written(SWITCH, cuts)).unreadable
    assert {path for path in found if path.startswith("network.interfaces[*]")} == {
        "network.interfaces[*].mtu",
        "network.interfaces[*].master",
        "network.interfaces[*].parent",
        "network.interfaces[*].lower",
        "network.interfaces[*].addresses",
    }


@pytest.mark.parametrize(
    ("low", "high", "speed"),
    [
        (10**9, 1000, 10**9),
        (4294967295, 10000, 10**10),
        (1410065408, 10000, 10**10),
        (1544000, 2, 1544000),
        (0, 0, None),
        (None, None, None),
        (4294967295, None, None),
        (4294967295, 0, None),
        (10**8, None, 10**8),
        (64000, 0, 64000),
        (None, 400000, 4 * 10**11),
        (10**9, 10**9, 10**9),
        (5, 10**9, None),
        (-1, -1, None),
    ],
)
def test_speeds(low: int | None, high: int | None, speed: int | None) -> None:
    assert parse_speed(low, high) == speed


def _pointer(index: int, network: tuple[int, ...], length: int) -> tuple[int, ...]:
    kind = 1 if len(network) == 4 else 2
    return (1, 3, 6, 1, 2, 1, 4, 32, 1, 5, index, kind, len(network), *network, length)


LINK_LOCAL = (0xFE, 0x80, *[0] * 6, 2, 0x1C, 0x73, 0xFF, 0xFE, 0, 0, 1)
GLOBAL = (0x20, 1, 0xD, 0xB8, *[0] * 11, 1)


def test_addresses() -> None:
    current = {
        (1, 4, 192, 0, 2, 1): 1,
        (2, 16, *LINK_LOCAL): 1,
        (4, 20, *LINK_LOCAL, 0, 0, 0, 2): 2,
        (2, 16, *GLOBAL): 1,
    }
    rows: dict[Any, dict[Any, Any]] = SWITCH | {
        ADDRESS["ipAddressIfIndex"]: current | {(1, 4, 192, 0, 2, 255): 1, (1, 4, 0, 0, 0, 0): 1, (1, 3, 1, 2, 3): 1},
        ADDRESS["ipAddressType"]: {(1, 4, 192, 0, 2, 255): 3},
        ADDRESS["ipAddressPrefix"]: {
            (1, 4, 192, 0, 2, 1): (0, 0),
            (2, 16, *LINK_LOCAL): _pointer(1, LINK_LOCAL, 64),
            (4, 20, *LINK_LOCAL, 0, 0, 0, 2): _pointer(2, LINK_LOCAL, 64),
            (2, 16, *GLOBAL): _pointer(1, GLOBAL, 64),
        },
        ADDRESS["ipAddressOrigin"]: {(1, 4, 192, 0, 2, 1): 2, (2, 16, *LINK_LOCAL): 5, (2, 16, *GLOBAL): 4},
        OLD_ADDRESS["ipAdEntIfIndex"]: {(192, 0, 2, 1): 1, (198, 51, 100, 7): 60, (203, 0, 113, 1): 999},
        OLD_ADDRESS["ipAdEntNetMask"]: {(192, 0, 2, 1): "255.255.255.0", (198, 51, 100, 7): "255.0.255.0"},
    }
    found = by_name(read(written(rows)))
    port = found["Gi1/0/1"]
    assert [(one.address, one.scope, one.dynamic) for one in port.addresses] == [
        ("192.0.2.1/24", "global", False),
        ("2001:db8::1/64", "global", True),
    ]
    assert [(one.address, one.scope) for one in port.automatic_addresses] == [("fe80::21c:73ff:fe00:1/64", "link")]
    assert [one.address for one in found["Gi1/0/2"].automatic_addresses] == ["fe80::21c:73ff:fe00:1/64"]
    assert [(one.address, one.HasField("dynamic")) for one in found["Vl10"].addresses] == [("198.51.100.7", False)]


def test_addresses_of_older_mibs() -> None:
    rows: dict[Any, dict[Any, Any]] = SWITCH | {
        OLD_ADDRESS_6["ipv6AddrPfxLength"]: {(1, *GLOBAL): 64, (1, 16, *LINK_LOCAL): 64, (1, 7): 64},
        CISCO_ADDRESS["cIpAddressIfIndex"]: {(2, 16, *GLOBAL): 1, (1, 4, 192, 0, 2, 9): 2},
        CISCO_ADDRESS["cIpAddressPrefix"]: {(1, 4, 192, 0, 2, 9): _pointer(2, (192, 0, 2, 0), 24)},
    }
    found = by_name(read(written(rows, object_id=(1, 3, 6, 1, 4, 1, 9, 1, 2494))))
    assert [one.address for one in found["Gi1/0/1"].addresses] == ["2001:db8::1/64"]
    assert [one.address for one in found["Gi1/0/1"].automatic_addresses] == ["fe80::21c:73ff:fe00:1/64"]
    assert [one.address for one in found["Gi1/0/2"].addresses] == ["192.0.2.9/24"]
    assert not by_name(read(written(rows)))["Gi1/0/2"].addresses  # is not asked of others


def test_an_interface_of_the_index_zero() -> None:
    rows: dict[Any, dict[Any, Any]] = {
        IF["ifDescr"]: {0: b"Management Interface 0", 1: b"Ethernet 1"},
        IF["ifType"]: {0: ETHERNET, 1: ETHERNET},
        OLD_ADDRESS["ipAdEntIfIndex"]: {(192, 0, 2, 1): 0},
        OLD_ADDRESS["ipAdEntNetMask"]: {(192, 0, 2, 1): "255.255.255.0"},
    }
    found = by_name(read(written(rows)))
    assert {name: [one.address for one in port.addresses] for name, port in found.items()} == {
        "Ethernet 1": [],
        "Management Interface 0": ["192.0.2.1/24"],
    }


def test_an_adapters_product_is_no_part_of_its_name() -> None:
    rows: dict[Any, dict[Any, Any]] = {
        IF["ifDescr"]: {1: b"en0; Product: 2-Port Adapter Manufacturer: not available!", 2: b"lo0"},
        IF["ifType"]: {1: ETHERNET, 2: LOOPBACK},
    }
    assert list(by_name(read(written(rows)))) == ["en0", "lo0"]


def test_hardware_addresses_that_are_nobodys() -> None:
    assert macs.is_own("00:1c:73:00:00:01")
    for mac in (
        "02:00:00:00:00:01",
        "01:80:c2:00:00:00",
        "00:00:00:00:00:00",
        "00:00:5e:00:01:07",
        "00:00:0c:07:ac:01",
        "",
    ):
        assert not macs.is_own(mac), mac


def test_members_of_a_bond_of_linux_have_its_address() -> None:
    rows: dict[Any, dict[Any, Any]] = {
        IFX["ifName"]: {1: b"eth0", 2: b"eth1", 3: b"bond0", 4: b"eth2"},
        IF["ifDescr"]: {1: b"Intel", 2: b"Intel", 3: b"bond0", 4: b"eth2"},
        IF["ifType"]: dict.fromkeys(range(1, 5), ETHERNET),
        IF["ifPhysAddress"]: dict.fromkeys((1, 2, 3), bytes.fromhex("001c73000001"))
        | {4: bytes.fromhex("001c73000009")},
    }
    found = by_name(read(written(rows, description="Linux")))
    assert {name: one.mac for name, one in found.items()} == {"eth0": "", "eth1": "", "bond0": "", "eth2": ""}
    assert found["eth1"].mac_in_use == "00:1c:73:00:00:01"


@pytest.mark.parametrize(
    ("system", "linux"),
    [
        ("Linux r1 6.1.0-18-amd64 #1 SMP", True),
        ("Cumulus-Linux 5.3.1 (Linux Kernel 5.10.140)", True),
        (
            "Cisco IOS Software [Amsterdam], Virtual XE Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 17.3.4a",
            False,
        ),
        ("Arista Networks EOS version 4.20.1F", False),
        ("", False),
    ],
)
def test_who_names_the_interfaces(system: str, linux: bool) -> None:
    assert interface_types.is_linux(system) == linux


def test_a_device_with_more_than_fit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "_MOST", 3)
    reading = read(written(SWITCH))
    assert (list(by_name(reading)), len(reading.facts.network.passing_interfaces)) == (
        ["Gi1/0/1", "Gi1/0/2", "Gi1/0/3"],
        0,
    )
    assert reading.unreadable["network.interfaces[*]"] == "there are more than 3"


def test_many_ports_that_are_down_fit_into_a_section() -> None:
    def unreadable(up: set[int]) -> dict[str, str]:
        every = range(100, 300)
        rows = {column: dict(cells) for column, cells in SWITCH.items()}
        for column, cell in ((IFX["ifName"], b"Te1/%d"), (IF["ifDescr"], b"port %d")):
            rows[column] |= {one: cell % one for one in every}
        rows[IF["ifType"]] |= dict.fromkeys(every, ETHERNET)
        rows[IF["ifOperStatus"]] |= {one: UP if one in up else DOWN for one in every}
        return read(written(rows)).unreadable

    few = unreadable({101, 250})
    assert len(few) < 60
    for one in (*range(100, 300), 3):
        path = f"network.interfaces[Te1\\/{one}].master" if one > 3 else "network.interfaces[Gi1\\/0\\/3].master"
        assert paths.matches_any(few, path) == (one not in (101, 250)), path
    for name in ("Gi1\\/0\\/1", "Po1"):
        assert not paths.matches_any(few, f"network.interfaces[{name}].master")
    assert list(unreadable(set(range(100, 300, 2)))) == ["network.interfaces[*].master"]


def test_types_of_freebsd() -> None:
    assert interface_types.type_of(LAG_TYPE, "igb0", "FreeBSD 13.2") == "ethernet"
    assert interface_types.type_of(ETHERNET, "lagg0", "FreeBSD 13.2") == "bond"


_COLUMNS = [*IF.values(), *IFX.values(), *STACK.values(), *LAG.values(), *ADDRESS.values(), *OLD_ADDRESS.values()]
_COLUMNS += [*OLD_ADDRESS_6.values(), *ETHERLIKE.values(), *MAU.values()]
_ARCS = st.integers(0, 3) | st.integers(0, 2**32 - 1) | st.integers(0, 255)
_VALUES = (
    st.tuples(st.just(Kind.INTEGER), st.integers(-(2**70), 2**70) | st.integers(0, 200))
    | st.tuples(st.just(Kind.COUNTER64), st.integers(0, 2**64 - 1))
    | st.tuples(st.just(Kind.DOUBLE), st.floats())
    | st.tuples(st.sampled_from([Kind.OCTETS, Kind.OPAQUE, Kind.UNKNOWN]), st.binary(max_size=20))
    | st.tuples(st.just(Kind.OID), st.lists(_ARCS, min_size=2, max_size=8).map(tuple))
    | st.tuples(st.just(Kind.IP_ADDRESS), st.sampled_from(["255.255.255.0", "0.0.0.0", "1.2.3.4"]))
    | st.tuples(st.just(Kind.NULL), st.none())
)
_INDEXES = st.integers(0, 3).map(lambda one: (one,)) | st.lists(_ARCS, min_size=1, max_size=20).map(tuple)


@given(st.dictionaries(st.sampled_from(_COLUMNS), st.dictionaries(_INDEXES, _VALUES, max_size=4), max_size=12))
def test_whatever_a_device_sends(columns: dict[Any, dict[Any, Any]]) -> None:
    columns = columns | {IF["ifDescr"]: {1: b"x", 2: b"x", **columns.get(IF["ifDescr"], {})}}
    reading = read(written(columns))
    found = [*reading.facts.network.interfaces, *reading.facts.network.passing_interfaces]
    assert len({one.name for one in found}) == len(found)
    assert all(one.name for one in found)
    facts.elements(reading.facts)  # two of one key would raise
    asyncio.run(interfaces.measure(written(columns)))
