"""Names and identity of the installation, its boot time, time zone and virtualization.

Source: gethostname(2), hosts(5), machine-id(5), /proc/stat, localtime(5), systemd-detect-virt(1), stat(1).
"""

from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.numbers import whole
from driftline_agent.topic import Reading, Topic
from driftline_agent.virtualization import container, machine


def parse_fqdn(name: str, hosts: str) -> str | None:
    """Return the fully qualified name of `name` that a hosts(5) file gives, or None."""
    for line in hosts.splitlines():
        words = line.partition("#")[0].split()
        if name in words[1:]:
            for word in words[1:]:
                if word == name and "." in word:
                    return word
                if "." in word and word.split(".")[0] == name.split(".")[0]:
                    return word
    return None


def parse_boot_time(stat: str) -> int | None:
    """Return the boot time of a /proc/stat, in seconds since 1970."""
    for line in stat.splitlines():
        if line.startswith("btime "):
            return whole(line[6:].strip())
    return None


def time_zone(host: Host) -> str:
    """Return the time zone's name; localtime(5): without the file it is UTC."""
    link = host.link("/etc/localtime")
    if link and "zoneinfo/" in link:
        return link.partition("zoneinfo/")[2]
    if host.exists("/etc/localtime"):
        return host.line("/etc/timezone") or ""
    return "UTC"


def parse_birth(text: str) -> int | None:
    """Return the birth that ``stat -c %W`` prints, in seconds since 1970; 0 or - says that it is not known."""
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) < 13):
        return None
    return int(word) or None


def installed_at(host: Host) -> int | None:
    """Return when the root filesystem was made. Python gives no birth of files, and it never changes: asked once."""
    if "installed" not in host.kept:
        try:
            host.kept["installed"] = parse_birth(host.run("stat", "-c", "%W", "/") or "")
        except UnreadableError:  # an old stat(1), or one of busybox, knows no births
            host.kept["installed"] = None
    found: int | None = host.kept["installed"]
    return found


def tell(host: Host) -> bytes | None:
    """Return the host's name: hostname(1) gives it another one and writes no file."""
    return host.read_bytes("/proc/sys/kernel/hostname")


def collect(host: Host) -> Reading:
    """Read names, identity, boot time, zone and virtualization."""
    reading = Reading()
    out = reading.facts.os.host
    full = host.line("/proc/sys/kernel/hostname") or host.line("/etc/hostname") or ""
    out.name = full.split(".")[0]
    fqdn = full if "." in full else parse_fqdn(full, reading.text("os.host.fqdn", lambda: host.read("/etc/hosts")))
    out.fqdn = fqdn or ""
    machine_id = reading.text("os.host.machine_id", lambda: host.line("/etc/machine-id"))
    out.machine_id = "" if machine_id == "uninitialized" else machine_id
    booted_at = parse_boot_time(host.read("/proc/stat") or "")
    if booted_at is not None:
        out.booted_at = booted_at
    installed = installed_at(host)
    if installed is not None:
        out.installed_at = installed
    out.time_zone = reading.text("os.host.time_zone", lambda: time_zone(host))
    out.virtualization = reading.text("os.host.virtualization", lambda: container(host) or machine(host))
    return reading


TOPIC = Topic(
    revision=3,
    fills=("os.host",),
    collect=collect,
    tell=tell,
    watches=("/etc/hosts", "/etc/hostname", "/etc/machine-id", "/etc/localtime", "/etc/timezone"),
)
