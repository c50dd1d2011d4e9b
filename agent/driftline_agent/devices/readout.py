"""One poll of one device: what topics ask goes out once, however many of them ask for it."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from driftline_agent.devices.gaps import Gaps
from driftline_agent.devices.mib import MibObject, Row, Table, in_words
from driftline_agent.devices.profile import Profile
from driftline_agent.devices.snmp.columns import Cut, Why
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.values import Oid, Var
from driftline_agent.devices.snmp.walk import Walker
from driftline_agent.errors import UnreadableError

#: What ends a poll at once.
_ENDS = frozenset({Why.SECURITY, Why.TIME, Why.VARIABLES})
#: What may be of one table only: devices are silent about what they do not like to be asked.
_SILENT = frozenset({Why.SILENT, Why.UNREACHABLE})
#: Silences that a poll bears with; each costs all retries.
_MOST_SILENCES = 3
#: sysUpTime.0 of SNMPv2-MIB: every device has it.
_ALIVE: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
_NO_GAPS = Gaps()

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class System:
    """The system group of SNMPv2-MIB, the first thing that is read of a device."""

    #: sysDescr in one line; empty where it has none.
    description: str
    #: sysObjectID; None where it has none.
    object_id: Oid | None
    #: sysName as it is set.
    name: str
    #: sysUpTime: hundredths of a second since the SNMP agent started; None where it does not say.
    uptime_ticks: int | None
    #: This host's clock when that came, s since 1970.
    at_s: float


class Readout:
    """What one poll of one device knows so far. One topic at a time uses it."""

    def __init__(
        self,
        target: Target,
        walker: Walker,
        system: System,
        profile: Profile,
        clock: Callable[[], float] = time.time,
        kept: dict[str, object] | None = None,
        gaps: Gaps = _NO_GAPS,
    ) -> None:
        self.target, self.system, self.profile = target, system, profile
        self._walker, self._clock = walker, clock
        self._columns: dict[Oid, tuple[Mapping[Oid, Var], str]] = {}
        self._scalars: dict[Oid, tuple[Var | None, str]] = {}
        #: Why nothing more is asked of this device in this poll; empty while it answers.
        self.ended = ""
        #: It ended because the device does not answer any more.
        self.lost = False
        #: Why something was not whole of what the running topic asked for; empty where nothing was missing.
        self.missing = ""
        self._silences = 0
        #: What topics keep of this device from one poll to the next, each by its own name. Without it they read anew.
        self.kept: dict[str, object] = {} if kept is None else kept
        self._gaps = gaps
        self._made: dict[str, tuple[object, str]] = {}

    def begin(self) -> None:
        """Another topic begins to ask."""
        self.missing = ""

    @property
    def now_s(self) -> float:
        """This host's clock, s since 1970."""
        return self._clock()

    async def table(self, *objects: MibObject) -> Table:
        """Return columns; those that were asked for before are not asked for again.

        Nothing that a device answers raises: what is missing stands in the table's cuts.
        """
        missing = [one for one in objects if one.oid not in self._columns]
        if missing:
            self._columns.update((one.oid, ({}, "")) for one in missing if self._gaps.covers(one.oid))
            missing = [one for one in missing if one.oid not in self._columns]
        if missing and not self.ended:
            walk = await self._walker.columns([one.oid for one in missing])
            cuts = {cut.base: cut for cut in walk.cuts}
            for one, variables in zip(missing, walk.columns, strict=True):
                cut = cuts.get(one.oid)
                size = len(one.oid)
                found = {variable.oid[size:]: variable for variable in variables if variable.exists}
                self._columns[one.oid] = (found, in_words(cut) if cut else "")
            await self._note(walk.cuts)
        cut_words: dict[str, str] = {}
        columns: dict[str, Mapping[Oid, Var]] = {}
        for one in objects:
            columns[one.name], words = self._columns.get(one.oid, ({}, self.ended))
            if words:
                cut_words[one.name] = words
                self.missing = self.missing or words
        return Table(columns, cut_words)

    async def scalars(self, *objects: MibObject) -> tuple[Row, Mapping[str, str]]:
        """Return scalars, and why one could not be had, by short names. One that the device has not is in neither."""
        missing = [one for one in objects if one.oid not in self._scalars]
        if missing:
            self._scalars.update((one.oid, (None, "")) for one in missing if self._gaps.covers(one.oid))
            missing = [one for one in missing if one.oid not in self._scalars]
        if missing and not self.ended:
            walk = await self._walker.get([(*one.oid, 0) for one in missing])
            cuts = {cut.base: cut for cut in walk.cuts}
            for one, variables in zip(missing, walk.columns, strict=True):
                cut = cuts.get((*one.oid, 0))
                self._scalars[one.oid] = (variables[0] if variables else None, in_words(cut) if cut else "")
            await self._note(walk.cuts)
        found: dict[str, Var] = {}
        cut_words: dict[str, str] = {}
        for one in objects:
            variable, words = self._scalars.get(one.oid, (None, self.ended))
            if variable is not None:
                found[one.name] = variable
            elif words:
                cut_words[one.name] = words
                self.missing = self.missing or words
        return Row(found), cut_words

    async def once(self, name: str, make: Callable[[], Awaitable[Made]]) -> Made:
        """Return what several topics make of the same answers, made once in a poll.

        :param name: of what is made; the same name is the same thing.
        """
        if name not in self._made:
            before, self.missing = self.missing, ""
            try:
                self._made[name] = await make(), self.missing
            finally:
                self.missing = before or self.missing
        made, words = self._made[name]
        self.missing = self.missing or words
        return cast(Made, made)

    def empty(self) -> list[Oid]:
        """Return the columns and scalars that were asked for and that the device has nothing of."""
        columns = [oid for oid, (found, words) in self._columns.items() if not found and not words]
        return columns + [oid for oid, (found, words) in self._scalars.items() if found is None and not words]

    def filled(self) -> list[Oid]:
        """Return the columns and scalars that were asked for and that are not known to be empty."""
        columns = [oid for oid, (found, words) in self._columns.items() if found or words]
        return columns + [oid for oid, (found, words) in self._scalars.items() if found is not None or words]

    async def _note(self, cuts: Sequence[Cut]) -> None:
        """See from what is missing whether the device is to be asked anything more."""
        words = next(iter(map(in_words, cuts)), "")
        if any(cut.why in _ENDS for cut in cuts):
            self.ended = words
        elif any(cut.why in _SILENT for cut in cuts):
            self._silences += 1
            walk = await self._walker.get([_ALIVE])
            self.lost = bool(walk.cuts)
            if self.lost or self._silences >= _MOST_SILENCES:
                self.ended = words


def must_answer(table: Table) -> None:
    """Pass unless nothing came of a table because the device did not answer: then nobody knows whether it is empty.

    :raises UnreadableError: with the reason.
    """
    if not table and table.cuts:
        raise UnreadableError(next(iter(table.cuts.values())))
