"""Utilization: aggregates, rates, packing, and real samples."""

from itertools import accumulate

import psutil

from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_agent.utilization.aggregate import Metric, Minutes, pack
from driftline_agent.utilization.rates import Rates
from driftline_agent.utilization.sampler import Sampler

CPU = Metric("system.cpu.utilization", "", "1", 4)
DISK = Metric("system.disk.io", "sda/read", "By/s", 0)


def unpack(batch: UtilizationBatch) -> dict[tuple[str, str], dict[int, tuple[float, float, float, float]]]:
    """Decode a batch the way utilization.proto says."""
    out = {}
    for series in batch.series:
        lists = [list(accumulate(values)) for values in (series.min, series.mean, series.max, series.last)]
        points = zip(*lists, strict=True)
        scale = 10**series.decimals
        out[series.metric, series.instance] = {
            minute: (a / scale, b / scale, c / scale, d / scale)
            for minute, (a, b, c, d) in zip(accumulate(series.minutes), points, strict=True)
        }
    return out


def test_minutes_hold_min_mean_max_last() -> None:
    minutes = Minutes()
    for second, value in ((0, 0.5), (10, 0.1), (50, 0.3), (60, 0.9)):
        minutes.add(6000 + second, {CPU: value})
    assert unpack(pack(minutes.take(6060))) == {("system.cpu.utilization", ""): {100: (0.1, 0.3, 0.5, 0.3)}}
    assert minutes.take(6060) == {}


def test_the_running_minute_comes_again_whole() -> None:
    minutes = Minutes()
    minutes.add(6000, {CPU: 0.2})
    assert unpack(pack(minutes.take(6001, running=True)))["system.cpu.utilization", ""][100] == (0.2, 0.2, 0.2, 0.2)
    minutes.add(6010, {CPU: 0.4})
    assert unpack(pack(minutes.take(6060)))["system.cpu.utilization", ""][100] == (0.2, 0.3, 0.4, 0.4)


def test_several_minutes_are_delta_coded() -> None:
    minutes = Minutes()
    for minute, value in ((100, 5), (101, 3), (103, 8)):
        minutes.add(minute * 60, {DISK: value})
    batch = pack(minutes.take(104 * 60))
    assert list(batch.series[0].minutes) == [100, 1, 2]
    assert list(batch.series[0].last) == [5, -2, 5]


def test_what_a_reader_refuses_is_left_out() -> None:
    minutes = Minutes()
    wild = {DISK._replace(instance=name): 1.0 for name in ("a\x7fb", "x" * 513)}
    minutes.add(6000, {CPU: 0.1, DISK: 1e17, **wild, DISK._replace(instance="sdb/read"): float("nan")})
    minutes.add(6000, {DISK._replace(instance="sdc/read"): 2e17})
    assert set(unpack(pack(minutes.take(6060)))) == {("system.cpu.utilization", ""), ("system.disk.io", "sda/read")}


def test_at_most_a_day_is_kept() -> None:
    minutes = Minutes()
    for minute in range(1500):
        minutes.add(minute * 60, {CPU: 0.1})
    assert len(minutes.take(1600 * 60)) == 1440


def test_rates_need_two_looks_and_survive_resets() -> None:
    rates = Rates()
    assert rates.update(10, {DISK: 1000}) == {}
    assert rates.update(20, {DISK: 3000}) == {DISK: 200}
    assert rates.update(30, {DISK: 50}) == {}
    assert rates.update(40, {DISK: 150}) == {DISK: 10}
    assert rates.update(40, {DISK: 150}) == {}


def test_a_device_that_appears_has_no_rate_yet() -> None:
    rates, other = Rates(), Metric("system.disk.io", "sdb/read", "By/s", 0)
    rates.update(0, {DISK: 1})
    assert rates.update(1, {DISK: 2, other: 5000}) == {DISK: 1}


def test_samples_of_this_host() -> None:
    sampler = Sampler()
    before = sum(psutil.cpu_times())
    sampler.sample()
    while sum(psutil.cpu_times()) < before + 0.05:  # the kernel counts in ticks of a hundredth
        sum(range(10000))
    sampler.sample()
    found = unpack(sampler.take())
    names = {metric for metric, _ in found}
    assert names >= {
        "system.cpu.utilization",
        "system.cpu.load_average.1m",
        "system.cpu.load_average.5m",
        "system.cpu.load_average.15m",
        "system.memory.utilization",
        "system.memory.usage",
        "system.filesystem.utilization",
        "system.filesystem.usage",
    }
    for (metric, _), points in found.items():
        for low, mean, high, last in points.values():
            assert low <= mean <= high and low <= last <= high, metric
            if metric.endswith(".utilization"):
                assert low >= 0 and high <= 1, metric
