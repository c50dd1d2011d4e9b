"""What is changed already and counts only after a restart.

Source: /run/reboot-required (Debian's and Ubuntu's packages write it), /boot/vmlinuz-*, /proc/PID/maps (proc(5)).
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from driftline import late
from driftline_agent import ownership
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic
from driftline_agent.tree import shown

_REQUIRED, _PACKAGES = "/run/reboot-required", "/run/reboot-required.pkgs"
_IMAGE = "vmlinuz-"
#: To look into every process costs the kernel some 60 us each; done again after so long, or when packages changed.
EVERY_S = 600.0
#: Seconds that one look may take, processes and files of one that are told of.
_MAX_S, _MAX_PROCESSES, _MAX_FILES = 5.0, 500, 100
#: Release of a Red Hat kernel from its distribution on: .el9_4.x86_64, .fc40.aarch64.
_DISTRIBUTION = late.pattern(r"\.(?:el|fc|amzn|uek)\d.*?(?=\+|$)")
#: What a container's control group has in its path.
_CONTAINER = late.pattern(r"docker|libpod|kubepods|containerd|crio|lxc|machine\.slice|/payload|garden|buildkit")


@dataclass(slots=True)
class _Kept:
    at: float = 0.0
    version: int = 0
    outdated: dict[str, set[str]] = field(default_factory=dict)
    hidden: bool = False


def flavour(release: str) -> str:
    """Return the kind of kernel that a release names: amd64, cloud-amd64, generic; empty for Red Hat's plain one."""
    bare = _DISTRIBUTION.sub("", release)
    if bare != release:
        return bare.partition("+")[2]
    return "-".join(part for part in bare.split("-")[1:] if not part[:1].isdigit())


def order(release: str) -> tuple[int, ...]:
    """Return by what releases of one flavour are ordered: their numbers."""
    bare = _DISTRIBUTION.sub("", release)
    return tuple(
        int(number) for part in bare.split("-") if part[:1].isdigit() for number in re.findall(r"[0-9]{1,18}", part)
    )


def newest_kernel(running: str, images: Iterable[str]) -> str | None:
    """Return the newest installed release of the running kernel's flavour; None where the running one is not installed.

    :param images: names in /boot.
    """
    installed = {name.removeprefix(_IMAGE) for name in images if name.startswith(_IMAGE)}
    if running not in installed:
        return None  # the machine gets its kernel from elsewhere, as containers and some virtual machines do
    return max((name for name in installed if flavour(name) == flavour(running)), key=lambda name: (order(name), name))


def look(host: Host) -> tuple[dict[str, set[str]], bool]:
    """Return what is mapped and gone, by executable, and whether some process could not be looked into."""
    out: dict[str, set[str]] = {}
    hidden = False
    end = time.monotonic() + _MAX_S
    for name in sorted((name for name in host.names("/proc") if name.isdigit()), key=int):
        if len(out) >= _MAX_PROCESSES or time.monotonic() > end:
            return out, True
        try:
            gone = host.deleted(int(name))
            if not gone or _CONTAINER.search(host.read(f"/proc/{name}/cgroup") or ""):
                continue
            executable = host.link(f"/proc/{name}/exe")
        except OSError:
            hidden = True
            continue
        if executable:
            out.setdefault(executable.removesuffix(" (deleted)"), set()).update(gone)
    return out, hidden


def _look_now_and_then(host: Host) -> _Kept:
    kept: _Kept = host.kept.setdefault("restart", _Kept())
    database = host.stat(ownership.FOLDER)
    version = database.st_mtime_ns if database is not None else 0
    now = time.monotonic()
    if not kept.at or version != kept.version or now - kept.at > EVERY_S:
        kept.outdated, kept.hidden = look(host)
        kept.at, kept.version = now, version
    return kept


def collect(host: Host) -> Reading:
    """Read the distribution's mark, compare kernels, and look into the processes, now and then."""
    reading = Reading()
    restart = reading.facts.os.restart
    running = host.line("/proc/sys/kernel/osrelease") or ""
    newest: str | None = None
    try:
        newest = newest_kernel(running, host.names("/boot"))
        asked = host.exists(_REQUIRED)
        if asked or newest:
            restart.reboot_required = asked or newest not in (None, running)
        restart.installed_kernel = newest or ""
        restart.requested_by.extend(sorted(set((host.read(_PACKAGES) or "").split())))
    except UnreadableError as error:
        for name in ("reboot_required", "installed_kernel", "requested_by"):
            reading.unreadable[f"os.restart.{name}"] = str(error)
    kept = _look_now_and_then(host)
    if kept.hidden:
        reading.unreadable["os.restart.outdated"] = "/proc/*/maps: permission denied for other users"
    files = {file for found in kept.outdated.values() for file in found}
    try:
        packages = ownership.owners(host, files)
    except UnreadableError as error:
        reading.unreadable["os.restart.outdated[*].packages"] = str(error)
        packages = {}
    for executable in sorted(kept.outdated):
        gone = sorted(map(shown, kept.outdated[executable]))[:_MAX_FILES]
        owning = sorted({packages[file] for file in gone if file in packages})
        restart.outdated.add(executable=shown(executable), files=gone, packages=owning)
    return reading


TOPIC = Topic(
    revision=1,
    fills=("os.restart",),
    collect=collect,
    applies=lambda host: host.exists("/proc/sys/kernel/osrelease"),
    watches=(ownership.FOLDER,),
)
