"""The document of a standing rule, a pre-approved standard change: YAML with a selector, hours, and what may change."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import yaml

from driftline import schema
from driftline.schema import Value
from driftline_baseline.allowed import ALLOWED_KINDS, Allowed
from driftline_baseline.document import Selector, misfit, unwatchable
from driftline_baseline.errors import VersionError
from driftline_baseline.hours import ALL_HOURS, Hours
from driftline_baseline.hours_reading import read_hours
from driftline_baseline.predict import ORDERS, ecosystem_of, field_of, place
from driftline_baseline.reading import DocumentReader
from driftline_baseline.values import Attributes
from driftline_baseline.yaml_reader import compose

#: Keys of the document.
KEYS = ("name", "reason", "selector", "hours", "actors", "allow", "expires")


@dataclass(frozen=True, slots=True)
class RuleDocument:
    """What a standing rule says."""

    name: str
    selector: Selector
    allow: tuple[Allowed, ...]
    #: Its end; every rule has one.
    expires_ms: int
    reason: str = ""
    hours: Hours = ALL_HOURS
    actors: tuple[str, ...] = ()


def parse_rule(text: str, source: str = "rule") -> RuleDocument:
    """Read a standing rule.

    :raises DocumentError: where it breaks its rules; the message names line, column and the mend.
    """
    reader = _Reader(source)
    root = compose(text, source, "a standing rule has name, selector, allow and expires")
    found = reader.mapping(root, "rule", KEYS)
    reader.need(root, found, "rule", ("name", "selector", "allow", "expires"))
    allow = reader.sequence(found["allow"], "allow")
    if not allow:
        raise reader.fail(found["allow"], "allow", "is empty; a rule that permits nothing is none")
    return RuleDocument(
        name=reader.text(found["name"], "name"),
        selector=reader.selector(found["selector"]),
        allow=tuple(reader.line(node, f"allow[{index}]") for index, node in enumerate(allow)),
        expires_ms=reader.end(found["expires"]),
        reason=reader.text(found["reason"], "reason") if "reason" in found else "",
        hours=read_hours(reader, found["hours"]) if "hours" in found else ALL_HOURS,
        actors=reader.texts(found["actors"], "actors") if "actors" in found else (),
    )


class _Reader(DocumentReader):
    """Reads what only standing rules have."""

    def line(self, node: yaml.Node, where: str) -> Allowed:
        found = self.mapping(node, where, ("path", "origin", *ALLOWED_KINDS))
        self.need(node, found, where, ("path",))
        path = self.path(found["path"], f"{where}.path")
        kinds = [name for name in found if name in ALLOWED_KINDS]
        if len(kinds) != 1:
            raise self.fail(node, where, f"must have exactly one of {', '.join(ALLOWED_KINDS)}")
        kind = kinds[0]
        origin = self.text(found["origin"], f"{where}.origin") if "origin" in found else None
        line = Allowed(path, kind, self._operand(found[kind], f"{where}.{kind}", kind), origin)
        problem = problem_of(line)
        if problem is not None:
            raise self.fail(node, where, problem)
        if kind in ("upgrade", "present") and origin is None and path.startswith("software.packages["):
            raise self.fail(
                node, where, f"{kind} of packages needs an origin: a rule constrains values, not only paths"
            )
        return line

    def _operand(self, node: yaml.Node, where: str, kind: str) -> Value | Attributes | None:
        operand = self.plain(node)
        if kind in ("upgrade", "present", "absent"):
            if operand is not True:
                raise self.fail(node, where, f"{operand!r} makes no sense; write {kind}: true")
            return None
        if isinstance(operand, list):
            return tuple(operand)
        if kind == "is" and (operand is None or isinstance(operand, dict)):
            return operand
        if not isinstance(operand, str | int | bool | float):
            raise self.fail(node, where, f"{operand!r} is not a plain value")
        return operand

    def end(self, node: yaml.Node) -> int:
        value = self.plain(node)
        if isinstance(value, datetime):
            return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * 1000)
        if isinstance(value, date):
            return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() * 1000)
        raise self.fail(node, "expires", f"{value!r} is not a date; write one as 2027-06-30")


def problem_of(line: Allowed) -> str | None:
    """Say why a change cannot be foreseen so; None where it can. The words name the path and the mend."""
    named = field_of(line.path)
    if named is None:
        return f'"{line.path}" names no single kind of fact; wild cards stand in brackets only'
    if (problem := unwatchable(line.path)) is not None:
        return problem
    if line.origin is not None and not line.path.startswith("software.packages["):
        return f'"{line.path}": only packages come from an origin'
    if named.message is None:
        return _problem_of_attribute(line, named)
    if line.kind == "is" and not isinstance(line.operand, dict):
        return f'"{line.path}" is an element; is: needs all of its attributes, or one attribute in the path'
    if line.kind not in ("present", "absent", "is"):
        return f'"{line.path}" is an element; {line.kind} needs one of its attributes, as .version'
    return None


def _problem_of_attribute(line: Allowed, named: schema.Field) -> str | None:
    tried = line.path.replace("*", "x").replace("?", "x")
    if line.kind == "upgrade":
        if named.name != "version" or ecosystem_of(tried) not in ORDERS:
            return f'"{line.path}": upgrade is said of the version of packages of {", ".join(ORDERS)}'
        return None
    if (problem := misfit(line.path, line.kind)) is not None:
        return problem
    try:
        if line.kind in ("at_least", "at_most"):
            place(tried, line.operand)
    except VersionError as error:
        return str(error)
    return None
