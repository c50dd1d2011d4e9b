"""Predicates on values: what a baseline rule or a planned change says a value will be (design section 6, rule 2)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from univers.versions import (
    AlpineLinuxVersion,
    DebianVersion,
    InvalidVersion,
    PypiVersion,
    RpmVersion,
    SemverVersion,
    Version,
)

from driftline import paths
from driftline.schema import Value
from driftline_baseline.errors import VersionError
from driftline_baseline.values import Attributes, encode

#: The version order of each package manager, by the first key of ``software.packages``.
ORDERS: dict[str, type[Version]] = {
    "dpkg": DebianVersion,
    "rpm": RpmVersion,
    "apk": AlpineLinuxVersion,
    "pip": PypiVersion,
    "npm": SemverVersion,
}


def ecosystem_of(path: str) -> str | None:
    """Return the package manager that a path's version belongs to, None where it is no package's version."""
    for name, keys in paths.steps(path):
        if name == "packages" and keys:
            return keys[0]
    return None


def version(text: str, ecosystem: str | None) -> Version:
    """Parse a version in its ecosystem's own order.

    :raises VersionError: where the text is no such version, or the ecosystem has no known order.
    """
    order = ORDERS.get(ecosystem or "")
    if order is None:
        raise VersionError(f'no version order is known for "{ecosystem}"; at_least works on {", ".join(ORDERS)}')
    try:
        return order(text)
    except InvalidVersion as error:
        raise VersionError(f'"{text}" is not a {ecosystem} version') from error


@dataclass(frozen=True, slots=True)
class Predicate:
    """One condition on a value: ``kind`` is a name of :data:`KINDS`, ``operand`` what stands beside it."""

    kind: str
    operand: Value | None = None

    def holds(self, path: str, value: Value | Attributes | None) -> bool:
        """Tell whether a value at a path is as predicted; an unreadable version is not."""
        try:
            return KINDS[self.kind](self.operand, path, value)
        except VersionError:
            return False

    def show(self) -> str:
        """Return the condition as people read it: ``at least 3.0.14``."""
        words = self.kind.replace("_", " ")
        return words if self.operand is None else f"{words} {encode(self.operand)}".replace('"', "")


def _at_least(operand: Value | None, path: str, value: Value | Attributes | None) -> bool:
    if not isinstance(value, str):
        return False
    ecosystem = ecosystem_of(path)
    return bool(version(value, ecosystem) >= version(str(operand), ecosystem))


def _one_of(operand: Value | None, _path: str, value: Value | Attributes | None) -> bool:
    return isinstance(operand, tuple) and encode(value) in {encode(item) for item in operand}


def _matches(operand: Value | None, _path: str, value: Value | Attributes | None) -> bool:
    return isinstance(value, str) and re.fullmatch(str(operand), value) is not None


#: Kind of predicate -> (operand, path, value) -> does it hold?
KINDS: dict[str, Callable[[Value | None, str, Value | Attributes | None], bool]] = {
    "is": lambda operand, _path, value: encode(value) == encode(operand),
    "one_of": _one_of,
    "at_least": _at_least,
    "matches": _matches,
    "present": lambda _operand, _path, value: value is not None,
    "absent": lambda _operand, _path, value: value is None,
}
