"""Active swap areas. Source: /proc/swaps (proc(5), swapon(8))."""

from driftline_agent import mounts
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FILE = "/proc/swaps"


def collect(host: Host) -> Reading:
    """Read the kernel's list."""
    reading = Reading()
    for path, kind, size, priority in sorted(mounts.parse_swaps(host.read(_FILE) or "")):
        swaps = reading.facts.storage.swaps
        if not swaps or swaps[-1].path != path:
            swaps.add(path=path, type=kind, size=None if size is None else size * 1024, priority=priority)
    return reading


TOPIC = Topic(
    revision=1,
    fills=("storage.swaps",),
    collect=collect,
    applies=lambda host: host.exists(_FILE),
    watches=("/etc/fstab",),
)
