"""Random facts from the schema itself, so that a new field is tested the day it is added."""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from driftline import paths, schema
from driftline.schema import Field, Plan
from driftline.v1.facts_pb2 import Facts

#: Short, and rich in what paths and patterns must escape.
TEXTS = st.text(alphabet=st.sampled_from("ab/]\\[.*? \n'é0"), max_size=4) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=6
)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3),
    "bool": st.booleans(),
    "double": st.floats(allow_nan=False),
}
Wanted = Callable[[Field], bool]


def facts(wanted: Wanted = lambda _: True) -> st.SearchStrategy[Facts]:
    """Any facts that keep the schema's rules.

    :param wanted: tells whether a field that is no key may be set.
    """
    return _message(schema.FACTS, wanted).map(lambda message: message)  # type: ignore[return-value]  # of that plan


@st.composite
def _message(draw: st.DrawFn, plan: Plan, wanted: Wanted) -> Message:
    message = GetMessageClass(plan.descriptor)()
    choosable = [field for field in plan.fields if not field.key and (field.message or wanted(field))]
    chosen = draw(st.sets(st.sampled_from(choosable))) if choosable else set()
    for field in plan.fields:
        if field not in chosen and not field.key:
            continue
        if field.message is None:
            if field.repeated:
                getattr(message, field.name).extend(draw(st.lists(_VALUES[field.type], max_size=4)))
            else:
                setattr(message, field.name, draw(_VALUES[field.type]))
        elif field.repeated:
            elements = draw(st.lists(_message(field.message, wanted), max_size=3))
            for element in {key_of(field.message, element): element for element in elements}.values():
                if any(key_of(field.message, element)):
                    getattr(message, field.name).add().CopyFrom(element)
        else:
            getattr(message, field.name).CopyFrom(draw(_message(field.message, wanted)))
    return message


def key_of(plan: Plan, message: Message) -> tuple[str, ...]:
    """Return an element's keys as text."""
    values = [getattr(message, name) for name in plan.keys]
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values)


@st.composite
def reordered(draw: st.DrawFn, original: Facts) -> Facts:
    """The same facts with every list that is a set in another order, some of its values said twice."""
    copy = Facts()
    copy.CopyFrom(original)
    _reorder(schema.FACTS, copy, draw)
    return copy


def _reorder(plan: Plan, message: Message, draw: st.DrawFn) -> None:
    for descriptor, value in message.ListFields():
        field = plan.by_name[descriptor.name]
        if field.message is None:
            if field.repeated and not field.ordered:
                values = draw(st.permutations(list(value)))
                message.ClearField(field.name)
                getattr(message, field.name).extend([*values, *values[:1]])
        else:
            children = list(value) if field.repeated else [value]
            for child in children:
                _reorder(field.message, child, draw)
            if field.repeated:
                copies = [
                    type(child).FromString(child.SerializeToString()) for child in draw(st.permutations(children))
                ]
                message.ClearField(field.name)
                getattr(message, field.name).extend(copies)


def rebuild(flat: dict[str, schema.Value]) -> Facts:
    """Return facts from their flat paths: the inverse of flatten, up to what facts do not mean.

    That is: order of sets and of elements, doubles, and messages that hold nothing.
    """
    out = Facts()
    places: dict[str, Message] = {"": out}
    for path, value in sorted(flat.items()):
        message, plan, place = out, schema.FACTS, ""
        for name, keys in paths.steps(path):
            field = plan.by_name[name]
            if field.message is None:
                if field.repeated:
                    getattr(message, name).extend(value)
                else:
                    setattr(message, name, value)
                continue
            place = f"{place}.{name}[{keys!r}]"
            if place not in places:
                if keys is None:
                    places[place] = getattr(message, name)
                    places[place].SetInParent()
                else:
                    places[place] = getattr(message, name).add()
                    for key, text in zip(field.message.keys, keys, strict=True):
                        kind = field.message.by_name[key].type
                        converted = text if kind == "string" else text == "true" if kind == "bool" else int(text)
                        setattr(places[place], key, converted)
            message, plan = places[place], field.message
    return out


def normal(original: Facts) -> Facts:
    """Return facts in the form that `rebuild` gives: sets sorted, elements by key, nothing empty."""
    out = Facts()
    out.CopyFrom(original)
    _normalise(schema.FACTS, out)
    return out


def _normalise(plan: Plan, message: Message) -> None:
    for descriptor, value in message.ListFields():
        field = plan.by_name[descriptor.name]
        if field.message is None:
            if field.repeated and not field.ordered:
                values = sorted(set(value))
                message.ClearField(field.name)
                getattr(message, field.name).extend(values)
        elif field.repeated:
            below = field.message
            for child in value:
                _normalise(below, child)
            children = sorted(value, key=lambda child: key_of(below, child))
            copies = [type(child).FromString(child.SerializeToString()) for child in children]
            message.ClearField(field.name)
            getattr(message, field.name).extend(copies)
        else:
            _normalise(field.message, value)
            if not value.ListFields():
                message.ClearField(field.name)
