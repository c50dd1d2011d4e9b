"""The kinds of rules that a baseline can have, each declared once: reading, JSON Schema and documentation follow.

What a kind means for a value stands in :data:`driftline_baseline.predict.KINDS`, by the same name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from driftline_baseline.catalog.model import name_of

_PLAIN: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_ORDERED: dict[str, Any] = {"type": ["string", "number"]}
_MEMBER: dict[str, Any] = {"type": ["string", "number"]}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rule."""

    name: str
    #: What it is said of: ``element`` or ``attribute``.
    of: str
    #: JSON Schema of what stands beside it.
    operand: Mapping[str, Any]
    #: In one sentence, for people.
    meaning: str
    #: A line as it stands in a document.
    example: str
    #: Keys that may stand beside it, each with its JSON Schema and meaning.
    beside: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


#: The captured set: no predicate, its elements are pinned beside the document.
EXACTLY = Kind(
    "exactly",
    "element",
    {"const": "captured"},
    "exactly what was captured at and below the path: nothing missing, nothing more",
    "exactly: captured",
)

DECLARED: tuple[Kind, ...] = (
    Kind(
        "is",
        "attribute",
        {"anyOf": [_PLAIN, {"type": "array", "items": _PLAIN}]},
        "just this value",
        'is: "0"',
        {
            "tolerance": {
                "anyOf": [
                    {"type": "number", "minimum": 0},
                    {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*%\s*$"},
                ],
                "description": 'for a number: how far the value may lie from it, as 5 or "5 %"',
            },
            "unordered": {"const": True, "description": "for a list: its order does not count"},
            "ordered": {"const": True, "description": "for a list: its order counts"},
        },
    ),
    Kind(
        "one_of",
        "attribute",
        {"type": "array", "items": _PLAIN, "minItems": 1},
        "one of these values",
        'one_of: ["0", "1"]',
    ),
    Kind(
        "at_least",
        "attribute",
        _ORDERED,
        "this or later: in the package manager's own version order, or as a number",
        "at_least: 3.0.14-1",
    ),
    Kind(
        "at_most",
        "attribute",
        _ORDERED,
        "this or earlier: in the package manager's own version order, or as a number",
        "at_most: 3.1~",
    ),
    Kind(
        "range",
        "attribute",
        {"type": "array", "items": _ORDERED, "minItems": 2, "maxItems": 2},
        "from the first to the second, both included, in the same orders",
        "range: [3.0.14, 3.1~]",
    ),
    Kind(
        "matches",
        "attribute",
        {"type": "string"},
        "the whole text fits this regular expression (of Python)",
        "matches: '6\\.1\\..*'",
    ),
    Kind(
        "contains",
        "attribute",
        {"anyOf": [_MEMBER, {"type": "array", "items": _MEMBER, "minItems": 1}]},
        "a list has at least these members, a text at least these lines; more is fine",
        "contains: [wheel, audit]",
    ),
    Kind("present", "element", {"const": True}, "the element must be there; no wild cards", "present: true"),
    Kind("absent", "element", {"const": True}, "no such element may be there", "absent: true"),
)

BY_NAME: dict[str, Kind] = {kind.name: kind for kind in DECLARED}

#: Keys that stand beside some kind.
BESIDE: tuple[str, ...] = tuple(name for kind in DECLARED for name in kind.beside)

SEVERITIES = ("info", "warning", "critical")

#: Fields of a CI that select it, with their meaning.
SELECTOR_FIELDS: dict[str, str] = {
    "ci": "names or uids of single CIs",
    "class": "class of the CI, as server",
    "environment": "environment, as production",
    "status": "status of its life cycle, as in production",
    "owner": "owner",
    "location": "location",
    "criticality": "criticality",
    "services": "services that it belongs to: any of them",
}


def selects_by(name: str) -> bool:
    """Tell whether a selector may have a field of this name: one of the above, or ``field.NAME``, of the catalog."""
    return name in SELECTOR_FIELDS or name_of(name) is not None
