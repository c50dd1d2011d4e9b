"""Walking devices that answer as they should not: nothing raises, what came is kept, what is missing is marked."""

import asyncio
import itertools
from collections.abc import Callable, Sequence

import pytest
from tests.support import badsnmp
from tests.support.badsnmp import END, GET_BULK, Request, Sends, bind, honest, integer, octets

from driftline_agent.devices.snmp import transport
from driftline_agent.devices.snmp.columns import Quirk, Why
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.pace import Pace
from driftline_agent.devices.snmp.repetitions import Repetitions
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.values import Oid
from driftline_agent.devices.snmp.walk import Patience, Walk, Walker

COLUMN = (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)
OTHER = (1, 3, 6, 1, 2, 1, 2, 2, 1, 3)
ROWS = {(*column, row): octets(b"row %d" % row) for column in (COLUMN, OTHER) for row in range(1, 101)}
NEXT = badsnmp.table(ROWS)
QUICK = Patience(timeout_s=0.15, retries=2, bound=500)


def walk(
    script: badsnmp.Script,
    *bases: Oid,
    version: int = 2,
    pace: Pace | None = None,
    patience: Patience = QUICK,
    repetitions: Repetitions | None = None,
) -> tuple[Walk, list[Request]]:
    async def run(port: int) -> Walk:
        session = await transport.connect(Target("127.0.0.1", Community(version, "public"), port))
        try:
            walker = Walker(session, pace, patience, repetitions, jitter=lambda: 0.0)
            return await walker.columns(bases or [COLUMN])
        finally:
            await session.close()

    with badsnmp.serve(script) as device:
        return asyncio.run(run(device.port)), device.requests


def rows(found: Walk, at: int = 0) -> list[int]:
    return [var.oid[-1] for var in found.columns[at]]


def first_only(answers: Callable[[Request], Sequence[Sends | bytes]], after: int = 0) -> badsnmp.Script:
    """Answer one request otherwise, the others honestly."""
    count = itertools.count()
    return lambda request: answers(request) if next(count) == after else [honest(request, NEXT)]


def test_an_honest_device_is_whole_and_asked_for_more_and_more() -> None:
    found, requests = walk(lambda request: [honest(request, NEXT)], COLUMN, OTHER)
    assert (rows(found), rows(found, 1), found.whole, found.quirks) == (list(range(1, 101)),) * 2 + (True, frozenset())
    assert [request.second for request in requests] == [8, 16, 32, 32, 32]


@pytest.mark.parametrize("version", [1, 2])
def test_version_1_walks_by_get_next(version: int) -> None:
    def script(request: Request) -> list[bytes]:
        oid, value = NEXT(request.oids[0])
        if version == 1 and value == END:
            return [request.answer([bind(request.oids[0], b"\x05\x00")], status=2, index=1, version=0)]
        return [badsnmp.message(request.request_id, [bind(oid, value)], version=version - 1)]

    found, _ = walk(script, OTHER, version=version)
    assert (rows(found), found.cuts) == (list(range(1, 101)), ())


SURVIVED: dict[str, badsnmp.Script] = {
    "garbage first": lambda request: [b"\xff\xfenonsense", honest(request, NEXT)],
    "an empty datagram first": lambda request: [b"", honest(request, NEXT)],
    "twice": lambda request: [honest(request, NEXT)] * 2,
    "another request-id first": lambda request: [request.answer([], request_id=77), honest(request, NEXT)],
    "another version first": lambda request: [request.answer([], version=0), honest(request, NEXT)],
    "a forged answer from another port": lambda request: [
        Sends(request.answer([bind((*COLUMN, 999), octets(b"forged"))]), elsewhere=True),
        honest(request, NEXT),
    ],
    "late, after it was asked again": first_only(lambda request: [Sends(honest(request, NEXT), after_s=0.2)]),
    "truncated once": first_only(lambda request: [honest(request, NEXT)[:-9]]),
    "silent once": first_only(lambda request: []),
    "no variables once": first_only(lambda request: [request.answer([])]),
    "genErr once": first_only(lambda request: [request.answer([], status=5)]),
    "more variables than asked for, once": first_only(
        lambda request: [request.answer([bind((*COLUMN, row), END) for row in range(1, 99)])]
    ),
    "answers cut short": lambda request: [honest(request, NEXT, most=3)],
    "no endOfMibView: begins anew": lambda request: [
        honest(request, lambda name: (min(ROWS), ROWS[min(ROWS)]) if NEXT(name)[1] == END else NEXT(name))
    ],
}


@pytest.mark.parametrize("case", SURVIVED)
def test_what_is_survived_whole(case: str) -> None:
    found, _ = walk(SURVIVED[case])
    assert (rows(found), found.cuts) == (list(range(1, 101)), ())
    assert {var.data for var in found.variables} == {b"row %d" % row for row in range(1, 101)}


def test_too_big_is_asked_for_less() -> None:
    def script(request: Request) -> list[bytes]:
        many = request.second * len(request.oids) > 5
        return [request.answer([], status=1) if many else honest(request, NEXT)]

    found, requests = walk(script, COLUMN, OTHER)
    assert (rows(found), rows(found, 1), found.cuts) == (list(range(1, 101)), list(range(1, 101)), ())
    # 16, 8, then 4 variables; never many more again
    assert [request.second * len(request.oids) for request in requests[:3]] == [16, 8, 4]
    assert sum(request.second * len(request.oids) > 5 for request in requests) < 8


def test_a_device_without_bulk() -> None:
    found, _ = walk(lambda request: [] if request.tag == GET_BULK else [honest(request, NEXT)])
    assert (rows(found), found.cuts, found.quirks) == (list(range(1, 101)), (), {Quirk.NO_BULK})
    found, _ = walk(
        lambda request: [request.answer([], status=5) if request.tag == GET_BULK else honest(request, NEXT)]
    )
    assert (rows(found), found.cuts, found.quirks) == (list(range(1, 101)), (), {Quirk.NO_BULK})


CUT: dict[str, tuple[badsnmp.Script, Why, list[int]]] = {
    "silent from the start": (lambda request: [], Why.SILENT, []),
    "silent later": (
        lambda request: [honest(request, NEXT)] if request.oids[0] < (*COLUMN, 16) else [],
        Why.SILENT,
        list(range(1, 17)),
    ),
    "always garbage": (lambda request: [b"garbage"], Why.BROKEN, []),
    "always truncated": (lambda request: [honest(request, NEXT)[:-3]], Why.BROKEN, []),
    "from another port only": (lambda request: [Sends(honest(request, NEXT), elsewhere=True)], Why.SILENT, []),
    "request-id 0": (
        lambda request: [badsnmp.message(0, [bind((*COLUMN, 1), octets(b"x"))])],
        Why.SILENT,
        [],
    ),
    "always tooBig": (lambda request: [request.answer([], status=1)], Why.TOO_BIG, []),
    "always genErr": (lambda request: [request.answer([], status=5, index=1)], Why.STATUS, []),
    "the question again": (
        lambda request: [honest(request, lambda name: (name, octets(b"x")) if name[-1] == 9 else NEXT(name))],
        Why.LOOP,
        list(range(1, 10)),
    ),
    "a loop": (
        lambda request: [honest(request, lambda name: ((*COLUMN, 3), integer(1)) if name[-1] == 9 else NEXT(name))],
        Why.LOOP,
        list(range(1, 10)),
    ),
    "an infinite table": (
        lambda request: [honest(request, lambda name: ((*COLUMN, name[-1] + 1), integer(1)))],
        Why.BOUND,
        list(range(3, 503)),
    ),
    "ever longer names": (
        lambda request: [honest(request, lambda name: ((*COLUMN, *range(5, len(name) - 4)), integer(1)))],
        Why.BROKEN,
        [],
    ),
}


@pytest.mark.parametrize("case", CUT)
def test_what_is_cut_and_marked(case: str) -> None:
    script, why, kept = CUT[case]
    found, requests = walk(script)
    assert [cut.why for cut in found.cuts] == [why]
    assert found.cuts[0].base == COLUMN
    if case != "ever longer names":
        assert rows(found) == kept
    assert len(requests) < 60


def test_names_that_do_not_increase_are_kept_once() -> None:
    order = [1, 10, 2, 3, 20, 4]

    def following(name: Oid) -> tuple[Oid, bytes]:
        if len(name) == len(COLUMN):
            return (*COLUMN, order[0]), integer(1)
        at = order.index(name[-1]) + 1
        return ((*COLUMN, order[at]), integer(1)) if at < len(order) else ((*OTHER, 1), integer(1))

    def script(request: Request) -> list[bytes]:
        return [honest(request, lambda name: following(name) if name[: len(COLUMN)] == COLUMN else (name, END))]

    found, _ = walk(script)
    assert (rows(found), found.cuts, found.quirks) == (order, (), {Quirk.NOT_INCREASING})


def test_values_of_another_type_are_kept_and_noted() -> None:
    odd = {**ROWS, (*COLUMN, 50): integer(7), (*COLUMN, 60): b"\x40\x01\x07", (*COLUMN, 70): b"\x99\x01\x07"}
    found, _ = walk(lambda request: [honest(request, badsnmp.table(odd))])
    assert (len(found.variables), found.cuts, found.quirks) == (100, (), {Quirk.MIXED_TYPES})
    assert [found.columns[0][row - 1].kind.name for row in (50, 60, 70)] == ["INTEGER", "UNKNOWN", "UNKNOWN"]


def test_budgets() -> None:
    def script(request: Request) -> list[bytes]:
        return [honest(request, NEXT)]

    found, _ = walk(script, COLUMN, OTHER, pace=Pace(variables=40))
    assert {cut.why for cut in found.cuts} == {Why.VARIABLES}
    assert (len(found.variables), [cut.after[-1] for cut in found.cuts]) == (48, [24, 24])
    found, requests = walk(script, pace=Pace(seconds=0))
    assert ([cut.why for cut in found.cuts], requests) == ([Why.TIME], [])


def test_a_column_that_is_cut_leaves_the_others_whole() -> None:
    def following(name: Oid) -> tuple[Oid, bytes]:
        return ((*OTHER, 5), integer(1)) if name == (*OTHER, 9) else NEXT(name)

    found, _ = walk(lambda request: [honest(request, following)], COLUMN, OTHER)
    assert (rows(found), rows(found, 1)) == (list(range(1, 101)), list(range(1, 10)))
    assert [(cut.base, cut.why) for cut in found.cuts] == [(OTHER, Why.LOOP)]


def test_single_objects_are_asked_in_halves_where_a_device_refuses() -> None:
    def script(request: Request) -> list[bytes]:
        if (*COLUMN, 13) in request.oids:
            return [request.answer([], status=5, index=1)]
        return [request.answer([bind(name, ROWS.get(name, b"\x80\x00")) for name in request.oids])]

    async def run(port: int) -> Walk:
        session = await transport.connect(Target("127.0.0.1", Community(2, "public"), port))
        try:
            return await Walker(session, patience=QUICK).get([(*COLUMN, row) for row in (11, 12, 13, 14, 777)])
        finally:
            await session.close()

    with badsnmp.serve(script) as device:
        found = asyncio.run(run(device.port))
    assert [[var.oid[-1] for var in column] for column in found.columns] == [[11], [12], [], [14], []]
    assert [(cut.base, cut.why) for cut in found.cuts] == [((*COLUMN, 13), Why.STATUS)]


def test_a_dead_device_delays_no_other() -> None:
    async def run(dead: int, alive: int) -> tuple[list[str], Walk]:
        order: list[str] = []

        async def one(name: str, port: int) -> Walk:
            session = await transport.connect(Target("127.0.0.1", Community(2, "public"), port))
            try:
                found = await Walker(session, patience=QUICK).columns([COLUMN])
            finally:
                await session.close()
            order.append(name)
            return found

        _, found = await asyncio.gather(one("dead", dead), one("alive", alive))
        return order, found

    with badsnmp.serve(lambda request: []) as dead, badsnmp.serve(lambda request: [honest(request, NEXT)]) as alive:
        order, found = asyncio.run(run(dead.port, alive.port))
    assert (order, len(found.variables)) == (["alive", "dead"], 100)


def test_an_answer_that_only_ends_some_columns_is_no_loop() -> None:
    """What follows them may be so large that nothing else fits beside it."""

    def script(request: Request) -> list[bytes]:
        binds = [bind((1, 3, 6, 1, 9), octets(b"x" * 1000))] if request.oids[0] == OTHER else None
        return [request.answer(binds) if binds else honest(request, NEXT)]

    found, _ = walk(script, OTHER, COLUMN)
    assert (rows(found), rows(found, 1), found.cuts) == ([], list(range(1, 101)), ())
