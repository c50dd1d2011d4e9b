"""Classes and fields: documents with their errors, values, and tables as spreadsheets write them."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from driftline_baseline.catalog import jsonschema as documents
from driftline_baseline.catalog import sheet, values
from driftline_baseline.catalog.model import TYPES, CiField
from driftline_baseline.catalog.reading import SHIPPED, built_in, own, parse
from driftline_baseline.catalog.values import ValueRefused
from driftline_baseline.errors import DocumentError
from driftline_baseline.graph import KINDS

DOCS = Path(__file__).parents[2] / "docs"
VALIDATOR = jsonschema.Draft202012Validator(documents.schema())
GOOD = """\
classes:
  - {name: hypervisor, meaning: a machine that runs virtual machines, based_on: server}
  - {name: licence, meaning: a right to use software, based_on: agreement, relations: [depends on]}
fields:
  - {name: cost_centre, type: text, pattern: "[0-9]{4}", required: true, of: [server, network device]}
  - {name: tier, type: choice, choices: [gold, silver]}
  - {name: asset_tag, type: text, unique: true}
  - {name: cost, of: [server], type: money, unit: EUR, description: what it cost}
  - {name: vendor, type: reference, to: team}
"""


def test_built_in_classes() -> None:
    catalog = built_in()
    for name in ("server", "service", "agreement", "team", "site", "rack"):
        assert catalog.classes[name].meaning
    assert catalog.reports("server") and not catalog.reports("service")
    assert list(catalog.fields_of("agreement")) == ["supplier", "number", "begins", "ends", "cost"]
    assert all(one.built_in and one.description for one in catalog.fields)
    assert {kind for one in catalog.classes.values() for kind in one.relations} <= set(KINDS)


def test_own_classes_and_fields() -> None:
    catalog = parse(GOOD)
    assert catalog.is_a("hypervisor", "server") and catalog.reports("hypervisor")
    assert set(catalog.fields_of("hypervisor")) == {"cost_centre", "tier", "asset_tag", "cost", "vendor"}
    assert "supplier" in catalog.fields_of("licence") and "cost_centre" not in catalog.fields_of("licence")
    classes, fields = own(catalog)
    assert list(classes) == ["hypervisor", "licence"] and len(fields) == 5
    assert own(parse(SHIPPED)) == ({}, [])
    VALIDATOR.validate(yaml.safe_load(GOOD))
    VALIDATOR.validate(yaml.safe_load(SHIPPED))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; a catalog has classes and fields"),
        ("classes: {}", "catalog.yaml:1:10: classes: must be a list"),
        ("things: []", '"things" is not known here'),
        ("classes: [{name: x, meaning: y}]", "has no based_on"),
        ("classes: [{name: server, meaning: y, based_on: server}]", '"server" is built in'),
        ("classes: [{name: X!, meaning: y, based_on: server}]", "cannot name a class"),
        ("classes: [{name: x, meaning: y, based_on: car}]", "'car' is not one of server"),
        ("classes: [{name: x, meaning: y, based_on: server, relations: [owns]}]", '"owns" is not one of runs on'),
        ("fields: [{name: x}]", "has no type"),
        ("fields: [{name: Cost Centre, type: text}]", "cannot name a field"),
        ("fields:\n  - {name: x, type: text, secret: true}", "catalog.yaml:2:27: fields[0].secret: there are no"),
        ("fields: [{name: root_password, type: text}]", "sounds like a secret"),
        ("fields: [{name: x, type: password}]", "there are no secrets in the CMDB"),
        ("fields: [{name: x, type: colour}]", "'colour' is not one of text"),
        ("fields: [{name: x, type: choice}]", "has no choices"),
        ("fields: [{name: x, type: date, pattern: a}]", "belongs to text or email or url, and this is date"),
        ('fields: [{name: x, type: text, pattern: "("}]', "is no regular expression"),
        ("fields: [{name: x, type: money, unit: euro}]", "is no currency"),
        ("fields: [{name: x, type: text, of: [car]}]", '"car" is no class'),
        ("fields: [{name: x, type: reference, to: car}]", "'car' is not one of server"),
        ("fields: [{name: cost, type: money}]", '"cost" is built in for agreement already'),
        ("fields: [{name: x, type: text}, {name: x, type: text}]", '"x" is declared for server'),
        ("fields: [{name: x, type: boolean, unique: true}]", "makes no sense of boolean"),
    ],
)  # fmt: skip
def test_documents_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(DocumentError) as error:
        parse(text)
    assert said in str(error.value)


def test_the_published_schema_is_the_schema() -> None:
    """To write it anew: driftline catalog schema > docs/catalog.schema.json."""
    assert (DOCS / "catalog.schema.json").read_text() == documents.text()
    jsonschema.Draft202012Validator.check_schema(json.loads(documents.text()))


@pytest.mark.parametrize("text", ["fields: [{name: x, type: date, choices: [a]}]", "classes: [{name: x, meaning: y}]"])
def test_the_schema_refuses_what_reading_refuses(text: str) -> None:
    assert list(VALIDATOR.iter_errors(yaml.safe_load(text)))


def test_the_docs_name_every_type_and_class() -> None:
    text = (DOCS / "catalog.md").read_text()
    for name in (*TYPES, *built_in().classes):
        assert f"| `{name}` |" in text, name
    example = text.split("```yaml\n")[1].split("```")[0]
    assert own(parse(example))[1]


def field(kind: str, **more: object) -> CiField:
    return CiField("x", kind, choices=("gold", "silver"), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "written", "kept"),
    [
        ("text", "  a b ", "a b"),
        ("number", "1.50", 1.5),
        ("number", "2.0", 2),
        ("integer", "-7", -7),
        ("date", "2026-11-24", "2026-11-24"),
        ("boolean", "Yes", True),
        ("boolean", False, False),
        ("money", "1200.5 EUR", "1200.50 EUR"),
        ("money", "-0.50 EUR", "-0.50 EUR"),
        ("money", "1200 USD", "1200 USD"),
        ("email", "dba@example.com", "dba@example.com"),
        ("url", "https://wiki.example.com/x?y=1", "https://wiki.example.com/x?y=1"),
        ("choice", "gold", "gold"),
    ],
)
def test_values(kind: str, written: object, kept: object) -> None:
    found = values.read(field(kind), written)
    assert found == kept and type(found) is type(kept)
    assert values.read(field(kind), values.text_of(found)) == found


@pytest.mark.parametrize(
    ("kind", "written", "said"),
    [
        ("text", "", "is empty"),
        ("text", "x" * 501, "longer than 500"),
        ("text", "a\x00b", "control characters"),
        ("text", ["a"], "no plain value"),
        ("number", "1,5", "write it as 1234.5"),
        ("number", "nan", "no number below"),
        ("number", "1e400", "no number below"),
        ("integer", "1.5", "no whole number"),
        ("date", "24.11.2026", "write it as 2026-11-24"),
        ("date", "2026-02-30", "write it as"),
        ("boolean", "maybe", "neither true nor false"),
        ("money", "12", "no amount and currency"),
        ("money", "1.200,50 EUR", "without separators"),
        ("email", "dba", "no mail address"),
        ("url", "ftp://x", "begins with https://"),
        ("url", "javascript:alert(1)", "begins with https://"),
        ("url", "https://me:secret@x", "no secrets"),
        ("choice", "bronze", "not one of gold, silver"),
    ],
)
def test_values_that_are_refused(kind: str, written: object, said: str) -> None:
    with pytest.raises(ValueRefused) as error:
        values.read(field(kind), written)
    assert said in str(error.value)


def test_a_pattern_matches_the_whole_text() -> None:
    four = field("text", pattern="[0-9]{4}")
    assert values.read(four, "4711") == "4711"
    with pytest.raises(ValueRefused, match="does not match"):
        values.read(four, "47110")


@pytest.mark.parametrize(
    "content",
    [
        b"name;owner\r\nweb1;dba\r\n",
        b"name,owner\nweb1,dba",
        b"Name\tOwner\nweb1\tdba\n",
        b"\xef\xbb\xbfname;owner;;\r\nweb1;dba;;\r\n;;;\r\n",
        b'sep=;\r\nname;owner\r\n"web1";"dba"\r\n',
        "name\towner\r\nweb1\tdba\r\n".encode("utf-16"),
    ],
)
def test_tables_of_spreadsheets(content: bytes) -> None:
    found = sheet.read(content)
    assert found.errors == ()
    assert found.columns == ("name", "owner")
    assert [row.cells for row in found.rows] == [{"name": "web1", "owner": "dba"}]
    assert (
        content.decode("utf-16" if content[:1] == b"\xff" else "utf-8")
        .splitlines()[found.rows[0].line - 1]
        .count("web1")
    )


def test_lines_are_counted_by_their_first() -> None:
    found = sheet.read(b'name,owner\nweb1,"a\nb"\n\nweb2,x\n')
    assert [(row.line, row.cells["owner"]) for row in found.rows] == [(2, "a\nb"), (5, "x")]


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b"", 1, "there is nothing in it"),
        (b"name,owner\n", 1, "has no row"),
        (b"name,owner\nweb1,J\xfcrgen\n", 2, "is not UTF-8"),
        (b"name,name\nweb1,a\n", 1, 'column "name" stands twice'),
        (b"name,owner\nweb1,a,b\n", 2, 'cell 3, "b", stands in no named column'),
        (b'name,owner\nweb1,"a"b\nweb2,c\n', 2, "cannot be read"),
        (b'name,owner\nweb1,"a\nweb2,c\n', 2, "cannot be read"),
    ],
)
def test_tables_that_are_refused(content: bytes, line: int, said: str) -> None:
    (error,) = sheet.read(content).errors
    assert error.line == line and said in error.message


def test_too_many_rows() -> None:
    (error,) = sheet.read(b"name\n" + b"x\n" * 11, most_rows=10).errors
    assert (error.line, error.message) == (12, "is more than 10 rows; import them in parts")


@given(st.text())
def test_what_is_guarded_against_formulas_comes_back(text: str) -> None:
    cell = sheet.guard(text)
    assert sheet.unguard(cell) == text
    assert not cell.startswith(sheet.FORMULA)
