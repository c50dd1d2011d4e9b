"""The keys that open accounts over SSH, in the homes of the users of passwd(5). Nothing else of a home is told.

Homes belong to their users, who may plant anything there: no symbolic link below a folder that others than root may
write in is followed, nothing but a regular file is opened, and a home on another machine's disk is left out, because
looking there can take forever.
"""

import errno
import os
import posixpath
import stat
from collections.abc import Callable, Iterator

from driftline_agent.reader import public_keys, sshd
from driftline_agent.reader.opening import content_of

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_FILE = 256 << 10
MAX_LINES = 5_000
_MAX_USERS, _MAX_LINKS = 10_000, 8
#: Bytes of all keys together; an answer has a bound.
_MAX_TOLD = 900_000
#: Filesystems whose server may not answer.
_REMOTE = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afs",
        "autofs",
        "ceph",
        "glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "9p",
        "coda",
        "orangefs",
        "pvfs2",
        "davfs",
        "fuse",
    ]
)

#: ("K", user, file, type, fingerprint, bits, comment, options...) or ("U", user, file, why it could not be read).
Line = tuple[str, ...]


def parse_mounts(text: str) -> frozenset[str]:
    """Return where filesystems of other machines are mounted, of a mountinfo file (proc(5))."""
    out: set[str] = set()
    for line in text.splitlines():
        fields, _, kind = line.partition(" - ")
        words, name = fields.split(), kind.split(" ", 1)[0]
        if len(words) > 4 and (name in _REMOTE or name.startswith("fuse.")):
            out.add(words[4].encode().decode("unicode_escape", "replace") if "\\" in words[4] else words[4])
    return frozenset(out)


def open_in_home(root: int, path: str, remote: frozenset[str]) -> int:
    """Return a descriptor for reading a regular file.

    :param root: descriptor of the folder that stands for ``/``.
    :raises OSError: ELOOP where a link is on the way that is not root's, EREMOTE where it is on another machine.
    """
    waiting = [name for name in path.split("/") if name]
    real, links = "", 0
    here = os.dup(root)
    try:
        while waiting:
            name = waiting.pop(0)
            if f"{real}/{name}" in remote:
                raise OSError(errno.EREMOTE, "on another machine")
            found = os.open(name, _LOOK, dir_fd=here)
            mode = os.fstat(found)
            if stat.S_ISLNK(mode.st_mode):
                os.close(found)
                links += 1
                if links > _MAX_LINKS or not _of_root(mode) or not _closed(os.fstat(here)):
                    raise OSError(errno.ELOOP, "a link on the way")
                target = posixpath.normpath(posixpath.join(f"{real}/", os.readlink(name, dir_fd=here)))
                waiting = [part for part in target.split("/") if part] + waiting
                os.close(here)
                here, real = os.dup(root), ""
                continue
            os.close(here)
            here, real = found, f"{real}/{name}"
        if not stat.S_ISREG(os.fstat(here).st_mode):
            raise OSError(errno.EINVAL, "no file")
        return os.open(f"/proc/self/fd/{here}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    finally:
        os.close(here)


def _of_root(found: os.stat_result) -> bool:
    return found.st_uid in (0, os.geteuid())


def _closed(found: os.stat_result) -> bool:
    """Tell whether nobody but root can put a link into a folder."""
    return _of_root(found) and not found.st_mode & 0o022


def _content(root: int, path: str, remote: frozenset[str]) -> str:
    return content_of(open_in_home(root, path, remote), MAX_FILE).decode("utf-8", "replace")


def parse_users(text: str) -> list[tuple[str, str, str]]:
    """Return name, number and home of each user of a passwd(5) file."""
    out: dict[str, tuple[str, str, str]] = {}
    for line in text.replace("\0", "").splitlines():
        fields = line.split(":")
        if len(fields) >= 6 and fields[0] and fields[0][0] not in "+-#" and fields[5].startswith("/"):
            out.setdefault(fields[0], (fields[0], fields[2], fields[5]))
    return list(out.values())[:_MAX_USERS]


def keys(
    root: int,
    passwd: str,
    patterns: list[str],
    mountinfo: str,
    allowed: Callable[[str], object] = bool,
) -> Iterator[Line]:
    """Yield the keys of all users, and what could not be read.

    :param root: descriptor of the folder that stands for ``/``.
    :param patterns: what AuthorizedKeysFile says.
    :param allowed: raises OSError where a file may not be read at all.
    """
    remote = parse_mounts(mountinfo)
    told = 0
    for user, number, home in parse_users(passwd):
        for pattern in patterns:
            file = sshd.expand(pattern, user, number, home)
            try:
                if told > _MAX_TOLD:
                    raise OSError(errno.EFBIG, "too many keys on this host")
                allowed(file)
                text = _content(root, file, remote)
                if text.count("\n") > MAX_LINES:
                    raise OSError(errno.EFBIG, f"more than {MAX_LINES} lines")
                found = public_keys.parse(text)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                    yield ("U", user, file, (error.strerror or str(error)).lower())
                continue
            for key in found:
                line = ("K", user, file, key.type, key.fingerprint, str(key.bits), key.comment, *key.options)
                told += sum(map(len, line)) + len(line)
                yield line


def read_all(root: int, read: sshd.Read, names: sshd.Names, allowed: Callable[[str], object] = bool) -> list[Line]:
    """Return the keys of all users of this host, and what could not be read.

    :param read: gives a file's text.
    :param names: gives the names in a folder.
    :raises OSError: where passwd(5) cannot be read.
    """
    out: list[Line] = []
    try:
        patterns = sshd.key_files(sshd.Settings(read, names).of())
    except OSError as error:
        out.append(("U", "", sshd.CONFIG, (error.strerror or str(error)).lower()))
        patterns = list(sshd.KEY_FILES)
    out += keys(root, read("/etc/passwd") or "", patterns, _mountinfo(root), allowed)
    return out


def _mountinfo(root: int) -> str:
    try:
        descriptor = os.open("proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC, dir_fd=root)
    except OSError:
        return ""
    try:
        return b"".join(iter(lambda: os.read(descriptor, 65536), b"")).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def pack(lines: list[Line]) -> bytes:
    """Return lines as they go over the reader's socket."""
    return "".join("\0".join(line) + "\n" for line in lines).encode("utf-8", "replace")


def unpack(content: bytes) -> list[Line]:
    """Return packed lines."""
    return [tuple(line.split("\0")) for line in content.decode("utf-8", "replace").split("\n") if line]
