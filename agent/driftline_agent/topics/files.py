"""Configuration files: what stands below the watched roots. Source: lstat(2), readlink(2), SHA-256 of contents.

A content is read again only where its inode, size or one of its times is another than at the last reading, so that an
inventory of a host where nothing changed is a walk and no more.
"""

import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from driftline.paths import keyed
from driftline.v1.facts_pb2 import Facts, File
from driftline_agent import ownership, tree
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.numbers import whole
from driftline_agent.reader import confidential
from driftline_agent.reader.listing import Entry
from driftline_agent.topic import Reading, Topic
from driftline_agent.tree import Found

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}
#: What one reading digests anew at most; the rest has its turn at the next.
MAX_READ = 256 << 20
#: A file that was changed so short a time ago may be changed again without another time on it (ext3 counts seconds).
SETTLED_NS = 2_000_000_000
#: Unreadable files that are named one by one; the CMDB takes a hundred patterns of a section.
_MAX_NAMED = 80
_SEAL = "sealed:"


@dataclass(frozen=True, slots=True)
class Told:
    """A file of which the facts tell a digest."""

    path: str
    size: int
    #: Not every user may read it.
    closed: bool
    #: The facts have it sealed.
    sealed: bool


@dataclass(slots=True)
class Kept:
    """What a reading leaves to the next, in the agent's memory."""

    #: Digest or reader's seal by what tells that a file is unchanged. 32 bytes, or text.
    digests: dict[bytes, bytes | str] = field(default_factory=dict)
    unwatched: int = 0
    #: Folders that only the reader can list; replaced at each reading, never changed.
    closed: tuple[str, ...] = ()
    #: What has a text, by the digest that the facts name (before it is sealed with the agent's own key).
    texts: dict[str, "Told"] = field(default_factory=dict)


def names_of(text: str) -> dict[int, str]:
    """Return names by number, of a passwd(5) or group(5) file; the first line with a number counts."""
    out: dict[int, str] = {}
    for line in text.splitlines():
        fields = line.split(":", 3)
        number = whole(fields[2], (1 << 32) - 1) if len(fields) == 4 else None
        if number is not None and fields[0][:1] not in ("+", "-", "#", ""):
            out.setdefault(number, fields[0])
    return out


def build(found: Found, users: Mapping[int, str], groups: Mapping[int, str], package: str | None) -> File:
    """Return one file's facts, without its digest."""
    _, mode, user, group, _, size, written, _, target = found.entry
    kind = _TYPES.get(stat.S_IFMT(mode), "")
    out = File(path=found.name, type=kind, owner=users.get(user) or str(user), group=groups.get(group) or str(group))
    if kind == "link":
        out.target = tree.shown(target)
    else:
        out.mode = f"{stat.S_IMODE(mode):04o}"
    if kind == "file":
        out.size = size
        out.modified_at = written // 1_000_000_000
    if package and kind != "directory":
        out.package = package
    return out


class Digester:
    """Digests files, as far as needed.

    :param before: of the last reading.
    """

    def __init__(self, host: Host, before: Mapping[bytes, bytes | str]) -> None:
        self._host, self._before = host, before
        self.after: dict[bytes, bytes | str] = {}
        self._left = MAX_READ
        self._now = time.time_ns()

    def digest(self, found: Found) -> str | None:
        """Return a file's digest, hexadecimal, or the reader's seal of it; None where the file is gone.

        :raises UnreadableError: where it cannot be read now.
        """
        _, _, _, _, inode, size, written, changed, _ = found.entry
        told = f"{found.name}\0{inode}\0{size}\0{written}\0{changed}"
        key = blake2b(told.encode(), digest_size=16).digest()
        known = self._before.get(key)
        if known is None:
            if size > self._left:
                raise UnreadableError(
                    f"more than {MAX_READ} bytes changed at a time; they are read one after the other"
                )
            self._left -= size
            digest = self._host.digest(found.path)
            if digest is None:
                return None
            known = digest if digest.startswith(_SEAL) else bytes.fromhex(digest)
        if not 0 <= self._now - changed < SETTLED_NS:
            self.after[key] = known
        return known if isinstance(known, str) else known.hex()


def collect(host: Host) -> Reading:
    """Walk the roots, and digest what is new."""
    kept: Kept = host.kept.setdefault("files", Kept())
    walk = tree.walk(host)
    reading = Reading()
    reading.unreadable.update(walk.unreadable)
    reading.unwatched, kept.unwatched = kept.unwatched != walk.unwatched, walk.unwatched
    kept.closed = tuple(walk.closed)
    users, groups = (names_of(host.read(f"/etc/{name}") or "") for name in ("passwd", "group"))
    try:
        packages = ownership.owners(host, [found.path for found in walk.found if not stat.S_ISDIR(found.entry[1])])
    except UnreadableError as error:
        reading.unreadable["files.files[*].package"] = str(error)
        packages = {}
    digester = Digester(host, kept.digests)
    failed: dict[str, str] = {}
    texts: dict[str, Told] = {}
    files = reading.facts.files.files
    for found in walk.found:
        file = build(found, users, groups, packages.get(found.path))
        if file.type == "file":
            try:
                digest = digester.digest(found)
            except UnreadableError as error:
                digest = ""
                failed[found.path] = str(error)
            if digest is None:
                continue
            if digest.startswith(_SEAL):
                reading.sealed.add(digest)
            if digest.startswith(_SEAL) or confidential.sealed(found.path, found.closed):
                file.sealed_digest = digest
            else:
                file.digest = digest
            if digest:
                texts[digest] = Told(found.path, found.entry[5], found.closed, bool(file.sealed_digest))
        files.append(file)
    kept.digests, kept.texts = digester.after, texts
    _name(reading, failed)
    entries = {found.name: found.entry for found in walk.found}
    reading.raw = lambda facts: raw_of(facts, entries)
    return reading


def raw_of(facts: Facts, entries: Mapping[str, Entry]) -> dict[str, bytes]:
    """Return what lstat(2) and the content say of each file, by path: no inode and no times."""
    out: dict[str, bytes] = {}
    for file in facts.files.files:
        _, mode, user, group, *_, target = entries[file.path]
        told = f"{mode} {user} {group} {target} {file.digest or file.sealed_digest}"
        out[keyed("files.files", file.path)] = told.encode("utf-8", "surrogateescape")
    return out


def _name(reading: Reading, failed: Mapping[str, str]) -> None:
    """Note which digests could not be read: one by one, or where they are many, for all files at a time."""
    for attribute in (".digest", ".sealed_digest"):
        if 2 * len(failed) + len(reading.unreadable) <= _MAX_NAMED:
            reading.unreadable.update((tree.pattern_of(path, attribute), reason) for path, reason in failed.items())
        elif failed:
            reading.unreadable[f"files.files[*]{attribute}"] = (
                f"{next(iter(failed.values()))}; and {len(failed) - 1} more"
            )


def applies(host: Host) -> bool:
    """Tell whether one of the roots is there."""
    return any(host.exists(top) for root in host.watchlist.roots for top in host.readable_below(root) or [root])


def tell(host: Host) -> int | None:
    """Return a sign of what stands in the folders that only the reader may look into: nobody can watch them."""
    kept = host.kept.get("files")
    return hash(tuple((path, tuple(host.folder(path)[0])) for path in kept.closed)) if kept is not None else None


TOPIC = Topic(
    revision=1,
    fills=("files.files",),
    collect=collect,
    applies=applies,
    watches=("/etc", ownership.FOLDER),
    watches_of=lambda host: (*host.watchlist.roots, ownership.FOLDER),
    watched_whole=True,
    tell=tell,
    tell_s=120.0,  # a question may start the reader, which costs some 30 ms
)
