"""Packages installed by dpkg. Source: /var/lib/dpkg/status (deb822(5), dpkg(1)), /var/lib/dpkg/info/*.list.

Not read while dpkg or apt hold their locks, so that the states in between never appear.
"""

from driftline import paths
from driftline.v1.facts_pb2 import Package
from driftline_agent.errors import BusyError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.locks import is_locked
from driftline_agent.topic import Reading, Topic

_FOLDER = "/var/lib/dpkg"
LOCKS = (f"{_FOLDER}/lock-frontend", f"{_FOLDER}/lock")
_WANTED = frozenset({"Package", "Status", "Architecture", "Version", "Source", "Maintainer", "Installed-Size"})
#: States in which a package's files are there, wholly (dpkg(1)): its scripts may have failed, or wait for others.
#: With not-installed, config-files and half-installed they are not, or nobody knows which.
_PRESENT = frozenset({"installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"})


def parse_paragraphs(text: str) -> list[tuple[dict[str, str], str]]:
    """Return the fields wanted of each package that dpkg knows of, installed or not, with its paragraph."""
    out: list[tuple[dict[str, str], str]] = []
    for paragraph in text.split("\n\n"):
        fields: dict[str, str] = {}
        for line in paragraph.split("\n"):
            name, colon, value = line.partition(": ")
            if colon and name in _WANTED:
                fields[name] = value
                if len(fields) == len(_WANTED):
                    break
        if "Package" in fields:
            out.append((fields, paragraph))
    return out


def build(fields: dict[str, str]) -> Package | None:
    """Return a package whose files are there, configured or not; None for another."""
    status = fields.get("Status", "").split()
    if len(status) != 3 or status[2] not in _PRESENT:
        return None
    package = Package(
        manager="dpkg",
        name=fields["Package"],
        architecture=fields.get("Architecture", ""),
        version=fields.get("Version", ""),
        vendor=fields.get("Maintainer", ""),
        held=True if status[0] == "hold" else None,
    )
    source = fields.get("Source", "").partition(" ")[0]
    if source and source != package.name:
        package.source = source
    size = fields.get("Installed-Size", "")
    if size.isdigit():
        package.size = int(size) * 1024
    return package


def parse_status(text: str) -> list[Package]:
    """Return the packages whose files are there, configured or not, sorted by name and architecture."""
    return _sorted(parse_paragraphs(text))


def _sorted(paragraphs: list[tuple[dict[str, str], str]]) -> list[Package]:
    out = [package for package in (build(fields) for fields, _ in paragraphs) if package is not None]
    out.sort(key=lambda package: (package.name, package.architecture))
    return out


def _add_times(host: Host, packages: list[Package]) -> None:
    for package in packages:
        qualified = f"{_FOLDER}/info/{package.name}:{package.architecture}.list"
        found = host.stat(qualified) or host.stat(f"{_FOLDER}/info/{package.name}.list")
        if found is not None:
            package.installed_at = int(found.st_mtime)


def busy(host: Host) -> bool:
    """Tell whether dpkg or apt hold one of their locks."""
    return any(is_locked(host, lock) for lock in LOCKS)


def collect(host: Host) -> Reading:
    """Read the status file between two looks at the locks."""
    if busy(host):
        raise BusyError(f"{_FOLDER}: locked by a running dpkg or apt")
    before = host.stat(f"{_FOLDER}/status")
    text = host.read(f"{_FOLDER}/status")
    if text is None or before is None:
        raise UnreadableError(f"{_FOLDER}/status: not there, although {_FOLDER} is")
    paragraphs = parse_paragraphs(text)
    packages = _sorted(paragraphs)
    if not packages and text.strip():
        raise UnreadableError(f"{_FOLDER}/status: no installed package in it, it may be damaged")
    _add_times(host, packages)
    after = host.stat(f"{_FOLDER}/status")
    if busy(host) or after is None or (after.st_mtime_ns, after.st_ino) != (before.st_mtime_ns, before.st_ino):
        raise BusyError(f"{_FOLDER}: changed while it was read")
    reading = Reading()
    reading.facts.software.packages.extend(packages)
    reading.inputs = {
        paths.keyed("software.packages", "dpkg", fields["Package"], fields.get("Architecture", "")): paragraph.encode()
        for fields, paragraph in paragraphs
    }
    return reading


TOPIC = Topic(
    revision=3,
    fills=("software.packages",),
    collect=collect,
    applies=lambda host: host.exists(f"{_FOLDER}/status"),
    watches=(_FOLDER,),
    watched_whole=True,
    busy=busy,
)
