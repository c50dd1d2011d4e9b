"""What each kind of rule holds for."""

import pytest

from driftline import paths
from driftline_baseline.compare import compare
from driftline_baseline.document import Document, Expectation, Selector
from driftline_baseline.expected import Expected, Layer
from driftline_baseline.predict import Predicate

OPENSSL = "software.packages[dpkg/openssl/amd64].version"
MEMORY = "hardware.memory.installed"
MEMBERS = "accounts.groups[wheel].members"
SERVERS = "network.resolver.servers"


@pytest.mark.parametrize(
    ("path", "predicate", "good", "bad"),
    [
        (OPENSSL, Predicate("at_most", "3.0.14-1"), ["3.0.9-1", "3.0.14-1", "3.0.14-1~x"], ["3.0.14-2", "1:1", "a b"]),
        (OPENSSL, Predicate("at_least", "3.0.9"), ["3.0.10", "1:0"], ["3.0.9~", "3", None]),
        (OPENSSL, Predicate("range", ("3.0.9", "3.1~")), ["3.0.9", "3.0.99"], ["3.1", "3.0.8", None]),
        ("software.packages[apk/a/x].version", Predicate("at_most", "1.2.3-r0"), ["1.2.2-r9"], ["1.2.3-r1"]),
        ("software.packages[pip/a/].version", Predicate("at_least", "1.0"), ["1.0.post1"], ["1.0rc1"]),
        ("software.packages[rpm/a/x].version", Predicate("range", ("1.0-1", "1.0-9")), ["1.0-1.el9"], ["1.0-10"]),
        (MEMORY, Predicate("at_least", 100), [100, 101], [99, "100", None]),
        (MEMORY, Predicate("range", (1, 3)), [1, 2, 3], [0, 4]),
        (MEMORY, Predicate("is", 100, tolerance=5), [95, 105, 100], [94, 106, "100", None]),
        (MEMORY, Predicate("is", 200, tolerance="5 %"), [190, 210], [189, 211]),
        (MEMBERS, Predicate("contains", ("a", "b")), [("a", "b", "c"), ("b", "a")], [("a",), None]),
        ("os.host.name", Predicate("contains", ("b c",)), ["a\nb c\nd", "b c"], ["b c d", "x"]),
        (MEMBERS, Predicate("is", ("b", "a")), [("a", "b")], [("a",), ("a", "b", "c")]),
        (SERVERS, Predicate("is", ("b", "a")), [("b", "a")], [("a", "b")]),
        (SERVERS, Predicate("is", ("b", "a"), ordered=False), [("a", "b"), ("b", "a")], [("a", "a", "b")]),
        (SERVERS, Predicate("is", ("b", "a"), ordered=True), [("b", "a")], [("a", "b")]),
    ],
    ids=lambda value: value.show() if isinstance(value, Predicate) else None,
)
def test_holds(path: str, predicate: Predicate, good: list[object], bad: list[object]) -> None:
    assert [value for value in good if not predicate.holds(path, value)] == []  # type: ignore[arg-type]  # values of facts
    assert [value for value in bad if predicate.holds(path, value)] == []  # type: ignore[arg-type]  # values of facts


def layer(
    *rules: Expectation, rank: int = 0, pinned: dict[str, dict[str, object]] | None = None, **more: object
) -> Layer:
    kept = pinned or {}
    doc = Document("d", Selector({"ci": ("x",)}), rules, rank=rank, **more)  # type: ignore[arg-type]  # ignore, rest
    return Layer(doc, kept.get, f"d{rank}", rank + 1, 0, frozenset(kept))  # type: ignore[arg-type]  # attributes


def found(expected: Expected, path: str, actual: dict[str, object] | None) -> list[tuple[str, str, str]]:
    return [(d.path, d.kind, d.origin) for d in compare(expected, path, actual)]  # type: ignore[arg-type]  # attributes


ELEMENT = "software.packages[dpkg/openssl/amd64]"


def test_a_rule_on_an_element_is_none_on_what_is_below_it() -> None:
    expected = Expected.of([layer(Expectation("network.interfaces[docker*]", Predicate("absent")))], [])
    assert found(expected, "network.interfaces[docker0]", {"mtu": 1500}) != []
    assert found(expected, "network.interfaces[docker0].addresses[10.0.0.1/8]", {"scope": "global"}) == []


def test_the_highest_layer_decides_and_its_capture_is_narrower_than_a_rule_below() -> None:
    low = layer(Expectation(f"{ELEMENT}.version", Predicate("at_least", "3")))
    high = layer(Expectation("software"), rank=10, pinned={ELEMENT: {"version": "4"}})
    expected = Expected.of([high, low], [])
    assert found(expected, ELEMENT, {"version": "5"}) == [(f"{ELEMENT}.version", "changed", "d10")]
    assert found(expected, ELEMENT, {"version": "4"}) == []
    assert found(Expected.of([low], []), ELEMENT, {"version": "5"}) == []


def test_of_one_rank_the_narrower_rule_counts_whatever_came_first() -> None:
    wide = layer(Expectation(f"{ELEMENT}.version", Predicate("at_least", "3")))
    narrow = layer(Expectation("software.packages[dpkg/openssl/*].version", Predicate("range", ("4", "5"))))
    for layers in ([wide, narrow], [narrow, wide]):
        assert len(found(Expected.of(layers, []), ELEMENT, {"version": "3.5"})) == 1
        assert found(Expected.of(layers, []), ELEMENT, {"version": "4.5"}) == []


def test_an_ignore_speaks_of_its_own_document_only() -> None:
    loud = layer(Expectation("os"), pinned={"os.host": {"name": "a"}})
    quiet = layer(Expectation("os"), rank=-1, pinned={"os.host": {"name": "b"}}, ignore=("os.host.name",))
    assert found(Expected.of([quiet], []), "os.host", {"name": "c"}) == []
    both = Expected.of([quiet, loud], [])
    assert found(both, "os.host", {"name": "c"}) == [("os.host.name", "changed", "d0")]
    assert not both.ignored("os.host.name") and Expected.of([quiet], []).ignored("os.host.name")


def test_the_rest_is_what_no_expectation_of_any_layer_names() -> None:
    rest = layer(rank=20, pinned={ELEMENT: {"version": "1"}, "os.host": {"name": "a"}}, rest=True)
    rule = layer(Expectation(f"{ELEMENT}.version", Predicate("at_least", "2")))
    expected = Expected.of([rest, rule], [])
    assert found(expected, ELEMENT, {"version": "2"}) == []
    assert found(expected, ELEMENT, {"version": "1"}) == [(f"{ELEMENT}.version", "changed", "d0")]
    assert found(expected, "os.host", {"name": "b"}) == [("os.host.name", "changed", "d20")]
    assert found(expected, "os.kernel", {"name": "Linux"}) == [("os.kernel", "unexpected", "d20")]


def test_rules_are_found_as_patterns_match() -> None:
    patterns = ["os", "os.sysctls[vm.*]", "os.sysctls[vm.swappiness]", "**", "software.packages[d?kg/*/*]", "*.host"]
    for path in ("os.sysctls[vm.swappiness]", "os.host", "software.packages[dpkg/a\\/b/x]", "network.interfaces[a]"):
        for pattern in patterns:
            one = Document("d", Selector({"ci": ("x",)}), (Expectation(pattern),), (pattern,))
            assert one.rules.ignores(path) == paths.matches(pattern, path), (pattern, path)
            assert (one.rules.exactly(path) is not None) == paths.matches(pattern, path), (pattern, path)
