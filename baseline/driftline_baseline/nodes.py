"""YAML documents that people write, read node by node, so that every error names line, column and the mend."""

import re
from collections.abc import Collection
from typing import Any

import yaml

from driftline_baseline.errors import DocumentError

_SPAN = re.compile(r"(\d{1,6})([mhd])")
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Nodes:
    """Reads the nodes of one document."""

    def __init__(self, text: str, source: str) -> None:
        """Read the text.

        :param source: what to call it in errors: a file's name.
        :raises DocumentError: where it is no YAML, or empty.
        """
        self.source = source
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            place = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
            raise DocumentError(f"{place}: not YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise DocumentError(f"{source}: not YAML: {error}") from error
        if root is None:
            raise DocumentError(f"{source}: is empty")
        self.root: yaml.Node = root

    def fail(self, node: yaml.Node, where: str, what: str) -> DocumentError:
        """Return the error at a node."""
        return DocumentError(f"{self.source}:{node.start_mark.line + 1}:{node.start_mark.column + 1}: {where}: {what}")

    def mapping(self, node: yaml.Node, where: str, allowed: Collection[str] | None = None) -> dict[str, yaml.Node]:
        """Return a mapping's nodes by name, each once and known."""
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, where, "must be a mapping of names to values")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(self.plain(key))
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

    def plain(self, node: yaml.Node) -> Any:
        """Return a node as Python has it."""
        try:
            return yaml.SafeLoader("").construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            raise self.fail(node, "value", f"cannot be read: {error}") from error

    def text(self, node: yaml.Node, where: str) -> str:
        """Return a text that is not empty."""
        value = self.plain(node)
        if not isinstance(value, str) or not value.strip():
            raise self.fail(node, where, f"{value!r} is not a text; put it in quotes")
        return value

    def texts(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        """Return a text or a list of them."""
        if isinstance(node, yaml.SequenceNode):
            found = tuple(self.text(item, f"{where}[{index}]") for index, item in enumerate(node.value))
            if not found:
                raise self.fail(node, where, "is an empty list, which nothing fits; leave the line out")
            return found
        return (self.text(node, where),)

    def one_of(self, node: yaml.Node, where: str, allowed: Collection[str]) -> str:
        """Return a text that is one of some."""
        value = self.plain(node)
        if value not in allowed:
            raise self.fail(node, where, f"{value!r} is not one of {', '.join(allowed)}")
        return str(value)

    def span_ms(self, node: yaml.Node, where: str) -> int:
        """Return a span of time, ms."""
        value = self.plain(node)
        found = _SPAN.fullmatch(str(value))
        if found is None or int(found[1]) == 0:
            raise self.fail(node, where, f"{value!r} is not a span of time, for example 30m, 24h, 7d")
        return int(found[1]) * _UNITS_MS[found[2]]
