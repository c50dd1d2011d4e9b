"""The expected state of one CI: the baseline in force, and the deltas of authorised RFCs on top (design section 1)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from driftline import paths, schema
from driftline.schema import Value
from driftline_baseline.document import Document, Expectation, key_of
from driftline_baseline.layering import narrows
from driftline_baseline.values import Attributes


@dataclass(frozen=True, slots=True)
class Delta:
    """What an authorised RFC made of one path; None means absent."""

    path: str
    after: Value | Attributes | None
    authorised_ms: int
    #: The RFC it belongs to.
    rfc_number: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One baseline version in force on a CI, with the captured elements that it pins."""

    document: Document
    #: The pinned element's attributes at an element path; None where it pins none. Called for paths in its scope only.
    pinned: Callable[[str], Attributes | None]
    #: Names it in reasons: "golden v2".
    title: str
    id: int = 0
    #: It holds every change up to here: deltas authorised by then are folded in (design section 6, rule 4).
    as_of_ms: int = 0
    #: The element paths that it pins.
    pinned_paths: frozenset[str] = frozenset()
    #: When each rule was drafted, by its key; a rule that is not here is as old as the layer.
    rule_times: Mapping[str, int] = field(default_factory=dict)

    def as_of(self, item: Expectation) -> int:
        """Return up to which time deltas are folded into a rule."""
        return self.rule_times.get(key_of(item), self.as_of_ms) if self.rule_times else self.as_of_ms


@dataclass(frozen=True, slots=True)
class ElementExpectation:
    """What is expected at one element's path."""

    #: None: nothing says whether it should be there.
    watched: bool
    #: None: it should not be there.
    attributes: Attributes | None
    #: Who says so: the layer's title, or "RFC 7".
    origin: str
    severity: str = "warning"
    layer_id: int | None = None
    #: Only these attributes are watched; None: all of them.
    only: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected state of one CI.

    Layers stand lowest rank first; the highest that watches a path decides there (design section 6, rule 6).
    """

    layers: Sequence[Layer] = ()
    deltas: Sequence[Delta] = ()
    #: Deltas by the element path they belong to, in the order of their authorisation; filled from `deltas`.
    by_element: Mapping[str, Sequence[Delta]] = field(default_factory=dict)

    @classmethod
    def of(cls, layers: Iterable[Layer], deltas: Iterable[Delta]) -> "Expected":
        """Put the parts in order: layers by rank, deltas by time (per path the latest counts, rule 5)."""
        ordered = tuple(sorted(deltas, key=lambda delta: delta.authorised_ms))
        by_element: dict[str, list[Delta]] = {}
        for delta in ordered:
            by_element.setdefault(element_path(delta.path), []).append(delta)
        return cls(tuple(sorted(layers, key=lambda layer: layer.document.rank)), ordered, by_element)

    def ignored(self, path: str) -> bool:
        """Tell whether a path is ignored: a layer ignores it, and none that speaks of it does not.

        An ignore speaks of its own document only; what another layer expects there still counts.
        """
        ignoring = [layer.document.rules.ignores(path) for layer in self.layers]
        if not any(ignoring):
            return False
        return all(
            ignores or not _speaks(layer.document, path) for ignores, layer in zip(ignoring, self.layers, strict=True)
        )

    def ignored_at(self, want: ElementExpectation, path: str) -> bool:
        """Tell whether the layer that decides on an element ignores an attribute of it."""
        return any(layer.document.rules.ignores(path) for layer in self.layers if layer.id == want.layer_id)

    def rules(self, path: str) -> Mapping[str | None, tuple[Layer, Expectation]]:
        """Return the predicates on an element, by attribute name, None for the whole element.

        The highest layer's rule counts, and more than what lower layers captured; among equals the narrower one. A
        delta on the same place counts more than any rule that it came after.
        """
        found = self._all_rules(path)
        for delta in self.by_element.get(path, ()):
            name = None if delta.path == path else delta.path[len(path) + 1 :]
            for place in [place for place in found if name is None or place == name]:
                layer, item = found[place]
                if delta.authorised_ms > layer.as_of(item):
                    del found[place]
        return found

    def _all_rules(self, path: str) -> dict[str | None, tuple[Layer, Expectation]]:
        found: dict[str | None, tuple[Layer, Expectation]] = {}
        for layer in self.layers:
            rules = layer.document.rules
            if rules.ignores(path):
                continue
            if found and rules.exactly(path) is not None:
                # What a higher layer captured is narrower than a rule below it; of its own rank it is no layer above.
                found = {name: rule for name, rule in found.items() if not _above(layer, rule[0])}
            for item in rules.predicates(path):
                name = item.attribute
                if name is not None and rules.ignores(f"{path}.{name}"):
                    continue
                before = found.get(name)
                if before is None or _above(layer, before[0]) or before[0] is layer or narrows(before[1], item):
                    found[name] = (layer, item)
        return found

    def named_paths(self) -> set[str]:
        """Return the element paths of which something is expected whether or not they are there."""
        found = set(self.by_element)
        for layer in self.layers:
            found |= layer.pinned_paths
            found.update(
                item.path for item in layer.document.expect if item.predicate and item.predicate.kind == "present"
            )
        return found

    def at(self, path: str) -> ElementExpectation:
        """Return what is expected exactly at an element's path.

        Deltas count on what a layer watches; on anything else they are history (design section 6, rule 11).
        """
        result = ElementExpectation(False, None, "")
        as_of_ms = 0
        for layer in self.layers:
            item = layer.document.rules.exactly(path)
            if item is not None and not layer.document.rules.ignores(path):
                result = ElementExpectation(True, layer.pinned(path), layer.title, item.severity, layer.id)
                as_of_ms = layer.as_of_ms
        if not result.watched:
            for layer in self.layers:
                if layer.document.rest and not layer.document.rules.ignores(path):
                    result = ElementExpectation(True, layer.pinned(path), layer.title, layer_id=layer.id)
                    as_of_ms = layer.as_of_ms
        deltas = [delta for delta in self.by_element.get(path, ()) if delta.authorised_ms > as_of_ms]
        if deltas and not result.watched:
            rules = self._all_rules(path)
            deltas = [delta for delta in deltas if delta.path == path or delta.path[len(path) + 1 :] in rules]
            if deltas and rules:
                layer, item = next(iter(rules.values()))
                only = None if None in rules else frozenset(name for name in rules if name is not None)
                result = ElementExpectation(True, None, layer.title, item.severity, layer.id, only)
        if result.watched:
            for delta in deltas:
                result = _overlaid(result, path, delta)
        return result


def _overlaid(result: ElementExpectation, path: str, delta: Delta) -> ElementExpectation:
    attributes: Attributes | None
    if delta.path == path:
        if delta.after is not None and not isinstance(delta.after, Mapping):
            raise TypeError(f"{path}: the delta of an element must be its attributes or None")
        attributes = delta.after
    else:
        changed = dict(result.attributes or {})
        name = delta.path[len(path) + 1 :]
        if delta.after is None:
            changed.pop(name, None)
        elif isinstance(delta.after, Mapping):
            raise TypeError(f"{delta.path}: the delta of an attribute must be a plain value or None")
        else:
            changed[name] = delta.after
        attributes = changed
    origin = f"RFC {delta.rfc_number}"
    return replace(result, attributes=attributes, origin=origin)


def _above(upper: Layer, lower: Layer) -> bool:
    return upper.document.rank > lower.document.rank


def _speaks(document: Document, path: str) -> bool:
    """Tell whether a document expects something at an element's or attribute's path, whatever it ignores."""
    element = element_path(path)
    rules = document.rules
    if document.rest or rules.exactly(element) is not None:
        return True
    return any(element == path or rule.attribute == path[len(element) + 1 :] for rule in rules.predicates(element))


def element_path(path: str) -> str:
    """Return the element that a path belongs to: itself, or what stands before an attribute's name."""
    found = schema.field_at(paths.schema_path(path))
    if found is None or found.message is not None:
        return path
    return path[: path.rindex(".")]
