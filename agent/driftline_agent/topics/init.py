"""What starts everything else: which init system, what it starts at boot, what it is told.

Source: /proc/1/comm, systemd-system.conf(5), systemd.special(7), inittab(5).
"""

import re

from driftline import late
from driftline.v1.facts_pb2 import ManagerSetting
from driftline_agent import dropins
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_LIBRARY = late.pattern(r"libsystemd-shared-(\d+(?:\.\d+)*)\S*\.so")
_RUNLEVEL = late.pattern(r"^[^:#\n]*:([0-6S]):initdefault:", re.MULTILINE)
#: A program that init may be, to the name of the init system.
_PROGRAMS = {
    "systemd": "systemd",
    "openrc-init": "openrc",
    "runit": "runit",
    "runit-init": "runit",
    "procd": "procd",
    "s6-svscan": "s6",
    "dinit": "dinit",
    "upstart": "upstart",
    "busybox": "busybox",
}
_UNITS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")


def parse_version(names: list[str]) -> str:
    """Return systemd's version, from the name of the library that its programs share."""
    return next((found[1] for name in names if (found := _LIBRARY.fullmatch(name))), "")


def parse_runlevel(text: str) -> str:
    """Return the runlevel of an inittab(5)."""
    found = _RUNLEVEL.search(text)
    return f"runlevel {found[1]}" if found else ""


def parse_settings(texts: list[str]) -> list[ManagerSetting]:
    """Return what the manager is told, sorted; drop-ins after the file itself."""
    found = dropins.sections(texts, "Manager")
    return [ManagerSetting(name=name, value=" ".join(found[name])) for name in sorted(found)]


def init_of(host: Host) -> str:
    """Return the init system's name; in a container that has none, its first program's."""
    program = host.line("/proc/1/comm") or ""
    if host.exists("/run/systemd/system"):
        return "systemd"
    if host.exists("/run/openrc"):
        return "openrc"
    if program == "init":
        target = (host.link("/sbin/init") or "").rpartition("/")[2]
        return _PROGRAMS.get(target, "sysvinit")
    return _PROGRAMS.get(program, program)


def _version(host: Host) -> str:
    folders = ["/usr/lib/systemd", "/lib/systemd"]
    folders += [f"/usr/lib/{name}/systemd" for name in host.names("/usr/lib") if "-linux-gnu" in name]
    return next((version for folder in folders if (version := parse_version(host.names(folder)))), "")


def _target(host: Host) -> str:
    for folder in _UNITS:
        link = host.link(f"{folder}/default.target")
        if link:
            return link.rpartition("/")[2]
    return ""


def collect(host: Host) -> Reading:
    """Read what runs as process 1, and its configuration."""
    reading = Reading()
    init = reading.facts.os.init
    init.name = init_of(host)
    if init.name == "systemd":
        init.version = _version(host)
        init.default_target = _target(host)
        main = next(
            (text for prefix in dropins.PREFIXES if (text := host.read(f"{prefix}/systemd/system.conf")) is not None),
            "",
        )
        texts = [main, *(host.read(path) or "" for path in dropins.files(host, "systemd/system.conf.d"))]
        init.settings.extend(parse_settings(texts))
    else:
        init.default_target = parse_runlevel(host.read("/etc/inittab") or "")
    return reading


TOPIC = Topic(
    revision=1,
    fills=("os.init",),
    collect=collect,
    watches=("/etc/inittab", "/etc/systemd/system", "/etc/systemd/system.conf", "/etc/systemd/system.conf.d"),
)
