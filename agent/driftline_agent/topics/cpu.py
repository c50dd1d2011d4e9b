"""Processors. Source: /proc/cpuinfo, /sys/devices/system/cpu, /sys/devices/system/node."""

import sys

from driftline.v1.facts_pb2 import ProcessorCache, Processors, Vulnerability
from driftline_agent import cpuinfo
from driftline_agent.host import Host
from driftline_agent.numbers import whole
from driftline_agent.topic import Reading, Topic
from driftline_agent.virtualization import machine

_FOLDER = "/sys/devices/system/cpu"
_MOST_PROCESSORS = 1 << 16
_NODES = "/sys/devices/system/node"
_CACHE_TYPES = {"Data": "data", "Instruction": "instruction", "Unified": "unified"}
#: What a status begins with, in this order.
_STATUS = (
    ("Not affected", "not affected"),
    ("Mitigation", "mitigated"),
    ("Vulnerable", "vulnerable"),
    ("Processor vulnerable", "vulnerable"),
    ("KVM:", "affected"),
)


def parse_cpu_list(text: str) -> list[int]:
    """Return the numbers of a kernel list: ``0-3,8`` is 0, 1, 2, 3, 8."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        begin, end = whole(first), whole(last if dash else first)
        if begin is not None and end is not None and end < _MOST_PROCESSORS:
            numbers.extend(range(begin, end + 1))
    return numbers


def parse_vulnerability(name: str, text: str) -> Vulnerability:
    """Return what the kernel says of one weakness: its state by one word, the rest as detail.

    Words that follow what runs just now (SMT, unprivileged eBPF, VMX while a virtual machine runs) stay in the detail.
    """
    status = next((ours for theirs, ours in _STATUS if text.startswith(theirs)), "")
    detail = text.partition(": ")[2] if text.startswith(("Mitigation", "Vulnerable:")) else ""
    return Vulnerability(
        name=name, status=status, detail=detail or ("" if status in ("not affected", "vulnerable") else text)
    )


def parse_cache(
    level: str | None, kind: str | None, size: str | None, ways: str | None, line: str | None
) -> ProcessorCache | None:
    """Return one cache of sysfs, None where level or kind are not told."""
    name = _CACHE_TYPES.get(kind or "")
    if name is None or whole(level) is None:
        return None
    cache = ProcessorCache(level=whole(level) or 0, type=name)
    kilobytes = whole((size or "").removesuffix("K"))
    if kilobytes:
        cache.size = kilobytes << 10
    if number := whole(ways):
        cache.ways = number
    if number := whole(line):
        cache.line_size = number
    return cache


def caches(host: Host) -> list[ProcessorCache]:
    """Return the caches of the first processor, sorted by level and type."""
    found: dict[tuple[int, str], ProcessorCache] = {}
    folder = f"{_FOLDER}/cpu0/cache"
    for name in host.names(folder):
        if name.startswith("index"):
            files = ("level", "type", "size", "ways_of_associativity", "coherency_line_size")
            cache = parse_cache(*(host.line(f"{folder}/{name}/{file}") for file in files))
            if cache is not None:
                found.setdefault((cache.level, cache.type), cache)
    return [found[key] for key in sorted(found)]


def topology(host: Host, numbers: list[int]) -> tuple[int, int] | None:
    """Return how many sockets and cores some processors are, None where the kernel does not tell."""
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
    return (len(packages), len(cores)) if cores else None


def _nodes(host: Host, out: Processors) -> None:
    numbers = sorted(
        int(name[4:]) for name in host.names(_NODES) if name.startswith("node") and whole(name[4:]) is not None
    )
    for number in numbers:
        node = out.numa_nodes.add(number=number, processors=host.line(f"{_NODES}/node{number}/cpulist") or "")
        for line in (host.read(f"{_NODES}/node{number}/meminfo") or "")[:4096].splitlines():
            words = line.split()
            if len(words) == 5 and words[2] == "MemTotal:" and (kilobytes := whole(words[3])):
                node.memory = kilobytes << 10


def fixed(host: Host) -> Processors:
    """Return what stays as it is while the kernel runs: caches."""
    known: Processors | None = host.kept.get("cpu")
    if known is None:
        known = host.kept["cpu"] = Processors(caches=caches(host))
    return known


def hypervisor(host: Host) -> str | None:
    """Return what the machine runs in, None where it is a real one. It stays so while the kernel runs."""
    known: str | None = host.kept.get("cpu.hypervisor")
    if known is None:
        known = host.kept["cpu.hypervisor"] = machine(host)
    return None if known == "none" else known


def collect(host: Host) -> Reading:
    """Read the processors; sockets and cores come from sysfs, where every architecture has them."""
    reading = Reading()
    out = reading.facts.hardware.processors
    out.CopyFrom(described(host))
    numbers = parse_cpu_list(host.line(f"{_FOLDER}/present") or "")
    if numbers:
        out.threads = len(numbers)
        # Who is whose sibling changes only with who is online.
        state = numbers, host.line(f"{_FOLDER}/online")
        known: tuple[object, tuple[int, int] | None] | None = host.kept.get("cpu.topology")
        if known is None or known[0] != state:
            known = host.kept["cpu.topology"] = (state, topology(host, numbers))
        out.ClearField("sockets")
        out.ClearField("cores")
        if known[1] is not None:
            out.sockets, out.cores = known[1]
    frequency = host.number(f"{_FOLDER}/cpu0/cpufreq/cpuinfo_max_freq")
    if frequency and 0 < frequency < 1 << 40:
        out.max_frequency = frequency * 1000
    order = host.line("/sys/kernel/cpu_byteorder") or (sys.byteorder if host.live else None)
    out.byte_order = {"little": "little endian", "big": "big endian"}.get(order or "", "")
    threads = host.line(f"{_FOLDER}/smt/control")
    if threads in ("on", "off", "forceoff"):
        out.simultaneous_threads = threads == "on"
    out.MergeFrom(fixed(host))
    out.kvm = host.exists("/sys/class/misc/kvm")
    out.hypervisor = reading.text("hardware.processors.hypervisor", lambda: hypervisor(host))
    _nodes(host, out)
    folder = f"{_FOLDER}/vulnerabilities"
    for name in host.names(folder):
        out.vulnerabilities.append(parse_vulnerability(name, host.line(f"{folder}/{name}") or ""))
    return reading


def described(host: Host) -> Processors:
    """Return what /proc/cpuinfo tells, parsed again only where it says something else than before, clocks aside."""
    lines = (host.read("/proc/cpuinfo") or "").splitlines()
    # The clock moves, and with it what counts up (MIPS: VCED exceptions; Alpha: unaligned accesses).
    text = "\n".join(
        line for line in lines if not line.startswith(("cpu MHz", "VCE", "kernel unaligned", "user unaligned"))
    )
    known: tuple[str, Processors] | None = host.kept.get("cpuinfo")
    if known is None or known[0] != text:
        known = host.kept["cpuinfo"] = (text, cpuinfo.describe(text))
    return known[1]


TOPIC = Topic(revision=3, fills=("hardware.processors",), collect=collect, events=frozenset({"device"}))
