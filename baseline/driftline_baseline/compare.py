"""Actual against expected, element by element."""

from collections.abc import Iterator
from dataclasses import dataclass

from driftline.sealed import incomparable
from driftline_baseline.expected import Expected
from driftline_baseline.values import Attributes, encode


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute or element that is not as expected; values as canonical JSON, None means absent."""

    path: str
    #: changed, missing, unexpected.
    kind: str
    expected: str | None
    actual: str | None
    severity: str
    #: Who expects otherwise: "golden v2", "RFC 7".
    origin: str
    layer_id: int | None = None


def compare(expected: Expected, path: str, actual: Attributes | None) -> Iterator[Difference]:
    """Yield how one element differs from what is expected of it.

    :param path: the element's path.
    :param actual: its attributes; None where its source was read and does not have it.
    """
    rules = expected.rules(path)
    want = expected.at(path)
    if None in rules:
        layer, rule = rules[None]
        if rule.predicate and not rule.predicate.holds(path, actual):
            kind = "missing" if actual is None else "unexpected"
            wanted = encode(want.attributes) if kind == "missing" else None
            yield Difference(path, kind, wanted, encode(actual), rule.severity, layer.title, layer.id)
            return
    for name, (layer, rule) in rules.items():
        value = actual.get(name) if actual is not None and name is not None else None
        where = f"{path}.{name}"
        if value is not None and rule.predicate and not rule.predicate.holds(where, value):
            wanted = encode(rule.predicate.show())
            yield Difference(where, "changed", wanted, encode(value), rule.severity, layer.title, layer.id)
    if not want.watched or (want.only is not None and (want.attributes is None or actual is None)):
        return
    if want.attributes is None or actual is None:
        if actual is not None and None not in rules:
            yield Difference(path, "unexpected", None, encode(actual), want.severity, want.origin, want.layer_id)
        elif actual is None and want.attributes is not None and None not in rules:
            wanted = encode(want.attributes)
            yield Difference(path, "missing", wanted, None, want.severity, want.origin, want.layer_id)
        return
    for name in sorted(want.attributes.keys() | actual.keys()):
        before, after = want.attributes.get(name), actual.get(name)
        where = f"{path}.{name}"
        if want.only is not None and name not in want.only:
            continue
        if before == after or name in rules or incomparable(before, after) or expected.ignored_at(want, where):
            continue
        yield Difference(where, "changed", encode(before), encode(after), want.severity, want.origin, want.layer_id)
