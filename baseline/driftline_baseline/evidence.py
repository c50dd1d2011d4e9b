"""Which of the host's own transactions a change belongs to. Evidence attributes; it never explains (rule 15)."""

from collections.abc import Iterable
from dataclasses import dataclass

from driftline_baseline.interval import Interval
from driftline_baseline.wording import package_of

#: Logs carry whole seconds, so a transaction may have ended up to this much later than it says.
LOG_RESOLUTION_MS = 1000


@dataclass(frozen=True, slots=True)
class PackageStep:
    """What a transaction did to one package; versions are empty where it was or became absent."""

    name: str
    architecture: str
    version_before: str = ""
    version_after: str = ""
    #: Pulled in as a dependency, not asked for.
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class HostAct:
    """One transaction of the host's own logs."""

    id: int
    manager: str
    command_line: str
    requested_by: str
    started_ms: int
    ended_ms: int
    steps: tuple[PackageStep, ...] = ()

    @property
    def actor(self) -> str:
        """The account that asked for it: ``alice`` of apt's "alice (1000)", root where the log names nobody."""
        return self.requested_by.partition(" (")[0] or "root"

    def pulled_in(self, package: str) -> bool:
        """Tell whether it installed a package as a dependency only."""
        return any(step.name == package and step.automatic and not step.version_before for step in self.steps)

    def may_have_made(self, change: Interval) -> bool:
        """Tell whether this ran at a time when the change can have happened."""
        after = change.after_ms
        return self.started_ms <= change.until_ms and (after is None or self.ended_ms + LOG_RESOLUTION_MS > after)


def attribute(path: str, version_after: str | None, change: Interval, acts: Iterable[HostAct]) -> HostAct | None:
    """Return the transaction that a change belongs to, None where the logs name none.

    A package's change belongs to the last transaction that left it in this version. Any other change belongs to a
    transaction only by time, and only where a single one can have made it.

    :param path: the element's or attribute's path.
    :param version_after: for a package its version after the change, None where it is gone; otherwise ignored.
    """
    candidates = sorted((act for act in acts if act.may_have_made(change)), key=lambda act: act.ended_ms)
    package = package_of(path)
    if package is None:
        return candidates[0] if len(candidates) == 1 else None
    _, name, architecture = package
    for act in reversed(candidates):
        for step in act.steps:
            # apt's log gives packages for all architectures the host's own
            # and a package of rpm that may be there in several versions carries its own in its key
            plain = architecture.partition("@")[0]
            same = step.name == name and (plain in ("all", step.architecture) or not step.architecture)
            if same and step.version_after == (version_after or ""):
                return act
    return None


#: Who was there in a longer time than this may have come and gone unseen by any change: nobody is singled out.
SINGLED_OUT_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody, or something, that was there at a time, as the host's own logs say."""

    id: int
    #: sudo, session, unit, management.
    kind: str
    who: str
    what: str
    started_ms: int
    #: None: it had not ended yet.
    ended_ms: int | None = None

    def was_there(self, change: Interval) -> bool:
        """Tell whether this went on at a time when the change can have happened."""
        after = change.after_ms
        ended = self.ended_ms
        return self.started_ms <= change.until_ms and (
            after is None or ended is None or ended + LOG_RESOLUTION_MS > after
        )


def likeliest(change: Interval, witnesses: Iterable[Witness]) -> Witness | None:
    """Return who comes into question alone, None where nobody or several do.

    It is a hint for people and decides nothing. A command run as another user, or a run of configuration management, is
    nearer to a change than a session; units start by themselves and do not count. Sessions of one account are one.
    """
    if change.after_ms is None or change.until_ms - change.after_ms > SINGLED_OUT_MS:
        return None
    there = [one for one in witnesses if one.was_there(change)]
    near = [one for one in there if one.kind in ("sudo", "management")]
    if near:
        alike = {
            (one.kind, one.who, one.what.partition(":")[0] if one.kind == "management" else one.what) for one in near
        }
        return near[0] if len(alike) == 1 else None
    sessions = [one for one in there if one.kind == "session"]
    return sessions[0] if len({one.who for one in sessions}) == 1 else None


def narrowed(change: Interval, act: HostAct) -> Interval:
    """Return when a change happened, given that a transaction made it: the host's own log bounds it closer."""
    after = act.started_ms - 1 if change.after_ms is None else max(change.after_ms, act.started_ms - 1)
    return Interval(after, max(after + 1, min(change.until_ms, act.ended_ms + LOG_RESOLUTION_MS)))


def weight(path: str, act: HostAct | None) -> int:
    """Return how directly a transaction names a path, for sorting: what was asked for, what came with it, the rest."""
    package = package_of(path)
    if package is None or act is None:
        return 2
    return 1 if any(step.name == package[1] and step.automatic for step in act.steps) else 0
