"""The history format, version 1, read strictly: every error names file, line, field and the mend. See FORMAT.md."""

import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

from driftline import facts, paths, schema
from driftline_baseline.predict import KINDS

FORMAT = "driftline-history"
TRUTH_FORMAT = "driftline-history-truth"
VERSION = 1
#: Classes that a change can truly have.
CLASSES = ("unexplained", "explained", "consequential", "in progress")
DECISIONS = ("authorise", "revert", "accept")
ACTIONS = ("install", "upgrade", "downgrade", "reinstall", "remove", "purge")
#: Kinds of prediction: those of baselines' rules, and the version that rises.
PREDICTIONS = (*KINDS, "upgrade")

Attributes = Mapping[str, schema.Value]


class HistoryError(ValueError):
    """A line that is not of the format; the message names file, line, field and the mend."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a history says of itself."""

    seed: int | None
    start: int
    end: int
    generator: str


@dataclass(frozen=True, slots=True)
class HostLine:
    """A host of the fleet."""

    name: str
    environment: str | None
    site: str | None
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """An origin publishes package versions."""

    at: int
    origin: str
    #: (manager, name, architecture, version)
    entries: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class BaselineLine:
    """Each of these hosts' state is captured, and approved by another."""

    at: int
    hosts: tuple[str, ...]
    author: str
    approver: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A standing rule is drafted and approved."""

    at: int
    author: str
    approver: str
    rule: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a planned RFC predicts for some hosts."""

    hosts: tuple[str, ...]
    path: str
    kind: str
    operand: schema.Value | None
    origin: str | None


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A planned RFC is submitted."""

    at: int
    id: str
    title: str
    requester: str
    start: int
    end: int
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True, slots=True)
class Authorise:
    """A planned RFC is authorised."""

    at: int
    rfc: str
    by: str


@dataclass(frozen=True, slots=True)
class SectionLine:
    """One section of a report: whole, or what changed of it. Times are the host's clock."""

    name: str
    observed: int
    #: When the section before last held; None where it was never read before.
    since: int | None
    whole: Mapping[str, Attributes] | None
    set: Mapping[str, Attributes] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """A transaction of the host's own logs, in the host's clock."""

    manager: str
    command: str
    by: str
    start: int
    end: int
    #: (action, name, architecture, version before, version after, pulled in as a dependency)
    changes: tuple[tuple[str, str, str, str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A report is received."""

    at: int
    host: str
    sent: int
    sections: tuple[SectionLine, ...]
    log: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True)
class Confirm:
    """A check-in that says that nothing changed."""

    at: int
    host: str
    sent: int
    observed: int


@dataclass(frozen=True, slots=True)
class Decide:
    """An operator decides on the RFC that holds the open drift at this place."""

    at: int
    decision: str
    host: str
    path: str
    by: str
    until: int | None


@dataclass(frozen=True, slots=True)
class End:
    """The last line; `lines` counts all of the file's, this one included."""

    at: int
    lines: int


Line = HostLine | Catalogue | BaselineLine | RuleLine | RequestLine | Authorise | ReportLine | Confirm | Decide | End


@dataclass(frozen=True, slots=True)
class TrueCause:
    """One cause of changes that nothing explains."""

    id: str
    what: str


@dataclass(frozen=True, slots=True)
class TrueChange:
    """One change that a report brought and that is not as expected, with what it truly is."""

    host: str
    path: str
    #: Canonical JSON as in drifts; None means absent.
    after: str | None
    #: The report's observation in the collector's clock, ms.
    observed: int
    true_class: str
    cause: str
    #: The RFC's id or the rule's name that explains it.
    by: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Truth:
    """The answers."""

    causes: Mapping[str, TrueCause]
    changes: tuple[TrueChange, ...]


class Fields:
    """The fields of one JSON object; each is taken once, what is left over is an error."""

    def __init__(self, where: str, value: object) -> None:
        self.where = where
        if not isinstance(value, dict):
            raise HistoryError(f"{where}: must be a JSON object")
        self.rest: dict[str, Any] = dict(value)

    def fail(self, name: str, what: str) -> HistoryError:
        return HistoryError(f"{self.where}: {name}: {what}")

    def take(self, name: str) -> Any:
        if name not in self.rest:
            raise self.fail(name, "is missing")
        return self.rest.pop(name)

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str) or not value:
            raise self.fail(name, f"{value!r} must be text that is not empty")
        return value

    def any_text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str):
            raise self.fail(name, f"{value!r} must be text")
        return value

    def text_or_none(self, name: str) -> str | None:
        return self.text(name) if self.rest.get(name) is not None else self.none(name)

    def none(self, name: str) -> None:
        self.take(name)

    def whole_number(self, name: str) -> int:
        value = self.take(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.fail(name, f"{value!r} must be a whole number of milliseconds or a count, not negative")
        return value

    def whole_number_or_none(self, name: str) -> int | None:
        return self.whole_number(name) if self.rest.get(name) is not None else self.none(name)

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self.take(name)
        if value not in allowed:
            raise self.fail(name, f"{value!r} is not one of {', '.join(allowed)}")
        return str(value)

    def list(self, name: str) -> list[Any]:
        value = self.take(name)
        if not isinstance(value, list):
            raise self.fail(name, "must be a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.list(name)
        if not values or not all(isinstance(value, str) and value for value in values):
            raise self.fail(name, "must be a list of texts that is not empty")
        return tuple(values)

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.take(name)
        if not isinstance(value, dict):
            raise self.fail(name, "must be a JSON object")
        return value

    def end(self) -> None:
        if self.rest:
            raise HistoryError(f"{self.where}: {', '.join(sorted(self.rest))}: not known here; take it away")


@contextmanager
def open_text(path: Path, mode: Literal["r", "w"]) -> Iterator[TextIO]:
    """Open a file that is compressed where its name ends in .gz; what is written has no time in it."""
    if path.suffix != ".gz":
        with path.open(mode, encoding="utf-8", newline="\n") as file:
            yield file
    elif mode == "r":
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as unpacked:
            yield unpacked
    else:
        with (
            path.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as file,
        ):
            yield file


def truth_path(path: Path) -> Path:
    """Return where the truth of a history stands: `h.jsonl.gz` has `h.truth.jsonl.gz` beside it."""
    name, dot, rest = path.name.partition(".")
    return path.with_name(f"{name}.truth{dot}{rest}")


def _objects(path: Path) -> Iterator[tuple[int, Fields]]:
    with open_text(path, "r") as file:
        for number, text in enumerate(file, start=1):
            where = f"{path.name}:{number}"
            try:
                value = json.loads(text)
            except ValueError as error:
                raise HistoryError(f"{where}: is not one JSON object: {error}") from error
            yield number, Fields(where, value)


def _header(fields: Fields, name: str) -> None:
    if fields.rest.get("format") != name:
        raise fields.fail("format", f'{fields.rest.get("format")!r}: the first line must have "format": "{name}"')
    fields.take("format")
    if fields.rest.get("version") != VERSION:
        raise fields.fail("version", f"{fields.rest.get('version')!r} is not known; this reads version {VERSION}")
    fields.take("version")


def read_header(path: Path) -> Header:
    """Read a history's first line."""
    for _, fields in _objects(path):
        _header(fields, FORMAT)
        header = Header(
            fields.whole_number_or_none("seed"),
            fields.whole_number("start"),
            fields.whole_number("end"),
            fields.text("generator"),
        )
        fields.end()
        return header
    raise HistoryError(f"{path.name}:1: the file is empty")


def read(path: Path) -> Iterator[Line]:
    """Yield the lines after the header, in their order.

    :raises HistoryError: at the first line that is not of the format, or does not follow from those before it.
    """
    read_header(path)
    checks = _Checks()
    number = 0
    for number, fields in _objects(path):
        if number == 1:
            continue
        if checks.ended:
            raise HistoryError(f"{fields.where}: stands after the end line")
        yield checks.line(number, fields)
    if not checks.ended:
        raise HistoryError(f"{path.name}:{number}: the end line is missing: the file is cut off")


class _Checks:
    """Reads lines and remembers what later ones refer to."""

    def __init__(self) -> None:
        self.at = 0
        self.ended = False
        self.hosts: set[str] = set()
        self.requests: set[str] = set()
        #: (host, section) -> the element paths that it holds
        self.held: dict[tuple[str, str], set[str]] = {}

    def line(self, number: int, fields: Fields) -> Line:
        kind = fields.one_of("kind", tuple(_KINDS))
        if kind != "host":
            at = fields.whole_number("at")
            if at < self.at:
                raise fields.fail("at", f"{at} is before the line before it ({self.at}); lines stand in order of at")
            self.at = at
        line = _KINDS[kind](self, fields, number)
        fields.end()
        return line

    def host_name(self, fields: Fields, name: str = "host") -> str:
        return self.known_host(fields, name, fields.text(name))

    def known_host(self, fields: Fields, name: str, host: str) -> str:
        if host not in self.hosts:
            raise fields.fail(name, f'no host line before this one names "{host}"')
        return host

    def known_hosts(self, fields: Fields) -> tuple[str, ...]:
        return tuple(self.known_host(fields, "hosts", host) for host in fields.texts("hosts"))


def _host(checks: _Checks, fields: Fields, _number: int) -> HostLine:
    name = fields.text("name")
    if name in checks.hosts:
        raise fields.fail("name", f'"{name}" stands twice')
    if checks.at:
        raise fields.fail("kind", "host lines stand before all others")
    checks.hosts.add(name)
    labels = fields.mapping("labels")
    if not all(isinstance(value, str) for value in labels.values()):
        raise fields.fail("labels", "values must be texts")
    return HostLine(name, fields.text_or_none("environment"), fields.text_or_none("site"), labels)


def _catalogue(checks: _Checks, fields: Fields, _number: int) -> Catalogue:
    entries = []
    for entry in fields.list("entries"):
        if not isinstance(entry, list) or len(entry) != 4 or not all(isinstance(part, str) for part in entry):
            raise fields.fail("entries", f"{entry!r} must be [manager, name, architecture, version]")
        entries.append((entry[0], entry[1], entry[2], entry[3]))
    return Catalogue(checks.at, fields.text("origin"), tuple(entries))


def _baseline(checks: _Checks, fields: Fields, _number: int) -> BaselineLine:
    hosts = checks.known_hosts(fields)
    return BaselineLine(checks.at, hosts, *_two_people(fields))


def _two_people(fields: Fields) -> tuple[str, str]:
    author, approver = fields.text("author"), fields.text("approver")
    if author == approver:
        raise fields.fail("approver", f"{approver} is the author; another one must approve")
    return author, approver


def _rule(checks: _Checks, fields: Fields, _number: int) -> RuleLine:
    rule = fields.mapping("rule")
    if not isinstance(rule.get("name"), str):
        raise fields.fail("rule", "name is missing")
    author, approver = _two_people(fields)
    return RuleLine(checks.at, author, approver, rule)


def _request(checks: _Checks, fields: Fields, _number: int) -> RequestLine:
    identifier = fields.text("id")
    if identifier in checks.requests:
        raise fields.fail("id", f'"{identifier}" stands twice')
    checks.requests.add(identifier)
    predictions = []
    for index, item in enumerate(fields.list("predictions")):
        inner = Fields(f"{fields.where}: predictions[{index}]", item)
        kind = inner.one_of("kind", PREDICTIONS)
        operand = _value(inner, "operand") if "operand" in inner.rest else None
        origin = inner.text("origin") if "origin" in inner.rest else None
        predictions.append(Prediction(checks.known_hosts(inner), inner.text("path"), kind, operand, origin))
        inner.end()
    start, end = fields.whole_number("start"), fields.whole_number("end")
    if end <= start:
        raise fields.fail("end", "the window ends before it starts")
    if not predictions:
        raise fields.fail("predictions", "an RFC needs at least one")
    title, requester = fields.text("title"), fields.text("requester")
    return RequestLine(checks.at, identifier, title, requester, start, end, tuple(predictions))


def _authorise(checks: _Checks, fields: Fields, _number: int) -> Authorise:
    rfc = fields.text("rfc")
    if rfc not in checks.requests:
        raise fields.fail("rfc", f'no rfc line before this one has the id "{rfc}"')
    return Authorise(checks.at, rfc, fields.text("by"))


def _report(checks: _Checks, fields: Fields, _number: int) -> ReportLine:
    host = checks.host_name(fields)
    sections = []
    names: set[str] = set()
    for index, item in enumerate(fields.list("sections")):
        inner = Fields(f"{fields.where}: sections[{index}]", item)
        section = _section(checks, inner, host)
        if section.name in names:
            raise inner.fail("name", f'"{section.name}" stands twice in this report')
        names.add(section.name)
        sections.append(section)
    log = tuple(_log(Fields(f"{fields.where}: log[{index}]", item)) for index, item in enumerate(fields.list("log")))
    return ReportLine(checks.at, host, fields.whole_number("sent"), tuple(sections), log)


def _section(checks: _Checks, fields: Fields, host: str) -> SectionLine:
    name, observed = fields.text("name"), fields.whole_number("observed")
    since = fields.whole_number_or_none("since")
    if since is not None and since >= observed:
        raise fields.fail("since", f"{since} is not before observed ({observed})")
    key = (host, name)
    if "whole" in fields.rest:
        whole = _elements(fields, "whole")
        checks.held[key] = set(whole)
        fields.end()
        return SectionLine(name, observed, since, whole)
    if key not in checks.held:
        raise fields.fail("name", f'the first report of "{name}" of {host} must be whole')
    changed, gone = _elements(fields, "set"), tuple(fields.list("gone"))
    for path in gone:
        if path not in checks.held[key]:
            raise fields.fail("gone", f'"{path}" is not held in "{name}" of {host}')
    if not changed and not gone:
        raise fields.fail("set", "nothing is set and nothing is gone; leave the section out")
    checks.held[key] -= set(gone)
    checks.held[key] |= set(changed)
    fields.end()
    return SectionLine(name, observed, since, None, changed, gone)


def _elements(fields: Fields, name: str) -> dict[str, Attributes]:
    found: dict[str, Attributes] = {}
    for path, plain in fields.mapping(name).items():
        try:
            plan = facts.plan_at(path)
        except (facts.FactsError, paths.PathError) as error:
            raise fields.fail(name, str(error)) from error
        if not isinstance(plain, dict):
            raise fields.fail(f"{name}.{path}", "must be an object of attributes")
        attributes: dict[str, schema.Value] = {}
        for attribute, value in plain.items():
            known = plan.by_name.get(attribute)
            if known is None or known.message is not None or known.key:
                raise fields.fail(f"{name}.{path}", f'"{attribute}" is not an attribute of such an element')
            attributes[attribute] = _typed(fields, f"{name}.{path}.{attribute}", known, value)
        found[path] = attributes
    return found


_PYTHON = {"string": str, "int32": int, "int64": int, "bool": bool, "double": (int, float)}


def _typed(fields: Fields, name: str, known: schema.Field, value: Any) -> schema.Value:
    values = value if known.repeated else [value]
    right = isinstance(values, list) and all(
        isinstance(item, _PYTHON[known.type]) and (known.type == "bool") == isinstance(item, bool) for item in values
    )
    if not right:
        raise fields.fail(name, f"{value!r} must be {'a list of ' if known.repeated else ''}{known.type}")
    return facts.canonical(known, value)


def _log(fields: Fields) -> LogLine:
    changes = []
    for change in fields.list("changes"):
        right = isinstance(change, list) and len(change) == 6 and change[0] in ACTIONS and isinstance(change[5], bool)
        if not right or not all(isinstance(part, str) for part in change[:5]):
            what = f"[action, name, architecture, before, after, automatic], action one of {', '.join(ACTIONS)}"
            raise fields.fail("changes", f"{change!r} must be {what}")
        changes.append((change[0], change[1], change[2], change[3], change[4], change[5]))
    line = LogLine(
        fields.text("manager"),
        fields.any_text("command"),
        fields.any_text("by"),
        fields.whole_number("start"),
        fields.whole_number("end"),
        tuple(changes),
    )
    fields.end()
    return line


def _confirm(checks: _Checks, fields: Fields, _number: int) -> Confirm:
    return Confirm(checks.at, checks.host_name(fields), fields.whole_number("sent"), fields.whole_number("observed"))


def _decide(checks: _Checks, fields: Fields, _number: int) -> Decide:
    decision = fields.one_of("decision", DECISIONS)
    until = fields.whole_number("until") if decision == "accept" else None
    return Decide(checks.at, decision, checks.host_name(fields), fields.text("path"), fields.text("by"), until)


def _end(checks: _Checks, fields: Fields, number: int) -> End:
    lines = fields.whole_number("lines")
    if lines != number:
        raise fields.fail("lines", f"says {lines}, but this is line {number}: lines are missing or doubled")
    checks.ended = True
    return End(checks.at, lines)


def _value(fields: Fields, name: str) -> schema.Value | None:
    value = fields.take(name)
    if isinstance(value, list):
        return tuple(value)
    if value is not None and not isinstance(value, str | int | float | bool):
        raise fields.fail(name, f"{value!r} must be a plain value or a list of them")
    return value


_KINDS: dict[str, Callable[[_Checks, Fields, int], Line]] = {
    "host": _host,
    "catalogue": _catalogue,
    "baseline": _baseline,
    "rule": _rule,
    "rfc": _request,
    "authorise": _authorise,
    "report": _report,
    "confirm": _confirm,
    "decide": _decide,
    "end": _end,
}


def read_truth(path: Path) -> Truth:
    """Read the answers.

    :raises HistoryError: where a line is not of the format.
    """
    causes: dict[str, TrueCause] = {}
    changes: list[TrueChange] = []
    for number, fields in _objects(path):
        if number == 1:
            _header(fields, TRUTH_FORMAT)
        elif fields.one_of("kind", ("cause", "change")) == "cause":
            identifier = fields.text("id")
            causes[identifier] = TrueCause(identifier, fields.text("what"))
        else:
            changes.append(_true_change(fields, causes))
        fields.end()
    return Truth(causes, tuple(changes))


def _true_change(fields: Fields, causes: Mapping[str, TrueCause]) -> TrueChange:
    after = fields.take("after")
    if after is not None and not isinstance(after, str):
        raise fields.fail("after", "must be canonical JSON in a text, or null for absent")
    change = TrueChange(
        fields.text("host"),
        fields.text("path"),
        after,
        fields.whole_number("observed"),
        fields.one_of("class", CLASSES),
        fields.text("cause"),
        fields.text_or_none("by"),
        fields.any_text("why"),
    )
    if change.cause not in causes:
        raise fields.fail("cause", f'no cause line before this one has the id "{change.cause}"')
    return change
