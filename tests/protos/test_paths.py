"""Paths and patterns."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.facts import TEXTS, facts

from driftline import paths
from driftline.facts import flatten
from driftline.v1.facts_pb2 import Facts

KEYS = st.lists(TEXTS, min_size=1, max_size=4).map(tuple)


@given(KEYS)
def test_keys_come_back(keys: tuple[str, ...]) -> None:
    inside = "/".join(map(paths.escape_key, keys))
    assert paths.split_keys(inside) == keys
    path = f"software.packages[{inside}].version"
    assert list(paths.steps(path)) == [("software", None), ("packages", keys), ("version", None)]
    assert paths.schema_path(path) == "software.packages.version"


@given(st.text(max_size=12))
@example("software.")
@example("software..packages")
@example("software.packages[a")
@example("a[b]c")
def test_any_text_is_a_path_or_an_error_that_names_it(text: str) -> None:
    try:
        found = list(paths.steps(text))
    except paths.PathError as error:
        assert "is not a path" in str(error)
    else:
        spelled = [name if keys is None else f"{name}[{'/'.join(map(paths.escape_key, keys))}]" for name, keys in found]
        assert [paths.split_keys(step) for step in spelled]
        assert list(paths.steps(".".join(spelled))) == found


def is_or_is_below(path: str, other: str) -> bool:
    return other == path or other.startswith((f"{path}.", f"{path}["))


@given(facts())
def test_a_quoted_path_matches_itself_and_what_is_below_only(given_facts: Facts) -> None:
    flat = list(flatten(given_facts))
    above = {path.rsplit(".", 1)[0] for path in flat if path.rsplit("]", 1)[-1].startswith(".")}
    for path in [*flat, *above]:
        pattern = paths.quote(path)
        for other in flat:
            assert paths.matches(pattern, other) == is_or_is_below(path, other), (pattern, other)


@given(TEXTS, TEXTS)
def test_a_quoted_key_matches_no_other_key(one: str, other: str) -> None:
    first, second = (f"os.sysctls[{paths.escape_key(key)}]" for key in (one, other))
    assert paths.matches(paths.quote(first), second) == (one == other)
    assert paths.matches(paths.quote(first), f"{second}.value") == (one == other)


@given(TEXTS)
def test_a_star_takes_any_key_and_stays_in_its_bracket(key: str) -> None:
    path = f"network.interfaces[{paths.escape_key(key)}]"
    assert paths.matches("network.interfaces[*]", path)
    assert paths.matches("network.interfaces[*].mtu", f"{path}.mtu")
    assert not paths.matches("network.interfaces[*].mtu", f"{path}.addresses[x].mtu")
    assert paths.matches("**", path)
    assert paths.matches("network.**.scope", f"{path}.addresses[x].scope")


CASES = [
    ("network.interfaces[veth*]", "network.interfaces[veth0].mtu", True),
    ("network.interfaces[veth*]", "network.interfaces[eth0].mtu", False),
    ("network.interfaces[veth?]", "network.interfaces[veth0]", True),
    ("network.interfaces[veth?]", "network.interfaces[veth10]", False),
    ("network.interfaces", "network.interfaces[eth0].mtu", True),
    ("network.inter", "network.interfaces[eth0].mtu", False),
    ("os.kernel", "os.kernel.release", True),
    ("os.kernel", "os.kernels", False),
    ("software.packages[dpkg/openssl*]", "software.packages[dpkg/openssl/amd64].version", True),
    ("software.packages[*/openssl/*].version", "software.packages[dpkg/openssl/amd64].version", True),
    ("software.packages[*/openssl/*].version", "software.packages[dpkg/openssl/amd64].held", False),
    (r"os.sysctls[a\*b]", "os.sysctls[a*b].value", True),
    (r"os.sysctls[a\*b]", "os.sysctls[axb].value", False),
    (r"os.sysctls[a\?b]", "os.sysctls[a?b]", True),
    (r"os.sysctls[a\]*]", r"os.sysctls[a\]bc]", True),
    ("os.sysctls[a.b]", "os.sysctls[a+b]", False),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), CASES)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert paths.matches(pattern, path) is expected
    assert paths.matches_any(["no.such.path", pattern], path) is expected


def plainly(pattern: str) -> re.Pattern[str]:
    """Return what the module's docstring says of patterns as the plainest regular expression; it may be very slow."""
    words = {"**": ".*", "*": r"(?:[^\]\\]|\\.)*", "?": r"(?:[^\]\\]|\\.)", "\\*": r"\*", "\\?": r"\?"}
    found = re.findall(r"\*\*|\*|\?|\\.|.", pattern, re.DOTALL)
    return re.compile("".join(words.get(word, re.escape(word)) for word in found) + r"(?:[.\[].*)?", re.DOTALL)


PIECES = st.lists(st.sampled_from(["a", "b", "[", "]", ".", r"\]", r"\/", r"\\", "/"]), max_size=12).map("".join)
WORDS = ["a", "b", "[", "]", ".", r"\]", r"\\", "/", "*", "*", "**", "?", r"\*", "\\"]
PATTERNS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map("".join)


@settings(max_examples=2000)
@given(PATTERNS, PIECES)
def test_patterns_match_what_the_plain_expression_matches(pattern: str, path: str) -> None:
    assert paths.matches(pattern, path) == (plainly(pattern).fullmatch(path) is not None)


@pytest.mark.parametrize("star", ["*", "**"])
def test_many_stars_do_not_take_for_ever(star: str) -> None:
    path = f"software.packages[dpkg/{'a' * 200}/amd64].version"
    assert not paths.matches("software.packages[" + f"{star}a" * 30 + f"{star}b]", path)
    assert paths.matches("software.packages[" + f"{star}a" * 30 + f"{star}64]", path)


def test_an_empty_pattern_is_refused() -> None:
    with pytest.raises(paths.PathError, match=r"\*\* matches everything"):
        paths.matches("", "os.kernel")
