"""What a device topic is: one file in ``driftline_agent/devices/topics``, found because it is there."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from driftline_agent.devices.readout import Readout
from driftline_agent.topic import Reading
from driftline_agent.utilization.aggregate import Metric

#: Kinds of news that a trap brings, each of which has some topics read at once.
NEWS = frozenset({"link", "configuration", "restart", "neighbour", "hardware"})


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter as the device has it now."""

    value: int
    #: 32 or 64: where it wraps.
    bits: int = 64
    #: What changes whenever the counter may have begun anew: ifCounterDiscontinuityTime, or nothing.
    life: object = None


@dataclass(slots=True)
class Measured:
    """What one poll measured."""

    gauges: dict[Metric, float] = field(default_factory=dict)
    #: Become rates: the metric's unit says so (By/s).
    counters: dict[Metric, Counter] = field(default_factory=dict)
    #: Becomes a share of a rate: a metric of unit 1, the counter's metric, and what would be 1 of it (By/s).
    shares: dict[Metric, tuple[Metric, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceTopic:
    """How one section of facts, or some measurements, are read of a device.

    A topic's module has one of these, named ``TOPIC``; its name is the module's, and the section's that it reports.
    """

    #: Raised by one whenever the same device would give other facts than before.
    revision: int
    #: Schema paths that it fills; a message's path stands for all below it. Empty where it only measures.
    fills: tuple[str, ...] = ()
    #: Reads the facts; None where the device has nothing of the kind. What of it could not be read this time stands in
    #: `Reading.unreadable` (``network.interfaces[*]``: rows may be missing; ``network.interfaces[*].mtu``: values).
    #: :raises UnreadableError: where nothing can be said.
    read: Callable[[Readout], Awaitable[Reading | None]] | None = None
    #: Measures; called at every poll, after `read`.
    measure: Callable[[Readout], Awaitable[Measured]] | None = None
    #: Seconds between two readings of the facts, at least: 0 is at every poll.
    every_s: int = 0
    #: News by traps that have it read at once: of :data:`NEWS`.
    news: frozenset[str] = frozenset()


@cache
def all_topics() -> Mapping[str, DeviceTopic]:
    """Return every device topic by name, sorted: whatever stands in the package ``driftline_agent.devices.topics``."""
    return dict(_scan())


def _scan() -> Iterator[tuple[str, DeviceTopic]]:
    package = import_module("driftline_agent.devices.topics")
    for name in sorted(module.name for module in iter_modules(package.__path__)):
        topic = import_module(f"driftline_agent.devices.topics.{name}").TOPIC
        if not isinstance(topic, DeviceTopic):
            raise TypeError(f"driftline_agent/devices/topics/{name}.py: TOPIC is not a DeviceTopic")
        yield name, topic
