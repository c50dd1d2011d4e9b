"""Packages of Python, Node.js and Ruby that their own managers installed: pip, npm -g, gem.

Source: their metadata below `python_roots`, the global folders of npm, and those of gem.

What the system's package manager owns is one of its packages already, and left out. A folder is read again only where
a name in it changed.
"""

import time
from dataclasses import dataclass, field

from driftline import paths
from driftline.v1.facts_pb2 import LanguagePackage, Software
from driftline_agent import ownership
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.packages import languages
from driftline_agent.packages.kept import version_of
from driftline_agent.topic import Reading, Topic

_NPM = ("/usr/lib/node_modules", "/usr/local/lib/node_modules")
_GEM_ROOTS = ("/var/lib/gems", "/usr/local/lib/ruby/gems", "/usr/share/gems", "/usr/local/share/gems")
#: Environments are looked for anew after so long; what is in those that are known is seen at once.
_LOOK_S = 3600.0
#: Where packages of the system may put files; elsewhere none does (FHS 3.0, 3.13 and 4.9).
_SYSTEM = ("/usr/lib", "/usr/share", "/var/lib")


def _gem_folders(host: Host) -> list[str]:
    out: list[str] = []
    for root in _GEM_ROOTS:
        for folder in (root, *(f"{root}/{name}" for name in host.names(root))):
            if host.exists(f"{folder}/specifications"):
                out.append(f"{folder}/specifications")
    return out


@dataclass(slots=True)
class _Kept:
    """What a reading leaves to the next."""

    looked_at: float = 0.0
    search: languages.Search = field(default_factory=languages.Search)
    #: Kind and folder to what it was when it was read, and the packages as bytes.
    read: dict[tuple[str, str], tuple[object, bytes]] = field(default_factory=dict)


def _places(host: Host) -> list[tuple[str, str]]:
    """Return kind and folder of each environment, sorted by folder."""
    kept: _Kept = host.kept.setdefault("languages", _Kept())
    now = time.monotonic()
    if not kept.looked_at or now - kept.looked_at > _LOOK_S:
        kept.looked_at, kept.search = now, languages.environments(host, host.choices.python_roots)
    out = [("pypi", folder) for folder in kept.search.folders if host.exists(folder)]
    out += [("gem", folder) for folder in _gem_folders(host)]
    out += [("npm", folder) for folder in _NPM if host.exists(folder)]
    return sorted(out, key=lambda place: (place[1], place[0]))


def _names(host: Host, kind: str, folder: str) -> list[str]:
    """Return what in an environment describes a package."""
    if kind == "pypi":
        return languages.python_names(host, folder)
    return languages.npm_packages(host, folder) if kind == "npm" else host.names(folder)


def _make(host: Host, kind: str, folder: str, name: str) -> LanguagePackage | None:
    if kind == "pypi":
        return languages.python_package(host, folder, name)
    return (languages.npm_package if kind == "npm" else languages.gem_package)(host, folder, name)


def _read(host: Host, places: list[tuple[str, str]], reading: Reading) -> dict[tuple[str, str], list[LanguagePackage]]:
    """Return the packages of environments that no package of the system owns, sorted by name."""
    names: dict[tuple[str, str], list[str]] = {}
    for kind, folder in places:
        try:
            names[kind, folder] = _names(host, kind, folder)
        except UnreadableError as error:
            reading.unreadable[_pattern(kind, folder, "")] = str(error)
    # Asked at once, because each question is a look through the package manager's whole database.
    ours = [f"{folder}/{name}" for (_, folder), found in names.items() for name in found if folder.startswith(_SYSTEM)]
    owned = ownership.owners(host, ours)
    out: dict[tuple[str, str], list[LanguagePackage]] = {}
    for (kind, folder), found in names.items():
        packages: dict[str, LanguagePackage] = {}
        for name in found:
            package = None if f"{folder}/{name}" in owned else _make(host, kind, folder, name)
            if package is not None:
                packages[package.name] = package
        out[kind, folder] = [packages[name] for name in sorted(packages)]
    return out


def collect(host: Host) -> Reading:
    """Read the environments that changed."""
    reading = Reading()
    software = reading.facts.software
    places = _places(host)
    kept: _Kept = host.kept["languages"]
    after: dict[tuple[str, str], tuple[object, bytes]] = {}
    for folder, reason in kept.search.unreadable.items():
        reading.unreadable[_pattern("pypi", folder, "*")] = reason
    system = ownership.version(host) if places else ()
    versions: dict[tuple[str, str], object] = {}
    for kind, folder in places:
        inside = [f"{folder}/{name}" for name in languages.npm_packages(host, folder)] if kind == "npm" else []
        versions[kind, folder] = (system, version_of(host, folder, *inside))
    changed = [place for place in places if kept.read.get(place, (None, b""))[0] != versions[place]]
    for place, packages in _read(host, changed, reading).items():
        kept.read[place] = (versions[place], Software(language_packages=packages).SerializeToString())
    for place in places:
        if place in kept.read and _pattern(*place, "") not in reading.unreadable:
            after[place] = kept.read[place]
            software.MergeFromString(after[place][1])
    kept.read = after
    software.language_packages.sort(key=lambda one: (one.ecosystem, one.environment, one.name))
    return reading


def _pattern(kind: str, folder: str, below: str) -> str:
    """Return the pattern of the schema for what is in an environment, or in all below a folder."""
    inside = paths.quote(paths.escape_key(f"{folder}/" if below and folder else folder))
    return f"software.language_packages[{kind}/{inside}{below or '/*'}]"


TOPIC = Topic(
    revision=1,
    fills=("software.language_packages",),
    collect=collect,
    applies=lambda host: bool(_places(host)),
    watches_of=lambda host: tuple(folder for _, folder in _places(host)),
)
