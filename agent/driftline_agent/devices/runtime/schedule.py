"""When a device is read: spread over the interval, at once where a trap asks for it, never in a stampede. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from driftline_agent.devices.topic import DeviceTopic

#: First polls are this far apart, s, where the interval leaves the room: few devices are all read at once.
_APART_S = 0.25
#: Least time between two readings that traps ask for, s.
GAP_S = 5.0
#: A device that was silent so many times is asked less often: after twice its interval, then after four times.
SILENT, LONG_SILENT = 3, 6
#: After a change of a link it takes the other end's LLDP some moments to be heard or to be forgotten, s.
AFTER_LINK_S = 3.0


def offsets(count: int, interval_s: float) -> list[float]:
    """Return when each of some new devices is polled first, s from now."""
    apart = min(_APART_S, interval_s / max(count, 1))
    return [at * apart for at in range(count)]


def following(planned: float, interval_s: float, now: float) -> float:
    """Return when the poll after one that was planned for some time is due; what was missed is left out."""
    if planned + interval_s > now:
        return planned + interval_s
    return planned + interval_s * ((now - planned) // interval_s + 1)


def waiting(interval_s: float, silences: int) -> float:
    """Return how long after a regular poll the next one is due, s.

    :param silences: how often in a row the device did not answer.
    """
    return interval_s * (1 if silences < SILENT else 2 if silences < LONG_SILENT else 4)


@dataclass(slots=True)
class Due:
    """Which topics' facts a regular poll reads: each not more often than it says."""

    _next: dict[str, float] = field(default_factory=dict)

    def names(self, topics: Mapping[str, DeviceTopic], now: float, interval_s: float) -> list[str]:
        """Return the names of those that are due, by the time of a poll that comes every so many seconds."""
        return [name for name in topics if self._next.get(name, now) <= now + interval_s / 2]

    def recall(self, read_s: Mapping[str, float], topics: Mapping[str, DeviceTopic]) -> None:
        """Take up what was read before a restart: when by the time of this process, s."""
        for name, at_s in read_s.items():
            if name in topics and topics[name].every_s:
                self._next[name] = at_s + topics[name].every_s

    def read(self, names: Iterable[str], topics: Mapping[str, DeviceTopic], now: float) -> None:
        """Note that some were read."""
        for name in names:
            self._next[name] = now + topics[name].every_s


@dataclass(slots=True)
class Wishes:
    """Readings that are asked for outside of the regular ones, with a bound on how often."""

    _wishes: list[tuple[float, frozenset[str]]] = field(default_factory=list)
    _last: float = float("-inf")

    def want(self, topics: Collection[str], at: float) -> None:
        """Ask for topics, not before a time; what the same time is asked for is read together."""
        if topics:
            self._wishes.append((max(at, self._last + GAP_S), frozenset(topics)))

    def news(self, kind: str, topics: Mapping[str, DeviceTopic], now: float) -> bool:
        """Ask for what news concern: at once, and after a change of a link once more; False where for nothing."""
        names = frozenset(n for n, topic in topics.items() if topic.read and (kind == "restart" or kind in topic.news))
        if not names:
            return False
        at = max(now, self._last + GAP_S)
        if not self._covered(names, now, at):  # a burst of traps is one reading
            self._wishes.append((at, names))
        if kind == "link" and not self._covered(names, now + AFTER_LINK_S - 1, float("inf")):
            latest = max(wished for wished, _ in self._wishes)
            self._wishes.append(
                (now + AFTER_LINK_S if latest <= now else max(now + AFTER_LINK_S, latest + GAP_S), names)
            )
        return True

    def _covered(self, names: frozenset[str], start: float, end: float) -> bool:
        return any(start <= at <= end and names <= wished for at, wished in self._wishes)

    @property
    def next_at(self) -> float:
        """When the next one is due; infinity where none is."""
        return min((at for at, _ in self._wishes), default=float("inf"))

    def take(self, now: float) -> set[str]:
        """Return the topics that are due, and forget them."""
        due = [names for at, names in self._wishes if at <= now]
        if due:
            self._last = now
            self._wishes = [wish for wish in self._wishes if wish[0] > now]
        return set().union(*due)
