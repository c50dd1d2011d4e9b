"""Facts for people and programs: as a tree, as JSON, or one attribute a line."""

import json
import math
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from driftline import derived
from driftline.facts import flatten
from driftline.schema import FACTS, Plan, Value
from driftline.v1.facts_pb2 import Facts
from driftline.v1.os_pb2 import Release


def as_json(facts: Facts, indent: int | None = 2) -> str:
    """Return the facts as JSON, names as in the schema, 64-bit numbers as text (protobuf's JSON mapping).

    Packages and images have what follows from their facts, too: purl, title, product, maker.
    """
    out = _as_dict(FACTS, facts)
    software = out.get("software", {})
    for name in ("packages", "language_packages", "images"):
        for shown, message in zip(software.get(name, ()), getattr(facts.software, name), strict=True):
            shown.update(derived.of_message(message, facts.os.release))
    return json.dumps(out, indent=indent, ensure_ascii=False)


def _as_dict(plan: Plan, message: Message) -> dict[str, Any]:
    """Return what protobuf's own MessageToDict returns, names kept, in a third of its time."""
    out: dict[str, Any] = {}
    by_name = plan.by_name
    for descriptor, value in message.ListFields():
        field = by_name[descriptor.name]
        name, below = field.name, field.message
        if below is not None:
            out[name] = [_as_dict(below, child) for child in value] if field.repeated else _as_dict(below, value)
        elif field.type == "int64":
            out[name] = [str(one) for one in value] if field.repeated else str(value)
        elif field.type == "double":
            out[name] = [_number(one) for one in value] if field.repeated else _number(value)
        else:
            out[name] = list(value) if field.repeated else value
    return out


def _number(value: float) -> float | str:
    """Return a number as JSON has it, which knows no infinity."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def as_flat(facts: Facts) -> Iterator[str]:
    """Yield ``path<TAB>value`` for each attribute, sorted by path; lists joined by blanks."""
    for path, value in sorted(flatten(facts).items()):
        yield f"{path}\t{_text(value)}"


def as_tree(facts: Facts) -> Iterator[str]:
    """Yield the lines of an indented tree. What follows from facts stands beside them in parentheses."""
    yield from _tree(FACTS, facts, 0, facts.os.release)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = " ".join(str(part) for part in value) if isinstance(value, tuple) else str(value)
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _tree(plan: Plan, message: Message, depth: int, release: Release) -> Iterator[str]:
    indent = "  " * depth
    for descriptor, value in message.ListFields():
        field = plan.by_name[descriptor.name]
        if field.message is None:
            if not field.key:
                yield f"{indent}{field.name}: {_text(tuple(value) if field.repeated else value)}"
        elif field.repeated:
            yield f"{indent}{field.name} ({len(value)})"
            for child in value:
                yield f"{indent}  {'/'.join(str(getattr(child, key)) for key in field.message.keys)}"
                yield from _tree(field.message, child, depth + 2, release)
        else:
            yield f"{indent}{field.name}"
            yield from _tree(field.message, value, depth + 1, release)
    for name, text in derived.of_message(message, release).items():
        yield f"{indent}({name}: {text})"
