"""YAML documents that people write: read node by node, so that every error has its line, its column and the mend."""

import re
from collections.abc import Collection
from typing import Any

import yaml

from driftline_baseline.errors import DocumentError

_SPAN = re.compile(r"(\d{1,6})([mhd])")
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


class YamlReader:
    """Turns the nodes of one document into values."""

    def __init__(self, source: str) -> None:
        """Name the source in errors: a file's name."""
        self.source = source
        self._loader = yaml.SafeLoader("")

    def fail(self, node: yaml.Node | None, where: str, what: str) -> DocumentError:
        """Return the error at a node."""
        line = f"{self.source}:{node.start_mark.line + 1}:{node.start_mark.column + 1}" if node else self.source
        return DocumentError(f"{line}: {where}: {what}")

    def mapping(self, node: yaml.Node, where: str, allowed: Collection[str] | None = None) -> dict[str, yaml.Node]:
        """Return a mapping's nodes by name, each once and known.

        :param allowed: the names that may stand there; any by default.
        """
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

    def need(self, node: yaml.Node, found: Collection[str], where: str, names: Collection[str]) -> None:
        """Refuse a mapping that lacks a name."""
        for name in names:
            if name not in found:
                raise self.fail(node, where, f"has no {name}")

    def sequence(self, node: yaml.Node, where: str) -> list[yaml.Node]:
        """Return a list's nodes."""
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(node, where, "must be a list (lines that start with -)")
        return list(node.value)

    def plain(self, node: yaml.Node) -> Any:
        """Return a node as Python has it."""
        try:
            return self._loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError, TypeError) as error:
            raise self.fail(node, "value", f"cannot be read: {getattr(error, 'problem', error)}") from error

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
                raise self.fail(node, where, "is an empty list, which nothing fits; leave it out")
            return found
        return (self.text(node, where),)

    def one_of(self, node: yaml.Node, where: str, allowed: Collection[str]) -> str:
        """Return a text that is one of some."""
        value = self.plain(node)
        if value not in allowed:
            raise self.fail(node, where, f"{value!r} is not one of {', '.join(allowed)}")
        return str(value)

    def flag(self, node: yaml.Node, where: str) -> bool:
        """Return true or false."""
        value = self.plain(node)
        if not isinstance(value, bool):
            raise self.fail(node, where, f"{value!r} is neither true nor false")
        return value

    def number(self, node: yaml.Node, where: str, low: int, high: int) -> int:
        """Return a whole number."""
        value = self.plain(node)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.fail(node, where, f"{value!r} is not a whole number from {low} to {high}")
        return value

    def span_ms(self, node: yaml.Node, where: str) -> int:
        """Return a span of time, ms."""
        value = self.plain(node)
        found = _SPAN.fullmatch(str(value))
        if found is None or int(found[1]) == 0:
            raise self.fail(node, where, f"{value!r} is not a span of time, for example 30m, 24h, 7d")
        return int(found[1]) * _UNITS_MS[found[2]]


def _composed(text: str) -> yaml.Node | None:
    """Return the nodes of YAML. The fast parser reads it; where that stumbles, the other one says better why."""
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is not None:
        try:
            return yaml.compose(text, Loader=fast)
        except yaml.YAMLError:
            pass
    return yaml.compose(text, Loader=yaml.SafeLoader)


def compose(text: str, source: str, empty: str) -> yaml.Node:
    """Return the root node of a YAML text.

    :param empty: what a document of this kind holds, for the error about an empty one.
    :raises DocumentError: where it is no YAML, or empty.
    """
    try:
        root = _composed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        mend = "; put a path with brackets in quotes" if str(error.problem).endswith("got '['") else ""
        raise DocumentError(f"{place}: not YAML: {error.problem}{mend}") from error
    except yaml.YAMLError as error:
        raise DocumentError(f"{source}: not YAML: {str(error).splitlines()[0]}") from error
    if root is None:
        raise DocumentError(f"{source}: is empty; {empty}")
    return root
