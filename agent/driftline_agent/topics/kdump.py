"""What is kept when the kernel crashes. Source: kdump-tools(5), kdump(8), /sys/kernel/kexec_crash_*."""

from driftline_agent import dropins
from driftline_agent.distribution import parse_os_release
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_SETTINGS = "/etc/default/kdump-tools"


def collect(host: Host) -> Reading:
    """Read whether it is started at boot, and whether it stands ready."""
    reading = Reading()
    dump = reading.facts.os.crash_dump
    started = dropins.wanted(host).keys() & {"kdump.service", "kdump-tools.service"} or dropins.started(host) & {
        "kdump",
        "kdump-tools",
    }
    settings = host.read(_SETTINGS)
    if settings is not None:
        dump.enabled = bool(started) and parse_os_release(settings).get("USE_KDUMP") == "1"
    elif started or host.exists("/etc/kdump.conf"):
        dump.enabled = bool(started)
    loaded, reserved = host.number("/sys/kernel/kexec_crash_loaded"), host.number("/sys/kernel/kexec_crash_size")
    if loaded is not None:
        dump.loaded = loaded == 1
    if reserved is not None and 0 <= reserved < 1 << 63:
        dump.reserved = reserved
    return reading


TOPIC = Topic(
    revision=1,
    fills=("os.crash_dump",),
    collect=collect,
    watches=(_SETTINGS, "/etc/kdump.conf", "/etc/systemd/system"),
)
