"""Which package a file belongs to. Source: dpkg's /var/lib/dpkg/info/*.list and diversions.

rpm's database is not asked: there files have no known owner. Only what is asked for is kept: a host's packages own some
hundred thousand files. An answer holds until the package manager changes its database.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from driftline_agent.host import Host

_DPKG = "/var/lib/dpkg"
#: dpkg's lists of files.
FOLDER = f"{_DPKG}/info"
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

    :raises UnreadableError: where the package manager's database is there and cannot be read.
    """
    wanted = set(paths)
    version = _version(host)
    if not version:
        return {}
    kept: _Kept = host.kept.setdefault("ownership", _Kept())
    if kept.version != version or len(kept.owner) > _MAX_KEPT:
        kept.version, kept.owner = version, {}
    new = wanted - kept.owner.keys()
    if new:
        found = _search_dpkg(host, new)
        kept.owner.update((path, found.get(path, "")) for path in new)
    return {path: kept.owner[path] for path in wanted if kept.owner[path]}


def _version(host: Host) -> tuple[int, ...]:
    found = host.stat(FOLDER)
    if found is None:
        return ()
    diversions = host.stat(f"{_DPKG}/diversions")
    return (found.st_ino, found.st_mtime_ns, diversions.st_mtime_ns if diversions else 0)


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


def _search_dpkg(host: Host, wanted: set[str]) -> dict[str, str]:
    names = _aliases(host, wanted)
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
