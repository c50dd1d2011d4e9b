"""Runs device topics, each failing alone, and packs what they read into sections.

Source: collector.proto (Section); the same for a host's topics is :mod:`driftline_agent.inventory`.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from driftline import sealed
from driftline.v1.collector_pb2 import Section
from driftline_agent import sections
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.topic import DeviceTopic, Measured
from driftline_agent.errors import AgentError, UnreadableError
from driftline_agent.inventory import milliseconds
from driftline_agent.topic import Reading

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TopicResult:
    """How the reading of one topic went."""

    name: str
    section: Section
    #: None where nothing was read.
    reading: Reading | None
    #: Seconds.
    duration: float


async def read(
    readout: Readout,
    topics: Mapping[str, DeviceTopic],
    key: bytes,
    seen: dict[str, bytes],
    clock: Callable[[], int] = milliseconds,
) -> list[TopicResult]:
    """Read the facts of topics. Of a device that stops answering on the way, what follows is left as it was.

    :param key: seals secret values, 32 bytes.
    :param seen: see :func:`driftline_agent.sections.of_reading`.
    """
    results: list[TopicResult] = []
    for name, topic in topics.items():
        if topic.read is None:
            continue
        if readout.lost:
            break
        started, observed_at = time.perf_counter(), clock()
        section, found = await _section(name, topic, readout, key, seen, observed_at)
        results.append(TopicResult(name, section, found, time.perf_counter() - started))
    return results


async def _section(
    name: str, topic: DeviceTopic, readout: Readout, key: bytes, seen: dict[str, bytes], observed_at: int
) -> tuple[Section, Reading | None]:
    assert topic.read is not None  # noqa: S101  # by the only caller
    try:
        if readout.ended:
            raise UnreadableError(readout.ended)
        readout.begin()
        found = await topic.read(readout)
        if found is None:
            if readout.missing:  # nobody knows whether it has nothing of the kind
                raise UnreadableError(readout.missing)
            return sections.absent(name, topic.revision, observed_at), None
        sealed.seal(found.facts, key, found.sealed)
        return sections.of_reading(name, topic.revision, observed_at, found, topic.fills, seen), found
    except Exception as error:  # the boundary of one topic: its failure is its result
        if not isinstance(error, (AgentError, OSError)):
            log.exception("topic failed", extra={"topic": name, "device": str(readout.target)})
        return sections.unreadable(name, topic.revision, observed_at, error), None


async def measure(readout: Readout, topics: Sequence[DeviceTopic]) -> Measured:
    """Return what topics measure; one that fails measures nothing."""
    out = Measured()
    for topic in topics:
        if topic.measure is None or readout.ended:
            continue
        try:
            found = await topic.measure(readout)
        except (AgentError, OSError):
            continue  # its facts say why, where it has some
        except Exception:  # the boundary of one topic
            log.exception("topic failed to measure", extra={"device": str(readout.target)})
            continue
        out.gauges.update(found.gauges)
        out.counters.update(found.counters)
        out.shares.update(found.shares)
    return out
