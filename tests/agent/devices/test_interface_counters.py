"""What interfaces count: which counters are taken, and what becomes of a device with very many."""

import asyncio
from typing import Any

from tests.support.tables import written

from driftline_agent.devices.mibs.if_mib import IF, IFX
from driftline_agent.devices.mibs.interface_counters import MOST
from driftline_agent.devices.snmp.values import Kind
from driftline_agent.devices.topic import Counter, Measured
from driftline_agent.devices.topics import interfaces
from driftline_agent.utilization.aggregate import Metric

UP, DOWN, ETHERNET, VLAN, LOOPBACK = 1, 2, 6, 135, 24
RECEIVED = Metric("system.network.io", "e1/receive", "By/s", 0)


def wide(number: int) -> tuple[Kind, int]:
    return Kind.COUNTER64, number


def narrow(number: int) -> tuple[Kind, int]:
    return Kind.COUNTER32, number


def measured(columns: dict[Any, dict[Any, Any]]) -> Measured:
    return asyncio.run(interfaces.measure(written(columns)))


def port(kind: int = ETHERNET, status: int = UP, **more: Any) -> dict[Any, dict[Any, Any]]:
    columns: dict[Any, dict[Any, Any]] = {
        IFX["ifName"]: {1: b"e1"}, IF["ifDescr"]: {1: b"e1"}, IF["ifType"]: {1: kind}, IF["ifOperStatus"]: {1: status},
        IFX["ifHighSpeed"]: {1: 1000},
    }  # fmt: skip
    return columns | {({**IF, **IFX})[name]: {1: counted} for name, counted in more.items()}


def test_all_of_a_port() -> None:
    found = measured(
        port(
            ifHCInOctets=wide(7), ifHCOutOctets=wide(8), ifInErrors=narrow(1), ifOutErrors=narrow(2),
            ifInDiscards=narrow(3), ifOutDiscards=narrow(4), ifCounterDiscontinuityTime=99,
        )
    )  # fmt: skip
    assert {(m.name, m.instance, m.unit): c for m, c in found.counters.items()} == {
        ("system.network.io", "e1/receive", "By/s"): Counter(7, 64, 99),
        ("system.network.io", "e1/transmit", "By/s"): Counter(8, 64, 99),
        ("system.network.errors", "e1/receive", "{error}/s"): Counter(1, 32, 99),
        ("system.network.errors", "e1/transmit", "{error}/s"): Counter(2, 32, 99),
        ("system.network.dropped", "e1/receive", "{packet}/s"): Counter(3, 32, 99),
        ("system.network.dropped", "e1/transmit", "{packet}/s"): Counter(4, 32, 99),
    }
    assert {m.instance: (io, full) for m, (io, full) in found.shares.items()} == {
        "e1/receive": (RECEIVED, 125_000_000.0),
        "e1/transmit": (RECEIVED._replace(instance="e1/transmit"), 125_000_000.0),
    }


def test_32_bits_where_there_are_no_others() -> None:
    assert measured(port(ifInOctets=narrow(5))).counters == {RECEIVED: Counter(5, 32)}
    # Some have the 64-bit ones, and they never count
    assert measured(port(ifHCInOctets=wide(0), ifInOctets=narrow(5))).counters == {RECEIVED: Counter(5, 32)}
    assert measured(port(ifHCInOctets=wide(6), ifInOctets=narrow(5))).counters == {RECEIVED: Counter(6, 64)}


def test_wrong_types_are_no_counters() -> None:
    assert measured(port(ifHCInOctets=b"7", ifInErrors=(Kind.INTEGER, -1), ifInDiscards=narrow(2**33))).counters == {}


def test_what_is_down_and_never_counted_is_left_out() -> None:
    assert not measured(port(status=DOWN, ifHCInOctets=wide(0))).counters
    assert measured(port(status=DOWN, ifHCInOctets=wide(1))).counters
    assert not measured(port(LOOPBACK, ifHCInOctets=wide(1))).counters


def test_a_huge_device_keeps_within_its_share_and_ports_come_first() -> None:
    ports, others = 300, 1000
    every = range(1, ports + others + 1)
    columns: dict[Any, dict[Any, Any]] = {
        IFX["ifName"]: {one: b"i%d" % one for one in every},
        IF["ifDescr"]: {one: b"i%d" % one for one in every},
        IF["ifType"]: {one: VLAN if one <= others else ETHERNET for one in every},
        IF["ifOperStatus"]: dict.fromkeys(every, UP),
        IFX["ifHighSpeed"]: dict.fromkeys(every, 1000),
    }
    for name in ("ifHCInOctets", "ifHCOutOctets"):
        columns[IFX[name]] = dict.fromkeys(every, wide(9))
    for name in ("ifInErrors", "ifOutErrors", "ifInDiscards", "ifOutDiscards"):
        columns[IF[name]] = dict.fromkeys(every, narrow(9))
    found = measured(columns)
    assert len(found.counters) + len(found.shares) == MOST
    names = {metric.instance.partition("/")[0] for metric in found.shares}
    assert names == {f"i{one}" for one in range(others + 1, ports + others + 1)}
