"""Packages installed by dpkg. Source: /var/lib/dpkg/status (deb822(5), dpkg(1)), /var/lib/dpkg/info/*.list, apt's
extended_states (apt-mark(8)) and lists.

Not read while dpkg or apt hold their locks, so that the states in between never appear.
"""

import re
import time
from dataclasses import dataclass

from driftline import late, paths
from driftline.v1.facts_pb2 import Package, Software
from driftline_agent.errors import BusyError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.locks import is_locked
from driftline_agent.packages import aptlists
from driftline_agent.packages.kept import version_of
from driftline_agent.topic import Reading, Topic

_FOLDER = "/var/lib/dpkg"
_STATUS, _INFO = f"{_FOLDER}/status", f"{_FOLDER}/info"
_EXTENDED = "/var/lib/apt/extended_states"
LOCKS = (f"{_FOLDER}/lock-frontend", f"{_FOLDER}/lock")
#: States in which a package's files are there, wholly (dpkg(1)): its scripts may have failed, or wait for others.
#: With not-installed, config-files and half-installed they are not, or nobody knows which.
PRESENT = frozenset({"installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"})


#: The fields that count; a paragraph's other lines are not looked at.
_FIELDS = late.pattern(
    r"^(Package|Status|Architecture|Version|Source|Maintainer|Installed-Size|Section): (.*)$", re.MULTILINE
)
Paragraphs = list[tuple[str, dict[str, str]]]


#: apt's lists have tens of megabytes: a look through them takes longer than all else of an inventory, and an agent that
#: starts has more urgent things to tell.
_LATER = "apt's lists are looked through from the second reading on"


@dataclass(slots=True)
class _Kept:
    """The last reading; packages as bytes, a tenth of what messages take."""

    version: tuple[int, ...]
    packages: bytes
    reason: str


def paragraphs_of(text: str) -> Paragraphs:
    """Return the paragraphs of a status file, each with its fields that count."""
    find = _FIELDS.findall
    return [(paragraph, dict(find(paragraph))) for paragraph in text.split("\n\n")]


def parse_status(text: str) -> list[Package]:
    """Return the packages whose files are there, configured or not, sorted by name and architecture."""
    return packages_of(paragraphs_of(text))


def packages_of(paragraphs: Paragraphs) -> list[Package]:
    """Return the same of the paragraphs."""
    out: list[Package] = []
    for _, fields in paragraphs:
        status = fields.get("Status", "").split()
        if len(status) != 3 or status[2] not in PRESENT or "Package" not in fields:
            continue
        package = Package(
            manager="dpkg",
            name=fields["Package"],
            architecture=fields.get("Architecture", ""),
            version=fields.get("Version", ""),
            vendor=fields.get("Maintainer", ""),
            section=fields.get("Section", ""),
            held=True if status[0] == "hold" else None,
        )
        source = fields.get("Source", "").partition(" ")[0]
        if source and source != package.name:
            package.source = source
        size = fields.get("Installed-Size", "")
        if size.isdecimal() and len(size) < 16:
            package.size = int(size) * 1024
        out.append(package)
    out.sort(key=lambda package: (package.name, package.architecture))
    return out


def inputs_of(paragraphs: Paragraphs) -> dict[str, bytes]:
    """Return the paragraph of each package that dpkg knows of, installed or not, by the package's path."""
    return {
        paths.keyed("software.packages", "dpkg", fields["Package"], fields.get("Architecture", "")): text.encode()
        for text, fields in paragraphs
        if "Package" in fields
    }


def _add_times(host: Host, packages: list[Package]) -> None:
    for package in packages:
        qualified = f"{_INFO}/{package.name}:{package.architecture}.list"
        found = host.stat(qualified) or host.stat(f"{_INFO}/{package.name}.list")
        if found is not None:
            package.installed_at = int(found.st_mtime)


def _add_reasons(host: Host, packages: list[Package]) -> None:
    """Say which are there for another one only. Without apt, nothing is known; unless it says so, someone asked."""
    text = host.read(_EXTENDED)
    if text is None:
        return
    states = aptlists.parse_extended_states(text)
    native = next((package.architecture for package in packages if package.name == "dpkg"), "")
    for package in packages:
        architecture = native if package.architecture == "all" else package.architecture
        package.automatic = states.get((package.name, architecture), False)


def busy(host: Host) -> bool:
    """Tell whether dpkg or apt hold one of their locks."""
    return any(is_locked(host, lock) for lock in LOCKS)


def _read(host: Host, version: tuple[int, ...], inputs: dict[str, bytes], first: bool) -> _Kept:
    text = host.read(_STATUS)
    if text is None:
        raise UnreadableError(f"{_STATUS}: not there, although {_FOLDER} is")
    paragraphs = paragraphs_of(text)
    packages = packages_of(paragraphs)
    if not packages and text.strip():
        raise UnreadableError(f"{_STATUS}: no installed package in it, it may be damaged")
    inputs.update(inputs_of(paragraphs))
    _add_times(host, packages)
    try:
        _add_reasons(host, packages)
        reason = _LATER if first else aptlists.add_origins(host, packages)
    except UnreadableError as error:
        reason = str(error)
    return _Kept(version, Software(packages=packages).SerializeToString(), reason)


def collect(host: Host) -> Reading:
    """Read the status file between two looks at the locks."""
    if busy(host):
        raise BusyError(f"{_FOLDER}: locked by a running dpkg or apt")
    if host.stat(_STATUS) is None:
        raise UnreadableError(f"{_STATUS}: not there, although {_FOLDER} is")
    before = version_of(host, _STATUS, _INFO)
    known: _Kept | None = host.kept.get("dpkg")
    version = before
    try:
        version += version_of(host, _EXTENDED, aptlists.FOLDER)
    except UnreadableError:  # outside of readable_roots: nothing of apt is known
        version += (-1,)
    first = known is None and host.live
    if first:
        version += (-1,)
    inputs: dict[str, bytes] = {}
    if known is None or known.version != version:
        known = _read(host, version, inputs, first)
    if busy(host) or version_of(host, _STATUS, _INFO) != before:
        raise BusyError(f"{_FOLDER}: changed while it was read")
    host.kept["dpkg"] = known
    reading = Reading(inputs=inputs)
    reading.facts.software.ParseFromString(known.packages)
    if known.reason:
        reading.unreadable["software.packages[dpkg/*].origin"] = known.reason
        reading.unreadable["software.packages[dpkg/*].repository"] = known.reason
    return reading


def tell(host: Host) -> int:
    """Return the same number, but for a while after the first reading, which has no origins."""
    known: _Kept | None = host.kept.get("dpkg")
    return time.monotonic_ns() if known is not None and known.reason == _LATER else 0


TOPIC = Topic(
    revision=5,
    fills=("software.packages",),
    collect=collect,
    applies=lambda host: host.exists(_STATUS),
    watches=(_FOLDER,),
    watched_whole=True,
    tell=tell,
    busy=busy,
)
