"""What differs between two baseline documents, as rules: the order of lines and comments does not count."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from driftline_baseline.document import Document, plain_expectation, plain_selector
from driftline_baseline.values import encode


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One part of a document that is not as it was."""

    #: added, removed, changed.
    change: str
    #: rule, ignore, selector, rank, rest, name.
    part: str
    #: What the rule or ignore names; of the selector the condition.
    path: str
    #: As people read it; None where there was or is none.
    before: str | None
    after: str | None


def changes(before: Document, after: Document) -> list[RuleChange]:
    """Return what differs between two documents."""
    found = list(_scalars(before, after))
    found += _mappings("selector", _flat(plain_selector(before.selector)), _flat(plain_selector(after.selector)))
    found += _mappings("rule", _rules(before), _rules(after))
    found += _mappings("ignore", dict.fromkeys(before.ignore, "ignored"), dict.fromkeys(after.ignore, "ignored"))
    return found


def _scalars(before: Document, after: Document) -> Iterator[RuleChange]:
    for part in ("name", "rank", "rest"):
        old, new = getattr(before, part), getattr(after, part)
        if old != new:
            yield RuleChange("changed", part, part, str(old), str(new))


def _flat(selector: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, wanted in selector.items():
        if isinstance(wanted, dict):
            found.update({f"{name}.{key}": _text(value) for key, value in wanted.items()})
        else:
            found[name] = _text(wanted)
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(encode(value))


def _rules(document: Document) -> dict[str, str]:
    """Return the rules by path; a second one on the same path has its number beside it."""
    found: dict[str, str] = {}
    for item in document.expect:
        plain = plain_expectation(item)
        path = key = plain.pop("path")
        number = 1
        while key in found:
            number += 1
            key = f"{path} ({number})"
        found[key] = ", ".join(f"{name}: {_text(value)}" for name, value in plain.items())
    return found


def _mappings(part: str, before: dict[str, str], after: dict[str, str]) -> Iterator[RuleChange]:
    for key in [*before, *(key for key in after if key not in before)]:
        old, new = before.get(key), after.get(key)
        if old != new:
            change = "added" if old is None else "removed" if new is None else "changed"
            yield RuleChange(change, part, key, old, new)
