"""Sees changes on the host as they happen and names the topics that they concern.

One thread waits in poll(2) for all of it: inotify(7), the kernel's news, and a clock for what has to be asked. On a
host where nothing happens it does not run. After the first sign the source is left alone for a moment, so that what
comes with it is taken up together; where it does not end, for longer and longer.
"""

import contextlib
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from driftline_agent import kernel_news
from driftline_agent.errors import AgentError
from driftline_agent.host import Host
from driftline_agent.inotify import limit_of
from driftline_agent.kernel_news import News
from driftline_agent.pace import Pace
from driftline_agent.topic import EVENTS, Topic
from driftline_agent.trees import Seen, Trees

log = logging.getLogger(__name__)

#: Seconds from the first sign until it is looked into, by source, and the most where signs do not end.
DELAY_S = {"files": 0.1, "device": 0.5, "mount": 0.3, "neighbour": 30.0}
_DELAY_S = 0.2
LONGEST_S = {"files": 0.5, "neighbour": 60.0}
_LONGEST_S = 5.0
#: A file that was written to and is still open: what it says now may be half of it.
UNFINISHED_S = 3.0
#: What is watched is looked up anew this often, and where a limit was reached: s.
PLAN_S, BLIND_S = 1800.0, 300.0
#: Of a core, what one topic's sign may cost at most.
_TELL_SHARE = 0.0002
#: What is told of happened at most this long before, where the process was not held up, ms.
_LAG_MS = 1000
_AT_ONCE_MS = 10


@dataclass(slots=True)
class _Source:
    """A descriptor: at rest it is in poll(2); after a sign it is left alone until it is due."""

    name: str
    wants: int
    due: float | None = None
    #: Host time until which there was no sign, ms.
    since_ms: int = 0
    delay_s: float = 0.0
    looked: float = 0.0


@dataclass(slots=True)
class _Waiting:
    due: float
    since_ms: int


@dataclass(slots=True)
class _Tell:
    topic: Topic
    due: float
    last: bytes | int | None = None
    last_ms: int = 0


@dataclass(slots=True)
class _Clock:
    """When the thread was awake last."""

    #: Host time, ms, and a clock that does not jump, s, when it last began to wait.
    wall_ms: int = 0
    steady: float = 0.0
    #: Host time when it last had waited, ms.
    woke_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    def wait(self) -> None:
        """Note that it begins to wait."""
        self.wall_ms, self.steady = time.time_ns() // 1_000_000, time.monotonic()

    def woke(self, expected_s: float) -> int:
        """Return the host time before which nothing had happened of what it woke for, ms."""
        wall_ms = time.time_ns() // 1_000_000
        slept_ms = (time.monotonic() - self.steady) * 1000
        # Suspended, stopped, or the clock was set: nobody knows when it happened.
        odd = abs(wall_ms - self.wall_ms - slept_ms) > _LAG_MS or slept_ms > expected_s * 1000 + _LAG_MS
        if slept_ms < _AT_ONCE_MS or odd:
            out = min(self.woke_ms, self.wall_ms, wall_ms)  # it may have happened before it began to wait
        else:
            out = max(self.wall_ms, wall_ms - _LAG_MS)
        self.woke_ms = wall_ms
        return out


class Watcher:
    """A thread that calls back with the topics concerned, each with the host time until which nothing was seen of it.

    :param changed: called in the watcher's thread. It returns the names that it read, None for all: those use up
        their pace.
    :param host: what the topics' signs are read from; without it they are not asked for.
    """

    def __init__(
        self,
        topics: Mapping[str, Topic],
        changed: Callable[[dict[str, int]], Iterable[str] | None],
        host: Host | None = None,
    ) -> None:
        self._topics, self._changed, self._host = topics, changed, host
        self._stop = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._trees: Trees | None = None
        self._news: dict[str, News] = {}
        self._sources: dict[int, _Source] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._pace = Pace()
        self._poll = select.poll()
        now = time.monotonic()
        self._tells = {name: _Tell(topic, now) for name, topic in topics.items() if topic.tell is not None and host}
        self._plan_due = now
        self._blind: dict[str, str] = {}
        #: What poll(2) waits for is set up.
        self.ready = threading.Event()

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; does not wait."""
        self._stopping = True
        os.eventfd_write(self._stop, 1)

    @property
    def blind(self) -> dict[str, str]:
        """Topics of which a change may go unseen, each with the reason."""
        return dict(self._blind)

    def _run(self) -> None:
        self._poll.register(self._stop, select.POLLIN)
        self._listen()
        self._plan(time.monotonic())
        self.ready.set()
        clock = _Clock()
        try:
            while not self._stopping:
                timeout = self._until_due(time.monotonic())
                clock.wait()
                signs = self._poll.poll(timeout * 1000)
                since_ms = clock.woke(timeout)
                now = time.monotonic()
                for descriptor, _ in signs:
                    self._sign(descriptor, since_ms, now)
                self._look(now)
                self._ask(now)
                self._hand_over(time.monotonic())
                if now >= self._plan_due:
                    self._plan(now)
        finally:
            for news in self._news.values():
                news.close()
            if self._trees is not None:
                self._trees.close()

    # what there is to watch

    def _listen(self) -> None:
        for kind in sorted({kind for topic in self._topics.values() for kind in topic.events} & EVENTS):
            try:
                news = self._host.firewall_news() if kind == "firewall" and self._host else kernel_news.listen(kind)
            except OSError as error:
                if kind == "firewall":
                    continue  # without the process that may see its rules, a sign tells, or they are unreadable
                log.warning("no news of a kind", extra={"kind": kind, "reason": (error.strerror or str(error)).lower()})
                reason = f"the kernel does not tell of its {kind} events: {(error.strerror or '').lower()}"
                self._blind.update({name: reason for name, topic in self._topics.items() if kind in topic.events})
                continue
            self._news[kind] = news
            self._rest(_Source(kind, news.wants), news.fileno())

    def _plan(self, now: float) -> None:
        """Look up what is to be watched, where it stands now."""
        deaf = {name: reason for name, reason in self._blind.items() if reason.startswith("the kernel")}
        try:
            if self._trees is None:
                self._trees = Trees({name: topic.watches for name, topic in self._topics.items()})
                self._rest(_Source("files", select.POLLIN), self._trees.fileno())
                log.info("watching", extra={"folders": len(self._trees.paths)})
            elif self._trees.blind or now >= self._plan_due:
                self._trees.plan()
            blind = dict(self._trees.blind)
        except OSError as error:
            reason = limit_of(error) or f"inotify: {(error.strerror or str(error)).lower()}"
            blind = {name: reason for name, topic in self._topics.items() if topic.watches}
        self._take_blind(blind | deaf)
        self._plan_due = now + (BLIND_S if blind else PLAN_S)

    def _take_blind(self, blind: dict[str, str]) -> None:
        if blind != self._blind:
            self._blind = blind
            if blind:
                reasons = "; ".join(sorted(set(blind.values())))
                log.warning("not all is watched", extra={"topics": ",".join(sorted(blind)), "reason": reasons})
            else:
                log.info("all is watched again")

    def _rest(self, source: _Source, descriptor: int) -> None:
        self._sources[descriptor] = source
        self._poll.register(descriptor, source.wants)

    # what happens

    def _until_due(self, now: float) -> float:
        dues = [source.due for source in self._sources.values() if source.due is not None]
        dues += [max(one.due, now + self._pace.wait(name, now)) for name, one in self._waiting.items()]
        dues += [tell.due for tell in self._tells.values()]
        return max(0.0, min([*dues, self._plan_due]) - now)

    def _sign(self, descriptor: int, since_ms: int, now: float) -> None:
        """Leave a source alone for a moment after its first sign."""
        source = self._sources.get(descriptor)
        if source is None or source.due is not None:
            return
        self._poll.unregister(descriptor)
        shortest, longest = DELAY_S.get(source.name, _DELAY_S), LONGEST_S.get(source.name, _LONGEST_S)
        goes_on = now - source.looked < 2 * source.delay_s
        source.delay_s = min(longest, source.delay_s * 2) if goes_on else shortest
        source.due, source.since_ms = now + source.delay_s, since_ms

    def _look(self, now: float) -> None:
        for descriptor, source in self._sources.items():
            if source.due is None or now < source.due:
                continue
            source.due, source.looked = None, now
            seen = self._taken(source)
            self._poll.register(descriptor, source.wants)
            for name in seen.topics:
                self._wait(name, now, source.since_ms)
            for name in seen.unfinished:
                self._wait(name, now + UNFINISHED_S, source.since_ms)

    def _taken(self, source: _Source) -> Seen:
        if source.name == "files" and self._trees is not None:
            seen = self._trees.look()
            if self._trees.blind.keys() - self._blind.keys():
                self._take_blind(self._blind | self._trees.blind)
                self._plan_due = min(self._plan_due, time.monotonic() + BLIND_S)
            return seen
        if not self._news[source.name].take():
            return Seen()
        return Seen({name for name, topic in self._topics.items() if source.name in topic.events})

    def _wait(self, name: str, due: float, since_ms: int) -> None:
        waiting = self._waiting.setdefault(name, _Waiting(due, since_ms))
        waiting.due = min(waiting.due, due)
        waiting.since_ms = min(waiting.since_ms, since_ms)

    def _ask(self, now: float) -> None:
        """Ask the topics that have a sign whether it is another one now."""
        for name, tell in self._tells.items():
            if now < tell.due or self._host is None or tell.topic.tell is None:
                continue
            before, asked_ms = time.thread_time(), time.time_ns() // 1_000_000
            sign = tell.last
            with contextlib.suppress(AgentError, OSError, ValueError):
                sign = tell.topic.tell(self._host)
            cost = time.thread_time() - before
            if tell.last_ms and sign != tell.last:
                self._wait(name, now, tell.last_ms)
            tell.last, tell.last_ms = sign, asked_ms
            tell.due = now + max(tell.topic.tell_s, cost / _TELL_SHARE)

    def _hand_over(self, now: float) -> None:
        """Call back with the topics that are due, as far as their pace allows."""
        due = {
            name: one.since_ms
            for name, one in self._waiting.items()
            if now >= one.due and self._pace.wait(name, now) <= 0
        }
        if not due:
            return
        for name in due:
            del self._waiting[name]
        before = time.thread_time()
        done = self._changed(due)
        after = time.monotonic()
        read = set(due if done is None else done)
        for name in read:
            self._pace.took(name, (time.thread_time() - before) / len(read), after)
