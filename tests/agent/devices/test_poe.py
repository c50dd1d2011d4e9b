"""Power over Ethernet: names of ports, what the tables say, and nonsense in them."""

from hypothesis import given
from hypothesis import strategies as st
from tests.support import badsnmp, recorded
from tests.support.readouts import poll
from tests.support.tables import table

from driftline_agent.devices.mibs.poe_ports import port_names
from driftline_agent.devices.topics import poe
from driftline_agent.utilization.aggregate import Metric


def test_ports_by_number_of_the_interface() -> None:
    wired = {49: "gi1", 50: "gi2", 51: "gi3"}
    assert port_names([(1, 49), (1, 50)], {}, wired) == {(1, 49): "gi1", (1, 50): "gi2"}
    assert port_names([(1, 49), (1, 99)], {}, wired) == {(1, 49): "1/49", (1, 99): "1/99"}


def test_ports_by_name_where_one_row_of_interfaces_has_them_all() -> None:
    wired = {10100 + port: f"Gi1/0/{port}" for port in range(1, 25)} | {
        10200 + port: f"Gi2/0/{port}" for port in range(1, 25)
    }
    ports = [(group, port) for group in (1, 2) for port in range(1, 25)]
    named = port_names(ports, {}, wired)
    assert (named[1, 7], named[2, 24]) == ("Gi1/0/7", "Gi2/0/24")
    uplinks = wired | {10300 + port: f"Gi1/1/{port}" for port in range(1, 5)}
    assert port_names(ports, {}, uplinks) == named, "a module with uplinks renames nothing"
    assert port_names([(1, 1), (1, 2)], {}, uplinks) == {(1, 1): "1/1", (1, 2): "1/2"}, "two rows would do"


def test_ports_that_the_device_tells() -> None:
    assert port_names([(1, 1), (1, 2)], {(1, 1): "Gi1/0/1", (1, 2): "Te1/0/2"}, {1: "Vlan1", 2: "Vlan2"}) == {
        (1, 1): "Gi1/0/1",
        (1, 2): "Te1/0/2",
    }


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5)), max_size=8),
    st.dictionaries(st.tuples(st.integers(1, 3), st.integers(1, 5)), st.sampled_from(["a", "b", "1/1"]), max_size=4),
    st.dictionaries(st.integers(1, 9), st.sampled_from(["Gi1/0/1", "Gi1/0/2", "2", "1", "x", "2/1"]), max_size=6),
)
def test_every_port_has_a_name_of_its_own(
    ports: list[tuple[int, int]], known: dict[tuple[int, int], str], wired: dict[int, str]
) -> None:
    named = port_names(ports, known, wired)
    assert named.keys() == set(ports)
    assert len(set(named.values())) == len(named)


def test_parse() -> None:
    said = table(
        poe.PORTS,
        {
            (1, 2): {
                "pethPsePortAdminEnable": 1,
                "pethPsePortDetectionStatus": 3,
                "pethPsePortPowerPriority": 3,
                "pethPsePortPowerClassifications": 5,
                "pethPsePortType": "phone",
            },
            (1, 1): {"pethPsePortAdminEnable": 2, "pethPsePortDetectionStatus": 77, "pethPsePortType": ""},
            (1,): {"pethPsePortAdminEnable": 1},
        },
    )
    first, second = poe.parse_ports(said, {(1, 1): "a", (1, 2): "b"})
    assert (first.port, first.enabled, first.detection, first.type) == ("a", False, "", "")
    assert (second.port, second.enabled, second.priority, second.detection) == ("b", True, "low", "deliveringPower")
    assert (second.power_class, second.type) == ("class4", "phone")
    groups = poe.parse_groups(
        table(
            poe.GROUPS,
            {
                1: {"pethMainPsePower": 370, "pethMainPseOperStatus": 1, "pethMainPseUsageThreshold": 80},
                2: {"pethMainPsePower": -1, "pethMainPseOperStatus": 9},
                2**32 - 1: {"pethMainPsePower": 1},
            },
        )
    )
    assert [(one.group, one.power, one.threshold, one.status) for one in groups] == [(1, 370, 80, "on"), (2, 0, 0, "")]
    assert not groups[1].HasField("power")


def test_cisco_tells_ports_and_their_power() -> None:
    peth, cisco = (1, 3, 6, 1, 2, 1, 105, 1), (1, 3, 6, 1, 4, 1, 9, 9, 402, 1, 2, 1)
    device: dict[badsnmp.Arcs, bytes] = {(*peth, 3, 1, 1, 4, 1): badsnmp.integer(62, 66)}
    for port in (1, 2):
        device[*peth, 1, 1, 3, 1, port] = badsnmp.integer(1)
        device[*cisco, 9, 1, port] = badsnmp.integer(15400 * (port - 1), 66)
        device[*cisco, 11, 1, port] = badsnmp.integer(1000 + port)
        pointed = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 10100 + port)
        device[1, 3, 6, 1, 2, 1, 47, 1, 3, 2, 1, 2, 1000 + port, 0] = badsnmp.oid(pointed)
        device[1, 3, 6, 1, 2, 1, 2, 2, 1, 2, 10100 + port] = badsnmp.tlv(4, f"GigabitEthernet1/0/{port}".encode())
        device[1, 3, 6, 1, 2, 1, 2, 2, 1, 3, 10100 + port] = badsnmp.integer(6)
        device[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1, 10100 + port] = badsnmp.tlv(4, f"Gi1/0/{port}".encode())
    with recorded.serve({"cisco": device}) as port_number:
        reading, measured = poll(port_number, "cisco", poe.TOPIC)
    assert reading is not None
    assert [one.port for one in reading.facts.device.poe_ports] == ["Gi1/0/1", "Gi1/0/2"]
    assert measured.gauges == {
        Metric("hw.power", "PoE 1", "W", 1): 62,
        Metric("hw.power", "PoE Gi1/0/1", "W", 3): 0.0,
        Metric("hw.power", "PoE Gi1/0/2", "W", 3): 15.4,
    }
