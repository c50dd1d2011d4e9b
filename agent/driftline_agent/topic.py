"""What a topic is: one file in ``driftline_agent/topics``, found because it is there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

#: What the kernel tells of by itself: rtnetlink(7) groups, uevents of devices, poll(2) on /proc/self/mountinfo,
#: and of the packet filter, by the process that may see it.
EVENTS = frozenset({"link", "address", "route", "rule", "neighbour", "device", "mount", "firewall"})


@dataclass(slots=True)
class Reading:
    """What one topic read: the facts, and which attributes could not be read this time, with the reason."""

    facts: Facts = field(default_factory=Facts)
    #: Attribute path (``hardware.system.serial_number``, ``accounts.users[*].password``) to reason.
    unreadable: dict[str, str] = field(default_factory=dict)
    #: Values of secret fields that the reader has sealed already, with its own key.
    sealed: set[str] = field(default_factory=set)
    #: The raw input that an element was made of, by the element's path: a line, a paragraph, a file; also of what the
    #: topic leaves out. Only what is the same as long as nobody changes anything on the host: no counters, no times.
    #: With it, another revision of the topic is told from a change on the host; without, all of it counts as read anew.
    inputs: dict[str, bytes] = field(default_factory=dict)
    #: Gives the same, when asked; it is asked only where the facts are other than they were. Gets the facts.
    raw: Callable[[Facts], dict[str, bytes]] | None = None
    #: Something is other than at the reading before that no watcher can see: nobody knows until when that one held.
    unwatched: bool = False

    def text(self, path: str, read: Callable[[], str | None]) -> str:
        """Return what `read` gives, or nothing where it gives nothing or cannot be read; the latter is noted.

        :param path: the attribute that it is for.
        """
        try:
            return read() or ""
        except UnreadableError as error:
            self.unreadable[path] = str(error)
            return ""


def always(_: Host) -> bool:
    """Tell that a topic applies to every Linux host."""
    return True


def never(_: Host) -> bool:
    """Tell that a topic's source is never rewritten in steps."""
    return False


@dataclass(frozen=True, slots=True)
class Topic:
    """How one section of facts is read.

    A topic's module has one of these, named ``TOPIC``; its name is the module's.
    """

    #: Raised by one whenever the same host would give other facts than before.
    revision: int
    #: Schema paths that it fills; a message's path stands for all below it.
    fills: tuple[str, ...]
    #: Reads the host. Raises :class:`UnreadableError` or
    #: :class:`~driftline_agent.errors.BusyError` where it cannot at all.
    collect: Callable[[Host], Reading]
    #: Does it apply here? Where not, the section is absent.
    applies: Callable[[Host], bool] = always
    #: Files and folders whose change asks for another reading. A folder stands for all below it, but below /proc and
    #: /sys for itself alone: there the kernel tells of what is written, not of what it changes itself. What is not
    #: there yet is waited for.
    watches: tuple[str, ...] = ()
    #: The same, where it follows from the host's configuration.
    watches_of: Callable[[Host], tuple[str, ...]] | None = None
    #: Nothing of its configuration changes without a change below `watches` (on a local filesystem): until something
    #: is seen there, the last reading still holds.
    watched_whole: bool = False
    #: What of the kernel's own news asks for another reading: names of :data:`EVENTS`.
    events: frozenset[str] = frozenset()
    #: A cheap sign of what no event tells of, for example the generation of a table: a number or some bytes. Where it
    #: is another than before, the topic is read again. Asked by the watcher's thread, so it must not write to
    #: `host.kept`; at most every `tell_s` seconds, and the rarer the dearer it is (0.02 % of a core).
    tell: Callable[[Host], bytes | int | None] | None = None
    tell_s: float = 20.0
    #: Is what it reads being rewritten right now? While it is, nothing that changes on the host is reported: a package
    #: manager's users, units and files belong to its packages.
    busy: Callable[[Host], bool] = never
    #: Seconds that a reading may take; then it is given up on and the topic is unreadable (driftline_agent/timebox.py).
    timebox: float = 10.0
    #: Its elements are made of the few files that it reads, whose contents are their raw inputs; see `Reading.inputs`.
    of_files: bool = False


@cache
def all_topics() -> dict[str, Topic]:
    """Return every topic by name, sorted: whatever stands in the package ``driftline_agent.topics``."""
    return dict(_scan())


def _scan() -> Iterator[tuple[str, Topic]]:
    package = import_module("driftline_agent.topics")
    for name in sorted(module.name for module in iter_modules(package.__path__)):
        topic = import_module(f"driftline_agent.topics.{name}").TOPIC
        if not isinstance(topic, Topic):
            raise TypeError(f"driftline_agent/topics/{name}.py: TOPIC is not a Topic")
        yield name, topic
