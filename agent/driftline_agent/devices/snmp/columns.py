"""What a walk has of each column, and when it has enough: order, loops, bounds. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from driftline_agent.devices.snmp import oids
from driftline_agent.devices.snmp.values import ABSENT, NUMBERS, Kind, Oid, Var


class Why(StrEnum):
    """Why a column is not whole."""

    SILENT = "silent"
    UNREACHABLE = "unreachable"
    BROKEN = "broken answers"
    TOO_BIG = "too big"
    STATUS = "error-status"
    SECURITY = "security"
    LOOP = "loop"
    BOUND = "more rows than the bound"
    VARIABLES = "budget of variables"
    TIME = "budget of time"


class Quirk(StrEnum):
    """What a device does that it should not, and that cost no value."""

    #: RFC 3416 section 4.2.2 demands increasing names.
    NOT_INCREASING = "names that do not increase"
    DUPLICATES = "the same variable again"
    MIXED_TYPES = "values of different types in a column"
    #: A GETBULK that the device cannot answer, though it answers GETNEXT.
    NO_BULK = "no GETBULK"


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a column is not whole: after which name, why, and the error's words."""

    base: Oid
    after: Oid
    why: Why
    detail: str


@dataclass(slots=True)
class Column:
    """What has come of one subtree."""

    base: Oid
    #: The most variables that it may have.
    bound: int
    variables: list[Var] = field(default_factory=list)
    quirks: set[Quirk] = field(default_factory=set)
    ended: bool = False
    cut: Cut | None = None
    _seen: set[Oid] | None = None
    _kind: Kind | None = None

    @property
    def open(self) -> bool:
        """Whether there is more to ask for."""
        return not self.ended and self.cut is None

    @property
    def last(self) -> Oid:
        """The name to ask for what follows."""
        return self.variables[-1].oid if self.variables else self.base

    def stop(self, why: Why, detail: str) -> None:
        """End it before it is whole."""
        if self.open:
            self.cut = Cut(self.base, self.last, why, detail)

    def take(self, variable: Var) -> bool:
        """Take what follows; False where it brought nothing new."""
        if not self.open:
            return False
        oid = variable.oid
        if variable.kind is Kind.END_OF_MIB_VIEW or not oids.within(oid, self.base):
            # Past its end. A device that knows no endOfMibView begins anew or repeats the question: both are outside.
            self.ended = oid != self.last or variable.kind in ABSENT or not self.variables
            return False
        last = self.last
        if oid <= last:
            if oid == last:
                self.quirks.add(Quirk.DUPLICATES)
                return False
            if self._seen is None:
                self._seen = {known.oid for known in self.variables}
            if oid in self._seen:
                self.stop(Why.LOOP, f"{oids.show(oid)} came again after {oids.show(last)}")
                return False
            self.quirks.add(Quirk.NOT_INCREASING)
        elif self._seen is not None and oid in self._seen:
            self.quirks.add(Quirk.DUPLICATES)
            self.stop(Why.LOOP, f"{oids.show(oid)} came again after {oids.show(last)}")
            return False
        if len(self.variables) >= self.bound:
            self.stop(Why.BOUND, f"{self.bound} variables and no end")
            return False
        self._note_type(variable.kind)
        self.variables.append(variable)
        if self._seen is not None:
            self._seen.add(oid)
        return True

    def take_all(self, variables: Sequence[Var]) -> int:
        """Take what follows, in turn; return how many were new. What is in order takes a short way."""
        kept, base, size, last = self.variables, self.base, len(self.base), self.last
        ends = Kind.END_OF_MIB_VIEW
        room = min(len(variables), self.bound - len(kept)) if self._seen is None and self.open else 0
        taken = 0
        for variable in variables[:room]:
            oid, kind, _ = variable
            if oid <= last or oid[:size] != base or kind is ends:
                break
            if kind is not self._kind:
                self._note_type(kind)
            kept.append(variable)
            last = oid
            taken += 1
        return taken + sum([self.take(variable) for variable in variables[taken:]])

    def _note_type(self, kind: Kind) -> None:
        if self._kind is not None and kind is not self._kind and _family(kind) != _family(self._kind):
            self.quirks.add(Quirk.MIXED_TYPES)
        self._kind = kind


def share(columns: Sequence[Column], answer: Sequence[Var]) -> int:
    """Give an answer to GETBULK to its columns, row by row (RFC 3416 section 4.2.3); return how many were new.

    Of a row that is cut short the columns at its front have one more, and ask on from there.
    """
    width = len(columns)
    return sum([column.take_all(answer[at::width]) for at, column in enumerate(columns)])


def _family(kind: Kind) -> int:
    return -1 if kind in NUMBERS else int(kind)
