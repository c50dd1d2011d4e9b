"""What must hold for any facts: identity of paths, order, natures, differences."""

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from tests.support.facts import facts, normal, rebuild, reordered

from driftline import facts as subject
from driftline import paths, schema
from driftline.facts import FactsError
from driftline.schema import DRIFTING, FACTS, STATE, Plan
from driftline.v1.facts_pb2 import Facts


@given(facts())
def test_flatten_is_injective(given_facts: Facts) -> None:
    assert normal(rebuild(subject.flatten(given_facts))) == normal(given_facts)


@given(facts(), facts())
def test_facts_are_equal_exactly_where_their_flat_forms_are(one: Facts, other: Facts) -> None:
    assert (subject.flatten(one) == subject.flatten(other)) == (normal(one) == normal(other))


@given(st.data())
def test_order_and_doubles_in_sets_never_matter(data: st.DataObject) -> None:
    one = data.draw(facts())
    other = data.draw(reordered(one))
    assert subject.flatten(other) == subject.flatten(one)
    assert subject.elements(other) == subject.elements(one)
    assert subject.flatten(subject.state(other)) == subject.flatten(subject.state(one))


@given(facts())
def test_elements_leave_their_facts_alone(given_facts: Facts) -> None:
    before = given_facts.SerializeToString(deterministic=True)
    subject.elements(given_facts)
    subject.flatten(given_facts)
    subject.state(given_facts)
    assert given_facts.SerializeToString(deterministic=True) == before


@given(facts())
def test_elements_say_what_the_drifting_flat_form_says(given_facts: Facts) -> None:
    flat = subject.flatten(given_facts, DRIFTING)
    from_elements: dict[str, schema.Value] = {}
    elements = subject.elements(given_facts)
    for path, element in elements.items():
        for name, value in subject.attributes(path, element.content).items():
            from_elements[f"{path}.{name}"] = value
    alone = {path for path, value in flat.items() if path in elements}
    assert all(flat[path] is True for path in alone)
    assert from_elements == {path: value for path, value in flat.items() if path not in alone}


def without(plan: Plan, message: Message, nature: schema.Nature.ValueType) -> None:
    for descriptor, value in message.ListFields():
        field = plan.by_name[descriptor.name]
        if field.message is None:
            if field.nature == nature and not field.key:
                message.ClearField(field.name)
        else:
            for child in value if field.repeated else [value]:
                without(field.message, child, nature)


@given(facts())
def test_state_never_appears_in_elements_nor_among_what_drifts(given_facts: Facts) -> None:
    stateless = Facts()
    stateless.CopyFrom(given_facts)
    without(FACTS, stateless, STATE)
    assert subject.elements(stateless) == subject.elements(given_facts)
    assert subject.flatten(stateless, DRIFTING) == subject.flatten(given_facts, DRIFTING)
    for path in subject.flatten(given_facts, DRIFTING):
        field = schema.field_at(paths.schema_path(path))
        assert field is not None and field.nature in DRIFTING


@given(facts())
def test_state_and_elements_hold_everything(given_facts: Facts) -> None:
    states = subject.flatten(given_facts, frozenset({STATE}))
    assert subject.flatten(subject.state(given_facts), frozenset({STATE})) == states
    drifting = subject.flatten(given_facts, DRIFTING)
    everything = subject.flatten(given_facts)
    assert {p: v for p, v in everything.items() if v is not True} == {
        p: v for p, v in (states | drifting).items() if v is not True
    }


@given(facts(), facts())
def test_a_difference_applied_gives_the_other(one: Facts, other: Facts) -> None:
    before, after = subject.flatten(one), subject.flatten(other)
    changed = dict(before)
    for difference in subject.diff(before, after):
        assert difference.before != difference.after
        assert changed.get(difference.path) == difference.before
        if difference.after is None:
            del changed[difference.path]
        else:
            changed[difference.path] = difference.after
    assert changed == after
    assert list(subject.diff(after, after)) == []


@given(facts(), facts())
def test_digests_are_equal_exactly_where_elements_are(one: Facts, other: Facts) -> None:
    left, right = subject.elements(one), subject.elements(other)
    for path in left.keys() & right.keys():
        same = subject.attributes(path, left[path].content) == subject.attributes(path, right[path].content)
        assert (left[path].digest == right[path].digest) == same
    for element in left.values():
        assert element.digest == subject.element_digest(element.path, element.content)


def one_value(field: schema.Field) -> object:
    value = {"string": "x", "bool": True, "double": 1.5}.get(field.type, 1)
    return [value] if field.repeated else value


def plain_fields() -> list[schema.Field]:
    return [field for field in schema.walk() if field.message is None]


@pytest.mark.parametrize("field", plain_fields(), ids=lambda field: field.path)
def test_every_field_is_reachable(field: schema.Field) -> None:
    message: Message = Facts()
    facts_ = message
    plan = FACTS
    for name in field.path.split(".")[:-1]:
        step = plan.by_name[name]
        assert step.message is not None
        if step.repeated:
            message = getattr(message, name).add()
            for key in step.message.keys:
                setattr(message, key, one_value(step.message.by_name[key]))
        else:
            message = getattr(message, name)
        plan = step.message
    value = one_value(field)
    if field.repeated:
        getattr(message, field.name).extend(value)
    else:
        setattr(message, field.name, value)
    assert isinstance(facts_, Facts)
    flat = subject.flatten(facts_)
    (path,) = flat
    drifting = subject.flatten(facts_, DRIFTING)
    if field.key:
        assert flat[path] is True
        assert paths.schema_path(path) == field.path.rsplit(".", 1)[0]
    else:
        assert paths.schema_path(path) == field.path
        assert flat[path] == (tuple(value) if isinstance(value, list) else value)
    if field.nature in DRIFTING:
        assert drifting == flat
        assert any(path.startswith(element) for element in subject.elements(facts_))
    else:
        assert path not in drifting
        assert subject.flatten(subject.state(facts_)) == flat


@pytest.mark.parametrize("split", [subject.elements, subject.flatten])
def test_an_element_may_not_stand_twice(split: object) -> None:
    doubled = Facts()
    for _ in range(2):
        doubled.software.packages.add(manager="dpkg", name="openssl", architecture="amd64")
    with pytest.raises(FactsError, match=r"software\.packages\[dpkg/openssl/amd64\]: stands twice"):
        split(doubled)  # type: ignore[operator]  # one of the two functions


@pytest.mark.parametrize("split", [subject.elements, subject.flatten])
def test_an_element_needs_a_key(split: object) -> None:
    nameless = Facts()
    nameless.network.interfaces.add(mtu=1500)
    with pytest.raises(FactsError, match=r"network\.interfaces: an element has no key; name must be set"):
        split(nameless)  # type: ignore[operator]  # one of the two functions


@given(st.binary(max_size=100))
def test_any_content_parses_or_says_why_not(content: bytes) -> None:
    try:
        parsed = subject.parse(content)
    except FactsError as error:
        assert "send it again" in str(error)
    else:
        assert isinstance(parsed, Facts)


@given(st.data())
def test_kept_attributes_fill_only_what_is_missing(data: st.DataObject) -> None:
    flags = {field.name for field in FACTS.by_name["accounts"].message.by_name["users"].message.fields}  # type: ignore[union-attr]
    names = data.draw(st.sets(st.sampled_from(sorted(flags - {"name"}))))
    now, before = Facts(), Facts()
    now.accounts.users.add(name="root", shell="/bin/sh")
    before.accounts.users.add(name="root", shell="/bin/bash", uid=0, password="sealed:00000000:1")
    path = "accounts.users[root]"
    old = subject.elements(before)[path]
    kept = subject.with_kept(path, subject.elements(now)[path].content, old.content, names)
    expected = {"shell": "/bin/sh"} | {
        name: value for name, value in subject.attributes(path, old.content).items() if name in names - {"shell"}
    }
    assert subject.attributes(path, kept.content) == expected
    assert kept.digest == subject.element_digest(path, kept.content)
