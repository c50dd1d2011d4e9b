"""The JSON Schema of catalog documents (draft 2020-12), so that editors complete and check them."""

import json
from typing import Any

from driftline_baseline.catalog.model import CLASS_NAME, NAME, TYPES
from driftline_baseline.catalog.reading import ONLY_OF, built_in
from driftline_baseline.graph import KINDS

_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}


def schema() -> dict[str, Any]:
    """Return the schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "driftline catalog",
        "description": "Classes of CIs, and fields of CIs, of an organisation's own.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "classes": {"type": "array", "items": _class(), "description": "Classes beside the built-in ones."},
            "fields": {"type": "array", "items": _field(), "description": "Fields that CIs have."},
        },
    }


def text() -> str:
    """Return the schema as the file that is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _class() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "meaning", "based_on"],
        "properties": {
            "name": {"type": "string", "pattern": f"^{CLASS_NAME.pattern}$", "description": "As people say it."},
            "meaning": {**_TEXT, "description": "What such a CI is."},
            "based_on": {
                "enum": list(built_in().classes),
                "description": "The built-in class that it is a kind of: it has the fields of that one too.",
            },
            "reports": {
                "type": "boolean",
                "description": "An agent or a device speaks for such a CI; by default as for what it is based on.",
            },
            "relations": {
                "type": "array",
                "items": {"enum": list(KINDS)},
                "minItems": 1,
                "description": "Relations that make sense in front of it; a hint, not a wall.",
            },
        },
    }


def _field() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "type"],
        "properties": {
            "name": {"type": "string", "pattern": f"^{NAME.pattern}$", "description": "As in field.cost_centre."},
            "of": {**_TEXTS, "description": "The classes whose CIs have it; all by default."},
            "type": {
                "enum": list(TYPES),
                "description": "; ".join(f"{name}: {meaning}" for name, meaning in TYPES.items()),
            },
            "description": {**_TEXT, "description": "What it says, for people."},
            "unit": {**_TEXT, "description": "Unit of a number; of money the currency where a value names none."},
            "required": {"type": "boolean", "description": "People who create a CI must give it; nobody may clear it."},
            "unique": {"type": "boolean", "description": "No two CIs have the same value."},
            "pattern": {**_TEXT, "description": "A regular expression that the whole text must match."},
            "choices": {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
            "to": {**_TEXT, "description": "Of a reference: the class of the CI that is meant."},
        },
        "allOf": [
            {"if": {"required": [name]}, "then": {"properties": {"type": {"enum": list(types)}}}}
            for name, types in ONLY_OF.items()
        ]
        + [{"if": {"properties": {"type": {"const": "choice"}}}, "then": {"required": ["choices"]}}],
    }
