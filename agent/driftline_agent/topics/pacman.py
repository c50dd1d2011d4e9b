"""Packages installed by pacman. Source: /var/lib/pacman/local/*/desc, IgnorePkg of pacman.conf(5)."""

from fnmatch import fnmatchcase

from driftline.v1.facts_pb2 import Package
from driftline_agent.errors import BusyError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.packages import alpm
from driftline_agent.packages.kept import kept, unique, version_of
from driftline_agent.topic import Reading, Topic

#: Exists while pacman is at work (alpm's handle.c).
_LOCK = "/var/lib/pacman/db.lck"


def busy(host: Host) -> bool:
    """Tell whether pacman is at work; a lock that a crash left behind counts for an hour."""
    found = host.stat(_LOCK)
    if found is None:
        return False
    import time

    return time.time() - found.st_mtime < 3600


def collect(host: Host) -> Reading:
    """Read every package's description."""
    if busy(host):
        raise BusyError(f"{_LOCK}: there, pacman is at work")
    reading = Reading()
    try:
        held = alpm.ignored(alpm.options(host))
    except UnreadableError as error:
        held = []
        reading.unreadable["software.packages[pacman/*].held"] = str(error)

    def read() -> list[Package]:
        out: list[Package] = []
        for name in host.names(alpm.FOLDER):
            text = host.read(f"{alpm.FOLDER}/{name}/desc") if name != "ALPM_DB_VERSION" else None
            if text:
                package = alpm.build(alpm.parse_sections(text))
                if any(fnmatchcase(package.name, pattern) for pattern in held):
                    package.held = True
                out.append(package)
        return unique(out)

    reading.facts.software.MergeFrom(kept(host, "pacman", (version_of(host, alpm.FOLDER), *held), read))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("software.packages",),
    collect=collect,
    applies=lambda host: host.exists(alpm.FOLDER),
    watches=(alpm.FOLDER, alpm.CONFIGURATION),
    busy=busy,
)
