"""Which changes are of a configuration file's content."""

from collections.abc import Sequence
from typing import Any

from driftline import paths


def digests_of(path: str, before: Any, after: Any) -> tuple[str, str | None, str | None] | None:
    """Return the file, and its digests before and after; None where the path is not of a file's content."""
    steps: Sequence[Any] = list(paths.steps(path)) if path.startswith("files.files[") else ()
    if len(steps) < 2 or steps[1][1] is None or "*" in path.partition("]")[0]:
        return None
    attribute = steps[2][0] if len(steps) > 2 else None
    if attribute not in (None, "digest", "sealed_digest"):
        return None
    one, two = _digest(before, attribute), _digest(after, attribute)
    return None if one == two else (steps[1][1][0], one, two)


def _digest(value: Any, attribute: str | None) -> str | None:
    if isinstance(value, dict):
        value = value.get("digest") or value.get("sealed_digest") if attribute is None else None
    return str(value) if value else None
