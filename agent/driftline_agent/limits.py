"""What the collector refuses, taken out before it is sent: one wild element must not cost its whole report.

Source: cmdb/driftline_cmdb/sections.py, whose bounds these are (a test compares them).
"""

from collections.abc import Sequence

from google.protobuf.message import Message

from driftline import paths, schema
from driftline.v1.facts_pb2 import Facts

MAX_ELEMENTS = 50_000
MAX_PATH = 1_024
MAX_ELEMENT_CONTENT = 64 * 1024
MAX_UNREADABLE = 100
#: A value of one field that is kept where its element is too large.
_MAX_VALUE = 4_096


def keep_within(facts: Facts, unreadable: dict[str, str]) -> None:
    """Take out elements that cannot be sent, and name their lists as unreadable: they are there.

    :param unreadable: attribute path to reason.
    """
    left = _prune(schema.FACTS, facts, "", unreadable, MAX_ELEMENTS)
    if left < 0:
        unreadable.setdefault("*", f"more than {MAX_ELEMENTS} elements")


def shorten(unreadable: dict[str, str], fills: tuple[str, ...]) -> dict[str, str]:
    """Return what could not be read, as far as it can be sent; where that is not all, whole lists stand for it."""
    fitting = {path: reason for path, reason in unreadable.items() if len(path) <= MAX_PATH and "\0" not in path}
    if len(fitting) == len(unreadable) <= MAX_UNREADABLE:
        return unreadable
    reason = next(iter(unreadable.values()))
    return {fill: f"{reason}; and {len(unreadable) - 1} more" for fill in fills}


def _prune(plan: schema.Plan, message: Message, path: str, unreadable: dict[str, str], left: int) -> int:
    _trim(plan, message, path, unreadable)
    for field in plan.fields:
        below = field.message
        if below is None:
            continue
        child_path = f"{path}.{field.name}" if path else field.name
        if not field.repeated:
            if message.HasField(field.name):
                left = _prune(below, getattr(message, field.name), child_path, unreadable, left - 1)
            continue
        children, seen = getattr(message, field.name), set[tuple[object, ...]]()
        if not children:
            continue
        if not below.children and left >= len(children) and _are_fine(below, children, child_path):
            left -= len(children)
            continue
        bad: list[int] = []
        for index, child in enumerate(children):
            keys = tuple(getattr(child, key) for key in below.keys)
            element = f"{child_path}[{'/'.join(paths.escape_key(str(key)) for key in keys)}]"
            if keys in seen or not any(map(str, keys)) or len(element) > MAX_PATH or "\0" in element:
                bad.append(index)
                continue
            seen.add(keys)
            if left <= 0:
                bad.append(index)
                continue
            left -= 1
            if below.children:
                left = _prune(below, child, element, unreadable, left)
            else:
                _trim(below, child, element, unreadable)
        for index in reversed(bad):
            del children[index]
        if bad:
            reason = f"{len(bad)} elements whose names or sizes cannot be reported, or that stand twice"
            unreadable.setdefault(f"{field.path}[*]" if "[" not in child_path else field.path, reason)
    return left


def _are_fine(plan: schema.Plan, children: Sequence[Message], path: str) -> bool:
    """Tell at a glance that nothing is wrong with elements that have no others below; in doubt, false."""
    rows: list[tuple[object, ...]] = [tuple([getattr(child, key) for key in plan.keys]) for child in children]
    if len(set(rows)) < len(rows):
        return False
    for row in rows:
        text = "".join(map(str, row))
        # Each character may be escaped, keys are parted by one more, and the brackets are two.
        if not text or "\0" in text or 2 * len(text) + len(row) + len(path) + 2 > MAX_PATH:
            return False
    return max([child.ByteSize() for child in children]) <= MAX_ELEMENT_CONTENT


def _trim(plan: schema.Plan, message: Message, path: str, unreadable: dict[str, str]) -> None:
    """Clear the long values of an element that is too large."""
    if message.ByteSize() <= MAX_ELEMENT_CONTENT:
        return
    for field in plan.fields:
        if field.message is None and not field.key:
            value = getattr(message, field.name)
            size = sum(len(item) for item in value) if field.repeated and field.type == "string" else 0
            size = len(value) if isinstance(value, str) else size
            if size > _MAX_VALUE:
                message.ClearField(field.name)
                unreadable.setdefault(f"{path}.{field.name}", f"a value of {size} characters cannot be reported")
