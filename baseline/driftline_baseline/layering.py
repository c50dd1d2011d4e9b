"""Several baselines on one CI: a higher rank may narrow a lower one, anything else is a conflict (rule 6).

Where two patterns meet is answered on the safe side: two that may name one path are taken to.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from driftline_baseline.errors import VersionError
from driftline_baseline.predict import Predicate, field_of, is_number, place, spread
from driftline_baseline.values import Attributes

if TYPE_CHECKING:
    from driftline_baseline.document import Document, Expectation

_INTERVALS = ("at_least", "at_most", "range")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two baselines that say what cannot both be meant at one place."""

    path: str
    #: Titles of the two: "golden v2".
    lower: str
    upper: str
    #: What they say: "at least 3.0.14", "exactly captured 3.0.11".
    lower_rule: str
    upper_rule: str

    def show(self) -> str:
        """Return it as people read it."""
        return f'{self.path}: {self.lower} says "{self.lower_rule}", {self.upper} says "{self.upper_rule}"'


def narrows(lower: "Expectation", upper: "Expectation") -> bool:
    """Tell whether everything that the upper rule allows, the lower one allows too.

    False where it cannot be told: then the two are named as a conflict, and a person says what is meant.

    :param lower: a rule on an attribute or element.
    :param upper: another rule on the same attribute, or on an element as well.
    """
    if lower.predicate is None or upper.predicate is None:
        return lower.predicate is upper.predicate
    return implies(upper.predicate, lower.predicate, upper.path)


@lru_cache(maxsize=16384)
def implies(upper: Predicate, lower: Predicate, path: str) -> bool:
    """Tell whether every value at a path for which `upper` holds is one for which `lower` holds."""
    if upper == lower:
        return True
    path = path.replace("*", "x").replace("?", "x")
    if upper.kind == "one_of" and isinstance(upper.operand, tuple):
        return all(lower.holds(path, value) for value in upper.operand)
    if upper.kind == "is" and upper.tolerance is None:
        if upper.ordered is False or (upper.ordered is None and _is_set(path, upper)):
            return _any_order(upper, lower, path)
        return lower.holds(path, upper.operand)
    if upper.kind == "contains" and lower.kind == "contains":
        return set(_members(lower)) <= set(_members(upper))
    ends, within = _ends(upper, path), _ends(lower, path)
    if ends is None or within is None:
        return False
    try:
        low = within[0] is None or (ends[0] is not None and bool(ends[0] >= within[0]))
        high = within[1] is None or (ends[1] is not None and bool(ends[1] <= within[1]))
    except TypeError:
        return False
    return low and high


def _is_set(path: str, predicate: Predicate) -> bool:
    field = field_of(path)
    return isinstance(predicate.operand, tuple) and field is not None and field.repeated and not field.ordered


def _any_order(upper: Predicate, lower: Predicate, path: str) -> bool:
    """Upper allows a list in any order: so must lower."""
    if lower.kind == "is" and isinstance(lower.operand, tuple) and isinstance(upper.operand, tuple):
        if lower.ordered is False:
            return upper.ordered is False and Counter(lower.operand) == Counter(upper.operand)
        return lower.ordered is None and _is_set(path, upper) and set(lower.operand) == set(upper.operand)
    return lower.kind == "contains" and lower.holds(path, upper.operand)


def _members(predicate: Predicate) -> tuple[Any, ...]:
    return predicate.operand if isinstance(predicate.operand, tuple) else (predicate.operand,)


def _ends(predicate: Predicate, path: str) -> tuple[Any, Any] | None:
    """Return the lowest and highest value that a predicate allows, None for no end; None where it is no interval."""
    operand = predicate.operand
    try:
        if predicate.kind == "is" and predicate.tolerance is not None and is_number(operand):
            distance = spread(predicate.tolerance, operand)  # type: ignore[arg-type]  # a number
            return operand - distance, operand + distance  # type: ignore[operator]  # a number
        if predicate.kind not in _INTERVALS:
            return None
        if isinstance(operand, tuple):
            return place(path, operand[0]), place(path, operand[1])
        end = place(path, operand)
    except VersionError:
        return None
    return (end, None) if predicate.kind == "at_least" else (None, end)


@dataclass(frozen=True)
class Side:
    """One baseline version in a comparison: its document and what it pins."""

    title: str
    document: "Document"
    #: Attributes of the pinned elements by path.
    pinned: Mapping[str, Attributes]

    def captured(self) -> Iterator[tuple[str, Attributes, bool]]:
        """Yield each pinned element that the document speaks of, and whether a rule of its own names it."""
        rules = self.document.rules
        for path, attributes in self.pinned.items():
            if not rules.ignores(path):
                explicit = rules.exactly(path) is not None
                if explicit or self.document.rest:
                    yield path, attributes, explicit


def conflicts(one: Side, other: Side) -> Iterator[Conflict]:
    """Yield where two baselines that cover one CI contradict each other.

    Of one rank neither is the higher: then either may narrow the other.
    """
    lower, upper = sorted((one, other), key=lambda side: side.document.rank)
    same = lower.document.rank == upper.document.rank
    yield from _of_rules(lower, upper, same)
    yield from _of_captured(lower, upper, same)


def _of_rules(lower: Side, upper: Side, same: bool) -> Iterator[Conflict]:
    for below in lower.document.expect:
        for above in upper.document.expect:
            if below.predicate is None or above.predicate is None or below.attribute != above.attribute:
                continue
            if not meet(below.element, above.element) or narrows(below, above) or (same and narrows(above, below)):
                continue
            yield _conflict(above.path, lower, upper, below.predicate.show(), above.predicate.show())


def _of_captured(lower: Side, upper: Side, same: bool) -> Iterator[Conflict]:
    below = {path: (attributes, explicit) for path, attributes, explicit in lower.captured()}
    above = {path: (attributes, explicit) for path, attributes, explicit in upper.captured()}
    for path in sorted(below.keys() | above.keys()):
        low, high = below.get(path), above.get(path)
        if low is not None and low[1]:
            yield from _rules_on_captured(path, low[0], lower, upper, _single, same)
        if high is not None and high[1]:
            yield from _rules_on_captured(path, high[0], upper, lower, _allows, same)
        yield from _two_captured(path, low, high, lower, upper)
    for ruling, capturing, captured in ((lower, upper, above), (upper, lower, below)):
        for rule in ruling.document.expect:
            if rule.predicate is None or rule.predicate.kind != "present" or rule.path in captured:
                continue
            if _speaks(capturing, rule.path) == "exactly":
                said = {capturing.title: _captured(None), ruling.title: rule.predicate.show()}
                yield _conflict(rule.path, lower, upper, said[lower.title], said[upper.title])


def _two_captured(
    path: str, low: tuple[Attributes, bool] | None, high: tuple[Attributes, bool] | None, lower: Side, upper: Side
) -> Iterator[Conflict]:
    """Both captured: the sets must be the same where both speak with the same weight."""
    if _speaks(lower, path) != _speaks(upper, path) or not _speaks(lower, path):
        return
    before, after = (side[0] if side is not None else None for side in (low, high))
    if before is None or after is None:
        yield _conflict(path, lower, upper, _captured(before), _captured(after))
        return
    for name in sorted(before.keys() | after.keys()):
        where = f"{path}.{name}"
        ignored = lower.document.rules.ignores(where) or upper.document.rules.ignores(where)
        ruled = any(rule.attribute == name for side in (lower, upper) for rule in side.document.rules.predicates(path))
        if before.get(name) != after.get(name) and not ignored and not ruled:
            yield _conflict(where, lower, upper, f"captured {before.get(name)}", f"captured {after.get(name)}")


def _speaks(side: Side, path: str) -> str:
    """Return with which weight a side wants a path as captured: exactly, rest, or not at all (empty)."""
    if side.document.rules.ignores(path):
        return ""
    if side.document.rules.exactly(path) is not None:
        return "exactly"
    return "rest" if side.document.rest else ""


def _captured(attributes: Attributes | None) -> str:
    if attributes is None:
        return "captured as absent"
    return f"captured {attributes['version']}" if "version" in attributes else "captured"


def _rules_on_captured(
    path: str,
    attributes: Attributes,
    capturing: Side,
    ruling: Side,
    fits: Callable[[Predicate, str, Any], bool],
    same: bool,
) -> Iterator[Conflict]:
    """A captured element on one side, rules on it on the other.

    :param fits: whether a rule goes with one captured value: a lower rule must allow it, a higher one allow only it.
    """
    for rule in ruling.document.rules.predicates(path):
        assert rule.predicate is not None  # noqa: S101  # only predicates are found
        name = rule.attribute
        own = capturing.document.rules
        if name is None:
            good, value = rule.predicate.kind == "present", _captured(attributes)
        else:
            if any(one.attribute == name for one in own.predicates(path)) or own.ignores(f"{path}.{name}"):
                continue
            good = fits(rule.predicate, f"{path}.{name}", attributes.get(name))
            good = good or (same and _allows(rule.predicate, f"{path}.{name}", attributes.get(name)))
            value = f"captured {attributes.get(name)}"
        if not good:
            where = path if name is None else f"{path}.{name}"
            said = {capturing.title: value, ruling.title: rule.predicate.show()}
            lower, upper = sorted((capturing, ruling), key=lambda side: side.document.rank)
            yield _conflict(where, lower, upper, said[lower.title], said[upper.title])


def _allows(predicate: Predicate, path: str, value: Any) -> bool:
    return value is None or predicate.holds(path, value)


def _single(predicate: Predicate, path: str, value: Any) -> bool:
    """Tell whether a predicate allows just this value."""
    if predicate.kind == "is" and predicate.tolerance is None:
        return predicate.holds(path, value)
    return predicate.kind == "one_of" and predicate.operand == (value,)


def _conflict(path: str, lower: Side, upper: Side, lower_rule: str, upper_rule: str) -> Conflict:
    return Conflict(path, lower.title, upper.title, lower_rule, upper_rule)


@lru_cache(maxsize=16384)
def meet(one: str, other: str) -> bool:
    """Tell whether two patterns may name the same element, what is below them left out.

    Both are walked at once, piece by piece; ``*`` takes any run of characters up to the end of a bracket, ``**`` any
    run at all, ``?`` one character.
    """
    left, right = _pieces(one), _pieces(other)
    # The classical table of two patterns with stars: can the first i pieces and the first j name one text?
    row = [True] + [False] * len(right)
    for j, piece in enumerate(right, 1):
        row[j] = row[j - 1] and piece in ("*", "**")
    for piece in left:
        before, row = row, [row[0] and piece in ("*", "**")] + [False] * len(right)
        for j, against in enumerate(right, 1):
            if piece in ("*", "**") or against in ("*", "**"):
                row[j] = (piece in ("*", "**") and (before[j] or (row[j - 1] and _takes(piece, against)))) or (
                    against in ("*", "**") and (row[j - 1] or (before[j] and _takes(against, piece)))
                )
            else:
                row[j] = before[j - 1] and (piece == against or (_takes(piece, against) or _takes(against, piece)))
    return row[-1]


def _takes(wild: str, piece: str) -> bool:
    """Tell whether a wild card can stand for a piece."""
    if wild == "**":
        return True
    return wild in ("*", "?") and piece not in ("]", "**")


def _pieces(pattern: str) -> list[str]:
    pieces: list[str] = []
    position = 0
    while position < len(pattern):
        size = 2 if pattern[position] == "\\" or pattern[position : position + 2] == "**" else 1
        piece = pattern[position : position + size]
        # An escaped star or question mark is the plain character; other escapes stay as they are in paths.
        pieces.append({"\\*": "\\*", "\\?": "\\?"}.get(piece, piece))
        position += size
    return pieces
