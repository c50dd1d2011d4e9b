"""The running kernel. Source: /proc/sys/kernel (what uname(2) says), /proc/cmdline."""

import os

from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic


def collect(host: Host) -> Reading:
    """Read what uname(2) would say, and the command line."""
    reading = Reading()
    kernel = reading.facts.os.kernel
    kernel.name = host.line("/proc/sys/kernel/ostype") or ""
    kernel.release = host.line("/proc/sys/kernel/osrelease") or ""
    kernel.version = host.line("/proc/sys/kernel/version") or ""
    architecture = os.uname().machine if host.live else host.line("/proc/sys/kernel/arch")
    kernel.architecture = architecture or ""
    kernel.command_line.extend((reading.text("os.kernel.command_line", lambda: host.line("/proc/cmdline"))).split())
    return reading


TOPIC = Topic(revision=1, fills=("os.kernel",), collect=collect)
