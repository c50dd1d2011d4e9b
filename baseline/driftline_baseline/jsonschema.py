"""The JSON Schema of baseline documents (draft 2020-12), so that editors complete and check them.

It follows from the declaration of the kinds. What needs the facts' own schema (does this path exist, is this text a
version) stands in `reading`, which is asked whenever a document is saved.
"""

import json
from typing import Any

from driftline import schema as facts
from driftline_baseline.catalog.model import NAME
from driftline_baseline.kinds import BY_NAME, DECLARED, EXACTLY, SELECTOR_FIELDS, SEVERITIES

_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_FACT = {"type": ["string", "number", "boolean"]}


def schema() -> dict[str, Any]:
    """Return the schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "driftline baseline",
        "description": "Which configuration items are meant, and what is expected of them.",
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "selector", "expect"],
        "properties": {
            "name": {**_TEXT, "description": "Name of the baseline."},
            "rank": {
                "type": "integer",
                "default": 0,
                "description": "Where several baselines cover one CI: a higher rank may narrow what a lower one says.",
            },
            "selector": _selector(),
            "rest": {
                "const": "captured",
                "description": "Everything that nothing here names or ignores is expected exactly as it was captured.",
            },
            "expect": {"type": "array", "items": {"$ref": "#/$defs/expectation"}, "description": "The rules."},
            "ignore": {
                "type": "array",
                "items": {"$ref": "#/$defs/path"},
                "description": "Paths that this document does not speak of, whatever its rules match.",
            },
        },
        "$defs": {"path": _path(), "expectation": _expectation()},
    }


def text() -> str:
    """Return the schema as the file that is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _path() -> dict[str, Any]:
    sections = "|".join(sorted(field.name for field in facts.FACTS.fields))
    known = [field.path for field in facts.walk() if not field.key]
    return {
        "description": "A path of facts. Keys stand in brackets, where * is anything, ? one character; ** is anything.",
        "type": "string",
        "pattern": rf"^(({sections})([.\[*?]|$)|[*?.\[])",
        # The first only for editors to complete from; any text of the pattern will do.
        "anyOf": [{"enum": known}, True],
    }


def _selector() -> dict[str, Any]:
    return {
        "description": "Which CIs: all conditions hold, each with any of its values.",
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            **{name: {**_TEXTS, "description": meaning} for name, meaning in SELECTOR_FIELDS.items()},
            "labels": {
                "description": "labels with just these values",
                "type": "object",
                "additionalProperties": _TEXT,
            },
            "facts": {
                "description": "attributes by path, each with a value or a list of them: os.release.id: debian",
                "type": "object",
                "additionalProperties": {"anyOf": [_FACT, {"type": "array", "items": _FACT, "minItems": 1}]},
            },
        },
        "patternProperties": {
            rf"^field\.{NAME.pattern}$": {**_TEXTS, "description": "a field that the catalog gives its CIs"}
        },
        "anyOf": [
            {"not": {"propertyNames": {"enum": ["labels", "facts"]}}},
            *({"required": [name], "properties": {name: {"minProperties": 1}}} for name in ("labels", "facts")),
        ],
    }


def _expectation() -> dict[str, Any]:
    kinds = (EXACTLY, *DECLARED)
    properties: dict[str, Any] = {"path": {"$ref": "#/$defs/path"}}
    for kind in kinds:
        properties[kind.name] = {**kind.operand, "description": f"{kind.meaning}; said of an {kind.of}"}
        properties.update(kind.beside)
    properties["severity"] = {
        "enum": list(SEVERITIES),
        "default": "warning",
        "description": "of a drift from this rule",
    }
    return {
        "description": "A rule: a path, one kind, and what is expected.",
        "type": "object",
        "additionalProperties": False,
        "required": ["path"],
        "properties": properties,
        "oneOf": [{"required": [kind.name]} for kind in kinds],
        "dependentRequired": {name: [kind.name] for kind in BY_NAME.values() for name in kind.beside},
        "not": {"required": ["ordered", "unordered"]},
    }
