"""Walks the watched roots: every file, folder, link and special file, sorted, within bounds.

Links are not followed, so there are no loops, and nothing is opened but folders.
"""

import os
import stat
from dataclasses import dataclass, field

from driftline import paths
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.reader.listing import Entry

MAX_FILES = 10_000
#: A folder with more entries is data of some program; it is told of, and nothing below it.
MAX_IN_FOLDER = 2_000
MAX_DEPTH = 32
#: Sum of the texts' lengths; with what stands beside them, MAX_FILES of them stay below sections.MAX_CONTENT.
MAX_TEXT = 1 << 20
#: Longer paths the CMDB does not take (1024 characters with what stands around them).
_MAX_PATH = 1_000
_LONG = 300


@dataclass(frozen=True, slots=True)
class Found:
    """Something below a root."""

    path: str
    #: The path as text that every program can hold.
    name: str
    entry: Entry
    #: Not every user may read it: its mode, or that of a folder above it, forbids.
    closed: bool


@dataclass(slots=True)
class Walk:
    """What was found, in order of path, and what could not be looked at: pattern of the schema to reason."""

    found: list[Found] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    #: Changes whenever something changes that the watcher cannot see, because only the reader can look there.
    unwatched: int = 0
    #: Where filesystems are mounted that are not looked into.
    away: frozenset[str] = frozenset()
    #: The folders where that is so.
    closed: list[str] = field(default_factory=list)
    _text: int = 0

    def full(self) -> bool:
        """Tell whether the bounds are reached."""
        return len(self.found) >= MAX_FILES or self._text >= MAX_TEXT

    def add(self, found: Found) -> None:
        """Take in one thing."""
        self.found.append(found)
        self._text += len(found.path) + len(found.entry[8])


def shown(path: str) -> str:
    r"""Return a path as text that every program can hold: bytes that are not UTF-8 as ``\xNN``."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    return path


def pattern_of(path: str, attribute: str = "") -> str:
    """Return the pattern of the schema that stands for one file."""
    key = paths.quote(paths.escape_key(shown(path)))
    return f"files.files[{key}]{attribute}"


def pattern_below(path: str) -> str:
    """Return the pattern of the schema that stands for all below a folder."""
    return f"files.files[{paths.quote(paths.escape_key(shown(path) + '/'))}*]"


def walk(host: Host) -> Walk:
    """Walk the roots of the host's watchlist, as far as the configuration allows to read there.

    :raises UnreadableError: where it allows nothing of a root.
    """
    out = Walk(away=host.away())
    for point in sorted(out.away):
        if any(point == root or point.startswith(f"{root}/") for root in host.watchlist.roots):
            for pattern in (pattern_of(point), pattern_below(point)):
                out.unreadable[pattern] = f"{point}: a network or FUSE filesystem; it might never answer"
    for root in sorted(set(host.watchlist.roots)):
        if any(root.startswith(f"{other}/") for other in host.watchlist.roots):
            continue
        allowed = host.readable_below(root)
        if not allowed:
            host.real(root)
        if allowed != [root]:
            out.unreadable["files.files"] = f"{root}: in part outside of the configured readable_roots"
        for top in allowed:
            if host.exists(top):
                _folder(host, out, top, _closed_above(host, top), 0)
    out.found = list({found.name: found for found in out.found}.values())
    out.found.sort(key=lambda found: found.name)
    if out.full():
        out.unreadable["files.files"] = (
            f"more than {len(out.found)} files; set files_roots and files_exclude to tell of fewer"
        )
    return out


def _closed_above(host: Host, top: str) -> bool:
    """Tell whether not every user may enter a root."""
    status = host.stat(top)
    return status is not None and host.live and not status.st_mode & stat.S_IXOTH


def _folder(host: Host, out: Walk, path: str, closed: bool, depth: int) -> None:
    try:
        entries, asked = host.folder(path, out.away)
    except UnreadableError as error:
        out.unreadable[pattern_below(path)] = str(error)
        return
    if len(entries) > MAX_IN_FOLDER or depth > MAX_DEPTH:
        why = f"more than {MAX_IN_FOLDER} entries" if depth <= MAX_DEPTH else f"more than {MAX_DEPTH} folders deep"
        out.unreadable[pattern_below(path)] = f"{path}: {why}; nothing below it is told of"
        return
    if asked:
        out.unwatched = hash((out.unwatched, path, tuple(entries)))
        out.closed.append(path)
    for entry in entries:
        name = f"{path}/{entry[0]}"
        if host.watchlist.leaves_out(name):
            continue
        if out.full():
            return
        text = shown(name)
        if len(text) > _LONG and len(pattern_of(name, ".sealed_digest")) > _MAX_PATH:
            continue
        mode = entry[1]
        out.add(Found(name, text, entry, closed or not mode & stat.S_IROTH))
        if stat.S_ISDIR(mode):
            _folder(host, out, name, closed or not mode & stat.S_IXOTH, depth + 1)
