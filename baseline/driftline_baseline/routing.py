"""Who is told of what, and how soon: routes in a YAML document, the first that fits counts.

A document always ends in a route that fits everything, so nothing is lost because nobody thought of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import time
from fnmatch import fnmatchcase

import yaml

from driftline_baseline.document import Selector
from driftline_baseline.hours import Hours, next_daily_ms
from driftline_baseline.hours_reading import read_hours, read_time, read_zone
from driftline_baseline.kinds import SELECTOR_FIELDS, SEVERITIES
from driftline_baseline.reading import DocumentReader
from driftline_baseline.yaml_reader import compose

_SELECTOR = (*SELECTOR_FIELDS, "labels", "facts")
_MATCH = ("severity", "kind", *_SELECTOR, "hours")
_ROUTE = ("match", "page", "digest", "drop", "escalate_after", "escalate_to", "continue")
_LARGEST_EVERY_MS = 7 * 86_400_000

#: What counts until someone writes something else.
SHIPPED = """\
# The first route that fits counts; `driftline routing test` says which one that is.
routes:
  - match: {severity: critical}
    page: [page]
  - digest: {channel: digest, every: 1h}
"""


#: Tells of one CI whether a selector means it.
Meant = Callable[[Selector], bool]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that people may be told."""

    #: Dotted: ``rfc.raised``.
    kind: str
    severity: str
    at_ms: int
    #: The CIs that it is about.
    cis: Sequence[Meant] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """When a route fits: severity, kind and hours, and one CI that all of its conditions hold for."""

    severity: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    selector: Selector | None = None
    hours: Hours | None = None

    @property
    def is_everything(self) -> bool:
        """True where it has no condition."""
        return not self.severity and not self.kind and self.selector is None and self.hours is None

    def fits(self, happening: Happening) -> bool:
        """Tell whether it fits."""
        return (
            (not self.severity or happening.severity in self.severity)
            and (not self.kind or any(fnmatchcase(happening.kind, pattern) for pattern in self.kind))
            and (self.hours is None or self.hours.holds(happening.at_ms))
            and (self.selector is None or any(meant(self.selector) for meant in happening.cis))
        )


@dataclass(frozen=True, slots=True)
class Digest:
    """One message now and then with all that came since the one before."""

    channel: str
    #: Either: so often, on whole multiples since 1970 ...
    every_ms: int | None = None
    #: ... or at this time of day in `zone`.
    at: time | None = None
    zone: str = "UTC"

    def next_ms(self, after_ms: int) -> int:
        """Return when the next one is due after a time."""
        if self.every_ms is not None:
            return (after_ms // self.every_ms + 1) * self.every_ms
        return next_daily_ms(self.at or time(0), self.zone, after_ms)


@dataclass(frozen=True, slots=True)
class Route:
    """What to do with what fits."""

    match: Match
    page: tuple[str, ...] = ()
    digest: Digest | None = None
    #: Why nobody is told.
    drop: str | None = None
    escalate_after_ms: int | None = None
    #: Channels paged one after the other, each after that time, until someone acknowledges.
    escalate_to: tuple[str, ...] = ()
    #: Later routes are looked at too.
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Routing:
    """A routing document."""

    routes: tuple[Route, ...]

    def channels(self) -> set[str]:
        """Return the names of all channels."""
        found: set[str] = set()
        for route in self.routes:
            found.update(route.page, route.escalate_to, (route.digest.channel,) if route.digest else ())
        return found


@dataclass(frozen=True, slots=True)
class Page:
    """A message that is sent at once."""

    channel: str
    route: int
    escalate_after_ms: int | None = None
    escalate_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a happening. Routes are counted from 1."""

    pages: tuple[Page, ...]
    digests: tuple[tuple[Digest, int], ...]
    #: Why nobody is told, where that is so.
    dropped: str | None
    routes: tuple[int, ...]


def decide(routing: Routing, happening: Happening) -> Decision:
    """Return what becomes of a happening: it is paged, or digested, or dropped with a reason, never nothing."""
    pages: dict[str, Page] = {}
    digests: dict[Digest, int] = {}
    dropped: str | None = None
    routes: list[int] = []
    for number, route in enumerate(routing.routes, start=1):
        if not route.match.fits(happening):
            continue
        routes.append(number)
        for index, channel in enumerate(route.page):
            first = index == 0  # one escalation a route, however many channels it pages
            after, to = (route.escalate_after_ms, route.escalate_to) if first else (None, ())
            pages.setdefault(channel, Page(channel, number, after, to))
        if route.digest is not None:
            digests.setdefault(route.digest, number)
        dropped = dropped or route.drop
        if not route.goes_on:
            break
    told = bool(pages or digests)
    return Decision(tuple(pages.values()), tuple(digests.items()), None if told else dropped, tuple(routes))


class _Reader(DocumentReader):
    """Turns YAML nodes into routes."""

    def match(self, node: yaml.Node, where: str, zone: str) -> Match:
        own = self.own_fields(node)
        found = self.mapping(node, where, (*_MATCH, *own))
        severity = self.texts(found["severity"], f"{where}.severity") if "severity" in found else ()
        for one in severity:
            if one not in SEVERITIES:
                allowed = ", ".join(SEVERITIES)
                raise self.fail(found["severity"], f"{where}.severity", f'"{one}" is not one of {allowed}')
        on_ci = [(key, value) for key, value in node.value if self.plain(key) in (*_SELECTOR, *own)]
        selector = yaml.MappingNode(node.tag, on_ci, node.start_mark, node.end_mark)
        return Match(
            severity,
            self.texts(found["kind"], f"{where}.kind") if "kind" in found else (),
            self.selector(selector) if on_ci else None,
            read_hours(self, found["hours"], f"{where}.hours", zone) if "hours" in found else None,
        )

    def digest(self, node: yaml.Node, where: str, zone: str) -> Digest:
        found = self.mapping(node, where, ("channel", "every", "at", "zone"))
        self.need(node, found, where, ("channel",))
        channel = self.text(found["channel"], f"{where}.channel")
        if ("every" in found) == ("at" in found):
            raise self.fail(node, where, 'must have one of every (every: 1h) and at (at: "08:00")')
        if "at" in found:
            zone = read_zone(self, found["zone"], f"{where}.zone") if "zone" in found else zone
            return Digest(channel, at=read_time(self, found["at"], f"{where}.at"), zone=zone)
        every = self.span_ms(found["every"], f"{where}.every")
        if every > _LARGEST_EVERY_MS:
            raise self.fail(found["every"], f"{where}.every", "must be from 1m to 7d")
        return Digest(channel, every_ms=every)

    def route(self, node: yaml.Node, where: str, zone: str) -> Route:
        found = self.mapping(node, where, _ROUTE)
        actions = [name for name in ("page", "digest", "drop") if name in found]
        if not actions:
            raise self.fail(node, where, "does nothing; it needs page, digest or drop")
        goes_on = self.flag(found["continue"], f"{where}.continue") if "continue" in found else False
        if "drop" in actions and (len(actions) > 1 or goes_on):
            raise self.fail(found["drop"], f"{where}.drop", "stands alone: no page, digest or continue beside it")
        escalates = [name for name in ("escalate_after", "escalate_to") if name in found]
        if len(escalates) == 1 or (escalates and "page" not in found):
            raise self.fail(node, where, "escalate_after and escalate_to belong together, beside page")
        return Route(
            match=self.match(found["match"], f"{where}.match", zone) if "match" in found else Match(),
            page=self.texts(found["page"], f"{where}.page") if "page" in found else (),
            digest=self.digest(found["digest"], f"{where}.digest", zone) if "digest" in found else None,
            drop=self.reason(found["drop"], f"{where}.drop") if "drop" in found else None,
            escalate_after_ms=self.span_ms(found["escalate_after"], f"{where}.escalate_after") if escalates else None,
            escalate_to=self.texts(found["escalate_to"], f"{where}.escalate_to") if escalates else (),
            goes_on=goes_on,
        )

    def reason(self, node: yaml.Node, where: str) -> str:
        if isinstance(self.plain(node), bool):
            raise self.fail(node, where, 'needs the reason as its value, as drop: "the test lab is not watched"')
        return self.text(node, where)


def parse(text: str, source: str = "routing.yaml") -> Routing:
    """Read a routing document.

    :param source: what to call it in errors: a file's name.
    :raises DocumentError: where it breaks its rules; the message names line, column and the mend.
    """
    reader = _Reader(source)
    root = compose(text, source, "a routing document has routes")
    found = reader.mapping(root, "routing", ("zone", "routes"))
    reader.need(root, found, "routing", ("routes",))
    zone = read_zone(reader, found["zone"], "zone") if "zone" in found else "UTC"
    nodes = reader.sequence(found["routes"], "routes")
    routes = tuple(reader.route(node, f"routes[{index}]", zone) for index, node in enumerate(nodes))
    if not routes or not routes[-1].match.is_everything or routes[-1].goes_on:
        raise reader.fail(
            nodes[-1] if nodes else found["routes"],
            f"routes[{max(0, len(routes) - 1)}]",
            "the last route must fit everything (no match, no continue), so that nothing is lost; "
            "add one such as - digest: {channel: digest, every: 1h}",
        )
    for index, route in enumerate(routes[:-1]):
        if route.match.is_everything and not route.goes_on:
            raise reader.fail(nodes[index], f"routes[{index}]", "fits everything, so no route after it is ever reached")
    return Routing(routes)
