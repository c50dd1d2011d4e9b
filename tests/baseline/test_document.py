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


HEAD = "name: web\nselector: {ci: web1}\nexpect:\n"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            "path: os.host.name\n  is: a\n  one_of: [b]",
            "web.yaml:4:3: expect[0]: must have exactly one of exactly, is,",
        ),
        (
            "path: os.hosts.name\n  is: a",
            'web.yaml:4:9: expect[0].path: "os.hosts.name" names no facts; is "os.host.name" meant?',
        ),
        ("path: os.release.name]\n  is: a", "has a bracket that is not closed, or closed and not opened"),
        ('path: "*"\n  exactly: captured', '"*" names no facts; ** matches everything'),
        (
            "path: os.sysctls[net.ipv4.ip_forward].value\n  is: 0",
            'web.yaml:5:7: expect[0].is: 0 is no text, and the fact is: put it in quotes: "0"',
        ),
        (
            "path: hardware.memory.installed\n  at_least: lots",
            "web.yaml:5:13: expect[0].at_least: 'lots' is not a number",
        ),
        ("path: hardware.memory.installed\n  is: '5'", "'5' is no number, and the fact is; write one without quotes"),
        (
            "path: software.packages[dpkg/openssl/*].version\n  at_least: 3.10",
            "web.yaml:5:13: expect[0].at_least: 3.1 is a number to YAML, and 3.10 the same as 3.1; put it in quotes",
        ),
        (
            "path: software.packages[*/openssl/*].version\n  at_least: 3.0.14",
            "no version order is known here; at_least needs the manager: one of dpkg, rpm",
        ),
        (
            "path: os.kernel.release\n  at_least: '6.1'",
            '"os.kernel.release" is text without an order; at_least is said of',
        ),
        (
            "path: hardware.memory.installed\n  range: [2, 1]",
            "web.yaml:5:10: expect[0].range: 2 comes after 1; write the lowest first",
        ),
        (
            "path: hardware.memory.installed\n  range: [2]",
            "has 1 values; write the lowest and the highest: [low, high]",
        ),
        (
            "path: software.packages[dpkg/a/*].version\n  range: ['1', b c]",
            'web.yaml:5:16: expect[0].range[1]: "b c" is not a dpkg version',
        ),
        ("path: os.host.name\n  is: a\n  tolerance: 5", '"os.host.name" is text; a tolerance is for one number'),
        (
            "path: hardware.memory.installed\n  is: 5\n  tolerance: 5 percent",
            '"5 percent" is no tolerance; write a number',
        ),
        ("path: hardware.memory.installed\n  is: 5\n  tolerance: -1", "-1 is below zero; a tolerance is not"),
        (
            "path: hardware.memory.installed\n  at_least: 5\n  tolerance: 1",
            "web.yaml:6:14: expect[0].tolerance: tolerance stands beside is, not beside at_least",
        ),
        ("path: accounts.groups[a].members\n  is: [b]\n  ordered: true", "is a set: its order is not known"),
        ("path: os.host.name\n  is: a\n  unordered: true", '"os.host.name" is no list, so nothing in it has an order'),
        ("path: network.resolver.servers\n  is: a\n  ordered: true", "expect[0].is: must be a list of values"),
        (
            "path: os.host.name\n  is: a\n  for: 5m",
            "web.yaml:6:8: expect[0].for: belongs to state, which baselines do not watch",
        ),
        (
            "path: services.units[ssh.service].active_state\n  is: active",
            "is state, which changes by itself and has no history; baselines watch what someone configures",
        ),
        ("path: network.listening\n  exactly: captured", '"network.listening" is state'),
        ("path: network.listening[tcp/*/22]\n  absent: true", "is state"),
        ("path: os.host.name\n  exactly: captured", "is an attribute; exactly: captured is said of elements"),
        (
            "path: software.packages[dpkg/a/*].name\n  is: a",
            'is a key: write its value into the brackets of "software.packages[dpkg/a/*]"',
        ),
        (
            "path: hardware.memory.installed\n  matches: '5'",
            '"hardware.memory.installed" is a number; matches is said of text',
        ),
        ("path: hardware.memory.installed\n  contains: 5", "contains is said of a list or of text with lines"),
        ("path: os.host.name\n  one_of: []", "web.yaml:5:11: expect[0].one_of: is an empty list, which nothing fits"),
        ("path: os.**\n  is: a", "names no single kind of fact; wild cards stand in brackets only"),
        ("path: software.packages[dpkg/*/*]\n  present: true", "has wild cards; present: needs the one element"),
        ("path: os.host.name\n  matches: '['", "is not a regular expression"),
        ("path: os.host.name\n  is: 2026-11-24", "is not a plain value"),
        (
            "{path: os.sysctls[a].value, is: a}",
            "not YAML: expected ',' or '}', but got '['; put a path with brackets in quotes",
        ),
    ],
)
def test_refuses_a_rule_with_place_and_mend(rule: str, words: str) -> None:
    with pytest.raises(DocumentError) as refused:
        reading.parse(f"{HEAD}- {rule}\n", "web.yaml")
    assert words in str(refused.value), str(refused.value)
    assert str(refused.value).startswith("web.yaml:")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ("os.release.id: 1", "web.yaml:2:35: selector.facts.os.release.id: 1 is no text"),
        ("os.release: debian", 'web.yaml:2:20: selector.facts.os.release: "os.release" is an element'),
        ('"os.sysctls[*].value": a', "has wild cards; a selector names one attribute"),
        ("os.sysctls.value: a", "needs the key of one element in brackets"),
        ("os.host.booted_at: 1", "is state"),
        ("os.release.id: []", "is an empty list, which nothing fits; leave it out"),
        ("os.relase.id: debian", 'is "os.release.id" meant?'),
    ],
)
def test_refuses_a_fact_of_a_selector(facts: str, words: str) -> None:
    with pytest.raises(DocumentError) as refused:
        reading.parse(f"name: a\nselector: {{facts: {{{facts}}}}}\nexpect: []\n", "web.yaml")
    assert words in str(refused.value), str(refused.value)


def test_selects_by_services_and_facts() -> None:
    selector = reading.parse(
        "name: a\nselector: {services: [shop, mail], facts: {os.release.id: [debian, devuan]}}\nexpect: []\n"
    ).selector
    fields = {"services": ["mail", "web"]}
    assert selector.selects(fields, {}, {"os.release.id": "debian"})
    assert not selector.selects(fields, {}, {"os.release.id": "rhel"})
    assert not selector.selects(fields, {})
    assert not selector.selects({"services": ["web"]}, {}, {"os.release.id": "debian"})


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
