"""Baseline documents: what is read, what is refused and in which words."""

import pytest

from driftline_baseline import capture, document, reading
from driftline_baseline.errors import DocumentError

GOOD = """\
name: web
rank: 10
selector:
  class: server
  environment: [production, staging]
  labels: {role: web}
expect:
  - path: os
    exactly: captured
  - path: software.packages[dpkg/openssl/*].version
    at_least: 3.0.14-1
    severity: critical
  - path: software.packages[dpkg/telnetd/*]
    absent: true
  - path: os.sysctls[net.ipv4.ip_forward].value
    one_of: ["0", "1"]
ignore:
  - network.interfaces[veth*]
"""


def test_reads_and_writes_the_same_document() -> None:
    read = reading.parse(GOOD)
    assert reading.parse(document.dump(read)) == read
    assert [item.severity for item in read.expect] == ["warning", "critical", "warning", "warning"]
    assert [item.path for item in read.expect if item.predicate is None] == ["os"]


def test_a_captured_draft_is_a_document() -> None:
    draft = capture.draft("golden", "an-uid")
    assert reading.parse(document.dump(draft)) == draft
    text = capture.draft_text("golden", "an-uid")
    assert reading.parse(text) == draft
    for pattern, reason in capture.MOVES_BY_ITSELF.items():
        assert any(pattern in line and line.endswith(f"# {reason}") for line in text.splitlines())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("rank: 10", "rank: high", "web.yaml:2:7: rank: 'high' is not a whole number"),
        ("rank: 10", "rang: 10", '"rang" is not known here; allowed are name, rank, selector, rest, expect, ignore'),
        ("3.0.14-1", "abc def", 'expect[1].at_least: "abc def" is not a dpkg version'),
        ("exactly: captured", "exactly: all", "write exactly: captured"),
        ("absent: true", "absent: false", "write absent: true"),
        ("absent: true", "is: x", "is an element; is needs one of its attributes"),
        ("severity: critical", "severity: bad", '"bad" is not one of info, warning, critical'),
        ("path: os\n", "path: oz\n", '"oz" names no facts'),
        ("one_of: [", "matches: [", "is not"),
        ("  labels: {role: web}\n", "  labels: {role: 1}\n", "is not a text; put it in quotes"),
        ("- path: os\n    exactly: captured", "- path: os", "must have exactly one of"),
        ("ignore:\n  - net", "ignore: net", "must be a list"),
        ("name: web", "name: [web", "not YAML"),
    ],
)
def test_refuses_with_place_and_mend(old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(DocumentError) as refused:
        reading.parse(GOOD.replace(old, new), "web.yaml")
    assert words in str(refused.value)
    assert str(refused.value).startswith("web.yaml:")


@pytest.mark.parametrize("missing", ["name", "selector", "expect"])
def test_says_what_is_missing(missing: str) -> None:
    lines = GOOD.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(missing))
    end = next((i for i in range(start + 1, len(lines)) if not lines[i].startswith(" ")), len(lines))
    with pytest.raises(DocumentError, match=f"has no {missing}"):
        reading.parse("\n".join(lines[:start] + lines[end:]))


def test_an_empty_selector_is_refused() -> None:
    with pytest.raises(DocumentError, match="selects nothing"):
        reading.parse("name: a\nselector: {}\nexpect: []\n")


def test_selector_needs_every_condition() -> None:
    selector = reading.parse(GOOD).selector
    fields = {"class": ("server",), "environment": ("staging",)}
    assert selector.selects(fields, {"role": "web", "more": "x"})
    assert not selector.selects(fields, {"role": "db"})
    assert not selector.selects({**fields, "environment": (None,)}, {"role": "web"})
    assert not selector.selects({"class": ("server",)}, {"role": "web"})
