"""The life cycle of an RFC: its table, and what follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline_baseline import lifecycle
from driftline_baseline.errors import LifecycleError

NAMES = sorted({action.name for action in lifecycle.TABLE})
TERMINAL = ("closed", "rejected", "cancelled")


@given(st.sampled_from(lifecycle.ORIGINS), st.sampled_from(lifecycle.KINDS), st.lists(st.sampled_from(NAMES)))
def test_no_sequence_of_actions_leaves_the_table(origin: str, kind: str, names: list[str]) -> None:
    state = lifecycle.START
    for name in names:
        allowed = lifecycle.possible(origin, kind, state)
        try:
            action = lifecycle.check(origin, kind, state, name)
        except LifecycleError as error:
            assert name not in allowed
            assert f"is {state}" in str(error) and all(one in str(error) for one in allowed)
            continue
        assert name in allowed and state not in TERMINAL
        after = action.leads_to(state)
        assert after in lifecycle.STATES
        if state == "backed out":
            assert (name, after) == ("reopen", "submitted")
        if after in lifecycle.IN_EFFECT and state not in lifecycle.IN_EFFECT:
            begins = ("record",) if origin == "rule" else ("authorise", "declare", "start at once")
            assert name in begins
        state = after


def reached(origin: str, kind: str) -> set[str]:
    found, edge = {lifecycle.START}, {lifecycle.START}
    while edge:
        edge = {
            lifecycle.check(origin, kind, state, name).leads_to(state)
            for state in edge
            for name in lifecycle.possible(origin, kind, state)
        } - found
        found |= edge
    return found


@pytest.mark.parametrize("kind", lifecycle.KINDS)
def test_every_state_is_reachable(kind: str) -> None:
    assert reached("person", kind) == set(lifecycle.STATES)
    raised = {"draft", "submitted", "assessed", "authorised", "closed", "backed out", "cancelled"}
    assert reached("driftline", kind) == raised
    assert reached("rule", kind) == {"draft", "implementing", "closed"}


def test_only_emergencies_begin_without_approval() -> None:
    for kind in ("normal", "standard"):
        for state in ("draft", *lifecycle.UNDECIDED):
            for name in lifecycle.possible("person", kind, state):
                assert lifecycle.check("person", kind, state, name).leads_to(state) != "implementing"


def test_a_state_is_in_just_one_part() -> None:
    parts = (*lifecycle.UNDECIDED, *lifecycle.IN_EFFECT, *lifecycle.DONE)
    assert sorted(parts) == sorted(lifecycle.STATES)


def test_an_action_has_one_row_for_each_origin() -> None:
    keys = [(action.origin, action.name) for action in lifecycle.TABLE]
    assert len(keys) == len(set(keys))
