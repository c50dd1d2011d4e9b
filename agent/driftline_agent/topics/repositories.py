"""Where packages come from, and what keeps them where they are.

Source: sources.list(5), apt_preferences(5), .repo files of dnf, yum and zypper, versionlock, apk-repositories(5),
apk-world(5), pacman.conf(5), flatpak's remotes.
"""

from collections.abc import Iterator

from driftline.v1.facts_pb2 import Pin, Repository
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.packages import alpm, apkdb, aptsources, ini, locks, yumrepos
from driftline_agent.packages.addresses import without_secrets
from driftline_agent.topic import Reading, Topic

_APT = "/etc/apt"
_YUM = {"/etc/yum.repos.d": "dnf", "/etc/dnf/repos.d": "dnf", "/etc/zypp/repos.d": "zypper"}
_APK = "/etc/apk"
_FLATPAK = "/var/lib/flatpak/repo/config"
_FOLDERS = (_APT, f"{_APT}/sources.list.d", f"{_APT}/preferences.d", *_YUM, _APK, *locks.FOLDERS)
_FILES = (alpm.CONFIGURATION, _FLATPAK)


def _parts(host: Host, path: str, folder: str, endings: tuple[str, ...]) -> Iterator[str]:
    """Yield a file and those of its folder whose names count."""
    if host.exists(path):
        yield path
    for name in host.names(folder):
        if name.endswith(endings) and aptsources.NAME.fullmatch(name):
            yield f"{folder}/{name}"


def _apt(host: Host) -> Iterator[Repository]:
    def each() -> Iterator[Repository]:
        for path in _parts(host, f"{_APT}/sources.list", f"{_APT}/sources.list.d", (".list", ".sources")):
            text = host.read(path) or ""
            for one in aptsources.parse_sources(text) if path.endswith(".sources") else aptsources.parse_list(text):
                one.file = path
                yield one

    yield from aptsources.merge(each()).values()


def _yum(host: Host) -> Iterator[Repository]:
    for folder, manager in _YUM.items():
        for name in host.names(folder):
            if name.endswith(".repo"):
                for one in yumrepos.parse(host.read(f"{folder}/{name}") or "", manager):
                    one.file = f"{folder}/{name}"
                    yield one


def parse_apk(text: str) -> Iterator[Repository]:
    """Yield the repositories of an apk-repositories(5) file; those behind a # are comments."""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        tag = words.pop(0) if words and words[0].startswith("@") else ""
        if words:
            address = without_secrets(words[0])
            name = " ".join(filter(None, (tag, address, *words[1:])))
            yield Repository(manager="apk", name=name, enabled=True, uris=[address], components=sorted(words[1:]))


def _apk(host: Host) -> Iterator[Repository]:
    for path in _parts(host, f"{_APK}/repositories", f"{_APK}/repositories.d", (".list",)):
        for one in parse_apk(host.read(path) or ""):
            one.file = path
            yield one


def _pacman(options: list[tuple[str, str, str]]) -> Iterator[Repository]:
    found: dict[str, Repository] = {}
    for section, name, value in options:
        if section in ("", "options"):
            continue
        one = found.setdefault(
            section, Repository(manager="pacman", name=section, enabled=True, file=alpm.CONFIGURATION)
        )
        if name == "Server":
            one.uris.append(without_secrets(value))
        elif name == "SigLevel":
            one.signatures_checked = "Never" not in value.split() and "PackageNever" not in value.split()
    yield from found.values()


def parse_flatpak(text: str) -> Iterator[Repository]:
    """Yield the remotes of an ostree repository's configuration."""
    for section, values in ini.parse(text):
        if section.startswith('remote "') and values.get("url"):
            checked = {"true": True, "false": False}.get(values.get("gpg-verify", ""))
            yield Repository(
                manager="flatpak",
                name=section[8:].rstrip('"'),
                enabled=values.get("xa.disable") != "true",
                uris=[without_secrets(values["url"])],
                signatures_checked=checked,
                file=_FLATPAK,
            )


def _pins(host: Host, options: list[tuple[str, str, str]]) -> Iterator[Pin]:
    for path in _parts(host, f"{_APT}/preferences", f"{_APT}/preferences.d", ("",)):
        if path.rpartition("/")[2].rpartition(".")[1] and not path.endswith(".pref"):
            continue  # apt_preferences(5): no ending, or .pref
        yield from aptsources.parse_preferences(host.read(path) or "")
    for pattern in locks.dnf(host):
        yield Pin(manager="dnf", package=pattern, pin="versionlock")
    for name, constraint in apkdb.parse_world(host.read(apkdb.WORLD) or "").items():
        if constraint:
            yield Pin(manager="apk", package=name, pin=constraint)
    for section, name, value in options:
        if section == "options" and name in ("IgnorePkg", "IgnoreGroup"):
            for word in value.split():
                yield Pin(manager="pacman", package=word, pin=name)


def collect(host: Host) -> Reading:
    """Read what is configured; a few small files. A manager whose files cannot be read leaves the others alone."""
    reading = Reading()
    repositories: dict[tuple[str, str], Repository] = {}
    try:
        options = alpm.options(host)
    except UnreadableError as error:
        options = []
        reading.unreadable["software.repositories[pacman/*]"] = str(error)
    sources = {"apt": _apt(host), "dnf": _yum(host), "apk": _apk(host), "pacman": _pacman(options)}
    try:
        sources["flatpak"] = parse_flatpak(host.read(_FLATPAK) or "")
    except UnreadableError as error:
        reading.unreadable["software.repositories[flatpak/*]"] = str(error)
    for manager, found in sources.items():
        try:
            for one in found:
                repositories[one.manager, one.name] = one
        except UnreadableError as error:
            for name in ("dnf", "zypper") if manager == "dnf" else (manager,):
                reading.unreadable[f"software.repositories[{name}/*]"] = str(error)
    pins: dict[tuple[str, str, str], Pin] = {}
    try:
        pins = {(one.manager, one.package, one.pin): one for one in _pins(host, options)}
    except UnreadableError as error:
        reading.unreadable["software.pins"] = str(error)
    software = reading.facts.software
    software.repositories.extend(repositories[key] for key in sorted(repositories))
    software.pins.extend(pins[key] for key in sorted(pins))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("software.repositories", "software.pins"),
    collect=collect,
    of_files=True,
    applies=lambda host: any(host.exists(path) for path in (*_FOLDERS, *_FILES)),
    watches=(*_FOLDERS, *_FILES),
)
