"""Reads baseline documents from YAML; every error names line, column and the mend."""

import difflib
import re

import yaml

from driftline import paths, schema
from driftline.schema import Value
from driftline_baseline.catalog.model import name_of
from driftline_baseline.document import (
    Document,
    Expectation,
    Selector,
    kind_of,
    misfit,
    unwatchable,
)
from driftline_baseline.errors import VersionError
from driftline_baseline.kinds import BESIDE, BY_NAME, SELECTOR_FIELDS, SEVERITIES
from driftline_baseline.predict import NUMBERS, Predicate, field_of, is_number, place, spread
from driftline_baseline.yaml_reader import YamlReader, compose

TOP = ("name", "rank", "selector", "rest", "expect", "ignore")
_NO_OPERAND = ("present", "absent")


class DocumentReader(YamlReader):
    """Reads what all documents about CIs and facts share: selectors and paths."""

    def path(self, node: yaml.Node, where: str) -> str:
        """Return a pattern of paths of facts."""
        text = self.text(node, where)
        first = re.split(r"[.\[*?]", text)[0]
        sections = {item.name for item in schema.FACTS.fields}
        if first and first not in sections:
            raise self.fail(
                node, where, f'"{text}" names no facts; a path starts with one of {", ".join(sorted(sections))}'
            )
        outside = re.sub(r"\[(?:[^\]\\]|\\.)*\]", "", text)
        if "[" in outside or "]" in outside:
            raise self.fail(node, where, f'"{text}" has a bracket that is not closed, or closed and not opened')
        if not text.strip("*?.[]"):
            if "**" not in text:
                raise self.fail(node, where, f'"{text}" names no facts; ** matches everything')
        elif "*" not in outside and "?" not in outside and schema.field_at(outside) is None:
            near = difflib.get_close_matches(outside, [field.path for field in schema.walk()], 1, 0.6)
            mend = f'; is "{near[0]}" meant?' if near else "; docs/facts.md lists them all"
            raise self.fail(node, where, f'"{text}" names no facts{mend}')
        return text

    def selector(self, node: yaml.Node) -> Selector:
        """Return a selector of CIs."""
        own = self.own_fields(node)
        found = self.mapping(node, "selector", (*SELECTOR_FIELDS, *own, "labels", "facts"))
        labels = {}
        if "labels" in found:
            inner = self.mapping(found["labels"], "selector.labels", None)
            labels = {name: self.text(value, f"selector.labels.{name}") for name, value in inner.items()}
        facts: dict[str, tuple[Value, ...]] = {}
        if "facts" in found:
            facts = self.facts(found["facts"])
        named = [name for name in (*SELECTOR_FIELDS, *own) if name in found]
        fields = {name: self.texts(found[name], f"selector.{name}") for name in named}
        if not fields and not labels and not facts:
            raise self.fail(node, "selector", "selects nothing; name at least one of ci, class, labels ...")
        return Selector(fields, labels, facts)

    def own_fields(self, node: yaml.Node) -> list[str]:
        """Return the keys of a mapping that name fields of the catalog: ``field.cost_centre``."""
        keys = [str(self.plain(key)) for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
        return [key for key in dict.fromkeys(keys) if name_of(key) is not None]

    def facts(self, node: yaml.Node) -> dict[str, tuple[Value, ...]]:
        inner = self.mapping(node, "selector.facts", None)
        keys = {str(self.plain(key)): key for key, _ in node.value}
        found: dict[str, tuple[Value, ...]] = {}
        for name, values in inner.items():
            where = f"selector.facts.{name}"
            path = self.path(keys[name], where)
            named = field_of(path)
            if "*" in path or "?" in path:
                raise self.fail(keys[name], where, f'"{path}" has wild cards; a selector names one attribute')
            if named is None or named.message is not None:
                raise self.fail(keys[name], where, f'"{path}" is an element; a selector names one of its attributes')
            if (problem := unwatchable(path)) is not None:
                raise self.fail(keys[name], where, problem)
            if named.secret:
                raise self.fail(keys[name], where, f'"{path}" is secret; only its digest is known here')
            if (list(paths.steps(path))[-1][1]) is not None or any(
                field is not None and field.repeated and field.message is not None and keys_ is None
                for field, keys_ in self._steps(path)
            ):
                raise self.fail(keys[name], where, f'"{path}" needs the key of one element in brackets')
            items = list(values.value) if isinstance(values, yaml.SequenceNode) else [values]
            if not items:
                raise self.fail(values, where, "is an empty list, which nothing fits; leave it out")
            found[path] = tuple(self.member(item, where, path) for item in items)
        return found

    @staticmethod
    def _steps(path: str) -> list[tuple[schema.Field | None, tuple[str, ...] | None]]:
        found, before = [], ""
        for name, keys in paths.steps(path):
            before = f"{before}.{name}".lstrip(".")
            found.append((schema.field_at(before), keys))
        return found

    def member(self, node: yaml.Node, where: str, path: str) -> str | int | float | bool:
        """Return a value of an attribute's own type."""
        value = self.plain(node)
        if not isinstance(value, str | int | float):
            raise self.fail(node, where, f"{value!r} is not a plain value")
        named = field_of(path)
        if named is None:
            return value
        if named.type == "string" and not isinstance(value, str):
            written = node.value if isinstance(node, yaml.ScalarNode) else value
            raise self.fail(node, where, f'{written} is no text, and the fact is: put it in quotes: "{written}"')
        if named.type == "bool" and not isinstance(value, bool):
            raise self.fail(node, where, f"{value!r} is not true or false, which the fact is; write one without quotes")
        if named.type in NUMBERS and not is_number(value):
            raise self.fail(node, where, f"{value!r} is no number, and the fact is; write one without quotes")
        return value


class _Reader(DocumentReader):
    """Turns YAML nodes into the document."""

    def expectation(self, node: yaml.Node, where: str) -> Expectation:
        found = self.mapping(node, where, ("path", "severity", "exactly", *BY_NAME, *BESIDE, "for"))
        if "path" not in found:
            raise self.fail(node, where, "has no path")
        path = self.path(found["path"], f"{where}.path")
        severity = self.text(found["severity"], f"{where}.severity") if "severity" in found else "warning"
        if severity not in SEVERITIES:
            raise self.fail(
                found["severity"], f"{where}.severity", f'"{severity}" is not one of {", ".join(SEVERITIES)}'
            )
        if "for" in found:
            raise self.fail(
                found["for"], f"{where}.for", "belongs to state, which baselines do not watch; leave it out"
            )
        conditions = [name for name in found if name == "exactly" or name in BY_NAME]
        if len(conditions) != 1:
            raise self.fail(node, where, f"must have exactly one of exactly, {', '.join(BY_NAME)}")
        kind = conditions[0]
        beside = [name for name in found if name in BESIDE]
        fitting = BY_NAME[kind].beside if kind in BY_NAME else {}
        for name in beside:
            if name not in fitting:
                raise self.fail(found[name], f"{where}.{name}", f"{name} stands beside is, not beside {kind}")
        if kind == "exactly":
            self.captured(found, where, path)
            return Expectation(path, None, severity)
        problem = misfit(path, kind)
        if problem is not None:
            raise self.fail(found["path"], f"{where}.path", problem)
        if kind in _NO_OPERAND:
            if (operand := self.plain(found[kind])) is not True:
                raise self.fail(found[kind], f"{where}.{kind}", f"{operand!r} makes no sense; write {kind}: true")
            return Expectation(path, Predicate(kind), severity)
        operand = self.operand(found[kind], f"{where}.{kind}", kind, path)
        tolerance = self.tolerance(found, where, path, operand)
        return Expectation(path, Predicate(kind, operand, tolerance, self.ordered(found, where, path)), severity)

    def captured(self, found: dict[str, yaml.Node], where: str, path: str) -> None:
        operand = self.plain(found["exactly"])
        if operand != "captured":
            raise self.fail(found["exactly"], f"{where}.exactly", f"{operand!r} is not known; write exactly: captured")
        named = field_of(path)
        if (problem := unwatchable(path)) is not None:
            raise self.fail(found["path"], f"{where}.path", problem)
        if named is not None and named.message is None:
            words = f'"{path}" is an attribute; exactly: captured is said of elements, write is: for one attribute'
            raise self.fail(found["path"], f"{where}.path", words)

    def operand(self, node: yaml.Node, where: str, kind: str, path: str) -> Value:
        many = isinstance(node, yaml.SequenceNode)
        if kind in ("one_of", "range") and not many:
            raise self.fail(node, where, "must be a list of values")
        if kind == "matches":
            return self.expression(node, where)
        if kind in ("at_least", "at_most"):
            return self.in_order(node, where, path)
        if kind == "range":
            ends = tuple(self.in_order(item, f"{where}[{index}]", path) for index, item in enumerate(node.value))
            if len(ends) != 2:
                raise self.fail(node, where, f"has {len(ends)} values; write the lowest and the highest: [low, high]")
            if place(path, ends[0]) > place(path, ends[1]):
                raise self.fail(node, where, f"{ends[0]} comes after {ends[1]}; write the lowest first")
            return ends  # type: ignore[return-value]  # two texts or two numbers
        if many:
            if not node.value and kind != "is":
                raise self.fail(node, where, "is an empty list, which nothing fits; name a value")
            return tuple(self.member(item, f"{where}[{index}]", path) for index, item in enumerate(node.value))  # type: ignore[return-value]  # of one type
        member = self.member(node, where, path)
        return (member,) if kind == "contains" else member  # type: ignore[return-value]  # a tuple of one

    def expression(self, node: yaml.Node, where: str) -> str:
        operand = self.plain(node)
        if not isinstance(operand, str):
            raise self.fail(node, where, f"{operand!r} is not a regular expression; put one in quotes")
        try:
            re.compile(operand)
        except re.error as error:
            raise self.fail(node, where, f'"{operand}" is not a regular expression: {error}') from error
        return operand

    def in_order(self, node: yaml.Node, where: str, path: str) -> str | int | float:
        """Return an operand that has a place in its attribute's order."""
        operand = self.plain(node)
        named = field_of(path)
        if named is not None and named.type not in NUMBERS:
            if isinstance(operand, float):
                raise self.fail(
                    node, where, f"{operand} is a number to YAML, and 3.10 the same as 3.1; put it in quotes"
                )
            operand = str(operand) if isinstance(operand, int) and not isinstance(operand, bool) else operand
        try:
            place(path.replace("*", "x").replace("?", "x"), operand)
        except (VersionError, paths.PathError) as error:
            raise self.fail(node, where, str(error)) from error
        return operand  # type: ignore[no-any-return]  # it has an order

    def tolerance(self, found: dict[str, yaml.Node], where: str, path: str, operand: Value) -> str | int | float | None:
        if "tolerance" not in found:
            return None
        node, where = found["tolerance"], f"{where}.tolerance"
        named = field_of(path)
        if not is_number(operand):
            kind = kind_of(named) if named is not None else "no number"
            raise self.fail(node, where, f'"{path}" is {kind}; a tolerance is for one number')
        tolerance = self.plain(node)
        if isinstance(tolerance, bool) or not isinstance(tolerance, str | int | float):
            raise self.fail(node, where, f'{tolerance!r} is no tolerance; write a number, or a share as "5 %"')
        try:
            spread(tolerance, operand)  # type: ignore[arg-type]  # a number
        except VersionError as error:
            raise self.fail(node, where, str(error)) from error
        return tolerance

    def ordered(self, found: dict[str, yaml.Node], where: str, path: str) -> bool | None:
        names = [name for name in ("ordered", "unordered") if name in found]
        if not names:
            return None
        node, where = found[names[0]], f"{where}.{names[0]}"
        if len(names) > 1:
            raise self.fail(node, where, "stands beside unordered; write one of them")
        if self.plain(node) is not True:
            raise self.fail(node, where, f"{self.plain(node)!r} makes no sense; write {names[0]}: true")
        named = field_of(path)
        if named is None or not named.repeated:
            raise self.fail(node, where, f'"{path}" is no list, so nothing in it has an order')
        if names[0] == "ordered" and not named.ordered:
            raise self.fail(node, where, f'"{path}" is a set: its order is not known')
        if not isinstance(found["is"], yaml.SequenceNode):
            raise self.fail(found["is"], where.rpartition(".")[0] + ".is", "must be a list of values")
        return names[0] == "ordered"


def parse(text: str, source: str = "baseline") -> Document:
    """Read a baseline document.

    :param source: what to call it in errors: a file's name.
    :raises DocumentError: where it breaks its rules; the message names line, column and the mend.
    """
    reader = _Reader(source)
    root = compose(text, source, "a baseline has name, selector and expect")
    found = reader.mapping(root, "baseline", TOP)
    reader.need(root, found, "baseline", ("name", "selector", "expect"))
    rank = reader.plain(found["rank"]) if "rank" in found else 0
    if not isinstance(rank, int) or isinstance(rank, bool):
        raise reader.fail(found["rank"], "rank", f"{rank!r} is not a whole number")
    rest = reader.plain(found["rest"]) if "rest" in found else None
    if "rest" in found and rest != "captured":
        raise reader.fail(found["rest"], "rest", f"{rest!r} is not known; write rest: captured, or leave it out")
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
        rest=rest is not None,
    )


def parse_expectations(text: str, source: str = "criteria") -> tuple[Expectation, ...]:
    """Read a list of expectations that stands alone; nothing is captured beside it, so `exactly` is no rule of one.

    :param source: what to call it in errors.
    :raises DocumentError: where it breaks its rules, or is empty.
    """
    reader = _Reader(source)
    root = compose(text, source, 'write rules as a baseline has them: "- path: ..."')
    found = []
    for index, node in enumerate(reader.sequence(root, "rules")):
        item = reader.expectation(node, f"[{index}]")
        if item.predicate is None:
            raise reader.fail(node, f"[{index}]", "exactly: needs a captured set, which only a baseline has")
        found.append(item)
    if not found:
        raise reader.fail(root, "rules", "is an empty list; write at least one rule")
    return tuple(found)


def parse_selector(text: str, source: str = "selector") -> Selector:
    """Read a selector that stands alone: ``{environment: production, labels: {role: web}}``.

    :param source: what to call it in errors.
    :raises DocumentError: where it breaks its rules.
    """
    return DocumentReader(source).selector(compose(text, source, "name at least one of ci, class, labels ..."))
