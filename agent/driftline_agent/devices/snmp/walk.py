"""Walks subtrees and columns of tables: whole where the device lets us, and what there is, marked, where it does not.

Nothing that a device answers raises here: a walk returns what came, and each cut says where and why.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from driftline_agent.devices.snmp.columns import Column, Cut, Quirk, Why, share
from driftline_agent.devices.snmp.errors import (
    DeviceUnreachable,
    MalformedAnswer,
    SecurityError,
    SnmpError,
    SnmpTimeout,
    StatusError,
    TooBig,
)
from driftline_agent.devices.snmp.oids import show
from driftline_agent.devices.snmp.pace import Pace
from driftline_agent.devices.snmp.repetitions import Repetitions
from driftline_agent.devices.snmp.transport import Session
from driftline_agent.devices.snmp.values import Oid, Var

_WHY: tuple[tuple[type[SnmpError], Why], ...] = (
    (TooBig, Why.TOO_BIG),
    (StatusError, Why.STATUS),
    (SecurityError, Why.SECURITY),
    (DeviceUnreachable, Why.UNREACHABLE),
    (SnmpTimeout, Why.SILENT),
    (MalformedAnswer, Why.BROKEN),
)
#: Errors that may be gone the next time.
_PASSING = (SnmpTimeout, MalformedAnswer, DeviceUnreachable)


@dataclass(frozen=True, slots=True)
class Walk:
    """What came of a walk: variables by column in the order of the question, and what is missing."""

    columns: tuple[tuple[Var, ...], ...]
    cuts: tuple[Cut, ...]
    quirks: frozenset[Quirk]

    @property
    def variables(self) -> list[Var]:
        """All variables, column by column."""
        return [variable for column in self.columns for variable in column]

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return not self.cuts


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an answer, how often to ask again, and how many rows are believed."""

    timeout_s: float = 2.0
    #: Requests after the first one, each with twice the time.
    retries: int = 2
    #: Variables of one column.
    bound: int = 100_000


class Walker:
    """Walks one device within one poll. What it learns of the device is in `repetitions` and `bulk`."""

    def __init__(
        self,
        session: Session,
        pace: Pace | None = None,
        patience: Patience | None = None,
        repetitions: Repetitions | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._session = session
        self.pace = pace or Pace()
        self._patience = patience or Patience()
        self.repetitions = repetitions or Repetitions()
        self.bulk = session.bulk
        self._jitter = jitter
        self._answered = False

    async def subtree(self, base: Oid) -> Walk:
        """Return all below a name."""
        walk = await self.columns([base])
        return Walk(walk.columns, walk.cuts, walk.quirks - {Quirk.MIXED_TYPES})  # it is more than a column

    async def columns(self, bases: Sequence[Oid]) -> Walk:
        """Return all below each of some names, asked for together: columns of a table have the same rows."""
        columns = [Column(base, self._patience.bound) for base in bases]
        quirks: set[Quirk] = set()
        while open_ := [column for column in columns if column.open]:
            if spent := self.pace.exhausted():
                for column in open_:
                    column.stop(spent, "the poll's budget is spent")
                break
            await self._round(open_[: self.repetitions.value], quirks)
        for column in columns:
            quirks |= column.quirks
        cuts = tuple(column.cut for column in columns if column.cut)
        return Walk(tuple(tuple(column.variables) for column in columns), cuts, frozenset(quirks))

    async def get(self, oids: Sequence[Oid]) -> Walk:
        """Return single objects, one "column" each; what a device refuses together is asked in halves."""
        found: dict[Oid, Var] = {}
        cuts: list[Cut] = []
        groups = [list(oids[at : at + self.repetitions.value]) for at in range(0, len(oids), self.repetitions.value)]
        while groups:
            group = groups.pop(0)
            if spent := self.pace.exhausted():
                cuts += [Cut(oid, oid, spent, "the poll's budget is spent") for oid in group]
                continue
            error = await self._get(group, found)
            if error is None:
                continue
            if len(group) > 1 and isinstance(error, (StatusError, MalformedAnswer)):
                groups[:0] = [group[: len(group) // 2], group[len(group) // 2 :]]
            else:
                cuts += [Cut(oid, oid, _why(error), str(error)) for oid in group]
        return Walk(tuple((found[oid],) if oid in found else () for oid in oids), tuple(cuts), frozenset())

    async def _get(self, group: Sequence[Oid], found: dict[Oid, Var]) -> SnmpError | None:
        for attempt in range(self._patience.retries + 1):
            try:
                answer = await self._send(attempt, lambda timeout_s: self._session.get(group, timeout_s))
            except SnmpError as error:
                if not isinstance(error, _PASSING) or attempt == self._patience.retries:
                    return error
                await self._back_off(attempt)
            else:
                for oid, variable in zip(group, answer, strict=True):
                    if variable.oid != oid:
                        return MalformedAnswer(f"{self._session.target}: an answer for {show(variable.oid)}")
                    if variable.exists:
                        found[oid] = variable
                return None
        return None

    async def _round(self, columns: list[Column], quirks: set[Quirk]) -> None:
        """Ask once for what follows in some columns, with retries; they have more, or their end, or a cut after it."""
        for attempt in range(self._patience.retries + 1):
            rows = max(1, self.repetitions.value // len(columns)) if self.bulk else 1
            asked = rows * len(columns)
            start = time.monotonic()
            try:
                answer = await self._send(attempt, self._question(columns, rows))
            except SnmpError as error:
                smaller = not isinstance(error, SecurityError) and self.repetitions.failed(asked)
                if isinstance(error, StatusError) or (isinstance(error, MalformedAnswer) and smaller):
                    if smaller:
                        return  # the next round asks for less
                    if self.bulk and self._no_bulk(quirks):
                        return
                elif attempt < self._patience.retries and isinstance(error, _PASSING):
                    await self._back_off(attempt)
                    if len(columns) > self.repetitions.value:
                        columns = columns[: self.repetitions.value]
                    continue
                elif self.bulk and not self._answered and isinstance(error, _PASSING) and self._no_bulk(quirks):
                    if await self._silent_to_next(columns[:1]):
                        self.bulk = True
                    else:
                        return
                for column in columns:
                    column.stop(_why(error), str(error))
                return
            self._answered = self._answered or self.bulk
            self.pace.spend(answer)
            self.repetitions.answered(asked, len(answer), time.monotonic() - start)
            # An answer that is cut short may bring no more than the end of the columns at its front
            if not share(columns, answer) and all(column.open for column in columns):
                for column in columns:
                    column.stop(Why.LOOP, "an answer that goes nowhere")
            return

    def _question(self, columns: Sequence[Column], rows: int) -> Callable[[float], Awaitable[list[Var]]]:
        names = [column.last for column in columns]
        if self.bulk:
            return lambda timeout_s: self._session.get_bulk(names, 0, rows, timeout_s)
        return lambda timeout_s: self._session.get_next(names, timeout_s)

    async def _silent_to_next(self, columns: Sequence[Column]) -> bool:
        """Whether a device that is silent to GETBULK is silent to GETNEXT too: asked once."""
        try:
            await self._send(0, lambda timeout_s: self._session.get_next([columns[0].last], timeout_s))
        except SnmpError:
            return True
        return False

    def _no_bulk(self, quirks: set[Quirk]) -> bool:
        self.bulk = False
        quirks.add(Quirk.NO_BULK)
        return True

    async def _send(self, attempt: int, question: Callable[[float], Awaitable[list[Var]]]) -> list[Var]:
        async with self.pace.turn():
            timeout_s = min(self._patience.timeout_s * 2**attempt, max(self.pace.left_s, 0.05))
            return await question(timeout_s)

    async def _back_off(self, attempt: int) -> None:
        """Wait longer each time, between half and the whole of it, so that retries to many devices do not meet."""
        wait_s = 0.1 * 2**attempt * (0.5 + self._jitter() / 2)
        await asyncio.sleep(min(wait_s, self.pace.left_s))


def _why(error: SnmpError) -> Why:
    for kind, why in _WHY:
        if isinstance(error, kind):
            return why
    return Why.BROKEN
