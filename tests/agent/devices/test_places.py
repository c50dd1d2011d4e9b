"""Places of parts: told by names, all different, and the same after a device numbers its parts anew."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from driftline_agent.devices.mibs.places import MOST_LEVELS, MOST_PLACE, Part, parents, places, stack_members


def by_index(*parts: Part) -> dict[int, Part]:
    return {part.index: part for part in parts}


SWITCH = by_index(
    Part(1, 0, "chassis", 0, "C9300-48P", model="C9300-48P"),
    Part(10, 1, "container", 1, "Slot"),
    Part(11, 1, "container", 2, "Slot"),
    Part(20, 10, "powerSupply", 0, "Power Supply A", "350W AC", "PWR-C1-350WAC", "LIT1"),
    Part(21, 11, "powerSupply", 0, "", "350W AC", "PWR-C1-350WAC", "LIT2"),
    Part(30, 1, "module", 3, "1/1"),
    Part(31, 1, "powerSupply", 4, "1/1"),
    Part(40, 30, "port", 1, interface="Gi1/0/1"),
    Part(41, 30, "sensor", 1, description="Inlet"),
    Part(42, 30, "sensor", -1, description="Outlet"),
    Part(43, 30, "sensor", -1, description="Outlet"),
)


def test_names_from_the_chassis_on() -> None:
    assert places(SWITCH) == {
        1: "chassis 0",
        10: "chassis 0/Slot #1",
        11: "chassis 0/Slot #2",
        20: "chassis 0/Slot #1/Power Supply A",
        21: "chassis 0/Slot #2/power supply 0",
        30: "chassis 0/1/1 (module)",
        31: "chassis 0/1/1 (power supply)",
        40: "chassis 0/1/1 (module)/Gi1/0/1",
        41: "chassis 0/1/1 (module)/Inlet",
        42: "chassis 0/1/1 (module)/Outlet #1",
        43: "chassis 0/1/1 (module)/Outlet #2",
    }


def test_another_numbering_changes_no_place() -> None:
    numbers = {index: index * 7 + 1000 for index in SWITCH}
    again = {
        numbers[i]: replace(part, index=numbers[i], parent=numbers.get(part.parent, 0)) for i, part in SWITCH.items()
    }
    assert places(again) == {numbers[index]: place for index, place in places(SWITCH).items()}


def test_another_part_has_the_same_place() -> None:
    exchanged = SWITCH | by_index(
        replace(SWITCH[1], name="C9300-24P", model="C9300-24P", serial="OTHER"),
        replace(SWITCH[20], model="PWR-C1-715WAC", description="715W AC", serial="LIT9"),
        replace(SWITCH[21], model="PWR-C1-715WAC", description="715W AC", serial="LIT8"),
    )
    assert places(exchanged) == places(SWITCH)


def test_a_serial_or_the_hosts_name_is_no_place() -> None:
    parts = by_index(
        Part(1, 0, "chassis", 0, "sw1.example.net"),
        Part(2, 1, "module", 2, "Optic AGD1234", serial="AGD1234"),
        Part(3, 1, "module", 3, "SFP-10G-SR", model="SFP-10G-SR-S"),
    )
    found = places(parts, "SW1.example.net")
    assert found == {1: "chassis 0", 2: "chassis 0/module 2", 3: "chassis 0/module 3"}


def test_circles_and_missing_parents_are_at_the_top() -> None:
    parts = by_index(
        Part(1, 1, "chassis", name="self"),
        Part(2, 3, "module", name="b"),
        Part(3, 4, "module", name="c"),
        Part(4, 2, "module", name="d"),
        Part(5, 4, "port", name="p"),
        Part(6, 99, "fan", name="orphan"),
    )
    assert parents(parts) == {1: 0, 2: 0, 4: 2, 3: 4, 5: 4, 6: 0}
    assert places(parts) == {1: "self", 2: "b", 4: "b/d", 3: "b/d/c", 5: "b/d/p", 6: "orphan"}


def test_a_chain_without_end_stays_short() -> None:
    parts = by_index(*(Part(index, index - 1, "module", name=f"module number {index}" * 9) for index in range(1, 5001)))
    found = places(parts)
    assert len(set(found.values())) == 5000
    assert max(map(len, found.values())) <= MOST_PLACE + 20
    above = parents(parts)
    depth, at = 0, 5000
    while at:
        at, depth = above[at], depth + 1
    assert depth <= MOST_LEVELS + 1


def test_members_of_a_stack() -> None:
    stack = by_index(
        Part(1, 0, "stack", name="c93xx Stack"),
        Part(1000, 1, "chassis", 1, "Switch 1"),
        Part(2000, 1, "chassis", 2, "Switch 3"),
        Part(2001, 2000, "fan", 1, "Fan"),
    )
    assert stack_members(stack) == {1000: 1, 2000: 3, 2001: 3}
    by_position = {index: replace(part, name="S5720") for index, part in stack.items() if index != 1}
    by_position = {
        index: replace(part, parent=0 if part.parent == 1 else part.parent) for index, part in by_position.items()
    }
    assert stack_members(by_position) == {1000: 1, 2000: 2, 2001: 2}
    assert stack_members(by_index(Part(1, 0, "chassis", 1, "Switch 1"))) == {}
    assert stack_members(by_index(Part(1, 0, "chassis", name="a"), Part(2, 0, "chassis", name="b"))) == {}


NAMES = st.sampled_from(["", "a", "a/b", "b", "Fan #1", "Fan", "Fan #2", "x" * 100])
PARTS = st.lists(
    st.builds(
        Part,
        st.integers(1, 12),
        st.integers(0, 13),
        st.sampled_from(["", "chassis", "module", "port", "sensor", "stack", "container"]),
        st.none() | st.integers(-1, 3),
        NAMES,
        NAMES,
        st.sampled_from(["", "Fan", "model"]),
    ),
    max_size=12,
)


@given(PARTS)
def test_whatever_a_device_says_every_part_has_a_place_of_its_own(said: list[Part]) -> None:
    parts = by_index(*said)
    found = places(parts, "a")
    assert found.keys() == parts.keys()
    assert len(set(found.values())) == len(parts)
    assert all(found.values())
    assert stack_members(parts).keys() <= parts.keys()
    assert places(dict(reversed(parts.items())), "a") == found
