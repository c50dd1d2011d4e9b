"""Sections as they come off the wire: checked, parsed and split into elements before any transaction begins."""

from dataclasses import dataclass

import zstandard

from driftline import facts, paths, schema
from driftline.facts import Element
from driftline.v1 import collector_pb2
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb.errors import Invalid

#: Bounds on what one section may hold.
MAX_CONTENT = 4 * 1024 * 1024
MAX_ELEMENTS = 50_000
MAX_PATH = 1_024
MAX_ELEMENT_CONTENT = 64 * 1024
MAX_UNREADABLE = 100

_OUTCOMES = (collector_pb2.READ, collector_pb2.ABSENT, collector_pb2.UNREADABLE)


@dataclass(frozen=True, slots=True)
class PreparedSection:
    """A section that passed every check."""

    name: str
    #: READ, ABSENT or UNREADABLE.
    outcome: str
    reason: str
    digest: bytes
    #: By path.
    elements: dict[str, Element]
    #: STATE of the section: a serialized Facts, zstd.
    state: bytes
    unreadable: tuple[str, ...]
    revision: int
    #: Host times, ms, not yet corrected by skew.
    observed_ms: int
    previous_digest: bytes
    previous_observed_ms: int
    #: What the agent knows of inputs that changed since its last upgrade; None where it knows nothing.
    comparison: "Comparison | None" = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which elements' raw input changed since a reading by an earlier revision of the topic."""

    revision: int
    digest: bytes
    #: Digests of the elements' paths, :func:`driftline.facts.path_digest`.
    changed: frozenset[int]


def prepare_section(section: collector_pb2.Section, *, recorded: bool = False) -> PreparedSection:
    """Check a section and split it into elements.

    :param recorded: it comes from the record itself, not from a source.
    :raises Invalid: where it is malformed, truncated, too large, holds what only the record may say, or its digest is
        not its content's; the message names the section and the mend.
    """
    name = section.name
    if not name or len(name) > 64 or not name.replace("_", "").isalnum():
        raise Invalid(f'sections.name: "{name[:64]}" is not the name of a topic')
    if section.outcome not in _OUTCOMES:
        raise Invalid(f"{name}: outcome is not set; it must be READ, ABSENT or UNREADABLE")
    if len(section.content) > MAX_CONTENT:
        raise Invalid(f"{name}: content of {len(section.content)} bytes is over the limit of {MAX_CONTENT}")
    if section.observed_at_ms <= 0:
        raise Invalid(f"{name}: observed_at_ms is not set")
    if len(section.unreadable) > MAX_UNREADABLE:
        raise Invalid(f"{name}: {len(section.unreadable)} unreadable paths are over the limit of {MAX_UNREADABLE}")
    elements: dict[str, Element] = {}
    state = b""
    if section.outcome == collector_pb2.READ:
        parsed = _parsed(section)
        if not recorded:
            _refuse_recorded(name, parsed)
        elements = _elements(name, parsed)
        state = zstandard.compress(facts.state(parsed).SerializeToString(deterministic=True), 3)
    elif section.content:
        raise Invalid(f"{name}: content must be empty where the outcome is not READ")
    return PreparedSection(
        name=name,
        outcome=collector_pb2.Outcome.Name(section.outcome),
        reason=section.reason[:1000],
        digest=section.digest,
        elements=elements,
        state=state,
        unreadable=tuple(section.unreadable),
        revision=section.revision,
        observed_ms=section.observed_at_ms,
        previous_digest=section.previous_digest,
        previous_observed_ms=section.previous_observed_at_ms,
        comparison=_comparison(section),
    )


def _comparison(section: collector_pb2.Section) -> Comparison | None:
    if not section.HasField("comparison"):
        return None
    told = section.comparison
    if len(told.changed) > MAX_ELEMENTS:
        raise Invalid(f"{section.name}: comparison.changed: {len(told.changed)} are over the limit of {MAX_ELEMENTS}")
    return Comparison(told.revision, told.digest, frozenset(told.changed))


def _parsed(section: collector_pb2.Section) -> Facts:
    if facts.digest_of(section.content) != section.digest:
        raise Invalid(f"{section.name}: digest is not the digest of its content; read and send the section again")
    try:
        return facts.parse(section.content)
    except facts.FactsError as error:
        raise Invalid(f"{section.name}: {error}") from error


def _refuse_recorded(name: str, parsed: Facts) -> None:
    for field in schema.RECORDED_SECTIONS:
        if parsed.HasField(field):  # type: ignore[arg-type]  # the names come from this message's own descriptor
            raise Invalid(f"{name}: {field} is what driftline itself puts on record; no source may report it")


def _elements(name: str, parsed: Facts) -> dict[str, Element]:
    try:
        elements = facts.elements(parsed)
    except facts.FactsError as error:
        raise Invalid(f"{name}: {error}") from error
    if len(elements) > MAX_ELEMENTS:
        raise Invalid(f"{name}: {len(elements)} elements are over the limit of {MAX_ELEMENTS}")
    for path, element in elements.items():
        if len(path) > MAX_PATH:
            raise Invalid(f"{name}: the path {path[:80]}... is longer than {MAX_PATH} characters")
        if "\0" in path:
            raise Invalid(f"{name}: the path {path[:80]!r} has a NUL character, which no key may have")
        if len(element.content) > MAX_ELEMENT_CONTENT:
            raise Invalid(f"{name}: {path} holds more than {MAX_ELEMENT_CONTENT} bytes")
    return elements


def with_kept_values(section: PreparedSection, held: dict[str, bytes]) -> dict[str, Element]:
    """Return a section's elements, with the earlier value of each attribute that could not be read this time.

    :param held: content of the elements that the source held before, by path.
    """
    if not section.unreadable:
        return section.elements
    elements = dict(section.elements)
    for path, earlier in held.items():
        if paths.matches_any(section.unreadable, path) and path not in elements:
            elements[path] = Element(path, earlier, facts.element_digest(path, earlier))
            continue
        now = elements.get(path)
        if now is not None:
            before = facts.attributes(path, earlier)
            keep = [name for name in before if paths.matches_any(section.unreadable, f"{path}.{name}")]
            if keep:
                elements[path] = facts.with_kept(path, now.content, earlier, keep)
    return elements
