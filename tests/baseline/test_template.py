"""Templates of standard changes: what they accept, and that values stay where they were put."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline import paths
from driftline_baseline import template
from driftline_baseline.errors import DocumentError

TEXT = """\
title: "{package} {version} on {cis}"
parameters: {package: '.+', version: '.+'}
selector: {ci: web1}
expect:
  - software.packages[dpkg/{package}/amd64].version at_least {version}
  - os.sysctls[vm.swappiness].value one_of 10, 20
"""
VALUES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


@given(VALUES, VALUES)
def test_a_value_stays_in_its_place(package: str, version: str) -> None:
    filled = template.parse(TEXT).fill({"package": package, "version": version}, "web1")
    first, second = filled.predictions
    assert (first.kind, first.operand) == ("at_least", version)
    assert [keys for name, keys in paths.steps(first.path) if name == "packages"] == [("dpkg", package, "amd64")]
    assert first.path.endswith("/amd64].version")
    assert second.operand == ("10", "20")
    assert filled.title == f"{package} {version} on web1"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("title: x", "t.yaml:1:1: template: has no expect"),
        ("title: x\nexpect: []", "t.yaml:2:9: expect: is empty"),
        ("title: '{y}'\nexpect: [a b]", 't.yaml:1:8: title: "{y}" is not under parameters'),
        ("title: x\nexpect: [nothing is here]", 't.yaml:2:10: expect[0]: "nothing" names no single kind of fact'),
        ("title: x\nexpect: [os.sysctls]", 't.yaml:2:10: expect[0]: "os.sysctls" is not PATH is|one_of'),
        ("title: x\nparameters: {cis: a}\nexpect: [x]", "t.yaml:2:19: parameters.cis: cannot name a parameter"),
        ("title: x\nparameters: {a: '('}\nexpect: [x]", "t.yaml:2:17: parameters.a: is not a regular expression"),
        ("title: x\nselector: {colour: red}\nexpect: [x]", 't.yaml:2:12: selector: "colour" is not known here'),
    ],
)
def test_errors_name_the_place_and_the_mend(text: str, error: str) -> None:
    with pytest.raises(DocumentError) as caught:
        template.parse(text, "t.yaml")
    assert error in str(caught.value)
