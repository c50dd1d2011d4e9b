"""The JSON Schema of documents: what editors accept is what `parse` accepts, as far as shape goes."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from tests.baseline.documents import DOCUMENTS
from tests.baseline.test_document import GOOD

from driftline_baseline import capture, reading
from driftline_baseline import jsonschema as documents
from driftline_baseline.document import Document, dump
from driftline_baseline.errors import DocumentError
from driftline_baseline.kinds import DECLARED, EXACTLY
from driftline_baseline.predict import KINDS

PUBLISHED = Path(__file__).parents[2] / "docs" / "baseline.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(documents.schema())


def test_the_published_file_is_the_schema() -> None:
    """To write it anew: driftline baseline schema > docs/baseline.schema.json."""
    assert PUBLISHED.read_text() == documents.text()
    jsonschema.Draft202012Validator.check_schema(json.loads(PUBLISHED.read_text()))


def test_every_kind_is_declared_once() -> None:
    assert [kind.name for kind in DECLARED] == list(KINDS)


@settings(deadline=None)
@given(DOCUMENTS)
def test_what_is_parsed_validates_and_stays_the_same(document: Document) -> None:
    text = dump(document)
    assert reading.parse(text) == document
    VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize("text", [GOOD, capture.draft_text("golden", "an-uid")])
def test_documents_that_people_write_validate(text: str) -> None:
    VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize("kind", [EXACTLY, *DECLARED], ids=lambda kind: kind.name)
def test_the_example_of_each_kind_is_right(kind: object) -> None:
    path = {"element": "software.packages[dpkg/a/amd64]", "attribute": "os.sysctls[a].value"}[kind.of]  # type: ignore[attr-defined]
    if kind.name in ("at_least", "at_most", "range"):  # type: ignore[attr-defined]
        path = "software.packages[dpkg/openssl/amd64].version"
    text = f'name: a\nselector: {{ci: b}}\nexpect:\n- path: "{path}"\n  {kind.example}\n'  # type: ignore[attr-defined]
    reading.parse(text)
    VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "name: a",
        "name: a\nselector: {}\nexpect: []",
        "name: a\nselector: {labels: {}}\nexpect: []",
        "name: a\nselector: {facts: {}}\nexpect: []",
        "name: a\nselector: {kind: b}\nexpect: []",
        "name: a\nselector: {ci: 1}\nexpect: []",
        "name: a\nselector: {ci: []}\nexpect: []",
        "name: a\nselector: {labels: {a: 1}}\nexpect: []",
        "name: ''\nselector: {ci: b}\nexpect: []",
        "name: 1\nselector: {ci: b}\nexpect: []",
        "name: a\nrank: high\nselector: {ci: b}\nexpect: []",
        "name: a\nrank: 1.5\nselector: {ci: b}\nexpect: []",
        "name: a\nrank: true\nselector: {ci: b}\nexpect: []",
        "name: a\nrest: kept\nselector: {ci: b}\nexpect: []",
        "name: a\nselector: {ci: b}\nexpect: {}",
        "name: a\nselector: {ci: b}\nexpect: []\nignore: os",
        "name: a\nselector: {ci: b}\nexpect: []\nignore: [oz]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os}]",
        "name: a\nselector: {ci: b}\nexpect: [{exactly: captured}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: oz, exactly: captured}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os, exactly: all}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os, exactly: captured, is: x}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os, exactly: captured, severity: bad}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os, absent: false}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os.host.name, one_of: x}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os.host.name, one_of: []}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os.host.name, matches: [x]}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os.host.name, matches: 1}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: hardware.memory.installed, range: [1]}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: hardware.memory.installed, range: 1}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: hardware.memory.installed, is: 1, tolerance: much}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: hardware.memory.installed, is: 1, tolerance: -1}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: hardware.memory.installed, at_least: 1, tolerance: 1}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os.host.name, is: {a: b}}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os.host.name, is: null}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os.host.name, is: a, for: 5m}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: network.resolver.servers, is: [a], unordered: false}]",
        "name: a\nselector: {ci: b}\nexpect: [{path: os.release.like, is: [a], ordered: true, unordered: true}]",
    ],
)
def test_what_is_refused_by_its_shape_does_not_validate(text: str) -> None:
    with pytest.raises(DocumentError):
        reading.parse(text)
    assert not VALIDATOR.is_valid(yaml.safe_load(text))


def test_the_guide_names_every_kind_and_its_example_is_a_document() -> None:
    guide = (PUBLISHED.parent / "baselines.md").read_text()
    for kind in (EXACTLY, *DECLARED):
        assert f"| `{kind.name}: " in guide, kind.name
        assert all(name in guide for name in kind.beside)
    example = guide.split("```yaml\n", 1)[1].split("```", 1)[0]
    assert len(reading.parse(example).expect) == 4
    VALIDATOR.validate(yaml.safe_load(example))
