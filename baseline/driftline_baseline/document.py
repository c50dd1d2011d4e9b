"""The baseline document: YAML that says which CIs are meant and what is expected of them."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from driftline import paths, schema
from driftline.schema import Value
from driftline_baseline.errors import VersionError
from driftline_baseline.predict import KINDS, Predicate, ecosystem_of, version
from driftline_baseline.yaml_reader import YamlReader, compose

SEVERITIES = ("info", "warning", "critical")
_SELECTOR_FIELDS = ("ci", "class", "environment", "status", "owner", "location", "criticality")
_TOP = ("name", "rank", "selector", "expect", "ignore")
_NO_OPERAND = ("present", "absent")


@dataclass(frozen=True, slots=True)
class Selector:
    """Which CIs a baseline covers: all conditions hold, each with any of its values; labels are exact."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def selects(self, fields: Mapping[str, Collection[str | None]], labels: Mapping[str, str]) -> bool:
        """Tell whether a CI is meant. An empty selector selects nothing.

        :param fields: the CI's fields, each with all values it goes by (a CI has a uid and a name).
        """
        if not self.fields and not self.labels:
            return False
        return all(not set(wanted).isdisjoint(fields.get(name, ())) for name, wanted in self.fields.items()) and all(
            labels.get(name) == wanted for name, wanted in self.labels.items()
        )


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


@lru_cache(maxsize=4096)
def field_named(pattern: str) -> schema.Field | None:
    """Return the field of the schema that a pattern names; None where it has wild cards outside of brackets."""
    return schema.field_at(re.sub(r"\[(?:[^\]\\]|\\.)*\]", "", pattern))


@dataclass(frozen=True, slots=True)
class Document:
    """A baseline document."""

    name: str
    selector: Selector
    expect: tuple[Expectation, ...]
    ignore: tuple[str, ...] = ()
    rank: int = 0


def misfit(path: str, kind: str) -> str | None:
    """Say why a kind of predicate cannot be said of what a pattern names; None where it can."""
    named = field_named(path)
    if named is None:
        return f'"{path}" names no single kind of fact; wild cards stand in brackets only'
    on_element = named.message is not None
    if on_element and kind not in _NO_OPERAND:
        return f'"{path}" is an element; {kind} needs one of its attributes, as .version'
    if not on_element and kind in _NO_OPERAND:
        return f'"{path}" is an attribute; {kind} is said of an element, without .{named.name}'
    if kind == "present" and ("*" in path or "?" in path):
        return f'"{path}" has wild cards; present: needs the one element that must be there'
    return None


class DocumentReader(YamlReader):
    """Reads what baselines share with other documents about CIs and facts: selectors and paths."""

    def path(self, node: yaml.Node, where: str) -> str:
        """Return a pattern of paths of facts."""
        text = self.text(node, where)
        first = re.split(r"[.\[*?]", text)[0]
        sections = {item.name for item in schema.FACTS.fields}
        if first and first not in sections:
            raise self.fail(
                node, where, f'"{text}" names no facts; a path starts with one of {", ".join(sorted(sections))}'
            )
        paths.compile_pattern(text)
        return text

    def selector(self, node: yaml.Node) -> Selector:
        """Return a selector of CIs."""
        found = self.mapping(node, "selector", (*_SELECTOR_FIELDS, "labels"))
        labels = {}
        if "labels" in found:
            inner = self.mapping(found["labels"], "selector.labels", None)
            labels = {name: self.text(value, f"selector.labels.{name}") for name, value in inner.items()}
        fields = {name: self.texts(found[name], f"selector.{name}") for name in _SELECTOR_FIELDS if name in found}
        if not fields and not labels:
            raise self.fail(node, "selector", "selects nothing; name at least one of ci, class, labels ...")
        return Selector(fields, labels)


class _Reader(DocumentReader):
    def expectation(self, node: yaml.Node, where: str) -> Expectation:
        found = self.mapping(node, where, ("path", "severity", "exactly", *KINDS))
        if "path" not in found:
            raise self.fail(node, where, "has no path")
        path = self.path(found["path"], f"{where}.path")
        severity = self.text(found["severity"], f"{where}.severity") if "severity" in found else "warning"
        if severity not in SEVERITIES:
            raise self.fail(
                found["severity"], f"{where}.severity", f'"{severity}" is not one of {", ".join(SEVERITIES)}'
            )
        conditions = [name for name in found if name not in ("path", "severity")]
        if len(conditions) != 1:
            raise self.fail(node, where, f"must have exactly one of exactly, {', '.join(KINDS)}")
        kind = conditions[0]
        operand = self.plain(found[kind])
        if kind == "exactly":
            if operand != "captured":
                raise self.fail(found[kind], f"{where}.exactly", f"{operand!r} is not known; write exactly: captured")
            return Expectation(path, None, severity)
        self.fits(found["path"], f"{where}.path", path, kind)
        if kind in _NO_OPERAND:
            if operand is not True:
                raise self.fail(found[kind], f"{where}.{kind}", f"{operand!r} makes no sense; write {kind}: true")
            return Expectation(path, Predicate(kind), severity)
        return Expectation(
            path, Predicate(kind, self.operand(found[kind], f"{where}.{kind}", kind, path, operand)), severity
        )

    def fits(self, node: yaml.Node, where: str, path: str, kind: str) -> None:
        problem = misfit(path, kind)
        if problem is not None:
            raise self.fail(node, where, problem)

    def operand(self, node: yaml.Node, where: str, kind: str, path: str, operand: Any) -> Value:
        if kind == "one_of" and not isinstance(operand, list):
            raise self.fail(node, where, "must be a list of values")
        if kind == "at_least":
            try:
                version(str(operand), ecosystem_of(path.replace("*", "x")))
            except (VersionError, paths.PathError) as error:
                raise self.fail(node, where, str(error)) from error
            return str(operand)
        if kind == "matches":
            if not isinstance(operand, str):
                raise self.fail(node, where, f"{operand!r} is not a regular expression; put one in quotes")
            try:
                re.compile(operand)
            except re.error as error:
                raise self.fail(node, where, f'"{operand}" is not a regular expression: {error}') from error
        if isinstance(operand, list):
            return tuple(operand)
        if not isinstance(operand, str | int | bool | float):
            raise self.fail(node, where, f"{operand!r} is not a plain value")
        return operand


def parse(text: str, source: str = "baseline") -> Document:
    """Read a baseline document.

    :param source: what to call it in errors: a file's name.
    :raises DocumentError: where it breaks its rules; the message names line, column and the mend.
    """
    reader = _Reader(source)
    root = compose(text, source, "a baseline has name, selector and expect")
    found = reader.mapping(root, "baseline", _TOP)
    for name in ("name", "selector", "expect"):
        if name not in found:
            raise reader.fail(root, "baseline", f"has no {name}")
    rank = reader.plain(found["rank"]) if "rank" in found else 0
    if not isinstance(rank, int) or isinstance(rank, bool):
        raise reader.fail(found["rank"], "rank", f"{rank!r} is not a whole number")
    ignore = reader.sequence(found["ignore"], "ignore") if "ignore" in found else []
    return Document(
        name=reader.text(found["name"], "name"),
        selector=reader.selector(found["selector"]),
        expect=tuple(
            reader.expectation(node, f"expect[{index}]")
            for index, node in enumerate(reader.sequence(found["expect"], "expect"))
        ),
        ignore=tuple(reader.path(node, f"ignore[{index}]") for index, node in enumerate(ignore)),
        rank=rank,
    )


def dump(document: Document) -> str:
    """Return a document as YAML; `parse` reads it back as the same document."""
    selector: dict[str, Any] = {
        name: list(wanted) if len(wanted) > 1 else wanted[0] for name, wanted in document.selector.fields.items()
    }
    if document.selector.labels:
        selector["labels"] = dict(document.selector.labels)
    out: dict[str, Any] = {"name": document.name}
    if document.rank:
        out["rank"] = document.rank
    out["selector"] = selector
    out["expect"] = [_dump_expectation(item) for item in document.expect]
    if document.ignore:
        out["ignore"] = list(document.ignore)
    return str(yaml.safe_dump(out, sort_keys=False, allow_unicode=True, width=120))


def _dump_expectation(item: Expectation) -> dict[str, Any]:
    out: dict[str, Any] = {"path": item.path}
    if item.predicate is None:
        out["exactly"] = "captured"
    else:
        operand = item.predicate.operand
        out[item.predicate.kind] = True if operand is None else list(operand) if isinstance(operand, tuple) else operand
    if item.severity != "warning":
        out["severity"] = item.severity
    return out
