"""Processes that have run for a while, by executable. Source: /proc/PID/{stat,exe,cmdline,cgroup} (proc(5)).

All of it is STATE. So that a host at rest says nothing: short-lived processes are left out, and to look into all of
them is done at most every ten minutes.
"""

import os
import time
from dataclasses import dataclass, field

from driftline.v1.facts_pb2 import Process
from driftline_agent import ownership, processes
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.keys import bounded
from driftline_agent.numbers import whole
from driftline_agent.topic import Reading, Topic
from driftline_agent.topics.files import names_of

#: Seconds after which a process counts, and after which all are looked at again.
MIN_AGE_S, EVERY_S = 600.0, 600.0
_MAX_S, _MAX_GROUPS, _MAX_NAMES = 5.0, 2000, 50
#: A process' flag of a kernel thread (include/linux/sched.h).
_KERNEL_THREAD = 0x00200000
_KERNEL_PARENT = 2
#: Where packages put programs.
_PACKAGED = ("/usr/", "/bin/", "/sbin/", "/lib", "/opt/")


@dataclass(slots=True)
class One:
    """What is known of a process that does not change while it runs."""

    executable: str
    program: str
    unit: str
    user: int
    #: Seconds since 1970.
    started: int


@dataclass(slots=True)
class Kept:
    """What a reading leaves to the next, in the agent's memory."""

    at: float = 0.0
    #: Process number and start to what it is; None where it is left out.
    known: dict[tuple[int, int], One | None] = field(default_factory=dict)
    hidden: str = ""


def booted(host: Host) -> int | None:
    """Return when the host was started, in seconds since 1970."""
    for line in (host.read("/proc/stat") or "").splitlines():
        if line.startswith("btime "):
            return whole(line.partition(" ")[2].strip(), 1 << 40)
    return None


def look_at(host: Host, number: str, started: int) -> One | None:
    """Return what a process is; None where it is a container's, or has ended.

    :raises UnreadableError: where its executable may not be seen.
    """
    folder = f"/proc/{number}"
    groups = host.read(f"{folder}/cgroup") or ""
    if processes.CONTAINER.search(groups):
        return None
    executable = host.link(f"{folder}/exe")
    status = host.stat(folder)
    if not executable or status is None:
        return None
    executable = executable.removesuffix(" (deleted)")
    program = ""
    if processes.is_interpreter(executable):
        words = (host.read(f"{folder}/cmdline") or "").split("\0")
        program = processes.program_of(executable, words)
    return One(executable, program, processes.unit_of(groups), status.st_uid, started)


def look(host: Host, kept: Kept) -> None:
    """Look at all processes; what is known already is not asked again."""
    boot = booted(host)
    if boot is None:
        raise UnreadableError("/proc/stat: no time of boot")
    ticks = os.sysconf("SC_CLK_TCK")
    now = time.time()
    end = time.monotonic() + _MAX_S
    found: dict[tuple[int, int], One | None] = {}
    kept.hidden = ""
    for number in (name for name in host.names("/proc") if name.isdigit()):
        if time.monotonic() > end:
            kept.hidden = f"/proc: not looked through within {_MAX_S:g} s"
            break
        try:
            stat = processes.parse_stat(host.read(f"/proc/{number}/stat") or "")
            if stat is None:
                continue
            parent, flags, start = stat
            if flags & _KERNEL_THREAD or parent == _KERNEL_PARENT:
                continue
            started = boot + start // ticks
            key = (int(number), start)
            if key in kept.known:
                found[key] = kept.known[key]
            elif not host.live or now - started >= MIN_AGE_S:
                found[key] = look_at(host, number, started)
        except UnreadableError as error:
            kept.hidden = str(error).replace(f"/{number}/", "/*/")
    kept.known = found


def build(host: Host, kept: Kept, reading: Reading) -> list[Process]:
    """Return the processes by executable and program, sorted."""
    names = names_of(host.read("/etc/passwd") or "")
    groups: dict[tuple[str, str], list[One]] = {}
    for one in kept.known.values():
        if one is not None:
            groups.setdefault((bounded(one.executable), bounded(one.program)), []).append(one)
    asked = {name for key in groups for name in key if name.startswith(_PACKAGED)}
    try:
        packages = ownership.owners(host, asked)
    except UnreadableError as error:
        reading.unreadable["services.processes[*].package"] = str(error)
        packages = {}
    out: list[Process] = []
    for executable, program in sorted(groups)[:_MAX_GROUPS]:
        group = groups[executable, program]
        process = Process(executable=executable, program=program, count=len(group))
        process.package = packages.get(program) or packages.get(executable, "")
        process.units.extend(sorted({bounded(one.unit) for one in group if one.unit})[:_MAX_NAMES])
        process.users.extend(sorted({names.get(one.user) or str(one.user) for one in group})[:_MAX_NAMES])
        process.started_at = min(one.started for one in group)
        out.append(process)
    return out


def collect(host: Host) -> Reading:
    """Look into the processes, now and then."""
    reading = Reading()
    kept: Kept = host.kept.setdefault("processes", Kept())
    now = time.monotonic()
    if not kept.at or now - kept.at > EVERY_S:
        look(host, kept)
        kept.at = now
    reading.facts.services.processes.extend(build(host, kept, reading))
    if kept.hidden:
        reading.unreadable["services.processes"] = kept.hidden
    return reading


TOPIC = Topic(
    revision=1,
    fills=("services.processes",),
    collect=collect,
    applies=lambda host: host.exists("/proc/stat"),
)
