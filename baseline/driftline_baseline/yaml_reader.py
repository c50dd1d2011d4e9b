"""YAML documents that people write: read node by node, so that every error has its line and column."""

from typing import Any

import yaml

from driftline_baseline.errors import DocumentError


class YamlReader:
    """Turns YAML nodes into values; every error names file, line, column and what would be right."""

    def __init__(self, source: str) -> None:
        """Name the source in errors."""
        self.source = source

    def fail(self, node: yaml.Node | None, where: str, what: str) -> DocumentError:
        """Return an error that names the place."""
        line = f"{self.source}:{node.start_mark.line + 1}:{node.start_mark.column + 1}" if node else self.source
        return DocumentError(f"{line}: {where}: {what}")

    def mapping(self, node: yaml.Node, where: str, allowed: tuple[str, ...] | None) -> dict[str, yaml.Node]:
        """Return a mapping's values by name.

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

    def sequence(self, node: yaml.Node, where: str) -> list[yaml.Node]:
        """Return a list's nodes."""
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(node, where, "must be a list (lines that start with -)")
        return list(node.value)

    def plain(self, node: yaml.Node) -> Any:
        """Return the plain value of a node."""
        return yaml.SafeLoader("").construct_object(node, deep=True)

    def text(self, node: yaml.Node, where: str) -> str:
        """Return a text that is not empty."""
        value = self.plain(node)
        if not isinstance(value, str) or not value:
            raise self.fail(node, where, f"{value!r} is not a text; put it in quotes")
        return value

    def texts(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        """Return one text, or a list of them."""
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.text(item, f"{where}[{index}]") for index, item in enumerate(node.value))
        return (self.text(node, where),)

    def choice(self, node: yaml.Node, where: str, allowed: tuple[str, ...]) -> str:
        """Return a text that is one of some."""
        text = self.text(node, where)
        if text not in allowed:
            raise self.fail(node, where, f'"{text}" is not one of {", ".join(allowed)}')
        return text

    def need(self, node: yaml.Node, found: dict[str, yaml.Node], where: str, names: tuple[str, ...]) -> None:
        """Refuse a mapping without some names."""
        for name in names:
            if name not in found:
                raise self.fail(node, where, f"has no {name}")


def compose(text: str, source: str, empty: str) -> yaml.Node:
    """Return the root node of a YAML text.

    :param empty: what a document of this kind holds, for the error about an empty one.
    :raises DocumentError: where it is no YAML, or empty.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise DocumentError(f"{place}: not YAML: {error.problem}") from error
    if root is None:
        raise DocumentError(f"{source}: is empty; {empty}")
    return root
