"""A higher rank may narrow a lower one; anything else is a conflict (rule 6)."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from driftline import paths
from driftline_baseline.document import Document, Expectation, Selector
from driftline_baseline.layering import Side, conflicts, implies, meet, narrows
from driftline_baseline.predict import Predicate

OPENSSL = "software.packages[dpkg/openssl/amd64].version"
MEMORY = "hardware.memory.installed"
MEMBERS = "accounts.groups[a].members"
SERVERS = "network.resolver.servers"

NUMBERS = st.integers(0, 8)
MEMBER_LISTS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)
ON_NUMBERS = st.one_of(
    st.builds(Predicate, st.sampled_from(["is", "at_least", "at_most"]), NUMBERS),
    st.builds(Predicate, st.just("one_of"), st.lists(NUMBERS, min_size=1, max_size=3).map(tuple)),
    st.builds(lambda low, more: Predicate("range", (low, low + more)), NUMBERS, NUMBERS),
    st.builds(Predicate, st.just("is"), NUMBERS, st.integers(0, 3)),
)
ON_VERSIONS = st.one_of(
    st.builds(Predicate, st.sampled_from(["is", "at_least", "at_most"]), NUMBERS.map(str)),
    st.builds(lambda low, more: Predicate("range", (str(low), str(low + more))), NUMBERS, NUMBERS),
    st.builds(Predicate, st.just("one_of"), st.lists(NUMBERS.map(str), min_size=1, max_size=3).map(tuple)),
    st.builds(Predicate, st.just("matches"), st.sampled_from(["[0-3]", "[0-9]+"])),
)
ON_LISTS = st.one_of(
    st.builds(Predicate, st.just("is"), MEMBER_LISTS, st.none(), st.sampled_from([None, False])),
    st.builds(Predicate, st.just("contains"), MEMBER_LISTS),
)
PLACES = {MEMORY: (ON_NUMBERS, NUMBERS), OPENSSL: (ON_VERSIONS, NUMBERS.map(str)), SERVERS: (ON_LISTS, MEMBER_LISTS)}
PLACES[MEMBERS] = (ON_LISTS, MEMBER_LISTS.map(lambda items: tuple(sorted(set(items)))))


@given(st.data(), st.sampled_from(sorted(PLACES)))
def test_what_narrows_allows_no_more(data: st.DataObject, path: str) -> None:
    rules, values = PLACES[path]
    lower, upper, value = data.draw(rules), data.draw(rules), data.draw(values)
    if implies(upper, lower, path) and upper.holds(path, value):
        assert lower.holds(path, value), f"{upper.show()} is no narrower than {lower.show()}: {value}"


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # two of three rules seldom narrow each other
@given(st.data(), st.sampled_from(sorted(PLACES)))
def test_narrowing_is_transitive(data: st.DataObject, path: str) -> None:
    rules, _ = PLACES[path]
    low, middle, high = (Expectation(path, data.draw(rules)) for _ in range(3))
    assume(narrows(low, middle) and narrows(middle, high))
    assert narrows(low, high)


@given(st.data(), st.sampled_from(sorted(PLACES)))
def test_everything_narrows_itself(data: st.DataObject, path: str) -> None:
    rule = Expectation(path, data.draw(PLACES[path][0]))
    assert narrows(rule, rule)


@pytest.mark.parametrize(
    ("lower", "upper", "path", "good"),
    [
        (Predicate("at_least", "3.0.12"), Predicate("at_least", "3.0.14"), OPENSSL, True),
        (Predicate("at_least", "3.0.14"), Predicate("at_least", "3.0.12"), OPENSSL, False),
        (Predicate("at_least", "3.0.9"), Predicate("is", "3.0.14"), OPENSSL, True),
        (Predicate("range", ("1", "3")), Predicate("at_least", "2"), OPENSSL, False),
        (Predicate("range", ("1", "3")), Predicate("range", ("2", "3")), OPENSSL, True),
        (Predicate("one_of", ("a", "b")), Predicate("is", "a"), "os.host.name", True),
        (Predicate("matches", "a.*"), Predicate("one_of", ("ab", "b")), "os.host.name", False),
        (Predicate("is", 100, tolerance="10 %"), Predicate("range", (95, 105)), MEMORY, True),
        (Predicate("is", 100), Predicate("is", 100, tolerance=1), MEMORY, False),
        (Predicate("contains", ("a",)), Predicate("is", ("b", "a")), MEMBERS, True),
        (Predicate("is", ("a", "b"), ordered=True), Predicate("is", ("a", "b"), ordered=False), SERVERS, False),
        (Predicate("present"), Predicate("absent"), "software.packages[dpkg/a/x]", False),
        (Predicate("at_least", "1"), Predicate("matches", ".*"), OPENSSL, False),
    ],
)
def test_narrower_or_not(lower: Predicate, upper: Predicate, path: str, good: bool) -> None:
    assert narrows(Expectation(path, lower), Expectation(path, upper)) is good


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("a[x]", "a[x]", True),
        ("a[x]", "a[y]", False),
        ("a[x*]", "a[xyz]", True),
        ("a[x*]", "a[*z]", True),
        ("a[x*]", "a[y*]", False),
        ("a[?]", "a[xy]", False),
        ("a[??]", "a[x*]", True),
        ("a[*].b", "a[x].b", True),
        ("a[*].b", "a[x].b[y]", False),
        ("a[x\\]*]", "a[x\\]y]", True),
        ("a[*]", "a[x].b[y]", False),
        ("a[**", "a[x].b[y]", True),
        ("**", "a[x].b[y]", True),
        ("a[\\*]", "a[x]", False),
        ("a[\\*]", "a[*]", True),
    ],
)
def test_patterns_meet(one: str, other: str, both: bool) -> None:
    assert meet(one, other) is both and meet(other, one) is both


KEYS = st.text(st.sampled_from("ab*?.\\"), min_size=1, max_size=4)


@given(KEYS, KEYS, st.text(st.sampled_from("ab./]"), min_size=1, max_size=4))
def test_patterns_that_match_one_path_meet(one: str, other: str, key: str) -> None:
    path = f"os.sysctls[{paths.escape_key(key)}]"
    left, right = (f"os.sysctls[{text}]" for text in (one, other))
    if paths.compile_pattern(left).fullmatch(path) and paths.compile_pattern(right).fullmatch(path):
        assert meet(left, right)


def side(title: str, rank: int, *rules: Expectation, pinned: object = None, **more: object) -> Side:
    document = Document(title, Selector({"ci": ("x",)}), rules, rank=rank, **more)  # type: ignore[arg-type]  # ignore, rest
    return Side(title, document, pinned or {})  # type: ignore[arg-type]  # attributes by path


ELEMENT = "software.packages[dpkg/openssl/amd64]"
CAPTURED = side("captured", 0, Expectation("software"), pinned={ELEMENT: {"version": "3.0.11"}})


def found(one: Side, other: Side) -> list[str]:
    assert list(conflicts(one, other)) == list(conflicts(other, one)) or one.document.rank == other.document.rank
    return [conflict.path for conflict in conflicts(one, other)]


def rule(kind: str, operand: object = None, path: str = f"{ELEMENT}.version") -> Expectation:
    return Expectation(path, Predicate(kind, operand))  # type: ignore[arg-type]  # a value


def test_a_rule_above_a_captured_set_may_only_say_the_same() -> None:
    assert found(CAPTURED, side("up", 10, rule("is", "3.0.11"))) == []
    assert found(CAPTURED, side("up", 10, rule("at_least", "3.0.0"))) == [f"{ELEMENT}.version"]
    assert found(CAPTURED, side("up", 10, rule("absent", path="software.packages[dpkg/openssl/*]"))) == [ELEMENT]
    assert found(CAPTURED, side("up", 10, rule("absent", path="software.packages[dpkg/telnetd/*]"))) == []
    telnet = "software.packages[dpkg/telnetd/amd64]"
    assert found(CAPTURED, side("up", 10, rule("present", path=telnet))) == [telnet]
    assert found(CAPTURED, side("up", 10, rule("present", path=ELEMENT))) == []


def test_a_captured_set_above_a_rule_must_fulfil_it() -> None:
    assert found(CAPTURED, side("low", -1, rule("at_least", "3.0.0"))) == []
    assert found(CAPTURED, side("low", -1, rule("at_least", "3.0.14"))) == [f"{ELEMENT}.version"]
    assert found(CAPTURED, side("low", -1, rule("absent", path="software.packages[dpkg/openssl/*]"))) == [ELEMENT]


def test_of_one_rank_either_may_narrow_the_other() -> None:
    assert found(side("a", 0, rule("at_least", "1")), side("b", 0, rule("at_least", "2"))) == []
    assert found(side("a", 0, rule("at_least", "2")), side("b", 0, rule("at_most", "1"))) == [f"{ELEMENT}.version"]
    assert found(CAPTURED, side("b", 0, rule("at_least", "3.0.0"))) == []


def test_two_captured_sets_must_be_the_same_where_both_speak() -> None:
    same = side("same", 10, Expectation("software"), pinned={ELEMENT: {"version": "3.0.11"}})
    other = side(
        "other", 10, Expectation("software"), pinned={ELEMENT: {"version": "3.0.12"}, "os.host": {"name": "x"}}
    )
    more = side("more", 10, Expectation("software"), pinned={ELEMENT: {"version": "3.0.11"}, f"{ELEMENT}x": {}})
    quiet = side("q", 10, Expectation("software"), pinned=other.pinned, ignore=("software.packages[*].version",))
    assert found(CAPTURED, same) == []
    assert found(CAPTURED, other) == [f"{ELEMENT}.version"]
    assert found(CAPTURED, more) == [f"{ELEMENT}x"]
    assert found(CAPTURED, quiet) == []
    assert found(CAPTURED, side("rest", 10, rest=True, pinned=other.pinned)) == []
