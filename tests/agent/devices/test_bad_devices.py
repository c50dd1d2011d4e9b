"""Devices that answer as they should not, polled with every topic: polls end, and the collector takes what came."""

import asyncio
import itertools
import logging
import random
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import badsnmp
from tests.support.anything import CELLS, Everything
from tests.support.badsnmp import Request, Script, Sends, honest, integer, octets, oid

from driftline.v1.collector_pb2 import READ
from driftline.v1.facts_pb2 import Facts
from driftline_agent.devices import claims, profiles
from driftline_agent.devices.rates import DeviceRates
from driftline_agent.devices.runtime.device import aggregates
from driftline_agent.devices.runtime.failures import NotReadError
from driftline_agent.devices.runtime.keyring import Keyring
from driftline_agent.devices.runtime.poll import Learned, Place, Polled, Wanted, poll
from driftline_agent.devices.settings.config import Limits
from driftline_agent.devices.snmp.credentials import Community, Credential
from driftline_agent.devices.topic import DeviceTopic, all_topics
from driftline_agent.utilization.aggregate import pack
from driftline_cmdb.sections import prepare_section
from driftline_cmdb.utilization import batch as batches
from driftline_collector.service.checks import check_claims, check_sections

TOPICS = dict(all_topics())
#: Small enough that devices without an end are given up on soon.
LIMITS = Limits(requests_per_s=1e6, timeout_s=0.3, retries=1, poll_s=3.0, variables=20_000)
OF_PROFILES = {name: TOPICS[name] for name in ("device_identity", "health")}
START_S = 1_700_000_000.0
NAMES = sorted(profiles.all_profiles())


class _Source:
    def credential(self, name: str) -> Credential:
        return Community(2, name)

    def forget(self, name: str) -> None:
        raise AssertionError(f"{name} is not refused")


async def _poll(port: int, learned: Learned, limits: Limits, topics: Mapping[str, DeviceTopic]) -> Polled:
    async with asyncio.timeout(limits.poll_s + 30):  # as the runtime bounds it
        place = Place("127.0.0.1", port, "", ("public",))
        return await poll(place, Wanted(topics, list(topics.values())), Keyring(_Source()), limits, learned, bytes(32))


def polled(
    script: Script, limits: Limits = LIMITS, times: int = 1, topics: Mapping[str, DeviceTopic] = TOPICS
) -> list[Polled]:
    """Poll a device and have the collector's own checks take what came."""
    with badsnmp.serve(script) as device:
        learned = Learned()
        found = [asyncio.run(_poll(device.port, learned, limits, topics)) for _ in range(times)]
    rates = DeviceRates()
    for number, one in enumerate(found):
        taken(one, rates, START_S + 300 * number)
    return found


def taken(found: Polled, rates: DeviceRates, at_s: float) -> None:
    facts, seen = Facts(), dict[str, str]()
    check_sections(result.section for result in found.results)
    for result in found.results:
        section = result.section
        assert "Error: " not in section.reason, (result.name, section.reason)
        for path in prepare_section(section).elements:
            assert seen.setdefault(path, result.name) == result.name, path
        if section.outcome == READ:
            facts.MergeFromString(section.content)
    check_claims(claims.build(facts, found.target, found.profile))
    values = rates.update(at_s, found.measured, found.system.uptime_ticks)
    batches.check(pack({int(at_s // 60): aggregates(values)}), int(at_s * 1000))


@pytest.fixture(autouse=True)
def no_surprises(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No topic raises what it should not: the boundary around it writes that to the log."""
    yield
    for stage in ("setup", "call"):
        assert [record.getMessage() for record in caplog.get_records(stage) if record.levelno >= logging.ERROR] == []  # type: ignore[arg-type]


def of_family(name: str) -> dict[int, bytes]:
    """Return the system group of a device of a family."""
    profile = profiles.all_profiles()[name]
    example = next(iter(profile.examples), None)
    said = {3: integer(4711, 0x43), 5: octets(b"odd1.example.net")}
    if example is not None:
        said[1] = octets(example.description.encode())
        if example.object_id:
            said[2] = oid(example.object_id)
    return said


@pytest.mark.parametrize(("kind", "at"), [(kind, at) for at, kind in enumerate(CELLS)])
def test_what_has_every_table_and_nothing_right_in_it(kind: str, at: int) -> None:
    first, *others = NAMES[at :: len(CELLS)]
    polled(answers(Everything(CELLS[kind], 0, of_family(first))), times=2)
    for number, name in enumerate(others, 1):  # the other topics know nothing of profiles
        polled(answers(Everything(CELLS[kind], number, of_family(name))), topics=OF_PROFILES)


def answers(device: Everything) -> Script:
    return lambda request: [device.answer(request)]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.sampled_from(NAMES), st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
def test_a_mixture(seed: int, name: str, kinds: list[str]) -> None:
    def cells(chance: random.Random, column: random.Random) -> bytes:
        return CELLS[chance.choice(kinds)](chance, column)

    polled(answers(Everything(cells, seed, of_family(name))), times=2)


LITTLE = Limits(requests_per_s=1e6, timeout_s=0.02, retries=1, poll_s=0.5, variables=5_000)


def good(rows: int = 6) -> Everything:
    return Everything(CELLS["one type a column"], 1, of_family("net-snmp-linux"), rows)


def through(change: Callable[[bytes, int], Sequence[Sends | bytes]], after: int = 1) -> Script:
    """Answer well, and from some request on with what becomes of the good answers."""
    device, count = good(), itertools.count()

    def script(request: Request) -> Sequence[Sends | bytes]:
        data, number = device.answer(request), next(count)
        return [data] if number < after else change(data, number)

    return script


CHANGES: Mapping[str, Callable[[bytes, int], Sequence[Sends | bytes]]] = {
    "garbage": lambda data, number: [random.Random(number).randbytes(60)],
    "garbage before it": lambda data, number: [b"\x30\x82garbage", data],
    "truncated": lambda data, number: [data[: len(data) // 2]],
    "cut by a byte": lambda data, number: [data[:-1]],
    "one byte is another": lambda data, number: [_flipped(data, number)],
    "twice": lambda data, number: [data, data],
    "late": lambda data, number: [Sends(data, after_s=0.1)],
    "late now and then": lambda data, number: [Sends(data, after_s=0.03 * (number % 5 == 0))],
    "another address": lambda data, number: [Sends(data, elsewhere=True)],
    "every third is lost": lambda data, number: [data] if number % 3 else [],
    "nothing": lambda data, number: [],
    "far too much": lambda data, number: [data, *[data[:20] + bytes(30_000)] * 20],
}


def elements(found: Polled) -> dict[str, bytes]:
    sections = [prepare_section(one.section) for one in found.results]
    return {path: element.digest for section in sections for path, element in section.elements.items()}


#: What costs nothing.
HARMLESS = ("garbage before it", "twice", "far too much")


def _flipped(data: bytes, number: int) -> bytes:
    at = random.Random(number).randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << number % 8]) + data[at + 1 :]


@pytest.mark.parametrize("after", [0, 9])
@pytest.mark.parametrize("case", CHANGES)
def test_answers_that_get_lost_or_damaged(case: str, after: int) -> None:
    try:
        limits = LIMITS if case in HARMLESS else LITTLE
        (found,) = polled(through(CHANGES[case], after), limits)
    except NotReadError:
        assert case not in HARMLESS
        return
    if case in HARMLESS:
        (whole,) = polled(through(CHANGES["nothing"], 1_000_000))
        assert not found.ended
        assert elements(found) == elements(whole)
    elif case in ("nothing", "another address", "late"):
        assert found.ended and len(found.results) < len([one for one in TOPICS.values() if one.read])


def endless(step: Callable[[badsnmp.Arcs, int], badsnmp.Arcs], cell: bytes) -> Script:
    count, system = (
        itertools.count(),
        {(1, 3, 6, 1, 2, 1, 1, arc, 0): value for arc, value in of_family("cisco-ios").items()},
    )

    def script(request: Request) -> Sequence[bytes]:
        if request.tag == badsnmp.GET:
            return [request.answer([badsnmp.bind(one, system.get(one, cell)) for one in request.oids])]
        return [honest(request, lambda name: (step(name, next(count)), cell), room=40_000)]

    return script


STEPS: Mapping[str, Callable[[badsnmp.Arcs, int], badsnmp.Arcs]] = {
    "rows without an end": lambda name, number: (*name[:-1], name[-1] + 1) if len(name) > 20 else (*name, *[1] * 10, 1),
    "ever longer names": lambda name, number: (*name, 1),
    "the same name": lambda name, number: name,
    "two names in turn": lambda name, number: (*name[:11], 1 + number % 2),
    "names that go back": lambda name, number: (*name[:11], max(1, 5000 - number)),
    "anywhere": lambda name, number: (*name[:11], *random.Random(number).choices(range(9), k=3)),
    "the first name there is": lambda name, number: (1, 3, 6, 1, 2, 1, 1, 1, 0),
}


@pytest.mark.parametrize("cell", [integer(1), octets(b"x" * 1000)], ids=["numbers", "long texts"])
@pytest.mark.parametrize("step", STEPS)
def test_tables_without_an_end_and_names_that_loop(step: str, cell: bytes) -> None:
    tracemalloc.start()
    try:
        (found,) = polled(endless(STEPS[step], cell), replace(LITTLE, timeout_s=5.0))
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()
    assert found.requests < 2 * LITTLE.variables
