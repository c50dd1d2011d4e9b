"""Main memory and swap. Source: /sys/devices/system/memory, /proc/meminfo."""

from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/devices/system/memory"


def parse_meminfo(text: str) -> dict[str, int]:
    """Return the values of a /proc/meminfo in bytes."""
    out: dict[str, int] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB" and words[1].isdigit():
            out[words[0].rstrip(":")] = int(words[1]) * 1024
    return out


def installed(host: Host) -> int | None:
    """Return the bytes of all memory blocks that are online, or None where the kernel does not tell."""
    size = host.line(f"{_FOLDER}/block_size_bytes")
    if size is None:
        return None
    online = 0
    for name in host.names(_FOLDER):
        if name.startswith("memory") and name[6:].isdigit():
            online += host.line(f"{_FOLDER}/{name}/online") == "1"
    return online * int(size, 16) or None


def collect(host: Host) -> Reading:
    """Read what is installed, usable, and swap."""
    reading = Reading()
    memory = reading.facts.hardware.memory
    values = parse_meminfo(host.read("/proc/meminfo") or "")
    blocks = installed(host)
    if blocks is not None:
        memory.installed = blocks
    if "MemTotal" in values:
        memory.usable = values["MemTotal"]
    if "SwapTotal" in values:
        memory.swap = values["SwapTotal"]
    return reading


TOPIC = Topic(revision=1, fills=("hardware.memory",), collect=collect)
