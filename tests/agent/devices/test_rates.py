"""Counters to rates: what the device counted is what comes out, and nothing that it did not count."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline_agent.devices.rates import DeviceRates
from driftline_agent.devices.topic import Counter, Measured
from driftline_agent.utilization.aggregate import Metric

IO = Metric("system.network.io", "eth0/receive", "By/s", 0)
SHARE = Metric("system.network.utilization", "eth0/receive", "1", 4)
GAUGE = Metric("hw.temperature", "chassis", "Cel", 1)
GIGABIT = 125_000_000.0
T0 = 1_700_000_000.0


def measured(value: int, bits: int = 64, speed: float | None = GIGABIT, life: Any = None) -> Measured:
    shares = {SHARE: (IO, speed)} if speed is not None else {}
    return Measured({GAUGE: 21.0}, {IO: Counter(value, bits, life)}, shares)


def second(
    before: Measured, after: Measured, seconds: float = 300, ticks: tuple[int | None, int | None] | None = None
) -> Any:
    """Return what two polls give."""
    first, last = ticks if ticks else (1_000_000, 1_000_000 + round(seconds * 100))
    rates = DeviceRates()
    assert rates.update(T0, before, first) == {GAUGE: 21.0}
    return rates.update(T0 + seconds, after, last)


@given(
    bits=st.sampled_from([32, 64]),
    start=st.integers(0, 2**64 - 1),
    share=st.floats(0, 1),
    seconds=st.floats(6, 3600),
    uptime=st.integers(0, 2**32 - 1),
    speed=st.sampled_from([1_250_000.0, GIGABIT, 125_000_000_000.0]),
)
def test_what_was_counted_or_nothing(
    bits: int, start: int, share: float, seconds: float, uptime: int, speed: float
) -> None:
    start %= 2**bits
    ticks = round(seconds * 100)
    counted = int(share * speed * ticks / 100)
    found = second(
        measured(start, bits, speed),
        measured((start + counted) % 2**bits, bits, speed),
        seconds,
        (uptime, (uptime + ticks) % 2**32),
    )
    told = bits == 64 or speed * 1.25 * ticks / 100 < 2**32
    assert (IO in found, SHARE in found) == (told, told)
    if told:
        assert found[IO] == pytest.approx(counted / (ticks / 100))
        assert found[SHARE] == pytest.approx(share, abs=1e-3)
        assert 0 <= found[SHARE] <= 1


@given(
    first=st.integers(0, 2**64 - 1),
    then=st.integers(0, 2**64 - 1),
    bits=st.sampled_from([32, 64]),
    speed=st.sampled_from([None, 0.0, 1.0, GIGABIT]),
    seconds=st.floats(-1e6, 1e6),
    ticks=st.tuples(st.none() | st.integers(0, 2**32 - 1), st.none() | st.integers(0, 2**32 - 1)),
)
def test_whatever_comes_nothing_absurd_goes_out(
    first: int, then: int, bits: int, speed: float | None, seconds: float, ticks: tuple[int | None, int | None]
) -> None:
    found = second(measured(first, bits, speed), measured(then, bits, speed), seconds, ticks)
    assert found[GAUGE] == 21.0
    assert 0 <= found.get(IO, 0.0) <= 1e13
    assert 0 <= found.get(SHARE, 0.0) <= 1


def test_time_is_the_devices_own() -> None:
    # The poll came 60 s late at this host, by the device's clock in time
    late = second(measured(0), measured(300_000), 310, (5000, 5000 + 30_000))
    assert late[IO] == 1000.0


def test_a_device_without_a_clock_is_taken_by_this_hosts() -> None:
    assert second(measured(0), measured(300_000), 300, (None, None))[IO] == 1000.0
    assert second(measured(0), measured(300_000), 300, (777, 777))[IO] == 1000.0


@pytest.mark.parametrize("now", [10, 29_999])
def test_a_restart_is_no_rate(now: int) -> None:
    found = second(measured(10**12), measured(10**12 + 5), 300, (4_000_000, now))
    assert IO not in found


def test_a_restart_is_known_even_where_the_device_was_up_for_less_before() -> None:
    # Up for 5 minutes, then read no more for 10 hours in which it was restarted
    found = second(measured(10), measured(10**9), 4 * 3600, (30_000, 3 * 360_000))
    assert IO not in found


def test_the_clocks_wrap_after_497_days_is_none() -> None:
    assert second(measured(0), measured(300_000), 300, (2**32 - 10_000, 20_000))[IO] == 1000.0


def test_a_step_of_this_hosts_clock_back_does_not_matter() -> None:
    assert second(measured(0), measured(300_000), -3300, (1000, 31_000))[IO] == 1000.0


def test_the_counters_life_began_anew() -> None:
    assert IO not in second(measured(5, life=100), measured(10**6, life=4711))
    assert second(measured(0, life=100), measured(300_000, life=100))[IO] == 1000.0


def test_what_went_back_is_a_wrap_only_where_it_can_be_one() -> None:
    ten_megabit = 1_250_000.0
    assert second(measured(2**32 - 1000, 32, ten_megabit), measured(299_000, 32, ten_megabit))[IO] == 1000.0
    assert IO not in second(measured(10**9, 32, ten_megabit), measured(5, 32, ten_megabit))  # 2.7 GB are too many
    assert IO not in second(measured(2**32 - 1000, 32, None), measured(299_000, 32, None))
    assert IO not in second(measured(10**12, 64), measured(5, 64))


def test_32_bits_of_a_fast_interface_tell_nothing() -> None:
    assert IO not in second(measured(0, 32), measured(1000, 32))  # 37 GB fit into 300 s, 4 GB into the counter


def test_a_share_above_the_speed() -> None:
    assert second(measured(0), measured(int(GIGABIT * 1.1 * 300)))[SHARE] == 1.0
    over = second(measured(0), measured(int(GIGABIT * 3 * 300)))
    assert IO in over and SHARE not in over
    assert IO not in second(measured(0), measured(int(GIGABIT * 20 * 300)))


def test_an_extra_poll_soon_after_is_left_out_and_costs_nothing() -> None:
    rates = DeviceRates()
    rates.update(T0, measured(0), 1000)
    assert rates.update(T0 + 2, measured(2_000_000), 1200) == {GAUGE: 21.0}
    assert rates.update(T0 + 300, measured(300_000), 31_000)[IO] == 1000.0


def test_what_was_not_there_before_has_no_rate() -> None:
    other = Metric("system.network.io", "eth1/receive", "By/s", 0)
    rates = DeviceRates()
    rates.update(T0, measured(0), 1000)
    found = rates.update(T0 + 300, Measured({}, {IO: Counter(300_000), other: Counter(5)}), 31_000)
    assert (found[IO], other in found) == (1000.0, False)
    later = rates.update(T0 + 600, Measured({}, {other: Counter(3005)}), 61_000)
    assert later == {other: 10.0}
