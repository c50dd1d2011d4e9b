"""Names and identity of the installation, its boot time, time zone and virtualization.

Source: gethostname(2), hosts(5), machine-id(5), /proc/stat, localtime(5), systemd-detect-virt(1).
"""

from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

#: What DMI's vendor and product strings begin with, and the name systemd-detect-virt(1) gives. First match wins.
_DMI_VENDORS = (
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("Amazon EC2", "amazon"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Oracle Corporation", "oracle"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Hyper-V", "microsoft"),
    ("Apple Virtualization", "apple"),
    ("Google Compute Engine", "google"),
)
_DMI_FILES = ("product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version")


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
            return int(line.split()[1])
    return None


def time_zone(host: Host) -> str:
    """Return the time zone's name; localtime(5): without the file it is UTC."""
    link = host.link("/etc/localtime")
    if link and "zoneinfo/" in link:
        return link.partition("zoneinfo/")[2]
    if host.exists("/etc/localtime"):
        return host.line("/etc/timezone") or ""
    return "UTC"


def container(host: Host) -> str | None:
    """Return the container manager, or None outside of containers."""
    name = host.line("/run/systemd/container") or host.line("/run/host/container-manager")
    if name:
        return name
    if host.exists("/proc/vz") and not host.exists("/proc/bc"):
        return "openvz"
    if "microsoft" in (host.line("/proc/sys/kernel/osrelease") or "").lower():
        return "wsl"
    try:
        environment = host.read("/proc/1/environ") or ""
    except OSError:
        environment = ""
    for assignment in environment.split("\0"):
        if assignment.startswith("container=") and assignment != "container=":
            return assignment.partition("=")[2]
    if host.exists("/run/.containerenv"):
        return "podman"
    if host.exists("/.dockerenv"):
        return "docker"
    return None


def machine(host: Host) -> str:
    """Return the hypervisor by systemd's name, or none."""
    clocks = host.line("/sys/devices/system/clocksource/clocksource0/available_clocksource") or ""
    by_dmi = None
    for file in _DMI_FILES:
        text = host.line(f"/sys/class/dmi/id/{file}") or ""
        by_dmi = by_dmi or next((name for prefix, name in _DMI_VENDORS if text.startswith(prefix)), None)
    if host.line("/sys/class/dmi/id/sys_vendor") == "Microsoft Corporation" and (
        host.line("/sys/class/dmi/id/product_name") or ""
    ).startswith("Virtual Machine"):
        by_dmi = "microsoft"
    if by_dmi and by_dmi != "qemu":
        return by_dmi
    if "kvm-clock" in clocks:
        return "kvm"
    if by_dmi:
        return by_dmi
    if host.line("/sys/hypervisor/type") == "xen":
        return "none" if "control_d" in (host.line("/proc/xen/capabilities") or "") else "xen"
    if "hyperv_clocksource" in clocks:
        return "microsoft"
    head = (host.read("/proc/cpuinfo") or "")[:8192]
    return "vm-other" if " hypervisor" in head else "none"


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
    out.time_zone = reading.text("os.host.time_zone", lambda: time_zone(host))
    out.virtualization = reading.text("os.host.virtualization", lambda: container(host) or machine(host))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("os.host",),
    collect=collect,
    watches=("/etc/hosts", "/etc/hostname", "/etc/machine-id", "/etc/localtime", "/etc/timezone"),
)
