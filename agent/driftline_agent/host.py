"""What topics read through: the files below one root, the kernel's netlink, and a little of libc.

A captured tree stands in for a host by another root; its netlink answers are read from ``.netlink/<name>.bin``. What a
copy of a tree does not keep is read from ``.lstat``: path, mode, user, group and time, by tabs, a line a path; what
programs print from ``.commands``.
"""

# pathlib costs three times the processor time of os calls here, and an inventory makes some thousand of them.

import copy
import errno
import os
import stat
import threading
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

from driftline_agent import mounts
from driftline_agent.choices import Choices
from driftline_agent.errors import UnreadableError
from driftline_agent.firewall.client import Firewall, News, generation_here, here
from driftline_agent.firewall.protocol import Said
from driftline_agent.numbers import whole
from driftline_agent.reader import listing, mapped, public, seals
from driftline_agent.reader.client import Reader
from driftline_agent.reader.listing import Entry
from driftline_agent.reader.protocol import (
    CERTIFICATES,
    DIGEST,
    FOLDER,
    LINK,
    MAPPED,
    MAX_CONTENT,
    READ,
    SOCKETS,
    TEXT,
)
from driftline_agent.settings import Settings
from driftline_agent.watchlist import Watchlist

#: A name that is too long for every filesystem is not there.
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ESRCH, errno.ENAMETOOLONG}
_CHUNK = 1 << 16
#: No file that an inventory reads into memory is larger; a larger one is a mistake or an attack.
MAX_BYTES = 16 << 20
#: The same of one that is read piece by piece, of one line of it, and of the names in a folder.
MAX_STREAM, MAX_LINE, MAX_NAMES = 1 << 30, 1 << 20, 100_000
#: The same of one of a folder's thousand.
MAX_CONTENTS = 256 << 20
#: No number of the kernel has more characters.
_DIGITS = 40
#: Kept by the kernel, which answers at once: they need no look at what they are before they are opened.
_KERNEL = ("/proc/", "/sys/")
#: Device number of /dev/null, which stands for an empty file (a masked unit is a link to it).
_NULL = os.makedev(1, 3)


class Host:
    """One host's file tree.

    :param root: folder that stands for ``/``.
    :param readable: folders that may be read; None allows all. Anything else counts as unreadable.
    :param reader: asked where this process lacks the permission; only on the running host.
    :param watchlist: which files topic files tells of.
    :param choices: what else this host's own configuration says of topics.
    :param firewall: asked for the packet filter's rules; only on the running host.
    :param settings: what topic agent tells of.
    """

    def __init__(
        self,
        root: str = "/",
        readable: Iterable[str] | None = None,
        reader: Reader | None = None,
        watchlist: Watchlist | None = None,
        choices: Choices | None = None,
        firewall: Firewall | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._prefix = root.rstrip("/")
        self.watchlist = watchlist or Watchlist()
        self.choices = choices or Choices()
        self.settings = settings or Settings()
        #: What topics keep in memory from one reading to the next, by a name of theirs; nothing is lost with it.
        self.kept: dict[str, Any] = {}
        #: Threads that hang in a source and were left behind, by what they read.
        self.left: dict[str, threading.Thread] = {}
        #: Nobody waits any more for what is read through this view.
        self.retired = False
        #: Where it is not None, a digest of each file's content that is read, by path, is noted here.
        self.noted: dict[str, bytes] | None = None
        self._reader = reader if self.live else None
        self._firewall = firewall if self.live else None
        self._readable = None if readable is None else tuple(path.rstrip("/") for path in readable)

    @property
    def live(self) -> bool:
        """True for the running host, false for a captured tree."""
        return not self._prefix

    def view(self) -> "Host":
        """Return another object for the same host, to be retired alone."""
        return copy.copy(self)

    @property
    def has_reader(self) -> bool:
        """True where a reader answers for what only root may read."""
        return self._reader is not None and self._reader.there()

    def real(self, path: str) -> str:
        """Return where a path of the host stands on this machine.

        :raises UnreadableError: where the configuration does not allow to read there, or nobody waits for it any more.
        """
        if self.retired:
            raise UnreadableError(f"{path}: nobody waits for it any more")
        if "\0" in path:
            raise UnreadableError(f"{path!r}: no path has a zero byte")
        if self._readable is not None and not any(
            not root or path == root or path.startswith(root + "/") for root in self._readable
        ):
            raise UnreadableError(f"{path}: outside of the configured readable_roots")
        return self._prefix + path

    def readable_below(self, path: str) -> list[str]:
        """Return the folders at or below a path that may be read, sorted: the path itself, or what is allowed of it."""
        if self._readable is None or any(not root or f"{path}/".startswith(f"{root}/") for root in self._readable):
            return [path]
        return sorted(root for root in self._readable if root.startswith(f"{path}/"))

    def read_bytes(self, path: str) -> bytes | None:
        """Return a file's content, or None where it is not there.

        :raises UnreadableError: where it is there and cannot be read, or is no file.
        """
        content = self._content(path)
        if self.noted is not None and content is not None:
            self.noted[path] = blake2b(content, digest_size=16).digest()
        return content

    def _content(self, path: str) -> bytes | None:
        real = self.real(path)
        try:
            if not (self.live and path.startswith(_KERNEL)) and not self._is_file(real, path):
                return b""
            descriptor = os.open(real, _FLAGS)
        except OSError as error:
            return self._by_reader(READ, path, error)
        try:
            data = os.read(descriptor, _CHUNK)
            if len(data) < 4096 and not path.startswith("/proc"):
                return data
            parts = [data]
            total = len(data)
            while more := os.read(descriptor, _CHUNK):
                parts.append(more)
                total += len(more)
                if total > MAX_BYTES:
                    raise UnreadableError(f"{path}: larger than {MAX_BYTES} bytes")
            return b"".join(parts)
        except OSError as error:
            return self._by_reader(READ, path, error)
        finally:
            os.close(descriptor)

    def check_file(self, path: str) -> None:
        """Check what a library is to open by itself; it might wait at a FIFO.

        :raises UnreadableError: where it is no regular file, or cannot be looked at.
        """
        try:
            self._is_file(self.real(path), path, MAX_STREAM)
        except OSError as error:
            _none_or_raise(path, error)

    def _is_file(self, real: str, path: str, most: int = MAX_BYTES) -> bool:
        """Tell whether there is a file to be read; false for /dev/null. To open anything else may have an effect.

        :raises UnreadableError: where it is something else, or too large.
        """
        found = os.stat(real)  # noqa: PTH116  # see above
        if stat.S_ISREG(found.st_mode):
            if found.st_size > most:
                raise UnreadableError(f"{path}: larger than {most} bytes")
            return True
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == _NULL:
            return False
        what = "is a directory" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise UnreadableError(f"{path}: {what}")

    def pieces(self, path: str) -> Iterator[bytes]:
        """Yield a large file's content in pieces of whole lines; nothing where it is not there.

        :raises UnreadableError: where it is there and cannot be read.
        """
        real = self.real(path)
        try:
            if not self._is_file(real, path, MAX_STREAM):
                return
            descriptor = os.open(real, _FLAGS)
        except OSError as error:
            _none_or_raise(path, error)
            return
        try:
            rest = b""
            while data := os.read(descriptor, _CHUNK):
                if len(rest) > MAX_LINE:
                    raise UnreadableError(f"{path}: a line of more than {MAX_LINE} bytes")
                self.real(path)  # raises where nobody waits any more
                end = data.rfind(b"\n") + 1
                if end:
                    yield rest + data[:end]
                    rest = b""
                rest += data[end:]
            if rest:
                yield rest
        except OSError as error:
            _none_or_raise(path, error)
        finally:
            os.close(descriptor)

    def contents(self, folder: str, suffix: str) -> Iterator[tuple[str, bytes]]:
        """Yield names and contents of a folder's files whose names end so, sorted; for folders with a thousand of them.

        :raises UnreadableError: where one of them cannot be read, or is no file.
        """
        real = self.real(folder)
        files = sorted((entry.name, entry) for entry in self.entries(folder) if entry.name.endswith(suffix))
        for name, entry in files:
            path = f"{real}/{name}"
            try:
                wanted = entry.is_file(follow_symlinks=False) or self._is_file(path, f"{folder}/{name}")
                descriptor = os.open(path, _FLAGS) if wanted else None
            except OSError as error:
                _none_or_raise(f"{folder}/{name}", error)
                continue
            if descriptor is None:
                continue
            try:
                data = os.read(descriptor, _CHUNK)
                if len(data) == _CHUNK:
                    parts, size = [data], _CHUNK
                    while data := os.read(descriptor, MAX_LINE):
                        parts.append(data)
                        size += len(data)
                        if len(data) == MAX_LINE and b"\n" not in data:
                            raise UnreadableError(f"{folder}/{name}: a line of more than {MAX_LINE} bytes")
                        if size > MAX_CONTENTS:
                            raise UnreadableError(f"{folder}/{name}: larger than {MAX_CONTENTS} bytes")
                    data = b"".join(parts)
            except OSError as error:
                _none_or_raise(f"{folder}/{name}", error)
                continue
            finally:
                os.close(descriptor)
            self.real(folder)  # raises where nobody waits any more
            yield name, data

    def read(self, path: str) -> str | None:
        """Return a file's text, or None where it is not there. Bytes that are not UTF-8 are replaced.

        So are zero bytes, which no database can hold, but in what the kernel tells: there they part words.

        :raises UnreadableError: where it is there and cannot be read.
        """
        data = self.read_bytes(path)
        if data is not None and b"\0" in data and not path.startswith(_KERNEL):
            data = data.replace(b"\0", b"\xff")
        return None if data is None else data.decode("utf-8", "replace")

    def line(self, path: str) -> str | None:
        """Return a file's text without surrounding white space, or None where it is absent or empty.

        :raises UnreadableError: where it is there and cannot be read.
        """
        text = self.read(path)
        return (text.strip() or None) if text is not None else None

    def number(self, path: str) -> int | None:
        """Return the whole number that a file holds, or None where it is absent, empty or no number.

        :raises UnreadableError: where it is there and cannot be read.
        """
        text = self.line(path)
        try:
            return None if text is None or len(text) > _DIGITS else int(text, 0)
        except ValueError:
            return None

    def names(self, path: str) -> list[str]:
        """Return the names in a folder, sorted; none where it is not there. What is not UTF-8 is left out.

        :raises UnreadableError: where it is there and cannot be read.
        """
        try:
            names = os.listdir(self.real(path))  # noqa: PTH208  # see above
            if len(names) > MAX_NAMES:
                raise UnreadableError(f"{path}: more than {MAX_NAMES} names")
            return sorted(filter(_is_text, names))
        except OSError as error:
            _none_or_raise(path, error)
            return []

    def entries(self, path: str) -> Iterator["os.DirEntry[str]"]:
        """Yield a folder's entries; none where it is not there. What is not UTF-8 is left out.

        :raises UnreadableError: where it is there and cannot be read.
        """
        try:
            with os.scandir(self.real(path)) as entries:
                for number, entry in enumerate(entries):
                    if number >= MAX_NAMES:
                        raise UnreadableError(f"{path}: more than {MAX_NAMES} names")
                    if _is_text(entry.name):
                        yield entry
        except OSError as error:
            _none_or_raise(path, error)

    def folders(self, path: str) -> list[str]:
        """Return the names of the folders in a folder, links not followed, sorted; none where it is not there.

        :raises UnreadableError: where it is there and cannot be read.
        """
        try:
            with os.scandir(self.real(path)) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError as error:
            _none_or_raise(path, error)
            return []
        if len(names) > MAX_NAMES:
            raise UnreadableError(f"{path}: more than {MAX_NAMES} names")
        return sorted(filter(_is_text, names))

    def away(self) -> frozenset[str]:
        """Return where filesystems are mounted that may hang: a server or a FUSE program answers for them."""
        return (
            mounts.away(mounts.parse_mountinfo(self.read("/proc/self/mountinfo") or "")) if self.live else frozenset()
        )

    def folder(self, path: str, away: frozenset[str] = frozenset()) -> tuple[list[Entry], bool]:
        """Return what stands in a folder, sorted by name, and whether the reader had to be asked for it.

        :param away: what is not looked at, not even what it is.
        :raises UnreadableError: where it is there and cannot be read.
        """
        real = self.real(path)
        out: list[Entry] = []
        try:
            with os.scandir(real) as entries:
                for entry in entries:
                    if away and f"{path}/{entry.name}" in away:
                        continue
                    try:
                        found = entry.stat(follow_symlinks=False)
                        target = os.readlink(entry.path) if stat.S_ISLNK(found.st_mode) else ""  # noqa: PTH115  # see above
                    except FileNotFoundError:
                        continue  # gone meanwhile
                    out.append(listing.entry_of(entry.name, found, target))
        except OSError as error:
            content = self._by_reader(FOLDER, path, error)
            try:
                return sorted(listing.unpack(content or b"")), content is not None
            except ValueError as wrong:
                raise UnreadableError(f"{path}: {wrong}") from wrong
        out.sort()
        return (out if self.live else self._as_captured(path, out)), False

    def _as_captured(self, path: str, entries: list[Entry]) -> list[Entry]:
        """Return a captured folder's entries with what ``.lstat`` says of them."""
        told: dict[str, list[str]] | None = self.kept.get("lstat")
        if told is None:
            lines = (self.read("/.lstat") or "").splitlines() if os.path.exists(f"{self._prefix}/.lstat") else []  # noqa: PTH110  # see above
            told = self.kept["lstat"] = {line.partition("\t")[0]: line.split("\t")[1:] for line in lines}
        out: list[Entry] = []
        for entry in entries:
            known = told.get(f"{path}/{entry[0]}")
            numbers = (
                [whole(known[0], 0o7777, 8), *(whole(text, 1 << 33) for text in known[1:4])]
                if known and len(known) >= 4
                else [None]
            )
            if None not in numbers:
                mode, user, group, written = (number or 0 for number in numbers)
                written *= 10**9
                kind = stat.S_IFMT(entry[1])
                entry = (entry[0], kind | mode, user, group, *entry[4:6], written, *entry[7:])
            out.append(entry)
        return out

    def digest(self, path: str) -> str | None:
        """Return the SHA-256 of a regular file's content, or the reader's seal of it; None where it is not there.

        :raises UnreadableError: where it cannot be read, is too large, or changed while it was read.
        """
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
            descriptor = os.open(self.real(path), flags)
        except OSError as error:
            answer = self._by_reader(DIGEST, path, error)
            return None if answer is None else answer.decode("ascii", "replace")
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None  # another thing meanwhile
            return seals.digest(descriptor)
        except OSError as error:
            raise UnreadableError(f"{path}: {(error.strerror or str(error)).lower()}") from error
        finally:
            os.close(descriptor)

    def certificates(self, path: str) -> list[bytes] | None:
        """Return the certificates in a file, PEM or DER, and nothing else of it; None where it is not there.

        :raises UnreadableError: where it cannot be read.
        """
        try:
            descriptor = os.open(self.real(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            answer = self._by_reader(CERTIFICATES, path, error)
            return None if answer is None else public.certificates(answer)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return []
            data = os.read(descriptor, MAX_CONTENT)
            while more := os.read(descriptor, _CHUNK):
                data += more
                if len(data) > MAX_CONTENT:
                    raise UnreadableError(f"{path}: larger than {MAX_CONTENT} bytes")
            return public.certificates(data)
        except OSError as error:
            if isinstance(error, UnreadableError):
                raise
            raise UnreadableError(f"{path}: {(error.strerror or str(error)).lower()}") from error
        finally:
            os.close(descriptor)

    def text(self, path: str, most: int) -> tuple[bytes, bool] | None:
        """Return a regular file's content and False, or the reader's answer (see its ``server.text_of``) and True.

        :param most: bytes; None is returned where the file is larger, or not there.
        :raises UnreadableError: where it cannot be read.
        """
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
            descriptor = os.open(self.real(path), flags)
        except OSError as error:
            answer = self._by_reader(TEXT, path, error)
            return None if answer is None else (answer, True)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size > most:
                return None
            parts: list[bytes] = []
            left = most + 1
            while left > 0 and (data := os.read(descriptor, min(left, _CHUNK))):
                parts.append(data)
                left -= len(data)
            return (b"".join(parts), False) if left > 0 else None
        except OSError as error:
            raise UnreadableError(f"{path}: {(error.strerror or str(error)).lower()}") from error
        finally:
            os.close(descriptor)

    def deleted(self, process: int) -> list[str]:
        """Return the programs and libraries that a process has mapped and that are gone; none where it has ended.

        :raises UnreadableError: where it may not be looked into.
        """
        path = f"/proc/{process}/maps"
        try:
            descriptor = os.open(self.real(path), _FLAGS)
            try:
                found = mapped.parse_chunks(iter(lambda: os.read(descriptor, _CHUNK), b""))
            finally:
                os.close(descriptor)
        except OSError as error:
            found = mapped.unpack(self._by_reader(MAPPED, path, error) or b"")
        return [os.fsdecode(name) for name in found]

    def link(self, path: str) -> str | None:
        """Return a symbolic link's target, or None where there is no such link.

        :raises UnreadableError: where it is there and cannot be read.
        """
        try:
            return _text(os.readlink(self.real(path)))  # noqa: PTH115  # see above
        except OSError as error:
            if error.errno == errno.EINVAL:
                return None
            target = self._by_reader(LINK, path, error)
            return None if target is None else target.decode("utf-8", "replace")

    def sockets(self, process: int) -> list[str]:
        """Return what a process' descriptors lead to (``socket:[INODE]`` among others); none where it has ended.

        :raises UnreadableError: where it may not be looked into.
        """
        path = f"/proc/{process}/fd"
        folder = self.real(path)
        out: list[str] = []
        try:
            for name in os.listdir(folder):  # noqa: PTH208  # see above
                try:
                    out.append(os.readlink(f"{folder}/{name}"))  # noqa: PTH115  # see above
                except FileNotFoundError:
                    continue  # closed meanwhile
        except OSError as error:
            return [os.fsdecode(target) for target in (self._by_reader(SOCKETS, path, error) or b"").split(b"\0")]
        return out

    def ask(self, operation: int, path: str) -> bytes | None:
        """Return what the reader makes of something that must not come here as it is; None where there is no reader.

        :param operation: see :mod:`driftline_agent.reader.protocol`.
        :raises UnreadableError: where the reader cannot read it either.
        """
        self.real(path)
        try:
            return None if self._reader is None else self._reader.ask(operation, path)
        except OSError as error:
            raise UnreadableError(f"{path}: {(error.strerror or str(error)).lower()}") from error

    def _by_reader(self, operation: int, path: str, error: OSError) -> bytes | None:
        """Return the reader's answer where permission was lacking and it has one.

        :raises UnreadableError: where not, and the error does not say "not there".
        """
        if self._reader is not None and isinstance(error, PermissionError):
            try:
                answer = self._reader.ask(operation, path)
            except OSError as second:
                error, answer = second, None
            if answer is not None:
                return answer
        _none_or_raise(path, error)
        return None

    def exists(self, path: str) -> bool:
        """Tell whether there is something, dangling links included.

        :raises UnreadableError: where it may not be looked at: that must never look like "not there".
        """
        try:
            os.lstat(self.real(path))
        except OSError as error:
            _none_or_raise(path, error)
            return False
        return True

    def stat(self, path: str) -> os.stat_result | None:
        """Return stat(2) of what a path leads to, or None where it is not there.

        :raises UnreadableError: where it may not be looked at.
        """
        try:
            return os.stat(self.real(path))  # noqa: PTH116  # see above
        except OSError as error:
            _none_or_raise(path, error)
            return None

    def entry(self, path: str) -> Entry | None:
        """Return what lstat(2) says of one thing, links not followed; None where it is not there.

        :raises UnreadableError: where it may not be looked at.
        """
        folder, _, name = path.rpartition("/")
        try:
            found = os.lstat(self.real(path))
        except OSError as error:
            _none_or_raise(path, error)
            return None
        entry = listing.entry_of(name, found)
        return entry if self.live else self._as_captured(folder, [entry])[0]

    def resolve(self, path: str) -> str:
        """Return a path of the host with its symbolic links resolved."""
        found = os.path.realpath(self.real(path))
        return _text(found.removeprefix(os.path.realpath(self._prefix) if self._prefix else ""))

    def run(self, *command: str, timeout: float = 5.0) -> str | None:
        """Return what a program prints; None where it is not installed. It gets no input, and no environment of ours.

        Of a captured tree: what stands in ``.commands/``, in a file named like the command, ``/`` as ``_``.

        :param command: name of the program and its arguments. It is looked for in :data:`programs.FOLDERS` only.
        :param timeout: seconds after which it and its children are killed.
        :raises UnreadableError: where it fails, takes too long or prints more than :data:`programs.MAX_OUTPUT` bytes.
        """
        if not self.live:
            return self.read(f"/.commands/{' '.join(command).replace('/', '_')}")
        from driftline_agent import programs

        path = next((found for folder in programs.FOLDERS if os.access(found := f"{folder}/{command[0]}", os.X_OK)), "")
        if not path and self._readable is None:
            return None
        self.real(path or f"{programs.FOLDERS[0]}/{command[0]}")
        return programs.run(path, *command[1:], timeout=timeout) if path else None

    def firewall_rules(self) -> list[Said]:
        """Return what the programs print that know the packet filter's rules.

        Of a captured tree: what stands in ``.commands/``, in files named like the programs.

        :raises UnreadableError: where nobody may see them.
        """
        self.real("/proc/net")
        if not self.live:
            return [Said(name, self.read(f"/.commands/{name}") or "") for name in self.names("/.commands")]
        said = self._firewall.rules() if self._firewall is not None else None
        if said is None:
            said = here()
        if said is None:
            raise UnreadableError(
                "packet filter: only who may change it may see it, and no driftline-agent-firewall runs"
            )
        return said

    def firewall_generation(self) -> bytes | None:
        """Return what is another one whenever the packet filter's rules have changed; None where nobody tells."""
        if not self.live:
            return None
        told = self._firewall.generation() if self._firewall is not None else None
        return generation_here() if told is None else told

    def firewall_news(self) -> News:
        """Return what tells when the packet filter's rules change.

        :raises OSError: where nobody does.
        """
        return News(self._firewall or Firewall())

    def netlink(self, name: str) -> bytes:
        """Return the kernel's answer to an rtnetlink dump: a name of :data:`driftline_agent.netlink.DUMPS`.

        :raises UnreadableError: where the kernel gives none.
        """
        if self.live:
            from driftline_agent import netlink

            return netlink.dump(name)
        return self.read_bytes(f"/.netlink/{name}.bin") or b""


_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


def _is_text(name: str) -> bool:
    """Tell whether a name of the filesystem is UTF-8; os.listdir(3) makes half a surrogate pair of what is not."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def _text(path: str) -> str:
    return path if _is_text(path) else os.fsencode(path).decode("utf-8", "replace")


def _none_or_raise(path: str, error: OSError) -> None:
    if isinstance(error, UnreadableError):
        raise error
    if error.errno in _ABSENT:
        return
    raise UnreadableError(f"{path}: {(error.strerror or str(error)).lower()}") from error
