"""What a system runs in: the container manager, or the hypervisor, by the names of systemd-detect-virt(1).

Follows systemd's src/basic/virt.c in its order, with one difference: it asks the processor (CPUID leaf 0x40000000),
which takes machine code; here the clock sources that the kernel registers on the same signature stand for it.
"""

import re

from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

#: What DMI's vendor and product strings begin with. First match wins, file by file.
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
_DMI = "/sys/class/dmi/id"
_DMI_FILES = ("product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version")
#: These are named even where KVM or Hyper-V is below or imitated.
_BEFORE_CPUID = frozenset(["oracle", "xen", "amazon", "parallels", "google"])
#: What managers write into $container; a name that systemd does not know is "container-other".
_CONTAINERS = frozenset(
    ["systemd-nspawn", "lxc-libvirt", "lxc", "openvz", "docker", "podman", "rkt", "wsl", "proot", "pouch"]
)
#: SMBIOS 3.7 section 7.1.2.2: bit 4 of the second extension byte of type 0 says "virtual machine".
_SMBIOS_EXTENSION, _SMBIOS_VM = 0x13, 0x10


def container(host: Host) -> str | None:
    """Return the container manager, or None outside of containers."""
    if host.exists("/proc/vz") and not host.exists("/proc/bc"):
        return "openvz"
    release = host.line("/proc/sys/kernel/osrelease") or ""
    if "Microsoft" in release or "WSL" in release:
        return "wsl"
    name = host.line("/run/host/container-manager") or host.line("/run/systemd/container") or _of_first_process(host)
    by_file = "podman" if host.exists("/run/.containerenv") else "docker" if host.exists("/.dockerenv") else None
    if name is None or name == "oci":  # the name of a format, not of a manager
        return by_file or (name and "container-other")
    return name if name in _CONTAINERS else "container-other"


def _of_first_process(host: Host) -> str | None:
    try:
        environment = host.read("/proc/1/environ") or ""
    except UnreadableError:
        return None
    for assignment in environment.split("\0"):
        if assignment.startswith("container=") and assignment != "container=":
            return assignment.partition("=")[2]
    return None


def machine(host: Host) -> str:
    """Return the hypervisor, or none."""
    by_dmi = _by_dmi(host)
    if by_dmi in _BEFORE_CPUID:
        return by_dmi
    cpuinfo = (host.read("/proc/cpuinfo") or "")[:8192]
    if "User Mode Linux" in cpuinfo:
        return "uml"
    # A privileged domain of Xen is the machine's own system.
    privileged = "control_d" in (host.line("/proc/xen/capabilities") or "")
    if host.exists("/proc/xen") and not privileged:
        return "xen"
    by_clock = _by_clock(host)
    if by_clock is not None and by_dmi in (None, "qemu", "kvm", "bochs"):
        return by_clock
    if by_dmi is not None:
        return by_dmi
    kind = host.line("/sys/hypervisor/type")
    if kind is not None and not privileged:
        return "xen" if kind == "xen" else "vm-other"
    return (
        _by_device_tree(host)
        or _by_sysinfo(host)
        or ("vm-other" if " hypervisor" in cpuinfo and not privileged else "none")
    )


def _by_dmi(host: Host) -> str | None:
    texts = [host.line(f"{_DMI}/{file}") or "" for file in _DMI_FILES]
    product, vendor = texts[:2]
    for text in texts:
        name = next((name for prefix, name in _DMI_VENDORS if text.startswith(prefix)), None)
        if name == "amazon":
            return None if _is_metal(host, product) else name
        if name is not None:
            return name
    # The first generation of Hyper-V, which systemd tells by CPUID.
    return "microsoft" if vendor == "Microsoft Corporation" and product.startswith("Virtual Machine") else None


def _is_metal(host: Host, product: str) -> bool:
    """Tell whether Amazon rents this out as a machine; its virtual machines say in SMBIOS that they are."""
    try:
        raw = host.read_bytes("/sys/firmware/dmi/entries/0-0/raw") or b""
    except UnreadableError:
        raw = b""
    if len(raw) > _SMBIOS_EXTENSION and raw[1] > _SMBIOS_EXTENSION:
        return not raw[_SMBIOS_EXTENSION] & _SMBIOS_VM
    return ".metal" in product


def _by_clock(host: Host) -> str | None:
    clocks = host.line("/sys/devices/system/clocksource/clocksource0/available_clocksource") or ""
    # KVM with Hyper-V's enlightenments registers Hyper-V's clock; its DMI strings are QEMU's.
    if "kvm-clock" in clocks or ("hyperv_clocksource" in clocks and _by_dmi(host) in ("qemu", "kvm")):
        return "kvm"
    return "microsoft" if "hyperv_clocksource" in clocks else None


def _by_sysinfo(host: Host) -> str | None:
    """Return what runs below, on IBM Z: /proc/sysinfo names it where it is not the machine's own partitions."""
    text = host.read("/proc/sysinfo") or ""
    found = re.search(r"^VM00 Control Program:\s*(\S+)", text, re.MULTILINE)
    return None if found is None else "zvm" if found[1] == "z/VM" else "kvm"


def _by_device_tree(host: Host) -> str | None:
    kind = (host.line("/proc/device-tree/hypervisor/compatible") or "").rstrip("\0")
    if kind == "linux,kvm":
        return "kvm"
    if "xen" in kind:
        return "xen"
    if "vmware" in kind:
        return "vmware"
    if kind:
        return "vm-other"
    if host.exists("/proc/device-tree/ibm,partition-name") and host.exists("/proc/device-tree/hmc-managed?"):
        return "powervm"
    names = host.names("/proc/device-tree")
    if any("fw-cfg" in name for name in names):
        return "qemu"
    return "qemu" if (host.line("/proc/device-tree/compatible") or "").startswith("qemu,pseries") else None
