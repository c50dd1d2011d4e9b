"""The approval policy: the first rule that fits, the strictest over the CIs, and errors with their place."""

from dataclasses import astuple

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from driftline_baseline import policy
from driftline_baseline.errors import DocumentError
from driftline_baseline.lifecycle import KINDS
from driftline_baseline.policy import Need, Subject

LEVELS = st.sampled_from(["low", "high", "critical"])
PLACES = st.sampled_from(["test", "production"])
SUBJECTS = st.builds(
    Subject, st.just("normal"), st.sampled_from(policy.RISK_LEVELS), st.none() | LEVELS, st.none() | PLACES
)
RULES = st.fixed_dictionaries(
    {"approvers": st.sampled_from([1, 2])},
    optional={
        "assess": st.sampled_from(["optional", "required"]),
        "review": st.sampled_from(["automatic", "required"]),
        "close": st.sampled_from(["automatic", "manual"]),
    },
)
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.lists(st.sampled_from(KINDS), min_size=1),
        "risk": st.lists(st.sampled_from(policy.RISK_LEVELS), min_size=1),
        "criticality": LEVELS,
        "environment": PLACES,
    },
).filter(bool)


@st.composite
def policies(draw: st.DrawFn) -> policy.Policy:
    rules = [
        {"when": when, **rule}
        for when, rule in draw(st.lists(st.tuples(CONDITIONS, RULES)))
        if not (when.get("kind") == ["emergency"] and rule.get("review") == "automatic")
    ]
    return policy.parse(yaml.safe_dump({"rules": [*rules, draw(RULES)]}))


def rank(need: Need) -> tuple[int, bool, bool, bool]:
    return (need.approvers, need.assess, need.review, not need.closes)


@given(policies(), st.lists(SUBJECTS, min_size=1), SUBJECTS)
def test_another_ci_never_makes_it_easier(found: policy.Policy, subjects: list[Subject], other: Subject) -> None:
    few, more = found.need_of(subjects), found.need_of([*subjects, other])
    assert all(after >= before for before, after in zip(rank(few), rank(more), strict=True))


@given(policies(), st.lists(SUBJECTS, min_size=1))
def test_the_order_of_cis_never_counts(found: policy.Policy, subjects: list[Subject]) -> None:
    assert found.need_of(subjects) == found.need_of(reversed(subjects))


@given(policies(), SUBJECTS)
def test_the_first_rule_that_fits_counts(found: policy.Policy, subject: Subject) -> None:
    first = next(rule for rule in found.rules if rule.fits(subject))
    assert found.need_of([subject]) == first.need


@given(policies(), SUBJECTS)
def test_an_emergency_is_approved_afterwards_and_reviewed(found: policy.Policy, subject: Subject) -> None:
    need = found.need_of([Subject("emergency", *astuple(subject)[1:])])
    assert need.review and not need.closes and need.approve_within_ms is not None


def test_what_is_shipped() -> None:
    shipped = policy.parse(policy.DEFAULT)
    assert shipped.need_of([Subject("normal", "medium")]) == Need(1)
    assert shipped.need_of([Subject("normal", "high")]) == Need(2, True, None, True, False)
    critical = Subject("normal", "low", "critical", "production")
    assert shipped.need_of([Subject("normal", "low"), critical]) == Need(2, False, None, True, False)
    assert shipped.need_of([Subject("emergency", "high")]) == Need(1, False, 86_400_000, True, False)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "p.yaml: is empty"),
        ("rules: [", "p.yaml:1:9: not YAML"),
        ("rules: []", "p.yaml:1:8: rules: is empty"),
        ("rule: []", 'p.yaml:1:1: policy: "rule" is not known here; allowed are rules, external'),
        ("rules:\n  - assess: required", "p.yaml:2:5: rules[0]: has no approvers; write approvers: 1 or 2"),
        ("rules:\n  - approvers: true", "p.yaml:2:16: rules[0].approvers: True is not 1 or 2"),
        (
            "rules:\n  - approvers: 1\n    review: maybe",
            "p.yaml:3:13: rules[0].review: 'maybe' is not one of automatic",
        ),
        (
            "rules:\n  - when: {kind: urgent}\n    approvers: 1",
            'p.yaml:2:18: rules[0].when.kind: "urgent" is not one of',
        ),
        ("rules:\n  - when: {risk: high}\n    approvers: 1", "p.yaml:2:5: rules[0]: the last rule must fit everything"),
        ("rules:\n  - approvers: 1\n  - approvers: 2", "p.yaml:3:5: rules[1]: can never be reached"),
        ("rules:\n  - approvers: 1\n    approve_within: 1h", "p.yaml:3:21: rules[0].approve_within: only emergencies"),
        (
            "rules:\n  - when: {kind: emergency}\n    approvers: 1\n    approve_within: soon\n  - approvers: 1",
            "p.yaml:4:21: rules[0].approve_within: 'soon' is not a span of time",
        ),
        (
            "rules:\n  - when: {kind: emergency}\n    approvers: 1\n    review: automatic\n  - approvers: 1",
            "p.yaml:4:13: rules[0].review: an emergency is always reviewed",
        ),
    ],
)
def test_errors_name_the_place_and_the_mend(text: str, error: str) -> None:
    with pytest.raises(DocumentError) as caught:
        policy.parse(text, "p.yaml")
    assert error in str(caught.value)
