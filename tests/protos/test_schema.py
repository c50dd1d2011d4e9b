"""The fact schema keeps its own rules, and says what everything means."""

import re
from pathlib import Path

import driftline.v1
from driftline import schema

PROTOS = sorted(Path(driftline.v1.__file__).parent.glob("*.proto"))


def test_every_path_is_found_by_name() -> None:
    assert set(schema._by_path()) == {field.path for field in schema.walk()}
    for field in schema.walk():
        assert schema.field_at(field.path) == field
    assert schema.field_at("no.such.field") is None


def test_nothing_is_telemetry_and_everything_has_a_nature() -> None:
    natures = {field.nature for field in schema.walk()}
    assert natures == {schema.CONFIGURATION, schema.IDENTITY, schema.STATE}


def test_what_stands_below_state_is_state() -> None:
    for field in schema.walk():
        if field.message and field.nature == schema.STATE:
            assert {below.nature for below in schema.walk(field.message)} == {schema.STATE}


def test_numbers_that_measure_have_a_unit() -> None:
    named = re.compile(r"size|memory|swap|installed|usable|frequency|speed|mtu|_at$")
    for field in schema.walk():
        if field.type in ("int32", "int64", "double") and named.search(field.name):
            assert field.unit, field.path


def test_every_message_of_the_facts_is_documented() -> None:
    sections = {field.message.descriptor.file.name for field in schema.FACTS.fields if field.message}
    assert len(sections) == len(schema.FACTS.fields)
    for proto in (proto for proto in PROTOS if f"driftline/v1/{proto.name}" in sections):
        lines = proto.read_text().splitlines()
        for number, line in enumerate(lines):
            if line.startswith("message "):
                assert lines[number - 1].startswith("//"), f"{proto.name}: {line}"
