"""Silence by cause: every silent CI is in one group at most, causes keep their keys, and order does not matter."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from driftline_baseline.graph import Edge
from driftline_baseline.silence import Group, Heard, Situation, Standing, Thresholds, Unheard, groups, words

MINUTE = 60_000
NOW = 1_790_000_000_000
AFTER = Thresholds.of(15 * MINUTE)

names = [f"h{number}" for number in range(9)]
sites = st.sampled_from([None, "fra1", "ams2"])
edges = st.lists(
    st.builds(
        Edge, st.sampled_from([*names, "sw"]), st.sampled_from(["connected to", "runs on"]), st.sampled_from(names)
    ),
    max_size=10,
)


def heard(name: str, minutes_ago: int, site: str | None = None, ci_class: str = "server") -> Heard:
    return Heard(name, name, ci_class, site, NOW - minutes_ago * MINUTE)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    cis = [heard(name, draw(st.integers(0, 60)), draw(sites)) for name in names]
    limit = NOW - AFTER.after_ms
    return Situation(
        NOW,
        [ci for ci in cis if ci.seen_ms < limit],
        [ci for ci in cis if ci.seen_ms >= limit],
        [Unheard("sw", "sw")],
        draw(edges),
        thresholds=AFTER,
    )


def standing(found: list[Group]) -> list[Standing]:
    return [Standing(one.key, one.since_ms, frozenset(ci.uid for ci in one.members)) for one in found]


@given(situations())
def test_each_silent_ci_is_in_one_group_at_most_and_all_that_settled_are_in_one(now: Situation) -> None:
    found = groups(now)
    members = [ci.uid for group in found for ci in group.members]
    assert len(members) == len(set(members))
    assert set(members) <= {ci.uid for ci in now.silent}
    limit = NOW - AFTER.after_ms - AFTER.settle_ms
    assert {ci.uid for ci in now.silent if ci.seen_ms <= limit} <= set(members)
    assert len({group.key for group in found}) == len(found)
    for group in found:
        assert group.since_ms == min(ci.seen_ms for ci in group.members)
        assert len(group.members) > 1 or group.key.startswith("ci:")


@given(situations(), st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_known_does_not_matter(now: Situation, chance: random.Random) -> None:
    def mixed(items: object) -> list[object]:
        ordered = list(items)  # type: ignore[call-overload]  # a sequence
        chance.shuffle(ordered)
        return ordered  # type: ignore[no-any-return]  # a list

    other = replace(
        now,
        silent=mixed(now.silent),  # type: ignore[arg-type]  # the same items
        live=mixed(now.live),  # type: ignore[arg-type]  # the same items
        relations=mixed(now.relations),  # type: ignore[arg-type]  # the same items
    )
    assert groups(other) == groups(now)


@given(situations())
def test_looking_again_changes_nothing(now: Situation) -> None:
    found = groups(now)
    assert {group.key: group.members for group in groups(replace(now, standing=standing(found)))} == {
        group.key: group.members for group in found
    }


@given(situations(), st.data())
def test_who_is_back_leaves_and_the_cause_keeps_the_rest(now: Situation, data: st.DataObject) -> None:
    found = groups(now)
    back = data.draw(st.sets(st.sampled_from(names)))
    later = replace(
        now,
        silent=[ci for ci in now.silent if ci.uid not in back],
        live=[*now.live, *(replace(ci, seen_ms=NOW) for ci in now.silent if ci.uid in back)],
        standing=standing(found),
    )
    after = {group.key: {ci.uid for ci in group.members} for group in groups(later)}
    for group in found:
        rest = {ci.uid for ci in group.members} - back
        if group.key.startswith("ci:"):
            continue  # one CI by itself may turn out to be part of more
        assert rest <= after.get(group.key, set())
        assert (group.key in after) == bool(rest)


def test_half_of_a_site_is_the_site_and_less_is_not() -> None:
    dark = [heard(f"d{number}", 40, "fra1") for number in range(3)]
    lit = [heard(f"l{number}", 0, "fra1") for number in range(3)]
    assert [group.key for group in groups(Situation(NOW, dark, lit))] == ["site:fra1"]
    lit.append(heard("l3", 0, "fra1"))
    assert [group.key for group in groups(Situation(NOW, dark, lit))] == ["ci:d0", "ci:d1", "ci:d2"]
    two = groups(Situation(NOW, dark[:2], []))
    assert [group.key for group in two] == ["ci:d0", "ci:d1"]
    lower = replace(AFTER, site_least=2)
    assert [group.key for group in groups(Situation(NOW, dark[:2], [], thresholds=lower))] == ["site:fra1"]


def test_who_fell_silent_at_another_time_is_another_cause() -> None:
    dark = [heard(f"d{number}", 40, "fra1") for number in range(3)]
    found = groups(Situation(NOW, [*dark, heard("old", 600, "fra1")], []))
    assert [group.key for group in found] == ["ci:old", "site:fra1"]


def test_peers_that_name_each_other_are_no_chain() -> None:
    both = [("core", "r2"), ("r2", "core"), ("r2", "h1"), ("h1", "r2"), ("r2", "h2"), ("h2", "r2")]
    relations = [Edge(one, "connected to", two) for one, two in both]
    dark = [heard("r2", 40, "a"), heard("h1", 40, "b"), heard("h2", 40, "c")]
    (group,) = groups(Situation(NOW, dark, [heard("core", 0, "a")], relations=relations))
    assert (group.key, len(group.members)) == ("behind:r2", 3)


def test_words() -> None:
    dark = [heard(f"web{number}", 40, "fra1") for number in range(7)] + [heard("sw1", 40, "fra1", "network device")]
    (group,) = groups(Situation(NOW, dark, []))
    assert words(group, 9) == (
        "fra1 is silent since 2026-09-21 13:33 UTC: "
        "7 servers, 1 network device (sw1, web0, web1, web2, web3 and 3 more); 1 of 9 are back"
    )
