"""What interfaces count: octets, errors, discards, and the share of their speed that is used. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from driftline.v1.facts_pb2 import Interface
from driftline_agent.devices.mib import Row
from driftline_agent.devices.mibs.interface_types import HARDWARE
from driftline_agent.devices.snmp.values import Kind
from driftline_agent.devices.topic import Counter, Measured
from driftline_agent.utilization.aggregate import Metric

#: Series of interfaces at most; a batch has 4,096 at most, and other topics measure too.
MOST = 3600
#: Series of one interface, and of one of which there are octets only.
_ALL, _OCTETS = 8, 2
#: Way, and the objects of it: octets in 64 and in 32 bits, errors, discards.
_WAYS = (
    ("receive", "ifHCInOctets", "ifInOctets", "ifInErrors", "ifInDiscards"),
    ("transmit", "ifHCOutOctets", "ifOutOctets", "ifOutErrors", "ifOutDiscards"),
)
#: What nobody wants to plan the capacity of.
_NEVER = frozenset({"loopback", "veth"})
#: Kinds whose speed is one; that of tunnels and the like is a number that someone once chose.
_TRUE_SPEED = HARDWARE | {"bond", "vlan", "serial", "dsl", "ds1", "ds3", "sonet"}
_LIVE = frozenset({"up", "dormant"})


@lru_cache(maxsize=65536)  # a fleet's devices call their ports alike, and each keeps its metrics
def _metrics(name: str, way: str) -> tuple[Metric, Metric, Metric, Metric]:
    instance = f"{name}/{way}"
    return (
        Metric("system.network.io", instance, "By/s", 0),
        Metric("system.network.errors", instance, "{error}/s", 2),
        Metric("system.network.dropped", instance, "{packet}/s", 2),
        Metric("system.network.utilization", instance, "1", 4),
    )


def _counter(row: Row, name: str, life: int | None) -> Counter | None:
    value = row.integer(name)
    bits = 64 if row.kind(name) is Kind.COUNTER64 else 32
    return Counter(value, bits, life) if value is not None and 0 <= value < 2**bits else None


def _octets(row: Row, wide: str, narrow: str, life: int | None) -> Counter | None:
    """Return the 64-bit counter, unless it is a dummy that stands still while the 32-bit one counts."""
    found, other = _counter(row, wide, life), _counter(row, narrow, life)
    return other if found is None or (found.value == 0 and other is not None and other.value > 0) else found


def _of(interface: Interface, row: Row, whole: bool) -> Iterator[tuple[Metric, Counter, Metric | None]]:
    life = row.integer("ifCounterDiscontinuityTime")
    for way, wide, narrow, errors, discards in _WAYS:
        io, failed, dropped, share = _metrics(interface.name, way)
        octets = _octets(row, wide, narrow, life)
        if octets is not None:
            yield io, octets, share if whole else None
        for metric, name in ((failed, errors), (dropped, discards)):
            found = _counter(row, name, life) if whole else None
            if found is not None:
                yield metric, found, None


def _counts(interface: Interface, row: Row) -> bool:
    if interface.type in _NEVER:
        return False
    return interface.link in _LIVE or any(
        _octets(row, wide, narrow, None) not in (None, Counter(0, 64), Counter(0, 32))
        for _, wide, narrow, _, _ in _WAYS
    )


def measured(interfaces: Iterable[Interface], rows: Mapping[int, Row]) -> Measured:
    """Return what interfaces count, by their indexes.

    Of a device with very many, those with a connector come first; the others' errors and shares are left out, then
    their octets.
    """
    order = sorted(
        (one for one in interfaces if one.index in rows and _counts(one, rows[one.index])),
        key=lambda one: (one.type not in HARDWARE, one.index, one.name),
    )
    out = Measured()
    room, shrunk = MOST, len(order) * _ALL > MOST
    for one in order:
        whole = not shrunk or one.type in HARDWARE
        need = _ALL if whole else _OCTETS
        if need > room:
            whole, need = False, _OCTETS
        if need > room:
            break
        room -= need
        for metric, counter, share in _of(one, rows[one.index], whole):
            out.counters[metric] = counter
            if share is not None and one.speed > 0 and one.type in _TRUE_SPEED:
                out.shares[share] = metric, one.speed / 8
    return out
