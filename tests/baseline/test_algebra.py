"""Properties of the algebra, over random states: nothing is absorbed, nothing is invented."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from driftline_baseline import scope
from driftline_baseline.capture import draft
from driftline_baseline.compare import Difference, compare
from driftline_baseline.evidence import HostAct, PackageStep, attribute, weight
from driftline_baseline.expected import Delta, Expected, Layer
from driftline_baseline.interval import Interval, Window
from driftline_baseline.judge import Closed, KnownDrift, Look, Opened, Returned, judge
from driftline_baseline.scope import ScopeItem
from driftline_baseline.values import decode, encode

NAMES = st.sampled_from(["openssl", "bash", "a/b", "x]y", "sl", "ünï"])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["version", "vendor", "source"]), st.sampled_from(["1", "2", "3"]), min_size=1
)


def path(name: str) -> str:
    escaped = name.replace("/", "\\/").replace("]", "\\]")
    return f"software.packages[dpkg/{escaped}/amd64]"


STATES = st.dictionaries(NAMES.map(path), ATTRIBUTES)
State = Mapping[str, Mapping[str, str]]


def expected(pinned: State, deltas: list[Delta] | None = None) -> Expected:
    layer = Layer(draft("golden", "ci"), pinned.get, "golden v1", 1, 0, frozenset(pinned))
    return Expected.of([layer], deltas or [])


def differences(want: Expected, actual: State) -> list[Difference]:
    return [d for where in sorted(want.named_paths() | actual.keys()) for d in compare(want, where, actual.get(where))]


def applied(differences: list[Difference]) -> list[Delta]:
    return [Delta(d.path, decode(d.actual), 1, 7) for d in differences]


@given(STATES)
def test_a_captured_state_differs_in_nothing(state: State) -> None:
    assert differences(expected(state), state) == []


@given(STATES, STATES)
def test_differences_are_exactly_what_differs(before: State, after: State) -> None:
    found = differences(expected(before), after)
    rebuilt = {where: dict(attributes) for where, attributes in before.items()}
    for difference in found:
        actual = decode(difference.actual)
        assert difference.expected != difference.actual
        if difference.kind == "missing":
            del rebuilt[difference.path]
        elif isinstance(actual, dict):
            rebuilt[difference.path] = actual
        else:
            element, name = difference.path.rsplit(".", 1)
            if actual is None:
                del rebuilt[element][name]
            else:
                rebuilt[element][name] = actual
    assert rebuilt == after


@given(STATES, STATES)
def test_authorising_what_differs_leaves_nothing(before: State, after: State) -> None:
    deltas = applied(differences(expected(before), after))
    assert differences(expected(before, deltas), after) == []


@given(STATES, STATES)
def test_after_authorising_the_old_state_is_the_drift(before: State, after: State) -> None:
    found = differences(expected(before), after)
    back = differences(expected(before, applied(found)), before)
    assert {(d.path, d.expected, d.actual) for d in back} == {(d.path, d.actual, d.expected) for d in found}


def look(want: Expected, actual: State, changed: set[str]) -> Look:
    def value(where: str) -> str | None:
        if where in actual:
            return encode(actual[where])
        element, _, name = where.rpartition(".")
        return encode(actual.get(element, {}).get(name))

    found = [d for where in sorted(changed) for d in compare(want, where, actual.get(where))]
    return Look(frozenset(changed), found, value, lambda _: "golden v1", lambda _: Interval(1, 2))


class Record:
    """What the drift table would hold."""

    def __init__(self) -> None:
        self.drifts: dict[int, KnownDrift] = {}

    def see(self, want: Expected, actual: State, changed: set[str], now: int) -> None:
        for verdict in judge(look(want, actual, changed), self.drifts.values(), {}, now):
            if isinstance(verdict, Opened):
                number = len(self.drifts) + 1
                difference = verdict.difference
                self.drifts[number] = KnownDrift(number, difference.path, difference.actual, difference.expected)
            elif isinstance(verdict, Closed):
                old = self.drifts[verdict.drift_id]
                self.drifts[old.id] = KnownDrift(old.id, old.path, old.actual, old.expected, verdict.state, now)
            elif isinstance(verdict, Returned):
                old = self.drifts[verdict.drift_id]
                self.drifts[old.id] = KnownDrift(old.id, old.path, old.actual, old.expected)
        for number in [n for n, drift in self.drifts.items() if drift.state in ("explained", "superseded")]:
            old = self.drifts[number]
            self.drifts[number] = KnownDrift(number, old.path, old.actual, old.expected, "reverted", -(10**15))

    def open(self) -> set[tuple[str, str | None]]:
        return {(drift.path, drift.actual) for drift in self.drifts.values() if drift.state == "open"}


@given(STATES, st.lists(STATES, min_size=1, max_size=6))
def test_step_by_step_is_the_same_as_at_once(pinned: State, states: list[State]) -> None:
    """Looking at only what changed, report by report, ends where one whole comparison would."""
    record, want, before = Record(), expected(pinned), pinned
    for now, state in enumerate(states):
        changed = {p for p in before.keys() | state.keys() if before.get(p) != state.get(p)}
        record.see(want, state, changed, now)
        before = state
        assert record.open() == {(d.path, d.actual) for d in differences(want, state)}


@given(STATES, STATES)
def test_revert_after_change_leaves_nothing_open(pinned: State, changed: State) -> None:
    record, want = Record(), expected(pinned)
    paths = set(pinned) | set(changed)
    record.see(want, changed, paths, 1)
    record.see(want, pinned, paths, 2)
    assert record.open() == set()
    assert all(drift.state == "reverted" for drift in record.drifts.values())


@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 100), st.integers(0, 100))
def test_a_window_covers_a_change_that_may_have_happened_in_it(after: int, length: int, start: int, end: int) -> None:
    change = Interval(after, after + length)
    possible = any(start <= moment <= end for moment in range(after + 1, after + length + 1))
    if possible:
        assert Window(start, end).covers(change)
    if end <= after or start > after + length:
        assert not Window(start, end).covers(change)


ITEMS = st.lists(
    st.builds(ScopeItem, st.sampled_from("ab"), st.sampled_from("xyz"), st.none(), st.sampled_from(["1", "2"])),
    unique_by=lambda item: (item.ci_uid, item.path),
    max_size=6,
)


@given(ITEMS, st.randoms())
def test_a_scope_is_the_same_in_any_order_and_shows_what_joined(items: list[ScopeItem], random: object) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' Random
    assert scope.digest(shuffled) == scope.digest(items)
    for seen in range(len(items) + 1):
        assert scope.grown_since(scope.digest(items[:seen]), items) == items[seen:]
    if items:
        moved = [ScopeItem(items[0].ci_uid, items[0].path, None, "9"), *items[1:]]
        assert scope.grown_since(scope.digest(items), moved) is None


def test_a_package_belongs_to_the_last_transaction_that_left_it_so() -> None:
    install = HostAct(1, "apt", "apt install sl", "", 1000, 2000, (PackageStep("sl", "amd64", "", "5"),))
    remove = HostAct(2, "apt", "apt remove sl", "", 3000, 4000, (PackageStep("sl", "amd64", "5", ""),))
    again = HostAct(3, "apt", "apt install sl", "", 5000, 6000, (PackageStep("sl", "amd64", "", "5"),))
    change = Interval(500, 7000)
    assert attribute(path("sl"), "5", change, [install, remove, again]) == again
    assert attribute(path("sl"), None, change, [install, remove]) == remove
    assert attribute(path("sl"), "6", change, [install, remove, again]) is None
    assert attribute(path("sl"), "5", Interval(8000, 9000), [install, remove, again]) is None


def test_a_package_for_all_architectures_is_logged_with_the_hosts_own() -> None:
    act = HostAct(1, "apt", "apt install sl", "", 1000, 2000, (PackageStep("sl", "amd64", "", "5"),))
    assert attribute("software.packages[dpkg/sl/all]", "5", Interval(500, 7000), [act]) == act
    assert attribute("software.packages[dpkg/sl/i386]", "5", Interval(500, 7000), [act]) is None


def test_what_was_asked_for_stands_before_what_came_with_it() -> None:
    steps = (PackageStep("libz", "amd64", "", "1", automatic=True), PackageStep("nginx", "amd64", "", "2"))
    act = HostAct(1, "apt", "apt install nginx", "", 1000, 2000, steps)
    places = ["accounts.users[www]", path("libz"), path("nginx")]
    assert sorted(places, key=lambda place: weight(place, act)) == places[::-1]


def test_other_changes_belong_to_a_transaction_only_where_one_alone_can_have_made_them() -> None:
    one = HostAct(1, "apt", "apt install nginx", "", 1000, 2000)
    two = HostAct(2, "apt", "apt install redis", "", 3000, 4000)
    assert attribute("accounts.users[www]", None, Interval(500, 2500), [one, two]) == one
    assert attribute("accounts.users[www]", None, Interval(500, 3500), [one, two]) is None
