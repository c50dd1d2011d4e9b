"""Releases: the tables of their steps, the acceptance criteria, and the gate's policy, all without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline_baseline import acceptance, gate, reading, release
from driftline_baseline.acceptance import Host
from driftline_baseline.document import Document
from driftline_baseline.errors import DocumentError, LifecycleError

NAMES = sorted({step.name for step in release.TABLE})
OPENSSL = "software.packages[dpkg/openssl/amd64]"


@given(st.lists(st.sampled_from(NAMES)))
def test_no_sequence_of_steps_leaves_the_table(names: list[str]) -> None:
    state, been = release.START, [release.START]
    for name in names:
        allowed = release.possible(state)
        try:
            step = release.check(state, name)
        except LifecycleError as error:
            assert name not in allowed
            assert f"is {state}" in str(error) and all(one in str(error) for one in allowed)
            continue
        assert name in allowed and state not in release.DONE
        state = step.leads_to(state)
        been.append(state)
    assert set(been) <= set(release.STATES)
    # What entered production was accepted before, and what was accepted was in test before
    if "in production" in been:
        assert been.index("accepted") < been.index("in production")
    if "accepted" in been:
        assert been.index("in test") < been.index("accepted")
    if "closed" in been:
        assert "accepted" in been


@given(st.lists(st.sampled_from(sorted({step.name for step in release.WAVES}))))
def test_a_wave_ends_once(names: list[str]) -> None:
    state = "planned"
    for name in names:
        try:
            after = release.check(state, name, release.WAVES).leads_to(state)
        except LifecycleError:
            continue
        assert state in ("planned", "started") and after in release.WAVE_STATES
        assert after != "done" or state == "started"
        state = after


@pytest.mark.parametrize(("table", "states"), [(release.TABLE, release.STATES), (release.WAVES, release.WAVE_STATES)])
def test_every_state_is_reachable_and_every_step_stands_once(
    table: tuple[release.Step, ...], states: tuple[str, ...]
) -> None:
    found = edge = {"planned"}
    while edge:
        edge = {
            release.check(state, name, table).leads_to(state)
            for state in edge
            for name in release.possible(state, table)
        } - found
        found |= edge
    assert found == set(states)
    assert len({step.name for step in table}) == len(table)


VERSIONS = ("3.0.2", "3.0.11", "3.0.14", "3.1")


@given(st.lists(st.tuples(st.sampled_from([None, *VERSIONS]), st.booleans()), max_size=6))
def test_a_rule_holds_where_every_host_does_and_one_is_spoken_of(hosts: list[tuple[str | None, bool]]) -> None:
    rules = reading.parse_expectations(f"- path: {OPENSSL}.version\n  at_least: 3.0.14\n")
    asked = [
        Host(f"h{number}", {} if version is None else {OPENSSL: {"version": version}}, heard)
        for number, (version, heard) in enumerate(hosts)
    ]
    (verdict,) = acceptance.evaluate(rules, asked)
    bad = {f"h{n}" for n, (version, heard) in enumerate(hosts) if not heard or version in ("3.0.2", "3.0.11")}
    speaks = sum(heard and version is not None for version, heard in hosts)
    assert {one.host for one in verdict.failing} == bad
    assert (verdict.hosts, verdict.applies) == (len(hosts), speaks)
    assert verdict.holds == (not bad and speaks > 0) == acceptance.passed([verdict])
    if speaks or bad:
        assert f"holds on {len(hosts) - len(bad)} of {len(hosts)}" in verdict.text()


def test_what_must_be_there_is_asked_of_every_host() -> None:
    rules = reading.parse_expectations(f"- {{path: '{OPENSSL}', present: true}}\n- {{path: '{OPENSSL}', absent: true}}")
    there, gone = acceptance.evaluate(rules, [Host("a", {OPENSSL: {"version": "1"}}), Host("b", {})])
    assert [one.host for one in there.failing] == ["b"] and [one.host for one in gone.failing] == ["a"]
    assert not acceptance.passed([])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "criteria: is empty; write rules as a baseline has them"),
        ("[]", "is an empty list; write at least one rule"),
        ("path: x", "must be a list"),
        (f"- {{path: '{OPENSSL}', exactly: captured}}", "criteria:1:3: [0]: exactly: needs a captured set"),
    ],
)
def test_criteria_that_are_none(text: str, words: str) -> None:
    with pytest.raises(DocumentError, match="criteria") as error:
        reading.parse_expectations(text)
    assert words in str(error.value)


def document(body: str) -> Document:
    return reading.parse(f"name: x\nselector: {{class: server}}\n{body}")


@pytest.mark.parametrize(
    ("body", "watches"),
    [
        ("expect: [{path: software.packages, exactly: captured}]", True),
        ("expect: [{path: 'software.packages[*]', exactly: captured}]", True),
        ("expect: [{path: software, exactly: captured}]", True),
        (f"expect: [{{path: '{OPENSSL}.version', is: '1'}}]", True),
        ("expect: []\nrest: captured", True),
        ("expect: []\nrest: captured\nignore: [software]", False),
        ("expect: [{path: 'os.sysctls[*]', exactly: captured}]", False),
        ("expect: []", False),
    ],
)
def test_a_baseline_of_the_software(body: str, watches: bool) -> None:
    assert gate.watches_software(document(body)) is watches


def test_the_shipped_policy() -> None:
    policy = gate.parse(gate.DEFAULT)
    assert [policy.is_production(name) for name in ("production", "prod", "test", None)] == [True, True, False, False]
    with pytest.raises(DocumentError, match="has no release"):
        gate.parse("environments: live\nbaseline: always\n")
