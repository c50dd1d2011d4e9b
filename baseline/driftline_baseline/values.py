"""Values as text: how expected and actual values are kept, compared and shown.

An attribute's value is a JSON scalar or list, an element's value is a JSON object of its attributes, absent is None.
"""

import json
from collections.abc import Mapping

from driftline.schema import Value
from driftline.sealed import is_sealed

#: An element's attributes by field name.
Attributes = Mapping[str, Value]


def encode(value: Value | Attributes | None) -> str | None:
    """Return a value as canonical JSON; equal values give equal text."""
    if value is None:
        return None
    plain = dict(sorted(value.items())) if isinstance(value, Mapping) else value
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def decode(text: str | None) -> Value | dict[str, Value] | None:
    """Return the value of canonical JSON; lists become tuples."""
    return None if text is None else _tuples(json.loads(text))


def _tuples(value: object) -> Value | dict[str, Value]:
    if isinstance(value, dict):
        return {name: _tuples(inner) for name, inner in value.items()}  # type: ignore[misc]  # objects do not nest
    return tuple(value) if isinstance(value, list) else value  # type: ignore[return-value]  # JSON scalars are Values


def show(text: str | None) -> str:
    """Return an encoded value as people read it: ``absent``, ``5.02-1``, ``version 5.02-1, vendor Debian``."""
    value = decode(text)
    if value is None:
        return "absent"
    if isinstance(value, dict):
        if "version" in value:
            return str(value["version"])
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items()) or "present"
    return _plain(value)


def _plain(value: Value) -> str:
    if is_sealed(value):
        return f"secret {str(value)[-8:]}"
    if isinstance(value, tuple):
        return "[" + ", ".join(str(item) for item in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
