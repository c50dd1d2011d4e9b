"""What topics read through: the files below one root, the kernel's netlink, and a little of libc.

A captured tree stands in for a host by another root; its netlink answers are read from ``.netlink/<name>.bin``. What a
copy of a tree does not keep is read from ``.lstat``: path, mode, user, group and time, by tabs, a line a path; what
programs print from ``.commands``.
"""

# pathlib costs three times the processor time of os calls here, and an inventory makes some thousand of them.

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Any

from driftline_agent.errors import UnreadableError
from driftline_agent.reader import listing, mapped, seals
from driftline_agent.reader.client import Reader
from driftline_agent.reader.listing import Entry
from driftline_agent.reader.protocol import DIGEST, FOLDER, LINK, MAPPED, READ, SHADOW, SOCKETS, TEXT
from driftline_agent.settings import Settings
from driftline_agent.watchlist import Watchlist

_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ESRCH}
_CHUNK = 1 << 16
#: No file that an inventory reads is larger; a larger one is a mistake or an attack.
MAX_BYTES = 64 << 20


class Host:
    """One host's file tree.

    :param root: folder that stands for ``/``.
    :param readable: folders that may be read; None allows all. Anything else counts as unreadable.
    :param reader: asked where this process lacks the permission; only on the running host.
    :param watchlist: which files topic files tells of.
    :param settings: what topic agent tells of.
    """

    def __init__(
        self,
        root: str = "/",
        readable: Iterable[str] | None = None,
        reader: Reader | None = None,
        watchlist: Watchlist | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._prefix = root.rstrip("/")
        self.watchlist = watchlist or Watchlist()
        self.settings = settings or Settings()
        #: What topics keep in memory from one reading to the next, by a name of theirs; nothing is lost with it.
        self.kept: dict[str, Any] = {}
        self._reader = reader if self.live else None
        self._readable = None if readable is None else tuple(path.rstrip("/") for path in readable)

    @property
    def live(self) -> bool:
        """True for the running host, false for a captured tree."""
        return not self._prefix

    @property
    def has_reader(self) -> bool:
        """True where a reader answers for what only root may read."""
        return self._reader is not None and self._reader.there()

    def real(self, path: str) -> str:
        """Return where a path of the host stands on this machine.

        :raises UnreadableError: where the configuration does not allow to read there.
        """
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

        :raises UnreadableError: where it is there and cannot be read.
        """
        real = self.real(path)
        try:
            descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
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

    def pieces(self, path: str) -> Iterator[bytes]:
        """Yield a large file's content in pieces of whole lines; nothing where it is not there.

        :raises UnreadableError: where it is there and cannot be read.
        """
        try:
            descriptor = os.open(self.real(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            _none_or_raise(path, error)
            return
        try:
            rest = b""
            while data := os.read(descriptor, _CHUNK):
                end = data.rfind(b"\n") + 1
                if end:
                    yield rest + data[:end]
                    rest = b""
                rest += data[end:]
            if rest:
                yield rest
        except OSError as error:
            raise UnreadableError(f"{path}: {(error.strerror or str(error)).lower()}") from error
        finally:
            os.close(descriptor)

    def read(self, path: str) -> str | None:
        """Return a file's text, or None where it is not there. Bytes that are not UTF-8 are replaced.

        :raises UnreadableError: where it is there and cannot be read.
        """
        data = self.read_bytes(path)
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
            return None if text is None else int(text, 0)
        except ValueError:
            return None

    def names(self, path: str) -> list[str]:
        """Return the names in a folder, sorted; none where it is not there.

        :raises UnreadableError: where it is there and cannot be read.
        """
        try:
            return sorted(os.listdir(self.real(path)))  # noqa: PTH208  # see above
        except OSError as error:
            _none_or_raise(path, error)
            return []

    def entries(self, path: str) -> Iterator["os.DirEntry[str]"]:
        """Yield a folder's entries; none where it is not there.

        :raises UnreadableError: where it is there and cannot be read.
        """
        try:
            with os.scandir(self.real(path)) as entries:
                yield from entries
        except OSError as error:
            _none_or_raise(path, error)

    def folder(self, path: str) -> tuple[list[Entry], bool]:
        """Return what stands in a folder, sorted by name, and whether the reader had to be asked for it.

        :raises UnreadableError: where it is there and cannot be read.
        """
        real = self.real(path)
        out: list[Entry] = []
        try:
            with os.scandir(real) as entries:
                for entry in entries:
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
            told = self.kept["lstat"] = {fields[0]: fields[1:] for fields in (line.split("\t") for line in lines)}
        out: list[Entry] = []
        for entry in entries:
            known = told.get(f"{path}/{entry[0]}")
            if known:
                mode, user, group, written = int(known[0], 8), int(known[1]), int(known[2]), int(known[3]) * 10**9
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
            descriptor = os.open(self.real(path), os.O_RDONLY | os.O_CLOEXEC)
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
            return os.readlink(self.real(path))  # noqa: PTH115  # see above
        except OSError as error:
            if error.errno == errno.EINVAL:
                return None
            target = self._by_reader(LINK, path, error)
            return None if target is None else os.fsdecode(target)

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

    def sealed_shadow(self) -> bytes | None:
        """Return what the reader makes of /etc/shadow, or None where there is no reader.

        :raises UnreadableError: where the reader cannot read it either.
        """
        self.real("/etc/shadow")
        try:
            return None if self._reader is None else self._reader.ask(SHADOW, "/etc/shadow")
        except OSError as error:
            raise UnreadableError(f"/etc/shadow: {(error.strerror or str(error)).lower()}") from error

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

    def resolve(self, path: str) -> str:
        """Return a path of the host with its symbolic links resolved."""
        return os.path.realpath(self.real(path)).removeprefix(os.path.realpath(self._prefix) if self._prefix else "")

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

    def netlink(self, name: str) -> bytes:
        """Return the kernel's answer to an rtnetlink dump: ``link``, ``address``, ``route4`` or ``route6``.

        :raises UnreadableError: where the kernel gives none.
        """
        if self.live:
            from driftline_agent import netlink

            return netlink.dump(name)
        return self.read_bytes(f"/.netlink/{name}.bin") or b""


def _none_or_raise(path: str, error: OSError) -> None:
    if isinstance(error, UnreadableError):
        raise error
    if error.errno in _ABSENT:
        return
    raise UnreadableError(f"{path}: {(error.strerror or str(error)).lower()}") from error
