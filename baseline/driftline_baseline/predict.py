"""Predicates on values: what a baseline rule or a planned change says a value will be (design section 6, rule 2)."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from univers.versions import (
    AlpineLinuxVersion,
    ArchLinuxVersion,
    DebianVersion,
    GentooVersion,
    GolangVersion,
    InvalidVersion,
    MavenVersion,
    NugetVersion,
    PypiVersion,
    RpmVersion,
    RubygemsVersion,
    SemverVersion,
    Version,
)

from driftline import paths, schema
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
    "pacman": ArchLinuxVersion,
    "portage": GentooVersion,
    "gem": RubygemsVersion,
    "cargo": SemverVersion,
    "go": GolangVersion,
    "maven": MavenVersion,
    "nuget": NugetVersion,
}

#: Types of the schema that are numbers.
NUMBERS = ("int32", "int64", "double")


def ecosystem_of(path: str) -> str | None:
    """Return the package manager that a path's version belongs to, None where it is no package's version."""
    for name, keys in paths.steps(path):
        if name == "packages" and keys:
            return keys[0]
    return None


@lru_cache(maxsize=65536)
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


@lru_cache(maxsize=65536)
def field_of(path: str) -> schema.Field | None:
    """Return the field of the schema at a path or at a pattern whose wild cards stand in brackets."""
    return schema.field_at(re.sub(r"\[(?:[^\]\\]|\\.)*\]", "", path))


def is_number(value: object) -> bool:
    """Tell whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def place(path: str, value: object) -> Any:
    """Return where a value stands in its attribute's own order: something that compares.

    Numbers have their own order; text is a version of the package that the path names.

    :raises VersionError: where the value has no order there.
    """
    if is_number(value):
        return value
    field = field_of(path)
    if field is not None and field.type in NUMBERS:
        raise VersionError(f"{value!r} is not a number")
    if not isinstance(value, str):
        raise VersionError(f"{value!r} is neither a version nor a number")
    return version(value, ecosystem_of(path))


def spread(tolerance: str | int | float, value: float) -> float:
    """Return how far a number may lie from a value: ``5``, or ``"5 %"`` of the value.

    :raises VersionError: where the text is no tolerance.
    """
    if is_number(tolerance):
        found = float(tolerance)
    else:
        parts = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", str(tolerance))
        if parts is None:
            raise VersionError(f'"{tolerance}" is no tolerance; write a number, or a share as "5 %"')
        found = abs(value) * float(parts[1]) / 100
    if found < 0:
        raise VersionError(f"{tolerance} is below zero; a tolerance is not")
    return found


@dataclass(frozen=True, slots=True)
class Predicate:
    """One condition on a value: ``kind`` is a name of :data:`KINDS`, ``operand`` what stands beside it."""

    kind: str
    operand: Value | None = None
    #: Beside `is` on a number: how far the value may lie from it, a number or a share as ``5 %``.
    tolerance: str | int | float | None = None
    #: Beside `is` on a list: True where the order counts, False where it does not, None as the schema says.
    ordered: bool | None = None

    def holds(self, path: str, value: Value | Attributes | None) -> bool:
        """Tell whether a value at a path is as predicted; an unreadable version is not."""
        try:
            if self.tolerance is not None:
                return _near(self.operand, self.tolerance, value)
            if self.ordered is not None:
                return _in_order(self.operand, value, self.ordered)
            return KINDS[self.kind](self.operand, path, value)
        except VersionError:
            return False

    def show(self) -> str:
        """Return the condition as people read it: ``at least 3.0.14``, ``is 100 give or take 5 %``."""
        words = self.kind.replace("_", " ")
        if self.kind == "range" and isinstance(self.operand, tuple):
            return f"from {self.operand[0]} to {self.operand[1]}"
        text = words if self.operand is None else f"{words} {encode(self.operand)}".replace('"', "")
        if self.tolerance is not None:
            text += f" give or take {self.tolerance}"
        return f"{text} in any order" if self.ordered is False else text


def _is(operand: Value | None, path: str, value: Value | Attributes | None) -> bool:
    if isinstance(operand, tuple) and isinstance(value, tuple):
        field = field_of(path)
        if field is not None and field.repeated and not field.ordered:
            return set(operand) == set(value)
    return encode(value) == encode(operand)


def _in_order(operand: Value | None, value: Value | Attributes | None, ordered: bool) -> bool:
    if not isinstance(operand, tuple) or not isinstance(value, tuple):
        return False
    return operand == value if ordered else Counter(operand) == Counter(value)


def _near(operand: Value | None, tolerance: str | int | float, value: Value | Attributes | None) -> bool:
    if not is_number(operand) or not is_number(value):
        return False
    distance: float = value - operand  # type: ignore[operator]  # both are numbers
    return abs(distance) <= spread(tolerance, operand)  # type: ignore[arg-type]  # a number


def _at_least(operand: Value | None, path: str, value: Value | Attributes | None) -> bool:
    return value is not None and bool(place(path, value) >= place(path, operand))


def _at_most(operand: Value | None, path: str, value: Value | Attributes | None) -> bool:
    return value is not None and bool(place(path, value) <= place(path, operand))


def _range(operand: Value | None, path: str, value: Value | Attributes | None) -> bool:
    if value is None or not isinstance(operand, tuple) or len(operand) != 2:
        return False
    return bool(place(path, operand[0]) <= place(path, value) <= place(path, operand[1]))


def _one_of(operand: Value | None, _path: str, value: Value | Attributes | None) -> bool:
    return isinstance(operand, tuple) and encode(value) in {encode(item) for item in operand}


def _matches(operand: Value | None, _path: str, value: Value | Attributes | None) -> bool:
    return isinstance(value, str) and _compiled(str(operand)).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _contains(operand: Value | None, _path: str, value: Value | Attributes | None) -> bool:
    wanted = set(operand if isinstance(operand, tuple) else (operand,))
    if isinstance(value, tuple):
        return wanted <= set(value)
    return isinstance(value, str) and wanted <= set(value.splitlines())


#: Kind of predicate -> (operand, path, value) -> does it hold?
KINDS: dict[str, Callable[[Value | None, str, Value | Attributes | None], bool]] = {
    "is": _is,
    "one_of": _one_of,
    "at_least": _at_least,
    "at_most": _at_most,
    "range": _range,
    "matches": _matches,
    "contains": _contains,
    "present": lambda _operand, _path, value: value is not None,
    "absent": lambda _operand, _path, value: value is None,
}
