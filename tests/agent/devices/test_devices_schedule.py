"""When devices are read: the spread, what is missed, bursts of traps."""

from itertools import pairwise

from driftline_agent.devices.runtime.schedule import AFTER_LINK_S, GAP_S, Due, Wishes, following, offsets, waiting
from driftline_agent.devices.topic import DeviceTopic


async def nothing(_: object) -> None:
    return None


TOPICS = {
    "interfaces": DeviceTopic(1, ("network.interfaces",), nothing, news=frozenset({"link"})),
    "entities": DeviceTopic(1, ("device.components",), nothing, every_s=3600, news=frozenset({"hardware"})),
    "health": DeviceTopic(1),
}


def test_first_polls_are_spread_over_the_interval() -> None:
    assert offsets(1, 300) == [0.0]
    few, many = offsets(4, 300), offsets(3000, 300)
    assert max(few) <= 1
    assert max(many) <= 300 and len(set(many)) == 3000
    assert max(b - a for a, b in pairwise(many)) < 0.2


def test_what_was_missed_is_left_out() -> None:
    assert following(100.0, 60, 130.0) == 160.0
    assert following(100.0, 60, 160.0) == 220.0
    assert following(100.0, 60, 1000.0) == 1060.0 - (1000 - 100) % 60


def test_topics_are_read_as_often_as_they_say() -> None:
    due = Due()
    assert due.names(TOPICS, 0.0, 300) == list(TOPICS)
    due.read(["interfaces", "entities"], TOPICS, 0.0)
    assert due.names(TOPICS, 300.0, 300) == ["interfaces", "health"]
    assert "entities" in due.names(TOPICS, 3600.0, 300)


def test_a_restart_goes_on_with_what_was_read() -> None:
    due = Due()
    due.recall({"interfaces": -10.0, "entities": -600.0, "gone": -1.0}, TOPICS)
    assert due.names(TOPICS, 0.0, 300) == ["interfaces", "health"]
    assert "entities" in due.names(TOPICS, 3000.0, 300)


def test_a_device_that_is_dead_for_long_is_asked_less_often() -> None:
    assert [waiting(300, silences) for silences in (0, 1, 2, 3, 5, 6, 1000)] == [300, 300, 300, 600, 600, 1200, 1200]


def readings(traps: list[tuple[float, str]]) -> list[tuple[float, set[str]]]:
    """Return when what is read, where a device is read as soon as it is due."""
    wishes, out = Wishes(), []
    for at, kind in [*traps, (1000.0, "")]:
        while wishes.next_at <= at:
            now = wishes.next_at
            out.append((now, wishes.take(now)))
        if kind:
            wishes.news(kind, TOPICS, at)
    return out


def test_a_trap_is_followed_at_once_and_a_link_once_more() -> None:
    assert readings([(10.0, "link")]) == [(10.0, {"interfaces"}), (10.0 + AFTER_LINK_S, {"interfaces"})]
    assert readings([(10.0, "hardware")]) == [(10.0, {"entities"})]
    assert readings([(10.0, "restart")]) == [(10.0, {"interfaces", "entities"})]
    assert readings([(10.0, "configuration")]) == []


def test_a_storm_of_traps_is_a_reading_every_few_seconds_and_one_after_it() -> None:
    storm = [(at / 10, "link") for at in range(600)]
    found = readings(storm)
    assert len(found) <= 60 / GAP_S * 2
    assert found[0][0] == 0.0
    assert found[-1][0] >= storm[-1][0] + 1  # what the last trap told of has been read


def test_another_kind_of_news_is_not_lost_in_a_storm() -> None:
    found = readings([(0.0, "link"), (0.5, "hardware"), (0.6, "link")])
    assert any("entities" in names for _, names in found)
