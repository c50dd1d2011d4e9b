"""The running kernel. Source: /proc/sys/kernel (what uname(2) says), /proc/cmdline."""

import os

from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

#: Bits of /proc/sys/kernel/tainted. Documentation/admin-guide/tainted-kernels.rst.
TAINTS = (
    "proprietary module",
    "module loaded by force",
    "kernel on a system out of its specification",
    "module removed by force",
    "machine check exception",
    "bad page",
    "taint requested by a user",
    "oops",
    "ACPI table overridden",
    "warning",
    "staging driver",
    "workaround for firmware",
    "out-of-tree module",
    "unsigned module",
    "soft lockup",
    "live patch",
    "set by the distribution",
    "structure layout randomized",
    "test in the kernel",
    "firmware test by a user",
)


def parse_taints(value: int) -> list[str]:
    """Return why the kernel is tainted, sorted; a bit that has no name yet by its number."""
    bits = [bit for bit in range(min(value.bit_length(), 64)) if value >> bit & 1]
    return sorted(TAINTS[bit] if bit < len(TAINTS) else f"bit {bit}" for bit in bits)


def collect(host: Host) -> Reading:
    """Read what uname(2) would say, the command line, and the taints."""
    reading = Reading()
    kernel = reading.facts.os.kernel
    kernel.name = host.line("/proc/sys/kernel/ostype") or ""
    kernel.release = host.line("/proc/sys/kernel/osrelease") or ""
    kernel.version = host.line("/proc/sys/kernel/version") or ""
    architecture = os.uname().machine if host.live else host.line("/proc/sys/kernel/arch")
    kernel.architecture = architecture or ""
    kernel.command_line.extend((reading.text("os.kernel.command_line", lambda: host.line("/proc/cmdline"))).split())
    kernel.taints.extend(parse_taints(max(0, host.number("/proc/sys/kernel/tainted") or 0)))
    return reading


TOPIC = Topic(revision=2, fills=("os.kernel",), collect=collect)
