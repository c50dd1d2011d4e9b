"""Packages of Slackware. Source: names in /var/lib/pkgtools/packages or /var/log/packages: NAME-VERSION-ARCH-BUILD."""

from driftline.v1.facts_pb2 import Package
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.packages.kept import unique
from driftline_agent.topic import Reading, Topic

#: Since 15.0, and before.
_FOLDERS = ("/var/lib/pkgtools/packages", "/var/log/packages")


def parse_name(name: str) -> Package | None:
    """Return the package that a file's name tells of; None where it is no such name (pkgtools' package_name)."""
    parts = name.rsplit("-", 3)
    if len(parts) != 4 or not all(parts):
        return None
    return Package(manager="slackware", name=parts[0], architecture=parts[2], version=f"{parts[1]}-{parts[3]}")


def _folder(host: Host) -> str | None:
    return next((folder for folder in _FOLDERS if host.exists(folder)), None)


def collect(host: Host) -> Reading:
    """Read the folder's names."""
    folder = _folder(host)
    if folder is None:
        raise UnreadableError(f"{_FOLDERS[0]}: not there")
    out: list[Package] = []
    for name in host.names(folder):
        package = parse_name(name)
        if package is not None:
            found = host.stat(f"{folder}/{name}")
            if found is not None:
                package.installed_at = int(found.st_mtime)
            out.append(package)
    reading = Reading()
    reading.facts.software.packages.extend(unique(out))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("software.packages",),
    collect=collect,
    applies=lambda host: _folder(host) is not None,
    watches=_FOLDERS,
)
