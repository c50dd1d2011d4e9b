"""Finds what a document says of a path without trying every rule on every path.

Rules whose path has no wild cards are found by look-up; of the others only those that begin in the same section are
tried, by patterns that are compiled once; what was found for a path is kept, because a fleet asks for the same paths.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

from driftline import paths

#: Answers that are kept of one document; about 200 bytes each.
_KEPT = 32_768


class Rule(Protocol):
    """What is found: a document's expectation."""

    @property
    def path(self) -> str:
        """Its pattern."""

    @property
    def element(self) -> str:
        """Pattern of the elements that it speaks of."""

    @property
    def predicate(self) -> Any:
        """None for the captured set."""


R = TypeVar("R", bound=Rule)


class _Patterns:
    """Patterns with a number each; finds the numbers of those that match a path or something above it."""

    def __init__(self, patterns: Iterable[tuple[int, str]]) -> None:
        self._literal: dict[str, list[int]] = {}
        self._wild: dict[str, list[tuple[int, re.Pattern[str]]]] = {}
        for number, pattern in patterns:
            if "*" in pattern or "?" in pattern:
                section = re.match(r"[^.\[*?]*", pattern)
                name = section[0] if section is not None else ""
                # A pattern that begins with a wild card, or has one in its first step, may match in any section.
                whole = pattern[len(name) : len(name) + 1] in (".", "[")
                self._wild.setdefault(name if whole else "", []).append((number, paths.compile_pattern(pattern)))
            else:
                self._literal.setdefault(pattern, []).append(number)

    def on(self, path: str) -> list[int]:
        found = list(self._literal.get(path, ()))
        for position, character in enumerate(path):
            if character in ".[":
                found += self._literal.get(path[:position], ())
        if self._wild:
            section = re.split(r"[.\[]", path, maxsplit=1)[0]
            for name in (section, ""):
                found += [number for number, pattern in self._wild.get(name, ()) if pattern.fullmatch(path)]
        return sorted(found)


class Rules(Generic[R]):
    """One document's expectations and ignores, found by path."""

    def __init__(self, expect: Sequence[R], ignore: Sequence[str]) -> None:
        """Take them in; a document never changes."""
        self._expect = expect
        self._predicates = _Patterns((n, rule.element) for n, rule in enumerate(expect) if rule.predicate is not None)
        self._exact = _Patterns((n, rule.path) for n, rule in enumerate(expect) if rule.predicate is None)
        self._ignore = _Patterns(enumerate(ignore))
        self._found: dict[str, tuple[R, ...]] = {}
        self._captured: dict[str, tuple[R, ...]] = {}
        self._ignored: dict[str, bool] = {}

    def predicates(self, path: str) -> tuple[R, ...]:
        """Return the rules on an element, in the document's order. A rule on an element is none on what is below it."""
        return _kept(self._found, path, self._predicates_of)

    def _predicates_of(self, path: str) -> tuple[R, ...]:
        found = tuple(self._expect[number] for number in self._predicates.on(path))
        return tuple(rule for rule in found if _kind(rule.element) == _kind(path)) if found else ()

    def exactly(self, path: str) -> R | None:
        """Return the rule that wants an element as it was captured; the last one counts."""
        found = _kept(self._captured, path, lambda path: tuple(self._expect[n] for n in self._exact.on(path)[-1:]))
        return found[0] if found else None

    def ignores(self, path: str) -> bool:
        """Tell whether the document ignores a path."""
        return _kept(self._ignored, path, lambda path: bool(self._ignore.on(path)))


_T = TypeVar("_T")


def _kept(kept: dict[str, _T], path: str, work_out: Callable[[str], _T]) -> _T:
    found = kept.get(path)
    if found is None:
        if len(kept) >= _KEPT:
            kept.clear()
        found = kept[path] = work_out(path)
    return found


@lru_cache(maxsize=65536)
def _kind(path: str) -> str:
    """Return a path or pattern without its keys."""
    return re.sub(r"\[(?:[^\]\\]|\\.)*\]", "", path)
