"""Finds the files with certificates below configured roots. No private key is opened: its name or its PEM header tells.

A folder is listed, and a file read, only where it is another one than at the reading before.
"""

import os.path
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from driftline import late
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.reader import confidential, public
from driftline_agent.reader.listing import Entry

MAX_FILES, MAX_DEPTH, MAX_IN_FOLDER = 2_000, 8, 5_000
#: A file or folder that was changed so short a time ago may be changed again without another time on it.
SETTLED_NS = 2_000_000_000
_ENDS = (".pem", ".crt", ".cer", ".cert", ".der", ".chain", ".bundle", ".ca-bundle")
#: Links by hash, made by openssl rehash beside the certificates.
_HASHED = late.pattern(r"[0-9a-f]{8}\.r?\d+")
#: Bundles of authorities, by the distributions' places of them; the first that is there is this host's.
TRUST_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_BUNDLES = frozenset(TRUST_STORES) | {"/etc/pki/tls/certs/ca-bundle.trust.crt", "/etc/pki/tls/cert.pem"}
#: Folders that packages fill with authorities, whole.
_LEFT_OUT = ("/etc/pki/ca-trust", "/etc/pki/java", "/etc/ssl/certs/java", "/etc/pki/nssdb", "/etc/pki/rpm-gpg")
#: Where a link leads to one of those authorities.
_AUTHORITIES = (
    "/usr/share/",
    "/usr/lib/",
    "/usr/local/share/ca-certificates/",
    "/etc/pki/ca-trust/",
    "/etc/ca-certificates/",
    "/var/lib/ca-certificates/",
)

#: Inode, size, times of content and of inode: what tells that a file is unchanged.
Mark = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may hold certificates."""

    path: str
    #: Where its content is, with links resolved.
    place: str
    mark: Mark


@dataclass(slots=True)
class Kept:
    """Folders of the reading before: time, names of folders, names of files with what links lead to."""

    folders: dict[str, tuple[int, list[str], list[tuple[str, str]]]] = field(default_factory=dict)


@dataclass(slots=True)
class Search:
    """What was found, in order of path, and what could not be looked at: path to reason."""

    host: Host
    kept: Kept
    found: list[Found] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)

    def folder(self, path: str, depth: int = 0) -> None:
        """Look into a folder and those below it."""
        if path in _LEFT_OUT or depth > MAX_DEPTH or len(self.found) >= MAX_FILES:
            return
        try:
            entries, folders, files = self._listed(path)
        except UnreadableError as error:
            self.unreadable[f"{path}/"] = str(error)
            return
        for name, target in files:
            if len(self.found) < MAX_FILES:
                self._file(f"{path}/{name}", target, entries.get(name))
        for name in folders:
            self.folder(f"{path}/{name}", depth + 1)

    def _listed(self, path: str) -> tuple[dict[str, Entry], list[str], list[tuple[str, str]]]:
        try:
            told = self.host.stat(path)
        except UnreadableError:
            told = None  # closed above: the reader lists it
        known = self.kept.folders.get(path)
        if told is not None and known is not None and known[0] == told.st_mtime_ns:
            return {}, known[1], known[2]
        listed, _ = self.host.folder(path)
        entries = {entry[0]: entry for entry in listed[:MAX_IN_FOLDER]}
        folders = [name for name, entry in entries.items() if stat.S_ISDIR(entry[1]) and name != "private"]
        files = [
            (name, entry[8])
            for name, entry in entries.items()
            if (stat.S_ISREG(entry[1]) or stat.S_ISLNK(entry[1])) and self._may_hold(f"{path}/{name}", entry[8])
        ]
        if told is not None and not 0 <= time.time_ns() - told.st_mtime_ns < SETTLED_NS:
            self.kept.folders[path] = (told.st_mtime_ns, folders, files)
        return entries, folders, files

    @staticmethod
    def _may_hold(path: str, target: str) -> bool:
        name = path.rpartition("/")[2]
        if not name.lower().endswith(_ENDS) or _HASHED.fullmatch(name) or path in _BUNDLES:
            return False
        if confidential.secret(path) or public.key_by_name(name):
            return False
        return not os.path.normpath(os.path.join(os.path.dirname(path), target)).startswith(_AUTHORITIES)  # noqa: PTH118, PTH120  # see host.py

    def _file(self, path: str, target: str, entry: Entry | None) -> None:
        """Take in a file, or what a link leads to; of a closed folder the reader's listing tells."""
        place = path
        try:
            if target:
                place = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120  # see host.py
                if confidential.secret(place) or public.key_by_name(place.rpartition("/")[2]) or place in _BUNDLES:
                    return
            told = self._told(place, None if target else entry)
        except UnreadableError as error:
            self.unreadable[path] = str(error)
            return
        if told is not None:
            self.found.append(Found(path, place, told))

    def _told(self, place: str, entry: Entry | None) -> Mark | None:
        try:
            found = self.host.stat(place)
        except UnreadableError:
            if entry is None:
                folder, _, name = place.rpartition("/")
                listed, _ = self.host.folder(folder)
                entry = next((one for one in listed if one[0] == name), None)
            if entry is None or not stat.S_ISREG(entry[1]):
                return None
            return entry[4], entry[5], entry[6], entry[7]
        if found is None or not stat.S_ISREG(found.st_mode):
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def search(host: Host, kept: Kept) -> Search:
    """Look below the configured roots, as far as the configuration allows to read there.

    :raises UnreadableError: where it allows nothing of them.
    """
    out = Search(host, kept)
    roots = sorted({root.rstrip("/") for root in host.choices.certificates_roots})
    refused = ""
    for root in roots:
        if any(root.startswith(f"{other}/") for other in roots):
            continue
        for top in host.readable_below(root):
            if there(host, top):
                out.folder(top)
                refused = refused or "-"
        if not host.readable_below(root) and not refused:
            refused = root
    if refused and refused != "-":
        host.real(refused)
    out.found.sort(key=lambda found: found.path)
    return out


def there(host: Host, top: str) -> bool:
    """Tell whether a root is there, as far as can be seen."""
    try:
        return host.exists(top)
    except UnreadableError:
        return True  # below a closed folder: the reader knows


def tops(host: Host) -> Iterator[str]:
    """Yield the roots that may be read."""
    for root in host.choices.certificates_roots:
        yield from host.readable_below(root.rstrip("/")) or [root]
