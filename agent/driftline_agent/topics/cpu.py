"""Processors. Source: /proc/cpuinfo, /sys/devices/system/cpu."""

from driftline.v1.facts_pb2 import Processors
from driftline_agent import arm
from driftline_agent.host import Host
from driftline_agent.numbers import whole
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/devices/system/cpu"


def parse_cpuinfo(text: str) -> list[dict[str, str]]:
    """Return the blocks of a /proc/cpuinfo that describe a processor."""
    blocks: list[dict[str, str]] = []
    for block in text.split("\n\n"):
        fields: dict[str, str] = {}
        for line in block.splitlines():
            name, colon, value = line.partition(":")
            if colon:
                fields[name.strip()] = value.strip()
        if "processor" in fields:
            blocks.append(fields)
    return blocks


#: No kernel has more (NR_CPUS).
_MAX_CPUS = 65_536


def parse_cpu_list(text: str) -> list[int]:
    """Return the numbers of a kernel list: ``0-3,8`` is 0, 1, 2, 3, 8."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        begin, end = whole(first, _MAX_CPUS), whole(last if dash else first, _MAX_CPUS)
        if begin is not None and end is not None:
            numbers.extend(range(begin, end + 1))
    return numbers


def describe(blocks: list[dict[str, str]]) -> Processors:
    """Return what the blocks themselves say: model, vendor, flags, microcode."""
    out = Processors()
    if not blocks:
        return out
    first = blocks[0]
    vendor, model = arm.names(first.get("CPU implementer"), first.get("CPU part"))
    out.model = model or first.get("model name") or first.get("cpu model") or first.get("Processor") or ""
    out.vendor = vendor or first.get("vendor_id") or ""
    out.microcode = first.get("microcode", "")
    out.flags.extend(sorted(set((first.get("flags") or first.get("Features") or first.get("features") or "").split())))
    return out


def collect(host: Host) -> Reading:
    """Read the processors; sockets and cores come from sysfs, where every architecture has them."""
    reading = Reading()
    blocks = parse_cpuinfo(host.read("/proc/cpuinfo") or "")
    processors = reading.facts.hardware.processors
    processors.CopyFrom(describe(blocks))
    numbers = parse_cpu_list(host.line(f"{_FOLDER}/present") or "")
    processors.threads = len(numbers) or len(blocks)
    packages: set[str] = set()
    cores: set[tuple[str, str]] = set()
    for number in numbers:
        folder = f"{_FOLDER}/cpu{number}/topology"
        package = host.line(f"{folder}/physical_package_id")
        # Numbers of cores may come again on another die of the package; who shares a core does not.
        core = (
            host.line(f"{folder}/core_cpus_list")
            or host.line(f"{folder}/thread_siblings_list")
            or host.line(f"{folder}/core_id")
        )
        if package is not None and core is not None:
            packages.add(package)
            cores.add((package, core))
    if cores:
        processors.sockets, processors.cores = len(packages), len(cores)
    frequency = host.number(f"{_FOLDER}/cpu0/cpufreq/cpuinfo_max_freq")
    if frequency:
        processors.max_frequency = frequency * 1000
    return reading


TOPIC = Topic(revision=2, fills=("hardware.processors",), collect=collect)
