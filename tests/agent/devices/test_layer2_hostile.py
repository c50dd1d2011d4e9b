"""Devices that answer anything at all to what the topics of bridges, neighbours and routing ask."""

import asyncio
import random
from collections.abc import Sequence

import pytest
from tests.support import badsnmp, recorded

from driftline import facts
from driftline_agent.devices.profile import STANDARD
from driftline_agent.devices.readout import Readout, System
from driftline_agent.devices.snmp import transport
from driftline_agent.devices.snmp.columns import Cut, Why
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.values import Data, Kind, Oid, Var
from driftline_agent.devices.snmp.walk import Walk, Walker
from driftline_agent.devices.topic import all_topics
from driftline_agent.devices.topics import bridge, forwarding, neighbours
from driftline_agent.errors import UnreadableError

TOPICS = ("neighbours", "bridge", "vlans", "forwarding", "bgp", "ospf")
TARGET = Target("192.0.2.1", Community(2, "public"))
SYSTEM = System("", None, "", None, 0.0)
NUMBERS = (0, 1, 2, 3, 4, 5, 6, 7, 20, 255, 4094, 4095, 65535, -1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)


class Anything(Walker):
    """Answers whatever comes to its mind; the same to the same question."""

    def __init__(self, seed: int, whys: Sequence[Why] = ()) -> None:
        self._seed, self._whys = seed, whys

    def _value(self, chance: random.Random, oid: Oid) -> Var:
        kind = chance.choice(list(Kind))
        data: Data = None
        if kind in (Kind.OCTETS, Kind.OPAQUE, Kind.UNKNOWN):
            data = chance.randbytes(chance.choice((0, 1, 2, 4, 5, 6, 7, 8, 16, 17, 17, 300)))
        elif kind is Kind.OID:
            data = tuple(chance.choices(NUMBERS[:10], k=chance.randrange(9)))
        elif kind is Kind.IP_ADDRESS:
            data = ".".join(str(chance.randrange(256)) for _ in range(4))
        elif kind in (Kind.FLOAT, Kind.DOUBLE):
            data = chance.choice((float("nan"), float("inf"), 1.5))
        elif kind is not Kind.NULL:
            data = chance.choice(NUMBERS)
        return Var(oid, kind, data)

    async def columns(self, bases: Sequence[Oid]) -> Walk:
        found, cuts = [], []
        for base in bases:
            chance = random.Random(f"{self._seed} {base}")
            # Some indexes are shared by all columns of a table, as they would be
            shared = random.Random(f"{self._seed} {base[:-1]}")
            indexes = {
                tuple(
                    one.choice((*NUMBERS[:9], one.randrange(300))) for _ in range(one.choice((1, 1, 2, 3, 4, 5, 7, 9)))
                )
                for one in (*[shared] * 30, *[chance] * 5)
            }
            found.append(tuple(self._value(chance, (*base, *index)) for index in sorted(indexes)))
            if self._whys and chance.random() < 0.3:
                cuts.append(Cut(base, base, chance.choice(self._whys), "as it likes"))
        return Walk(tuple(found), tuple(cuts), frozenset())

    async def get(self, oids: Sequence[Oid]) -> Walk:
        found = tuple((self._value(random.Random(f"{self._seed} {oid}"), oid),) for oid in oids)
        return Walk(tuple(one if one[0].exists else () for one in found), (), frozenset())


def read(seed: int, whys: Sequence[Why] = ()) -> list[bytes]:
    async def run() -> list[bytes]:
        readout = Readout(TARGET, Anything(seed, whys), SYSTEM, STANDARD)
        out = []
        for name in TOPICS:
            topic = all_topics()[name]
            assert topic.read is not None
            try:
                reading = await topic.read(readout)
            except UnreadableError:
                continue
            if reading is not None:
                facts.elements(reading.facts)  # each has its key, once
                out.append(reading.facts.SerializeToString())
                assert facts.parse(out[-1]) == reading.facts
                assert all(path.startswith(("device.", "network.lldp_neighbours")) for path in reading.unreadable)
        return out

    return asyncio.run(run())


@pytest.mark.parametrize("part", range(3))
def test_nothing_raises_and_the_same_answers_are_the_same_facts(part: int) -> None:
    for seed in range(8 * part, 8 * part + 8):
        assert read(seed) == read(seed)
        read(seed, [Why.LOOP, Why.BOUND, Why.TOO_BIG])
        read(seed, [Why.SILENT, Why.LOOP])


def silent(name: str) -> None:
    class Silent(Anything):
        async def columns(self, bases: Sequence[Oid]) -> Walk:
            return Walk(((),) * len(bases), tuple(Cut(base, base, Why.SILENT, "") for base in bases), frozenset())

        async def get(self, oids: Sequence[Oid]) -> Walk:
            return Walk(((),) * len(oids), tuple(Cut(oid, oid, Why.SILENT, "") for oid in oids), frozenset())

    topic = all_topics()[name]
    assert topic.read is not None
    asyncio.run(topic.read(Readout(TARGET, Silent(0), SYSTEM, STANDARD)))  # type: ignore[arg-type]  # it is a coroutine


@pytest.mark.parametrize("name", TOPICS)
def test_of_a_silent_device_nothing_is_said(name: str) -> None:
    with pytest.raises(UnreadableError):
        silent(name)


def test_a_large_forwarding_database_is_cut_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "MOST", 10)
    rows: dict[badsnmp.Arcs, bytes] = {}
    for number in range(30):
        for column, value in ((2, 1), (3, 3)):
            rows[(1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, column, 20, 0, 28, 115, 0, 0, number)] = badsnmp.integer(value)

    async def run(port: int) -> None:
        session = await transport.connect(Target("127.0.0.1", Community(2, "large"), port))
        try:
            assert forwarding.TOPIC.read is not None
            reading = await forwarding.TOPIC.read(Readout(TARGET, Walker(session), SYSTEM, STANDARD))
        finally:
            await session.close()
        assert reading is not None
        assert [one.mac[-2:] for one in reading.facts.device.forwarding] == [f"{number:02x}" for number in range(10)]
        assert reading.unreadable == {"device.forwarding[*]": "30 entries; the first 10 are told of"}

    with recorded.serve({"large": rows}) as port:
        asyncio.run(run(port))


def test_topics_say_what_they_fill() -> None:
    assert neighbours.TOPIC.news == {"link", "neighbour", "restart"}
    assert neighbours.TOPIC.every_s == 0
    assert forwarding.TOPIC.every_s == 300
    assert set(bridge.TOPIC.fills) == {"device.switch_ports", "device.spanning_tree"}
