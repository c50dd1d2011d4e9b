"""Reads YAML node by node, so that every error names line, column and the mend."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from driftline_baseline.errors import DocumentError

_SPAN = re.compile(r"(\d{1,6})([smhdw])")
_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


class Nodes:
    """The nodes of one document."""

    def __init__(self, source: str) -> None:
        """Name the document.

        :param source: what to call it in errors: a file's name.
        """
        self.source = source

    def root(self, text: str, empty: str) -> yaml.Node:
        """Return a document's outermost node.

        :param empty: what to say of an empty one.
        :raises DocumentError: where it is no YAML, or empty.
        """
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            place = f"{self.source}:{mark.line + 1}:{mark.column + 1}" if mark else self.source
            raise DocumentError(f"{place}: not YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise DocumentError(f"{self.source}: not YAML: {error}") from error
        if root is None:
            raise DocumentError(f"{self.source}: {empty}")
        return root

    def fail(self, node: yaml.Node, where: str, what: str) -> DocumentError:
        """Return the error that a node deserves."""
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        return DocumentError(f"{self.source}:{line}:{column}: {where}: {what}")

    def mapping(self, node: yaml.Node, where: str, allowed: tuple[str, ...] | None) -> dict[str, yaml.Node]:
        """Return a mapping's values by name.

        :param allowed: the names there may be; None for any.
        """
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, where, "must be a mapping of names to values")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self.text(key, where)
            if allowed is not None and name not in allowed:
                raise self.fail(key, where, f'"{name}" is not known here; allowed are {", ".join(allowed)}')
            if name in found:
                raise self.fail(key, where, f'"{name}" stands twice')
            found[name] = value
        return found

    def sequence(self, node: yaml.Node, where: str) -> list[yaml.Node]:
        """Return a list's nodes."""
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(node, where, "must be a list (lines that start with -)")
        return list(node.value)

    def text(self, node: yaml.Node, where: str) -> str:
        """Return a text as it was written: YAML takes 22:00 for a number, and no for false."""
        if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null" or not str(node.value).strip():
            raise self.fail(node, where, "must be a text")
        return str(node.value)

    def texts(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        """Return one text, or a list of them."""
        if isinstance(node, yaml.SequenceNode):
            if not node.value:
                raise self.fail(node, where, "is an empty list; name at least one, or leave it out")
            return tuple(self.text(item, f"{where}[{index}]") for index, item in enumerate(node.value))
        return (self.text(node, where),)

    def one_of(self, node: yaml.Node, where: str, allowed: tuple[str, ...]) -> str:
        """Return one of some words."""
        text = self.text(node, where)
        if text not in allowed:
            raise self.fail(node, where, f'"{text}" is not one of {", ".join(allowed)}')
        return text

    def flag(self, node: yaml.Node, where: str) -> bool:
        """Return true or false."""
        return self.one_of(node, where, ("true", "false")) == "true"

    def number(self, node: yaml.Node, where: str, low: int, high: int) -> int:
        """Return a whole number."""
        text = self.text(node, where)
        if not text.isdecimal() or not low <= int(text) <= high:
            raise self.fail(node, where, f'"{text}" is not a whole number from {low} to {high}')
        return int(text)

    def span_ms(self, node: yaml.Node, where: str) -> int:
        """Return a span of time in ms: ``15m``, ``1h``."""
        text = self.text(node, where)
        found = _SPAN.fullmatch(text)
        if found is None or int(found[1]) == 0:
            raise self.fail(node, where, f'"{text}" is not a span of time, for example 15m, 1h, 1d')
        return int(found[1]) * _UNITS_MS[found[2]]

    def minute(self, node: yaml.Node, where: str) -> int:
        """Return a time of day as minutes since midnight: ``08:00``; ``24:00`` is the day's end."""
        text = self.text(node, where)
        found = re.fullmatch(r"(\d\d?):(\d\d)", text)
        minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else 1441
        if minute > 1440:
            raise self.fail(node, where, f'"{text}" is not a time of day, for example "08:00"')
        return minute

    def required(self, found: Mapping[str, Any], node: yaml.Node, where: str, *names: str) -> None:
        """Refuse a mapping that lacks a name."""
        for name in names:
            if name not in found:
                raise self.fail(node, where, f"has no {name}")
