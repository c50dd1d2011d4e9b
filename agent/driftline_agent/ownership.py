"""Which package a file belongs to. Source: dpkg's /var/lib/dpkg/info/*.list and diversions; the databases of rpm, apk
and pacman.

Only what is asked for is kept: a host's packages own some hundred thousand files. An answer holds until a package
manager changes its database.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from driftline import late
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
#: Paths in dpkg's lists that topics ask for, one after the other: configuration, programs, units, Python's packages.
#: So are those where packages have few files or none, to know at once that none owns what somebody put there.
_USUAL = late.pattern(
    # Most lines are told apart by what is looked for first: that halves the time.
    rb"\n(/(?!usr/(?:share/[^n]|lib/[^spn]|include/)|var|opt|lib/[^s]|boot|srv|\.)"
    rb"(?:usr/(?:(?:bin|sbin|libexec|local)/[^\n]*|lib/(?:systemd/[^\n]*|python3/dist-packages/[^/\n]*-info(?=\n)"
    rb"|node(?:_modules|js)/[^/\n]+(?=\n))|share/node(?:_modules|js)/[^/\n]+(?=\n))|lib/systemd/[^\n]*"
    rb"|(?!usr|lib)[^\n]*))"
)
#: Up to so many paths are looked for one after the other in a list, which is quicker than taking the list apart.
_FEW = 8
#: Answers that are kept; past them, all are forgotten.
_MAX_KEPT = 50_000


@dataclass(slots=True)
class _Kept:
    #: What the database was when the answers were given.
    version: tuple[int, ...] = ()
    #: Path to package; empty where none owns it.
    owner: dict[str, str] = field(default_factory=dict)
    #: The same of all usual paths that one owns, packed: thousands, few of which anybody asks for.
    usual: bytes = b""


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
        kept.version, kept.owner, kept.usual = known, {}, b""
    new = wanted - kept.owner.keys()
    if new and kept.usual:
        index = _unpack(kept.usual)
        kept.owner.update((path, index.get(path, "")) for path in new if is_usual(path))
        new -= kept.owner.keys()
    if new:
        if not kept.usual:
            new |= _running(host) - kept.owner.keys()
        names = _aliases(host, new)
        found: dict[str, str] = {}
        for search_one in _searches(host):
            for path, package in search_one(host, names).items():
                found.setdefault(path, package)
        kept.owner.update((path, found.get(path, "")) for path in new)
        if not kept.usual and host.exists(FOLDER) and not list(_searches(host))[1:]:
            kept.usual = _pack({path: package for path, package in found.items() if is_usual(path)})
    return {path: kept.owner[path] for path in wanted if kept.owner[path]}


def _pack(index: Mapping[str, str]) -> bytes:
    text = "\0".join(part for item in index.items() for part in item)
    return zlib.compress(b"\0" + text.encode("utf-8", "surrogateescape"), 1)


def _unpack(packed: bytes) -> dict[str, str]:
    parts = zlib.decompress(packed)[1:].decode("utf-8", "surrogateescape").split("\0")
    return dict(zip(parts[::2], parts[1::2], strict=True)) if len(parts) > 1 else {}


def _running(host: Host) -> set[str]:
    """Return programs that run now and are not among the usual ones: topics ask for them in a moment."""
    if not host.live:
        return set()
    out: set[str] = set()
    for name in host.names("/proc"):
        if name.isdigit():
            with suppress(UnreadableError):
                out.add(host.link(f"/proc/{name}/exe") or "")
    return {path for path in out if path[:1] == "/" and not path.endswith(" (deleted)") and not is_usual(path)}


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


def _places(host: Host) -> list[tuple[str, str]]:
    """Return pairs of folders that are the same one, and that a list may name either way."""
    moved = [name for name in _MERGED if host.link(f"/{name}") in (f"usr/{name}", f"/usr/{name}")]
    return [(f"/{name}/", f"/usr/{name}/") for name in moved]


def _other_name(path: str, places: Iterable[tuple[str, str]]) -> str | None:
    for short, long in places:
        if path.startswith(long):
            return short + path[len(long) :]
        if path.startswith(short):
            return long + path[len(short) :]
    return None


def _aliases(host: Host, paths: Iterable[str]) -> dict[str, str]:
    """Return the paths by each name that a list may have for them."""
    places = _places(host)
    out = {path: path for path in paths}
    out.update((other, path) for path in list(out) if (other := _other_name(path, places)) is not None)
    return out


def is_usual(path: str) -> bool:
    """Tell whether a path is one of those that are looked up before anybody asks."""
    return _USUAL.match(b"\n" + os.fsencode(path) + b"\n") is not None


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
    """Return the packages of these paths, and of all that are usual, so that the lists are read once for all topics."""
    diversions = parse_diversions(host.read(f"{_DPKG}/diversions") or "")
    asked = set(names) | {path for path, (to, _) in diversions.by_path.items() if to in names}
    # Of the usual ones all are found.
    wanted = {os.fsencode(path) for path in asked if not is_usual(path)}
    moved = tuple(short for short, _ in _places(host))
    merged = tuple(long for _, long in _places(host))
    out: dict[str, str] = {}
    search_all, seen = _USUAL.findall, out.setdefault
    for file, content in host.contents(FOLDER, ".list"):
        package = file[: -len(".list")].partition(":")[0]
        content = b"\n%b\n" % content
        lines = search_all(content)
        if len(wanted) <= _FEW:
            lines += [line for line in wanted if b"\n%b\n" % line in content]
        else:
            lines += wanted.intersection(content.split(b"\n"))
        # Decoded at once: the names of a package are a few hundred at most, and calls are what costs here.
        for place in os.fsdecode(b"\n".join(lines)).split("\n") if lines else ():
            if place in diversions.by_path:
                place = diversions.place(place, package)
            seen(place, package)
            if place.startswith(moved):
                seen(f"/usr{place}", package)
            elif place.startswith(merged):
                seen(place[len("/usr") :], package)
    return out
