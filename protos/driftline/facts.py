"""Facts as keyed elements, as attributes, and as state; all of it follows from the schema.

An *element* is one list element or one sub-message, without its STATE and without the messages below it, which are
elements of their own. Its content is the message in canonical form, its digest covers path and content, so that equal
elements of a thousand hosts are one.

Source: design section 3.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from driftline import paths, schema
from driftline.schema import FACTS, Field, Plan, Value
from driftline.v1.facts_pb2 import Facts
from driftline.v1.options_pb2 import Nature

#: Bytes of an element's and of a section's digest.
DIGEST_SIZE = 16

Natures = frozenset[Nature.ValueType]


class FactsError(ValueError):
    """Facts that break the schema's rules; the message names the path and the mend."""


class Element(NamedTuple):
    """One keyed element (a named tuple, because a thousand of them are made for each report)."""

    #: ``software.packages[dpkg/openssl/amd64]``, or ``os.kernel`` for a sub-message.
    path: str
    #: The message in canonical form: IDENTITY and CONFIGURATION fields only, sets sorted.
    content: bytes
    #: BLAKE2b-128 over path, NUL and content.
    digest: bytes


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute or element that differs; None means absent."""

    path: str
    before: Value | None
    after: Value | None


_SEPARATOR = b"\0"
#: Makes an element without the named tuple's own constructor, which takes as long again.
_new_element = tuple.__new__


def digest_of(content: bytes) -> bytes:
    """Return the digest of a section's content."""
    return blake2b(content, digest_size=DIGEST_SIZE).digest()


def element_digest(path: str, content: bytes) -> bytes:
    """Return the digest of an element."""
    return blake2b(path.encode() + b"\0" + content, digest_size=DIGEST_SIZE).digest()


def path_digest(path: str) -> int:
    """Return the 64-bit digest of an element's path that :class:`Comparison` names it by."""
    return int.from_bytes(blake2b(path.encode(), digest_size=8).digest(), "little")


def parse(content: bytes) -> Facts:
    """Parse a section's content.

    Fields that this version of the schema does not know are dropped.

    :raises FactsError: where it is no Facts message.
    """
    try:
        facts = Facts.FromString(content)
    except DecodeError as error:
        raise FactsError("content is not a Facts message: truncated or damaged, send it again") from error
    facts.DiscardUnknownFields()
    return facts


def _keyed(plan: Plan, message: Message, prefix: str) -> str:
    keys = plan.keys
    if len(keys) == 1:
        value = getattr(message, keys[0])
        inside = paths.escape_key(value if type(value) is str else _key_text(value))
    else:
        inside = "/".join(
            [paths.escape_key(v if type(v) is str else _key_text(v)) for v in [getattr(message, key) for key in keys]]
        )
    if not inside.strip("/"):
        raise FactsError(f"{prefix}: an element has no key; {' and '.join(keys)} must be set")
    return f"{prefix}[{inside}]"


def _key_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def elements(facts: Facts) -> dict[str, Element]:
    """Split facts into their keyed elements, by path.

    :raises FactsError: where an element stands twice or has no key.
    """
    scratch = Facts()
    scratch.CopyFrom(facts)
    out: dict[str, Element] = {}
    _split(FACTS, scratch, "", out)
    return out


def _split(plan: Plan, message: Message, path: str, out: dict[str, Element]) -> None:
    """Put a message's elements into `out`. Empties the message of what is not in its own element."""
    for field in plan.children:
        below = field.message
        assert below is not None  # noqa: S101
        child_path = f"{path}.{field.name}" if path else field.name
        if field.repeated:
            if below.children:
                for child in getattr(message, field.name):
                    _split(below, child, _keyed(below, child, child_path), out)
            else:
                for child in getattr(message, field.name):
                    _put(below, child, _keyed(below, child, child_path), out)
        elif message.HasField(field.name):
            _split(below, getattr(message, field.name), child_path, out)
    if plan.drifting:
        _put(plan, message, path, out)


def _put(plan: Plan, message: Message, path: str, out: dict[str, Element]) -> None:
    for name in plan.not_in_element:
        message.ClearField(name)
    for name in plan.sets:
        _sort_set(message, name)
    # Fields are written in the order of their numbers; only maps, which the schema has none of, would need more.
    content = message.SerializeToString()
    if content or plan.keys:
        if path in out:
            raise FactsError(f"{path}: stands twice; an element's keys must be unique")
        hashed = blake2b(path.encode(), digest_size=DIGEST_SIZE)
        hashed.update(_SEPARATOR + content)
        out[path] = _new_element(Element, (path, content, hashed.digest()))


def _sort_set(message: Message, name: str) -> None:
    values = getattr(message, name)
    if len(values) > 1:
        ordered = sorted(set(values))
        if ordered != list(values):
            message.ClearField(name)
            getattr(message, name).extend(ordered)


def state(facts: Facts) -> Facts:
    """Return only the keys and the STATE fields of facts; kinds of elements that have no state are left out."""
    out = Facts()
    out.CopyFrom(facts)
    _keep_state(FACTS, out)
    return out


def _keep_state(plan: Plan, message: Message) -> None:
    for name in plan.not_in_state:
        message.ClearField(name)
    for field in plan.fields:
        if field.message and field.message.has_state:
            if field.repeated:
                for child in getattr(message, field.name):
                    _keep_state(field.message, child)
            elif message.HasField(field.name):
                _keep_state(field.message, getattr(message, field.name))


def flatten(facts: Facts, natures: Natures | None = None) -> dict[str, Value]:
    """Return every attribute of facts by its path.

    Keys are in the path and not repeated as attributes. A list element with no further attribute stands as
    ``path: True``.

    :param natures: only these; all by default. :data:`schema.DRIFTING` gives what drift is computed on.
    :raises FactsError: where an element stands twice or has no key.
    """
    out: dict[str, Value] = {}
    _flatten(FACTS, facts, "", natures, out)
    return out


def _flatten(plan: Plan, message: Message, path: str, natures: Natures | None, out: dict[str, Value]) -> None:
    by_name = plan.by_name
    for descriptor, value in message.ListFields():
        field = by_name[descriptor.name]
        below = field.message
        name = f"{path}.{field.name}" if path else field.name
        if below is None:
            if not field.key and (natures is None or field.nature in natures):
                out[name] = canonical(field, value)
        elif natures is not None and not (below.natures & natures):
            continue
        elif field.repeated:
            seen: set[str] = set()
            for child in value:
                keyed = _keyed(below, child, name)
                if keyed in seen:
                    raise FactsError(f"{keyed}: stands twice; an element's keys must be unique")
                seen.add(keyed)
                size = len(out)
                _flatten(below, child, keyed, natures, out)
                if len(out) == size and (natures is None or field.nature in natures):
                    out[keyed] = True
        else:
            _flatten(below, value, name, natures, out)


def canonical(field: Field, value: Any) -> Value:
    """Return a field's value as facts compare it: lists as tuples, sets sorted and free of doubles."""
    if not field.repeated:
        return value  # type: ignore[no-any-return]  # plain protobuf values are Values
    return tuple(value) if field.ordered else tuple(sorted(set(value)))


def attributes(path: str, content: bytes) -> dict[str, Value]:
    """Return an element's attributes by field name, keys left out.

    :param path: the element's path.
    :param content: the element's content.
    :raises FactsError: where the schema has no such element, or the content is damaged.
    """
    below = plan_at(path)
    message = GetMessageClass(below.descriptor)()
    try:
        message.ParseFromString(content)
    except DecodeError as error:
        raise FactsError(f"{path}: the element's content is damaged") from error
    by_name = below.by_name
    return {
        descriptor.name: canonical(by_name[descriptor.name], value)
        for descriptor, value in message.ListFields()
        if not by_name[descriptor.name].key
    }


def element_of(path: str, attributes: Mapping[str, Value]) -> Element:
    """Return the element with these attributes at a path: what :func:`attributes` reads back.

    :raises FactsError: where the schema has no such element or attribute.
    """
    below = plan_at(path)
    message = GetMessageClass(below.descriptor)()
    keys = list(paths.steps(path))[-1][1] or ()
    given: dict[str, Any] = {
        name: _key_of(below.by_name[name], key) for name, key in zip(below.keys, keys, strict=True)
    }
    for name, value in (given | dict(attributes)).items():
        if name not in below.by_name:
            raise FactsError(f"{path}: the fact schema has no attribute {name}")
        if isinstance(value, tuple):
            getattr(message, name).extend(value)
        else:
            setattr(message, name, value)
    content = message.SerializeToString(deterministic=True)
    return Element(path, content, element_digest(path, content))


def _key_of(field: Field, text: str) -> str | int | bool:
    if field.type == "bool":
        return text == "true"
    return text if field.type == "string" else int(text)


def with_kept(path: str, content: bytes, earlier: bytes, names: Iterable[str]) -> Element:
    """Return the element with some attributes as they were earlier, because they could not be read this time.

    :param names: field names of the attributes to keep; those that `content` has itself are left alone.
    :raises FactsError: where the schema has no such element, or a content is damaged.
    """
    below = plan_at(path)
    kind = GetMessageClass(below.descriptor)
    try:
        now, before = kind.FromString(content), kind.FromString(earlier)
    except DecodeError as error:
        raise FactsError(f"{path}: the element's content is damaged") from error
    present = {descriptor.name for descriptor, _ in now.ListFields()}
    kept = kind()
    kept.CopyFrom(before)
    for descriptor, _ in before.ListFields():
        if descriptor.name not in names or descriptor.name in present:
            kept.ClearField(descriptor.name)
    now.MergeFrom(kept)
    merged = now.SerializeToString(deterministic=True)
    return Element(path, merged, element_digest(path, merged))


@lru_cache(maxsize=65536)
def plan_at(path: str) -> Plan:
    """Return the plan of the message that an element's path names.

    :raises FactsError: where the schema has no message there.
    """
    field = schema.field_at(paths.schema_path(path))
    if field is None or field.message is None:
        raise FactsError(f"{path}: the fact schema has no such element")
    return field.message


def diff(before: Mapping[str, Value], after: Mapping[str, Value]) -> Iterator[Difference]:
    """Yield what differs between two flat sets of facts, by path."""
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old != new:
            yield Difference(path, old, new)
