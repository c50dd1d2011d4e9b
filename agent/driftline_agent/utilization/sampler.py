"""One round of samples by psutil. Names and units: OpenTelemetry semantic conventions, system metrics.

Rates stand where OpenTelemetry has cumulative counters: the unit says so (By/s).
"""

import os
import threading
import time
from collections.abc import Iterator

import psutil

from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_agent.host import Host
from driftline_agent.mounts import is_away
from driftline_agent.topics.filesystems import parse_mountinfo, read_mountinfo
from driftline_agent.utilization.aggregate import Metric, Minutes, pack
from driftline_agent.utilization.rates import Rates

_CPU = Metric("system.cpu.utilization", "", "1", 4)
_LOADS = tuple(Metric(f"system.cpu.load_average.{span}", "", "1", 2) for span in ("1m", "5m", "15m"))
_MEMORY = Metric("system.memory.utilization", "", "1", 4)
_MEMORY_USAGE = Metric("system.memory.usage", "", "By", 0)
_SWAP = Metric("system.paging.utilization", "", "1", 4)
#: Devices that stand for no disk.
_NO_DISKS = ("loop", "ram", "zram", "sr", "fd")


class Sampler:
    """Samples and keeps minutes. May be called from several threads."""

    def __init__(self, host: Host | None = None) -> None:
        self._host = host or Host()
        self._minutes = Minutes()
        self._rates = Rates()
        self._cpu: tuple[float, float] | None = None
        self._lock = threading.Lock()
        self._sent_running = False

    def sample(self) -> None:
        """Take one round of samples."""
        with self._lock:
            values = dict(self._gauges())
            values.update(self._rates.update(time.monotonic(), dict(self._counters())))
            self._minutes.add(time.time(), values)

    def take(self) -> UtilizationBatch:
        """Return the minutes that are over; at the first call the running one too, so that something arrives at once.

        A later batch has that minute again, whole.
        """
        with self._lock:
            running, self._sent_running = not self._sent_running, True
            return pack(self._minutes.take(time.time(), running))

    def _gauges(self) -> Iterator[tuple[Metric, float]]:
        times = psutil.cpu_times()
        # guest time is contained in user time (proc(5)); waiting for a disk is not work
        total = sum(times[:8])
        busy = total - times.idle - times.iowait
        if self._cpu is not None and total > self._cpu[0]:
            share = (busy - self._cpu[1]) / (total - self._cpu[0])
            yield _CPU, min(max(share, 0.0), 1.0)
        self._cpu = (total, busy)
        yield from zip(_LOADS, os.getloadavg(), strict=True)
        memory = psutil.virtual_memory()
        yield _MEMORY, (memory.total - memory.available) / memory.total
        yield _MEMORY_USAGE, memory.total - memory.available
        swap = psutil.swap_memory()
        if swap.total:
            yield _SWAP, swap.used / swap.total
        for filesystem in parse_mountinfo(read_mountinfo(self._host)):
            if is_away(filesystem.type):
                continue
            try:
                found = os.statvfs(filesystem.mount_point)
            except OSError:
                continue
            used = found.f_blocks - found.f_bfree
            available = used + found.f_bavail  # as df(1): what root alone may use does not count
            if available:
                yield Metric("system.filesystem.utilization", filesystem.mount_point, "1", 4), used / available
                yield Metric("system.filesystem.usage", filesystem.mount_point, "By", 0), used * found.f_frsize

    def _counters(self) -> Iterator[tuple[Metric, float]]:
        for name, disk in psutil.disk_io_counters(perdisk=True, nowrap=False).items():
            if name.startswith(_NO_DISKS) or self._host.exists(f"/sys/class/block/{name}/partition"):
                continue
            for way, size, count in (
                ("read", disk.read_bytes, disk.read_count),
                ("write", disk.write_bytes, disk.write_count),
            ):
                yield Metric("system.disk.io", f"{name}/{way}", "By/s", 0), size
                yield Metric("system.disk.operations", f"{name}/{way}", "{operation}/s", 2), count
        for name, link in psutil.net_io_counters(pernic=True, nowrap=False).items():
            if name == "lo" or name.startswith("veth") or not (link.bytes_recv or link.bytes_sent):
                continue
            for way, size, errors in (
                ("receive", link.bytes_recv, link.errin),
                ("transmit", link.bytes_sent, link.errout),
            ):
                yield Metric("system.network.io", f"{name}/{way}", "By/s", 0), size
                yield Metric("system.network.errors", f"{name}/{way}", "{error}/s", 2), errors
