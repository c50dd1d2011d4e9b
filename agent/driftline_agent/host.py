"""What topics read through: the files below one root, the kernel's netlink, and a little of libc.

A captured tree stands in for a host by another root; its netlink answers are read from ``.netlink/<name>.bin``.
"""

# pathlib costs three times the processor time of os calls here, and an inventory makes some thousand of them.

import errno
import os
from collections.abc import Iterable, Iterator

from driftline_agent.errors import UnreadableError
from driftline_agent.reader.client import Reader
from driftline_agent.reader.protocol import LINK, READ, SHADOW, SOCKETS

_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ESRCH}
_CHUNK = 1 << 16
#: No file that an inventory reads is larger; a larger one is a mistake or an attack.
MAX_BYTES = 64 << 20


class Host:
    """One host's file tree.

    :param root: folder that stands for ``/``.
    :param readable: folders that may be read; None allows all. Anything else counts as unreadable.
    :param reader: asked where this process lacks the permission; only on the running host.
    """

    def __init__(self, root: str = "/", readable: Iterable[str] | None = None, reader: Reader | None = None) -> None:
        self._prefix = root.rstrip("/")
        self._reader = reader if self.live else None
        self._readable = None if readable is None else tuple(path.rstrip("/") for path in readable)

    @property
    def live(self) -> bool:
        """True for the running host, false for a captured tree."""
        return not self._prefix

    def real(self, path: str) -> str:
        """Return where a path of the host stands on this machine.

        :raises UnreadableError: where the configuration does not allow to read there.
        """
        if self._readable is not None and not any(
            not root or path == root or path.startswith(root + "/") for root in self._readable
        ):
            raise UnreadableError(f"{path}: outside of the configured readable_roots")
        return self._prefix + path

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
