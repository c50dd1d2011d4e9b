"""The baseline document: which CIs are meant and what is expected of them. YAML is read in `reading`."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import yaml

from driftline import paths, schema
from driftline.schema import Value
from driftline_baseline.kinds import BY_NAME
from driftline_baseline.predict import NUMBERS, ORDERS, Predicate, ecosystem_of
from driftline_baseline.predict import field_of as field_named
from driftline_baseline.rules import Rules

_ORDERING = ("at_least", "at_most", "range")


@dataclass(frozen=True, slots=True)
class Selector:
    """Which CIs are meant: all conditions hold, each with any of its values; labels are exact.

    Values of fields may have wild cards, ``*`` and ``?``.
    """

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    #: Paths of attributes with the values that they may have.
    facts: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)

    def selects(
        self,
        fields: Mapping[str, Collection[str | None]],
        labels: Mapping[str, str],
        facts: Mapping[str, Value] | None = None,
    ) -> bool:
        """Tell whether a CI is meant. An empty selector selects nothing.

        :param fields: the CI's fields, each with all values it goes by (a CI has a uid and a name).
        :param facts: the CI's values at the paths of :attr:`facts`; a path that is left out is absent.
        """
        if not self.fields and not self.labels and not self.facts:
            return False
        return self.may_select(fields, labels) and all(
            _has((facts or {}).get(path), wanted) for path, wanted in self.facts.items()
        )

    def may_select(self, fields: Mapping[str, Collection[str | None]], labels: Mapping[str, str]) -> bool:
        """Tell whether a CI is meant as far as its record says, whatever its facts are."""
        return all(_any_fits(fields.get(name, ()), wanted) for name, wanted in self.fields.items()) and all(
            labels.get(name) == wanted for name, wanted in self.labels.items()
        )


def is_pattern(value: str) -> bool:
    """Tell whether a value of a selector's field has wild cards."""
    return "*" in value or "?" in value


def _any_fits(values: Collection[str | None], wanted: tuple[str, ...]) -> bool:
    if not set(wanted).isdisjoint(values):
        return True
    patterns = _patterns(wanted)
    return any(pattern.fullmatch(value) for pattern in patterns for value in values if value is not None)


@lru_cache(maxsize=4096)
def _patterns(wanted: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Return those of a field's values that have wild cards."""
    return tuple(
        re.compile(re.escape(one).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
        for one in wanted
        if is_pattern(one)
    )


def _has(value: Value | None, wanted: tuple[Value, ...]) -> bool:
    if isinstance(value, tuple):
        return not set(value).isdisjoint(wanted)
    return any(type(value) is type(one) and value == one for one in wanted)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation: the captured set below a path, or a predicate on what a pattern names.

    A predicate on an attribute speaks of the elements that are there ("if installed"); `present` and `absent` on an
    element say whether it must be there.
    """

    path: str
    #: None: exactly what was captured.
    predicate: Predicate | None = None
    severity: str = "warning"

    @property
    def element(self) -> str:
        """Pattern of the elements that this speaks of."""
        return self.path if self.attribute is None else self.path[: -len(self.attribute) - 1]

    @property
    def attribute(self) -> str | None:
        """Name of the attribute that this speaks of; None for whole elements."""
        named = field_named(self.path)
        return named.name if named is not None and named.message is None else None


@dataclass(frozen=True)
class Document:
    """A baseline document."""

    name: str
    selector: Selector
    expect: tuple[Expectation, ...]
    ignore: tuple[str, ...] = ()
    rank: int = 0
    #: Everything that no expectation names and nothing ignores is expected as captured (design section 6, rule 11).
    rest: bool = False

    @cached_property
    def rules(self) -> Rules[Expectation]:
        """Its expectations and ignores, found by path."""
        return Rules(self.expect, self.ignore)


def key_of(item: Expectation) -> str:
    """Return what makes a rule the same rule in another version: what it expects where; its severity does not count."""
    plain = plain_expectation(item)
    plain.pop("severity", None)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def misfit(path: str, kind: str) -> str | None:
    """Say why a kind of predicate cannot be said of what a pattern names; None where it can."""
    named = field_named(path)
    if named is None:
        return f'"{path}" names no single kind of fact; wild cards stand in brackets only'
    if (problem := unwatchable(path)) is not None:
        return problem
    on_element = named.message is not None
    if on_element and BY_NAME[kind].of != "element":
        return f'"{path}" is an element; {kind} needs one of its attributes, as .version'
    if not on_element and BY_NAME[kind].of != "attribute":
        return f'"{path}" is an attribute; {kind} is said of an element, without .{named.name}'
    if kind == "present" and ("*" in path or "?" in path):
        return f'"{path}" has wild cards; present: needs the one element that must be there'
    if kind == "matches" and (named.type != "string" or named.repeated):
        return f'"{path}" is {kind_of(named)}; matches is said of text'
    if kind == "contains" and named.type != "string" and not named.repeated:
        return f'"{path}" is {kind_of(named)}; contains is said of a list or of text with lines'
    if kind in _ORDERING and named.type not in NUMBERS:
        return _unordered(path, named, kind)
    return None


def unwatchable(path: str) -> str | None:
    """Say why a baseline cannot watch what a pattern names; None where it can."""
    named = field_named(path)
    if named is None:
        return None
    natures = named.message.natures if named.message is not None else frozenset({named.nature})
    if not natures & schema.DRIFTING:
        return f'"{path}" is state, which changes by itself and has no history; baselines watch what someone configures'
    if named.key:
        element = path[: -len(named.name) - 1]
        return f'"{path}" is a key: write its value into the brackets of "{element}"'
    return None


def _unordered(path: str, named: schema.Field, kind: str) -> str | None:
    if named.type == "string" and named.name == "version":
        try:
            ecosystem = ecosystem_of(path.replace("*", "x").replace("?", "x"))
        except paths.PathError:
            ecosystem = None
        if ecosystem in ORDERS:
            return None
        if ecosystem is not None:
            return f'"{path}": no version order is known here; {kind} needs the manager: one of {", ".join(ORDERS)}'
    return f'"{path}" is {kind_of(named)} without an order; {kind} is said of numbers and of versions of packages'


def kind_of(named: schema.Field) -> str:
    """Return what an attribute's values are, for people."""
    kind = {"string": "text", "bool": "true or false"}.get(named.type, "a number")
    return f"a list of {'texts' if kind == 'text' else 'numbers'}" if named.repeated else kind


def dump(document: Document) -> str:
    """Return a document as YAML; `reading.parse` reads it back as the same document."""
    out: dict[str, Any] = {"name": document.name}
    if document.rank:
        out["rank"] = document.rank
    out["selector"] = plain_selector(document.selector)
    if document.rest:
        out["rest"] = "captured"
    out["expect"] = [plain_expectation(item) for item in document.expect]
    if document.ignore:
        out["ignore"] = list(document.ignore)
    return str(yaml.safe_dump(out, sort_keys=False, allow_unicode=True, width=10_000))


def plain_selector(selector: Selector) -> dict[str, Any]:
    """Return a selector as it stands in YAML."""
    out: dict[str, Any] = {name: _one_or_all(wanted) for name, wanted in selector.fields.items()}
    if selector.labels:
        out["labels"] = dict(selector.labels)
    if selector.facts:
        out["facts"] = {path: _one_or_all(wanted) for path, wanted in selector.facts.items()}
    return out


def _one_or_all(wanted: tuple[Any, ...]) -> Any:
    return list(wanted) if len(wanted) != 1 else wanted[0]


def plain_expectation(item: Expectation) -> dict[str, Any]:
    """Return an expectation as it stands in YAML."""
    out: dict[str, Any] = {"path": item.path}
    if item.predicate is None:
        out["exactly"] = "captured"
    else:
        operand = item.predicate.operand
        out[item.predicate.kind] = True if operand is None else list(operand) if isinstance(operand, tuple) else operand
        if item.predicate.tolerance is not None:
            out["tolerance"] = item.predicate.tolerance
        if item.predicate.ordered is not None:
            out["ordered" if item.predicate.ordered else "unordered"] = True
    if item.severity != "warning":
        out["severity"] = item.severity
    return out
