"""Reflection over the fact schema: what each message type's fields are, read from the options once and cached."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from driftline.v1 import facts_pb2, options_pb2
from driftline.v1.options_pb2 import Nature, Origin

CONFIGURATION = options_pb2.CONFIGURATION
IDENTITY = options_pb2.IDENTITY
STATE = options_pb2.STATE
TELEMETRY = options_pb2.TELEMETRY
REPORTED = options_pb2.REPORTED
RECORDED = options_pb2.RECORDED

#: Natures whose change is drift, and which stand in elements.
DRIFTING = frozenset({CONFIGURATION, IDENTITY})

#: A value as facts hold it. Lists are tuples: sorted and free of doubles unless the field is ordered.
Value = str | int | bool | float | tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message of the schema."""

    name: str
    #: Schema path, without keys: ``software.packages.version``.
    path: str
    nature: Nature.ValueType
    key: bool
    secret: bool
    unit: str
    repeated: bool
    ordered: bool
    #: Protobuf type in short: string, int32, int64, bool, double, or message.
    type: str
    #: REPORTED by a source, or RECORDED by driftline itself.
    origin: Origin.ValueType
    #: What stands below, for a field of message type.
    message: "Plan | None"


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What the reflection needs to know of one message type at one place of the schema, worked out once."""

    path: str
    descriptor: Descriptor
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field]
    #: Names of the key fields, in the order of the schema; empty for a message that is no list element.
    keys: tuple[str, ...]
    #: Fields of plain values that drift, key fields included.
    drifting: tuple[str, ...]
    #: Fields that an element's content does not hold: STATE and the messages below.
    not_in_element: tuple[str, ...]
    #: Fields that the state does not hold: all that is neither a key, nor STATE, nor has STATE below.
    not_in_state: tuple[str, ...]
    #: Lists of plain values that are sets.
    sets: tuple[str, ...]
    #: Fields of message type that have drifting fields below.
    children: tuple[Field, ...]
    #: True where this type or one below has STATE fields.
    has_state: bool
    #: True where this type or one below has secret fields.
    has_secret: bool
    #: Natures of this type's own plain values and of those below.
    natures: frozenset[Nature.ValueType]


_TYPES = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_MESSAGE: "message",
}


def _field(descriptor: FieldDescriptor, path: str, inherited: Nature.ValueType, written: Origin.ValueType) -> Field:
    said = (
        {option.name: value for option, value in descriptor.GetOptions().ListFields()} if descriptor.has_options else {}
    )
    name = f"{path}.{descriptor.name}" if path else descriptor.name
    if descriptor.type not in _TYPES:
        raise TypeError(f"{name}: the fact schema has no fields of this type")
    # Whatever stands below something that comes and goes by itself does so, too.
    nature = STATE if inherited == STATE else said.get("nature") or inherited
    origin = said.get("origin") or written
    if nature == TELEMETRY:
        raise TypeError(f"{name}: telemetry does not belong in facts")
    secret = said.get("secret", False)
    if secret and (descriptor.is_repeated or descriptor.type != FieldDescriptor.TYPE_STRING):
        raise TypeError(f"{name}: only a single string can be secret")
    message = None
    if descriptor.message_type is not None:
        message = _plan(descriptor.message_type, name, nature, origin)
        if descriptor.is_repeated and not message.keys:
            raise TypeError(f"{name}: a repeated message needs at least one key field")
    return Field(
        name=descriptor.name,
        path=name,
        nature=nature,
        key=said.get("key", False),
        secret=secret,
        unit=said.get("unit", ""),
        repeated=descriptor.is_repeated,
        ordered=said.get("ordered", False),
        type=_TYPES[descriptor.type],
        origin=origin,
        message=message,
    )


def _plan(descriptor: Descriptor, path: str, inherited: Nature.ValueType, written: Origin.ValueType = REPORTED) -> Plan:
    fields = tuple(_field(field, path, inherited, written) for field in descriptor.fields)
    plain = [field for field in fields if field.message is None]
    keys = tuple(field.name for field in plain if field.key)

    def keeps_state(field: Field) -> bool:
        return field.message.has_state if field.message else field.nature == STATE

    return Plan(
        path=path,
        descriptor=descriptor,
        fields=fields,
        by_name={field.name: field for field in fields},
        keys=keys,
        drifting=tuple(field.name for field in plain if field.nature in DRIFTING),
        not_in_element=tuple(field.name for field in fields if field.message or field.nature == STATE),
        not_in_state=tuple(field.name for field in fields if not field.key and not keeps_state(field)),
        sets=tuple(field.name for field in plain if field.repeated and not field.ordered),
        children=tuple(field for field in fields if field.message and field.message.natures & DRIFTING),
        has_state=any(keeps_state(field) for field in fields),
        has_secret=any(field.message.has_secret if field.message else field.secret for field in fields),
        natures=frozenset(field.nature for field in plain).union(*(f.message.natures for f in fields if f.message)),
    )


@cache
def plan_of(message_type: type[Message]) -> Plan:
    """Return the plan of a root message type, by default :class:`facts_pb2.Facts`.

    :raises TypeError: where the schema breaks its own rules; a defect of the schema, found by its tests.
    """
    return _plan(cast(Descriptor, message_type.DESCRIPTOR), "", CONFIGURATION)


FACTS = plan_of(facts_pb2.Facts)

#: Changes when the schema does: the same section's content may then hold facts that were not read out of it before.
FINGERPRINT = blake2b(
    b"".join(file.serialized_pb for file in (facts_pb2.DESCRIPTOR, *facts_pb2.DESCRIPTOR.dependencies)), digest_size=8
).hexdigest()


def walk(plan: Plan = FACTS) -> Iterator[Field]:
    """Yield every field of the schema, parents before what is below them."""
    for field in plan.fields:
        yield field
        if field.message:
            yield from walk(field.message)


#: Top-level sections that driftline itself writes.
RECORDED_SECTIONS = tuple(field.name for field in FACTS.fields if field.origin == RECORDED)


@cache
def _by_path() -> dict[str, Field]:
    return {field.path: field for field in walk()}


def field_at(path: str) -> Field | None:
    """Return the field at a schema path (no keys), or None where the schema has none."""
    return _by_path().get(path)
