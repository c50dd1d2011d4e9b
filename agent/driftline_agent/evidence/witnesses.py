"""Who was there when something changed: commands run as root, sessions, units, configuration management."""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from driftline.v1.collector_pb2 import Evidence
from driftline_agent.errors import UnreadableError
from driftline_agent.evidence import journal, management, sessions
from driftline_agent.host import Host

#: A command may have begun so long before what it changed.
LOOK_BACK_MS = 3_600_000
#: No further back than this, however long nobody looked.
_LONGEST_MS = 6 * 3_600_000
#: How many of each kind are told of: the newest.
_MOST = {"sudo": 100, "session": 50, "unit": 40, "management": 50}
_LONG = 500
#: Seconds from a change to the first look, from that to the next, and between looks where changes do not end.
SOON_S, FOLLOW_S, APART_S = 1.5, 60.0, 15.0
_MOST_TOLD = 1_000


def collect(host: Host, since_ms: int, now_ms: int) -> list[Evidence]:
    """Return what was going on at some time since a time, oldest first, bounded in number and length."""
    since_ms = max(since_ms, now_ms - _LONGEST_MS)
    found: list[Evidence] = []
    reads: tuple[Callable[[], list[Evidence]], ...] = (
        lambda: journal.collect(host, since_ms - LOOK_BACK_MS, now_ms),
        lambda: sessions.collect(host, since_ms),
        lambda: management.collect(host, since_ms),
    )
    for read in reads:
        with contextlib.suppress(UnreadableError, OSError):
            found += read()
    return bounded(one for one in found if overlaps(one, since_ms, now_ms))


def overlaps(one: Evidence, since_ms: int, until_ms: int) -> bool:
    """Tell whether something was going on between two times; logs of whole seconds are given one."""
    ended = one.ended_at_ms or until_ms
    return 0 < one.started_at_ms <= until_ms + 1000 and ended >= since_ms - 1000


def bounded(found: Iterable[Evidence]) -> list[Evidence]:
    """Return the newest of each kind, oldest first, with their texts cut."""
    out: list[Evidence] = []
    left = dict(_MOST)
    for one in sorted(found, key=lambda one: one.started_at_ms, reverse=True):
        if left.get(one.kind, 0) > 0:
            left[one.kind] -= 1
            for name in ("who", "what", "source"):
                setattr(one, name, getattr(one, name).replace("\0", "")[:_LONG])
            out.append(one)
    return out[::-1]


@dataclass(slots=True)
class Witnesses:
    """What was told already, and from when on it is to be looked up once more."""

    _since_ms: int | None = None
    #: Looks that are still to be taken since the last change.
    _left: int = 0
    _looked: float = float("-inf")
    _told: dict[bytes, None] = field(default_factory=dict)

    @property
    def pending(self) -> bool:
        """There is another look to be taken."""
        return self._left > 0

    def expect(self, since_ms: int) -> None:
        """Note a change that happened after a time."""
        self._since_ms = since_ms if self._since_ms is None else min(self._since_ms, since_ms)
        self._left = 2

    def wait(self, now: float) -> float:
        """Return the seconds until the next look: changes without end must not make looks without end."""
        return max(SOON_S, self._looked + APART_S - now)

    def take(self, host: Host, now_ms: int, now: float) -> list[Evidence]:
        """Return what was not told yet."""
        if self._since_ms is None:
            return []
        self._looked, since_ms = now, self._since_ms
        self._left -= 1
        if self._left <= 0:
            self._since_ms = None
        out: list[Evidence] = []
        for one in collect(host, since_ms, now_ms):
            digest = blake2b(one.SerializeToString(deterministic=True), digest_size=8).digest()
            if digest not in self._told:
                self._told[digest] = None
                out.append(one)
        for old in list(self._told)[: -_MOST_TOLD or None]:
            del self._told[old]
        return out
