"""Runs topics, each failing alone, and packs what they read into sections.

Source: collector.proto (Section), design section 4.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from driftline import sealed
from driftline.v1.collector_pb2 import UNREADABLE, Section
from driftline_agent import raw, sections
from driftline_agent.errors import AgentError, BusyError, ConfigError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.timebox import TimeBox
from driftline_agent.topic import Reading, Topic, all_topics

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """How the reading of one topic went."""

    name: str
    #: READ, ABSENT or UNREADABLE.
    outcome: int
    #: What was read, for people and for tests; None where nothing was.
    reading: Reading | None
    section: Section
    #: Seconds of wall time it took.
    duration: float
    #: The source is being changed right now; read it again soon.
    busy: bool = False


def milliseconds() -> int:
    """Return the host's clock in ms since 1970."""
    return time.time_ns() // 1_000_000


def select(names: Iterable[str] | None) -> dict[str, Topic]:
    """Return the topics of these names, all where None.

    :raises ConfigError: where there is no such topic.
    """
    topics = all_topics()
    if names is None:
        return dict(topics)
    chosen: dict[str, Topic] = {}
    for name in names:
        if name not in topics:
            raise ConfigError(f'topic "{name}" does not exist; there are {", ".join(topics)}')
        chosen[name] = topics[name]
    return chosen


def settled(topics: dict[str, Topic], host: Host) -> dict[str, Topic]:
    """Return the topics with what each watches on this host."""
    out = dict(topics)
    with TimeBox(host) as box:
        for name, topic in topics.items():
            if topic.watches_of:
                try:
                    out[name] = replace(topic, watches=box.run(name, topic.timebox, topic.watches_of))
                except UnreadableError as error:
                    log.warning("topic not watched", extra={"topic": name, "reason": str(error)})
    return out


def read_topic(name: str, topic: Topic, host: Host, key: bytes, clock: Callable[[], int] = milliseconds) -> Result:
    """Read one topic, however long it takes; whatever goes wrong with it becomes the result.

    :param key: seals secret values, 32 bytes.
    """
    started, observed_at = time.perf_counter(), clock()
    reading: Reading | None = None
    busy = False
    try:
        if topic.applies(host):
            reading = _collect(topic, host)
            sealed.seal(reading.facts, key, reading.sealed)
            seen: dict[str, bytes] = host.kept.setdefault("limits", {})
            section = sections.of_reading(name, topic.revision, observed_at, reading, topic.fills, seen)
        else:
            section = sections.absent(name, topic.revision, observed_at)
    except Exception as error:  # the boundary of one topic: its failure is its result
        busy = isinstance(error, BusyError)
        reading = None
        section = sections.unreadable(name, topic.revision, observed_at, error)
        if not isinstance(error, (AgentError, OSError)):
            log.exception("topic failed", extra={"topic": name})
    return Result(name, section.outcome, reading, section, time.perf_counter() - started, busy)


def _collect(topic: Topic, host: Host) -> Reading:
    if not topic.of_files:
        return topic.collect(host)
    noted = host.noted = {}
    try:
        reading = topic.collect(host)
    finally:
        host.noted = None
    reading.raw = lambda facts: raw.of_files(facts, noted)
    return reading


def take(
    host: Host, key: bytes, topics: dict[str, Topic] | None = None, clock: Callable[[], int] = milliseconds
) -> Iterator[Result]:
    """Yield a result for each topic. Each has its time, and what takes longer is unreadable.

    :param topics: all by default.
    """
    with TimeBox(host) as box:
        for name, topic in (select(None) if topics is None else topics).items():
            started, observed_at = time.perf_counter(), clock()

            def read(view: Host, name: str = name, topic: Topic = topic) -> Result:
                return read_topic(name, topic, view, key, clock)

            try:
                result = box.run(name, topic.timebox, read)
            except UnreadableError as error:
                section = sections.unreadable(name, topic.revision, observed_at, error)
                result = Result(name, UNREADABLE, None, section, time.perf_counter() - started)
            yield result
