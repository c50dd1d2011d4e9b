"""Which package a file belongs to. Source: dpkg's /var/lib/dpkg/info/*.list and diversions; the databases of rpm, apk
and pacman.

Only what is asked for is kept: a host's packages own some hundred thousand files. An answer holds until a package
manager changes its database.
"""

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.packages import alpm, apkdb, rpmdb

_DPKG = "/var/lib/dpkg"
#: dpkg's lists of files.
FOLDER = f"{_DPKG}/info"
#: Folders whose change may change an answer.
FOLDERS = (FOLDER, *rpmdb.FOLDERS, *apkdb.FOLDERS, alpm.FOLDER)
#: What a merged system has moved (file-hierarchy(7)); packages may still name the place before.
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
#: Answers that are kept; past them, all are forgotten.
_MAX_KEPT = 50_000


@dataclass(slots=True)
class _Kept:
    #: What the database was when the answers were given.
    version: tuple[int, ...] = ()
    #: Path to package; empty where none owns it.
    owner: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Diversions:
    """Where packages' files go because another package, or the administrator, has the place. Source: dpkg-divert(1)."""

    #: Path to where it goes and whose own file keeps the place; empty where the administrator said so.
    by_path: dict[str, tuple[str, str]] = field(default_factory=dict)

    def place(self, path: str, package: str) -> str:
        """Return where a package's file is."""
        diverted = self.by_path.get(path)
        return path if diverted is None or diverted[1] == package else diverted[0]


def parse_diversions(text: str) -> Diversions:
    """Return the diversions of /var/lib/dpkg/diversions: three lines each, path, where it goes, package or ``:``."""
    lines = text.splitlines()
    return Diversions(
        {path: (to, "" if package == ":" else package) for path, to, package in zip(*[iter(lines)] * 3, strict=False)}
    )


def prefixes(paths: Iterable[str]) -> list[bytes]:
    """Return what the lines of lists that name one of these paths begin with, a line's end before it."""
    folders = {
        path[: path.find("/", 1) + 1] if path.startswith("/etc/") else path[: path.rfind("/") + 1] for path in paths
    }
    short = {folder for folder in folders if not any(folder != other and folder.startswith(other) for other in folders)}
    return sorted(b"\n" + os.fsencode(folder) for folder in short)


def search(content: bytes, starts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a list that begin so. Never splits it: some lists have a hundred thousand lines."""
    for start in starts:
        at = content.find(start)
        while at >= 0:
            end = content.find(b"\n", at + 1)
            if end < 0:
                yield content[at + 1 :]
                break
            yield content[at + 1 : end]
            at = content.find(start, end)


def owners(host: Host, paths: Iterable[str]) -> dict[str, str]:
    """Return the package of each of these paths that one owns.

    :raises UnreadableError: where a package manager's database is there and cannot be read.
    """
    wanted = set(paths)
    known = version(host)
    if not known:
        return {}
    kept: _Kept = host.kept.setdefault("ownership", _Kept())
    if kept.version != known or len(kept.owner) > _MAX_KEPT:
        kept.version, kept.owner = known, {}
    new = wanted - kept.owner.keys()
    if new:
        names = _aliases(host, new)
        found: dict[str, str] = {}
        for search_one in _searches(host):
            for path, package in search_one(host, names).items():
                found.setdefault(path, package)
        kept.owner.update((path, found.get(path, "")) for path in new)
    return {path: kept.owner[path] for path in wanted if kept.owner[path]}


def version(host: Host) -> tuple[int, ...]:
    """Return what changes whenever an answer may; nothing where there is no package manager that is known."""
    out: list[int] = []
    apk = apkdb.find(host)
    for path in (FOLDER, f"{_DPKG}/diversions", alpm.FOLDER, *([apk] if apk else [])):
        found = host.stat(path)
        if found is not None:
            out += (found.st_ino, found.st_mtime_ns)
    return (*out, *rpmdb.version(host))


def _searches(host: Host) -> Iterator[Callable[[Host, dict[str, str]], dict[str, str]]]:
    if host.exists(FOLDER):
        yield _search_dpkg
    if rpmdb.find(host):
        yield _search_rpm
    if apkdb.find(host):
        yield _search_apk
    if host.exists(alpm.FOLDER):
        yield _search_pacman


def _aliases(host: Host, paths: Iterable[str]) -> dict[str, str]:
    """Return the paths by each name that a list may have for them."""
    moved = [name for name in _MERGED if host.link(f"/{name}") in (f"usr/{name}", f"/usr/{name}")]
    out: dict[str, str] = {}
    for path in paths:
        out[path] = path
        for name in moved:
            if path.startswith(f"/usr/{name}/"):
                out[path.removeprefix("/usr")] = path
            elif path.startswith(f"/{name}/"):
                out[f"/usr{path}"] = path
    return out


def _search_rpm(host: Host, names: dict[str, str]) -> dict[str, str]:
    from driftline_agent.packages import headers

    path = rpmdb.find(host)
    asked = {os.fsencode(name): wanted for name, wanted in names.items()}
    folders = frozenset(name[: name.rfind(b"/") + 1] for name in asked)
    out: dict[str, str] = {}
    try:
        for blob in rpmdb.headers(host, path) if path else ():
            for package, file in headers.files(blob, folders):
                if file in asked:
                    out.setdefault(asked[file], package)
    except (ValueError, struct.error) as error:
        raise UnreadableError(f"{path}: {error}") from error
    return out


def _search_apk(host: Host, names: dict[str, str]) -> dict[str, str]:
    path = apkdb.find(host)
    out: dict[str, str] = {}
    for package, file in apkdb.files(host.read(path) or "" if path else ""):
        if file in names:
            out.setdefault(names[file], package)
    return out


def _search_pacman(host: Host, names: dict[str, str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for folder in host.names(alpm.FOLDER):
        package = folder.rsplit("-", 2)[0]  # NAME-VERSION-RELEASE
        for line in (host.read(f"{alpm.FOLDER}/{folder}/files") or "").splitlines():
            file = "/" + line.rstrip("/")
            if file in names:
                out.setdefault(names[file], package)
    return out


def _search_dpkg(host: Host, names: dict[str, str]) -> dict[str, str]:
    diversions = parse_diversions(host.read(f"{_DPKG}/diversions") or "")
    asked = set(names) | {path for path, (to, _) in diversions.by_path.items() if to in names}
    starts = prefixes(asked)
    out: dict[str, str] = {}
    for file in host.names(FOLDER):
        if not file.endswith(".list"):
            continue
        package = file[: -len(".list")].partition(":")[0]
        for lines in host.pieces(f"{FOLDER}/{file}"):
            for line in search(b"\n" + lines, starts):
                path = os.fsdecode(line)
                if path in asked:
                    place = names.get(diversions.place(path, package))
                    if place is not None:
                        out.setdefault(place, package)
    return out
