"""The life cycle: what may follow what, and what is said where it may not."""

import re
from pathlib import Path

import pytest

from driftline_baseline import life_cycle
from driftline_baseline.life_cycle import BY_NAME, DECISIONS, GONE, SETTABLE, STATUSES, UNSEEN


def test_the_statuses_and_what_they_mean() -> None:
    assert STATUSES == (
        "planned", "in stock", "installed", "in production", "in maintenance", "silent", "retired", "disposed",
    )  # fmt: skip
    assert UNSEEN == ("planned", "in stock", "retired", "disposed")
    assert GONE == ("retired", "disposed")
    assert [one.name for one in BY_NAME.values() if not one.watched] == ["retired", "disposed"]
    assert all(one.meaning for one in BY_NAME.values())


def test_the_docs_say_what_each_means() -> None:
    said = {True: "yes", False: "no"}
    rows = [
        f"| {one.name} | {one.meaning} | {said[one.expected]} | {said[one.may_report]} | {said[one.watched]} | "
        f"{', '.join(one.next) or 'nothing'} |"
        for one in BY_NAME.values()
    ]
    text = (Path(__file__).parents[2] / "docs/identity.md").read_text()
    assert "\n".join(rows) in text


def test_an_edit_leads_only_to_what_people_set() -> None:
    for one in BY_NAME.values():
        assert set(one.next) <= set(SETTABLE) - {one.name}
    assert not any(BY_NAME[name].next for name in ("silent", "retired", "disposed"))


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", STATUSES)
def test_every_edit_is_allowed_or_says_why_not(before: str, after: str) -> None:
    said = life_cycle.refusal_of_edit("web1", before, after)
    if before == after or after in BY_NAME[before].next:
        assert said is None
    else:
        assert said is not None and said.startswith("status: ") and not said.endswith(".")


def test_what_a_refusal_says() -> None:
    def said(before: str, after: str) -> str:
        return life_cycle.refusal_of_edit("web1", before, after) or ""

    assert "nobody sets silent" in said("in production", "silent")
    assert "driftline ci retire web1" in said("in production", "retired")
    assert "driftline ci dispose web1" in said("in stock", "disposed")
    assert "driftline ci reinstate web1 or driftline ci dispose web1" in said("retired", "installed")
    assert "enrols anew" in said("disposed", "installed")
    assert said("in production", "planned").startswith(
        "status: web1 is in production; planned cannot follow that, in maintenance, installed, in stock"
    )
    assert "not one of planned, in stock" in said("installed", "lost")


@pytest.mark.parametrize(
    ("decision", "before", "says"),
    [
        ("retire", "in production", None),
        ("retire", "planned", None),
        ("retire", "retired", "web1 is retired already"),
        ("retire", "disposed", "nothing follows that"),
        ("reinstate", "retired", None),
        ("reinstate", "installed", "not retired"),
        ("reinstate", "disposed", "nothing follows that"),
        ("dispose", "retired", None),
        ("dispose", "in stock", None),
        ("dispose", "in production", "retire it first"),
        ("dispose", "disposed", "disposed already"),
    ],
)
def test_decisions(decision: str, before: str, says: str | None) -> None:
    said = life_cycle.refusal_of_decision("web1", decision, before)
    assert said is None if says is None else re.search(says, said or "")


def test_silence_shows_only_where_reports_are_expected() -> None:
    assert life_cycle.shown("in production", True) == "silent"
    assert life_cycle.shown("in production", False) == "in production"
    assert life_cycle.shown("retired", True) == "retired"
    assert set(DECISIONS) == {"retire", "reinstate", "dispose"}


def test_dependants_are_named() -> None:
    said = life_cycle.refusal_over_dependants("db1", ("shop",))
    assert said.startswith("shop depends on db1: ") and "--even-so" in said
    many = life_cycle.refusal_over_dependants("db1", tuple(f"w{number:02}" for number in range(12)))
    assert "w09 and 2 more depend on db1" in many
