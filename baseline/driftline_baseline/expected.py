"""The expected state of one CI: the baseline in force, and the deltas of authorised RFCs on top (design section 1)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from driftline import paths, schema
from driftline.schema import Value
from driftline_baseline.document import Document, Expectation
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
        """Tell whether a layer ignores a path."""
        return any(paths.matches_any(layer.document.ignore, path) for layer in self.layers)

    def rules(self, path: str) -> Mapping[str | None, tuple[Layer, Expectation]]:
        """Return the predicates on an element, by attribute name, None for the whole element.

        The highest layer's rule counts; a delta on the same place counts more than any rule.
        """
        found = self._all_rules(path)
        for delta in self.by_element.get(path, ()):
            if delta.path == path:
                found.clear()
            else:
                found.pop(delta.path[len(path) + 1 :], None)
        return found

    def _all_rules(self, path: str) -> dict[str | None, tuple[Layer, Expectation]]:
        return {
            item.attribute: (layer, item)
            for layer in self.layers
            for item in layer.document.expect
            if item.predicate is not None and paths.matches(item.element, path)
        }

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
            for item in layer.document.expect:
                if item.predicate is None and paths.matches(item.path, path):
                    result = ElementExpectation(True, layer.pinned(path), layer.title, item.severity, layer.id)
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


def element_path(path: str) -> str:
    """Return the element that a path belongs to: itself, or what stands before an attribute's name."""
    found = schema.field_at(paths.schema_path(path))
    if found is None or found.message is not None:
        return path
    return path[: path.rindex(".")]
