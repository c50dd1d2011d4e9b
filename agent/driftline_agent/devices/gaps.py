"""Where a device has nothing: a question at the beginning of a poll instead of one for each table that it lacks.

A switch has no UPS-MIB, no Printer-MIB, no OSPF. What was found empty is remembered, and the next poll asks what
follows a few names: nothing is between a name and what follows it, so whatever was empty there still is. What is not
shown to be empty is read as ever, so nothing is believed longer than the device says so.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from driftline_agent.devices.snmp import oids
from driftline_agent.devices.snmp.errors import SnmpError
from driftline_agent.devices.snmp.transport import Session
from driftline_agent.devices.snmp.values import Kind, Oid, Var
from driftline_agent.devices.snmp.walk import Walker

#: What was found empty is read again after this time, s: there are devices whose names do not increase.
_TRUSTED_S = 3600.0
#: Names in one question at most, and in all.
_TOGETHER, _MOST = 32, 64
_END: Oid = (2**32,)


@dataclass(frozen=True, slots=True)
class Gaps:
    """What one poll knows to be empty."""

    #: What earlier polls found empty.
    empty: frozenset[Oid] = frozenset()
    #: Beginnings in order, and to each what follows it.
    _starts: Sequence[Oid] = ()
    _ends: Sequence[Oid] = ()

    def covers(self, oid: Oid) -> bool:
        """Tell whether a column, or a scalar without its instance, is empty still."""
        return oid in self.empty and self.spans(oid)

    def spans(self, oid: Oid) -> bool:
        """Tell whether the device said in this poll that nothing is below a name."""
        at = bisect_right(self._starts, oid) - 1
        return at >= 0 and self._ends[at] > oid and not oids.within(self._ends[at], oid)

    def start(self, oid: Oid) -> Oid:
        """Return the name that showed it."""
        return self._starts[bisect_right(self._starts, oid) - 1]


def between(empty: Iterable[Oid], names: Sequence[Oid], answer: Sequence[Var]) -> Gaps:
    """Return the gaps that an answer to GETNEXT shows. Pure."""
    found: list[tuple[Oid, Oid]] = []
    for name, variable in sorted(zip(names, answer, strict=True), key=lambda one: one[0]):
        end = _END if variable.kind is Kind.END_OF_MIB_VIEW else variable.oid
        if end > name and not (found and found[-1][1] >= end):
            found.append((name, end))
    return Gaps(frozenset(empty), [start for start, _ in found], [end for _, end in found])


@dataclass(slots=True)
class Absence:
    """What polls of one device found empty, for the next one."""

    _empty: tuple[Oid, ...] = ()
    _names: tuple[Oid, ...] = ()
    #: The monotonic clock when it began to be remembered, s.
    _since_s: float = field(default=float("-inf"))
    #: The device did not answer the question: it is not put again before all is read again.
    _refused: bool = False

    async def ask(self, session: Session, walker: Walker, timeout_s: float, now_s: float) -> Gaps:
        """Ask what follows, and return what is empty still. Nothing that the device answers raises.

        :param walker: how it may be asked.
        :param now_s: the monotonic clock.
        """
        together, bulk = min(_TOGETHER, walker.repetitions.value), walker.bulk
        if now_s - self._since_s >= _TRUSTED_S:
            self._empty, self._names, self._since_s, self._refused = (), (), now_s, False
        answer: list[Var] = []
        while not self._refused and len(answer) < len(self._names):
            names = self._names[len(answer) : len(answer) + together]
            try:
                async with walker.pace.turn():
                    # an answer to GETBULK may be cut short where it would be too large
                    answer += await (
                        session.get_bulk(names, 0, 1, timeout_s) if bulk else session.get_next(names, timeout_s)
                    )
            except SnmpError:
                self._refused = True
        return Gaps() if self._refused else between(self._empty, self._names, answer)

    def learn(self, gaps: Gaps, empty: Iterable[Oid], there: Iterable[Oid]) -> None:
        """Note what a poll found.

        :param gaps: what it began with.
        :param empty: columns and scalars that are empty.
        :param there: those that are not, or of which nobody knows.
        """
        self._empty = tuple(sorted({*self._empty, *empty} - set(there)))
        self._names = names_for(gaps, self._empty)


def names_for(gaps: Gaps, empty: Sequence[Oid]) -> tuple[Oid, ...]:
    """Return what to ask for next time: what showed something, and of each table that was not shown the first. Pure.

    :param empty: what is known to be, in order.
    """
    names = {gaps.start(oid) for oid in empty if gaps.spans(oid)}
    parents: set[Oid] = set()
    for oid in empty:
        if not gaps.spans(oid) and oid[:-1] not in parents:
            parents.add(oid[:-1])
            names.add(oid)
    return tuple(sorted(names)[:_MOST])
