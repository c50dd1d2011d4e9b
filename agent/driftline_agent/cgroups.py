"""Which systemd unit, or container, a process belongs to. Source: cgroups(7), /proc/PID/cgroup, systemd.unit(5)."""

from driftline import late

#: What a container's control group has in its path.
_CONTAINER = late.pattern(r"docker|libpod|kubepods|containerd|crio|lxc|machine\.slice|/payload|garden|buildkit")
_UNIT = late.pattern(r"[^/]+\.(?:service|scope|socket|mount|swap)")


def path_of(text: str) -> str:
    """Return a process' path in systemd's hierarchy, or in the only one there is; empty where it is in none."""
    found = ""
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "name=systemd":
            return path
        if number == "0" and not controllers:
            found = path
    return found


def unit_of(text: str) -> str:
    """Return the systemd unit of a process, of the system's own; empty where it belongs to none.

    :param text: of /proc/PID/cgroup.
    """
    for name in path_of(text).split("/"):
        # A leading underscore keeps a unit's name apart from files of the kernel's (systemd, cg_escape).
        if _UNIT.fullmatch(name):
            return name.removeprefix("_")
    return ""


def in_container(text: str) -> bool:
    """Tell whether a process belongs to a container.

    :param text: of /proc/PID/cgroup.
    """
    return _CONTAINER.search(text) is not None
