"""Token buckets, gates and the check-in schedule."""

from pathlib import Path

import pytest

from driftline_collector.errors import Exhausted
from driftline_collector.schedule import Schedule, check_in_after_s, interval_s
from driftline_collector.service.limits import Gate, RateLimit, network_of
from driftline_collector.settings import Settings


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_peer_may_come_in_a_burst_then_at_its_rate() -> None:
    time = Time()
    limit = RateLimit(rate_peer=0.5, burst_peer=2, rate_all=100, burst_all=100, monotonic=time)
    limit.admit("ipv4:192.0.2.1:1")
    limit.admit("ipv4:192.0.2.1:2")
    with pytest.raises(Exhausted, match="come back in 2 s"):
        limit.admit("ipv4:192.0.2.1:3")
    limit.admit("ipv4:192.0.2.2:1")
    time.now += 2
    limit.admit("ipv4:192.0.2.1:4")
    with pytest.raises(Exhausted):
        limit.admit("ipv4:192.0.2.1:5")


def test_all_together_have_a_limit_and_the_refused_cost_the_others_nothing() -> None:
    time = Time()
    limit = RateLimit(rate_peer=1, burst_peer=1, rate_all=1, burst_all=2, monotonic=time)
    limit.admit("ipv4:192.0.2.1:1")
    for _ in range(50):
        with pytest.raises(Exhausted):
            limit.admit("ipv4:192.0.2.1:1")
    limit.admit("ipv4:192.0.2.2:1")
    with pytest.raises(Exhausted, match="come back in 1 s"):
        limit.admit("ipv4:192.0.2.3:1")


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("ipv4:192.0.2.1:41414", "192.0.2.1"),
        ("ipv6:[2001:db8:1:2:3:4:5:6]:41414", "2001:db8:1:2::"),
        ("ipv6:%5B2001:db8:1:2:9::1%5D:41414", "2001:db8:1:2::"),
        ("ipv6:%5B::ffff:192.0.2.1%5D:41414", "192.0.2.1"),
        ("ipv6:%5Bfe80::1%25eth0%5D:41414", "fe80::"),
        ("unix:/run/socket", "unix:/run/socket"),
    ],
)
def test_a_peer_is_counted_by_its_network(peer: str, network: str) -> None:
    assert network_of(peer) == network


def test_a_gate_counts_by_key() -> None:
    gate = Gate(1)
    with gate.inside(1), gate.inside(2), pytest.raises(Exhausted, match="come back"), gate.inside(1):
        pass
    with gate.inside(1):
        pass


def test_the_interval_follows_the_fleet_and_the_load() -> None:
    assert [interval_s(fleet, 0, 15, 300) for fleet in (0, 100, 5_000, 20_000, 100_000, 500_000)] == [
        15,
        15,
        15,
        60,
        300,
        300,
    ]
    assert interval_s(100, 0.9, 15, 300) == 30
    assert interval_s(100_000, 0.9, 15, 300) == 300


def test_a_fleet_that_comes_back_at_once_is_spread_over_the_interval() -> None:
    now, interval = 1_800_000_000_123, 300
    arrivals = [now + check_in_after_s(f"uid-{number}", now, interval) * 1000 for number in range(10_000)]
    assert min(arrivals) >= now + interval * 500
    assert max(arrivals) <= now + interval * 1500 + 1000
    slots = [0] * 30
    for arrival in arrivals:
        slots[(arrival - now) // 10_000 % 30] += 1
    assert max(slots) < 2 * 10_000 / 30


def test_a_source_keeps_its_slot() -> None:
    now = 1_800_000_000_123
    after = check_in_after_s("uid", now, 60)
    for _ in range(5):
        now += after * 1000
        after = check_in_after_s("uid", now, 60)
        assert abs(after - 60) <= 1


def test_instructions_carry_the_clock_and_the_interval() -> None:
    schedule = Schedule(Settings(database="sqlite://", data=Path("/nowhere")))
    schedule.fleet = 100_000
    instructions = schedule.instructions("uid", 1_800_000_000_000, 0)
    assert instructions.server_time_ms == 1_800_000_000_000
    assert 150 <= instructions.check_in_after_s <= 450
