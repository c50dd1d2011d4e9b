"""Who is told of what, and how soon: routes in a YAML document, the first that fits counts.

A document always ends in a route that fits everything, so nothing is lost because nobody thought of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from driftline_baseline.hours import DAYS, Hours, days_of, next_daily_ms
from driftline_baseline.nodes import Nodes

SEVERITIES = ("info", "warning", "critical")
#: Traits of a CI that a route, or a maintenance window, can ask for; all take wild cards.
CI_TRAITS = ("ci", "class", "environment", "service", "owner", "location")
_MATCH = ("severity", "kind", *CI_TRAITS, "labels", "hours")
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


@dataclass(frozen=True, slots=True)
class CiTraits:
    """What is known of a CI where it is asked whom its news concern."""

    #: Each trait with all values that the CI goes by (a CI has a uid and a name).
    values: Mapping[str, Collection[str]]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that people may be told."""

    #: Dotted: ``rfc.raised``.
    kind: str
    severity: str
    at_ms: int
    cis: Sequence[CiTraits] = ()


@dataclass(frozen=True, slots=True)
class CiMatch:
    """Conditions on one CI: all hold, each with any of its patterns; labels are exact."""

    traits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is any condition."""
        return bool(self.traits or self.labels)

    def fits(self, ci: CiTraits) -> bool:
        """Tell whether a CI is meant."""
        return all(
            any(fnmatchcase(value, pattern) for value in ci.values.get(name, ()) for pattern in patterns)
            for name, patterns in self.traits.items()
        ) and all(ci.labels.get(name) == wanted for name, wanted in self.labels.items())


@dataclass(frozen=True, slots=True)
class Match:
    """When a route fits: severity, kind and hours, and one CI that all of its conditions hold for."""

    severity: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    ci: CiMatch = field(default_factory=CiMatch)
    hours: Hours | None = None

    @property
    def is_everything(self) -> bool:
        """True where it has no condition."""
        return not self.severity and not self.kind and not self.ci and self.hours is None

    def fits(self, happening: Happening) -> bool:
        """Tell whether it fits."""
        return (
            (not self.severity or happening.severity in self.severity)
            and (not self.kind or any(fnmatchcase(happening.kind, pattern) for pattern in self.kind))
            and (self.hours is None or self.hours.cover(happening.at_ms))
            and (not self.ci or any(self.ci.fits(ci) for ci in happening.cis))
        )


@dataclass(frozen=True, slots=True)
class Digest:
    """One message now and then with all that came since the one before."""

    channel: str
    #: Either: so often, on whole multiples since 1970 ...
    every_ms: int | None = None
    #: ... or at this minute of the day in `zone`.
    at_minute: int | None = None
    zone: str = "UTC"

    def next_ms(self, after_ms: int) -> int:
        """Return when the next one is due after a time."""
        if self.every_ms is not None:
            return (after_ms // self.every_ms + 1) * self.every_ms
        return next_daily_ms(self.at_minute or 0, self.zone, after_ms)


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


class _Reader(Nodes):
    """Turns YAML nodes into routes."""

    def zone(self, node: yaml.Node, where: str) -> str:
        text = self.text(node, where)
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise self.fail(node, where, f'"{text}" is not a time zone, for example Europe/Berlin') from None
        return text

    def hours(self, node: yaml.Node, where: str, zone: str) -> Hours:
        found = self.mapping(node, where, ("days", "from", "to", "zone"))
        days = frozenset(range(7))
        if "days" in found:
            named = days_of(self.texts(found["days"], f"{where}.days"))
            if named is None:
                raise self.fail(found["days"], f"{where}.days", f"takes {', '.join(DAYS)}, or spans as mon-fri")
            days = named
        start = self.minute(found["from"], f"{where}.from") if "from" in found else 0
        end = self.minute(found["to"], f"{where}.to") if "to" in found else 1440
        if start == end or start == 1440:
            raise self.fail(node, where, "covers no time; leave out from and to for whole days")
        return Hours(days, start, end, self.zone(found["zone"], f"{where}.zone") if "zone" in found else zone)

    def match(self, node: yaml.Node, where: str, zone: str) -> Match:
        found = self.mapping(node, where, _MATCH)
        severity = self.texts(found["severity"], f"{where}.severity") if "severity" in found else ()
        for one in severity:
            if one not in SEVERITIES:
                allowed = ", ".join(SEVERITIES)
                raise self.fail(found["severity"], f"{where}.severity", f'"{one}" is not one of {allowed}')
        labels = {}
        if "labels" in found:
            inner = self.mapping(found["labels"], f"{where}.labels", None)
            labels = {name: self.text(value, f"{where}.labels.{name}") for name, value in inner.items()}
        traits = {name: self.texts(found[name], f"{where}.{name}") for name in CI_TRAITS if name in found}
        return Match(
            severity,
            self.texts(found["kind"], f"{where}.kind") if "kind" in found else (),
            CiMatch(traits, labels),
            self.hours(found["hours"], f"{where}.hours", zone) if "hours" in found else None,
        )

    def digest(self, node: yaml.Node, where: str, zone: str) -> Digest:
        found = self.mapping(node, where, ("channel", "every", "at", "zone"))
        self.required(found, node, where, "channel")
        channel = self.text(found["channel"], f"{where}.channel")
        if ("every" in found) == ("at" in found):
            raise self.fail(node, where, 'must have one of every (every: 1h) and at (at: "08:00")')
        if "at" in found:
            zone = self.zone(found["zone"], f"{where}.zone") if "zone" in found else zone
            return Digest(channel, at_minute=self.minute(found["at"], f"{where}.at"), zone=zone)
        every = self.span_ms(found["every"], f"{where}.every")
        if not 60_000 <= every <= _LARGEST_EVERY_MS:
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
        text = self.text(node, where)
        if text in ("true", "yes", "false", "no"):
            raise self.fail(node, where, 'needs the reason as its value, as drop: "the test lab is not watched"')
        return text


def parse(text: str, source: str = "routing.yaml") -> Routing:
    """Read a routing document.

    :param source: what to call it in errors: a file's name.
    :raises DocumentError: where it breaks its rules; the message names line, column and the mend.
    """
    reader = _Reader(source)
    root = reader.root(text, "is empty; a routing document has routes")
    found = reader.mapping(root, "routing", ("zone", "routes"))
    reader.required(found, root, "routing", "routes")
    zone = reader.zone(found["zone"], "zone") if "zone" in found else "UTC"
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
