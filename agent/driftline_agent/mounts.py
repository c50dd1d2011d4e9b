"""Lines of mountinfo and fstab, options, and which filesystems are held by somebody else.

Source: proc_pid_mountinfo(5), fstab(5).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from driftline import late
from driftline_agent.redact import REDACTED, redact

#: Held by a server elsewhere, which may be dead and then never answers.
NETWORK_TYPES = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "ceph",
        "glusterfs",
        "9p",
        "virtiofs",
        "afs",
        "coda",
        "lustre",
        "ocfs2",
        "gfs2",
        "gpfs",
        "beegfs",
        "orangefs",
        "pvfs2",
    ]
)
#: FUSE programs whose data is elsewhere.
_NETWORK_FUSE = frozenset(
    "fuse." + name for name in ("glusterfs", "sshfs", "ceph", "s3fs", "davfs", "rclone", "mount.rclone", "curlftpfs")
)
_OCTAL = late.pattern(r"\\([0-7]{3})")
_SECRET_OPTION = late.pattern(
    r"pass(?!if|ive|no)|pwd|secret|token|key|credential|(?:^|[._-])(?:cred|auth|pin)(?:$|[._-])", re.IGNORECASE
)
_SECRET_FILE = late.pattern(r"file|cred|path|ring", re.IGNORECASE)
_USER = late.pattern(r"^(?:user|username)$", re.IGNORECASE)
_IN_URL = late.pattern(r"(?P<before>//[^/@\s:]*):[^/@\s]*@")


def is_network(kind: str) -> bool:
    """Tell whether a type of filesystem keeps its data elsewhere."""
    return kind in NETWORK_TYPES or kind in _NETWORK_FUSE


def is_away(kind: str) -> bool:
    """Tell whether somebody else answers for a filesystem: a server, or a program (FUSE); it may never do."""
    return kind in NETWORK_TYPES or kind.startswith("fuse")


def is_below(point: str, above: str) -> bool:
    """Tell whether a path is another or below it."""
    return point == above or point.startswith(above.rstrip("/") + "/")


def unescape(text: str) -> str:
    r"""Return a field with ``\040`` and the like as what they stand for, bytes that are no UTF-8 replaced."""
    if "\\" not in text:
        return text
    raw = _OCTAL.sub(lambda found: chr(int(found[1], 8) & 0xFF), text)
    if raw.isascii():
        return raw
    try:  # escaped are single bytes
        return raw.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return raw


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount, of :func:`parse_mountinfo`."""

    #: MAJOR:MINOR.
    number: str
    #: What of the filesystem is mounted; ``/`` is the whole.
    root: str
    point: str
    kind: str
    device: str
    options: tuple[str, ...]


def parse_mountinfo(text: str) -> Iterator[Mount]:
    """Yield the mounts in the order they were made; lines that are none are left out."""
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        mount, source = left.split(" "), right.split(" ")
        if separator and len(mount) >= 6 and len(source) >= 3:
            options = merged(mount[5].split(","), source[2].split(","))
            device = unescape(source[1])
            yield Mount(mount[2], unescape(mount[3]), unescape(mount[4]), source[0], safe_device(device), options)


#: What the client of NFS finds out with each mount.
_FOUND_OUT = ("clientaddr=", "mountport=")


def merged(mount: Iterable[str], filesystem: Iterable[str]) -> tuple[str, ...]:
    """Return the options of a mount and of its filesystem as one sorted set, without secrets."""
    options = {option for option in (*mount, *filesystem) if not option.startswith(_FOUND_OUT)}
    if {"rw", "ro"} <= options:
        options.remove("rw")  # a read-only mount of a writable filesystem is read-only
    return tuple(safe_options(options))


def safe_options(options: Iterable[str]) -> list[str]:
    """Return options sorted, without empty ones; of those whose name says so the value is redacted.

    Paths to files with secrets stay. In ``user=NAME%PASSWORD`` (mount.smbfs) the password goes.
    """
    out: set[str] = set()
    for option in options:
        name, equals, value = option.partition("=")
        if equals and _SECRET_OPTION.search(name) and not (value.startswith("/") and _SECRET_FILE.search(name)):
            option = f"{name}={REDACTED}"
        elif equals and _USER.match(name) and "%" in value:
            option = f"{name}={value.partition('%')[0]}%{REDACTED}"
        elif option and len(option) >= 32:
            option = redact(option)
        if option.strip():
            out.add(option)
    return sorted(out)


def safe_device(device: str) -> str:
    """Return what is mounted, without a password in its address."""
    return _IN_URL.sub(rf"\g<before>:{REDACTED}@", device)


def server_of(kind: str, device: str) -> tuple[str, str]:
    """Return server and export of a network filesystem's device; empty where it names none."""
    if not is_network(kind) or kind in ("9p", "virtiofs", "ocfs2", "gfs2"):
        return "", ""
    if device.startswith("//"):  # CIFS
        server, _, export = device[2:].partition("/")
        return server.rpartition("@")[2], export
    if device.startswith("["):  # an IPv6 address
        server, colon, export = device[1:].partition("]:")
        return (server, export) if colon else ("", "")
    # ceph names its monitors before the last colon, or user@cluster.name=folder
    server, colon, export = device.rpartition(":/") if kind == "ceph" else device.partition(":")
    if not colon:
        return "", ""
    if kind == "ceph":
        return server, "/" + export
    return server.rpartition("@")[2], export


def away(mounts: Iterable[Mount]) -> frozenset[str]:
    """Return the mount points that somebody else answers for; the root is none, nothing could be read then."""
    return frozenset(mount.point for mount in mounts if is_away(mount.kind) and mount.point != "/")


def parse_fstab(text: str) -> Iterator[tuple[str, str, str, list[str], int | None, int | None]]:
    """Yield device, mount point, type, options, dump and pass of each line of fstab(5)."""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 3 or fields[0].startswith("#"):
            continue
        # Comments may follow the fields, although the page does not say so.
        end = next((index for index, field in enumerate(fields) if index > 2 and field.startswith("#")), len(fields))
        fields = fields[:end]
        device, point = unescape(_unquote(fields[0])), unescape(fields[1])
        options = fields[3].split(",") if len(fields) > 3 else []
        numbers = [
            int(field) if field.isascii() and field.isdigit() and len(field) < 9 else None for field in fields[4:6]
        ]
        dump, check = [*numbers, None, None][:2]
        yield safe_device(device), point, fields[2], safe_options(options), dump, check


def _unquote(field: str) -> str:
    """Return ``UUID="x"`` as ``UUID=x``."""
    name, equals, value = field.partition("=")
    if equals and len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return f"{name}={value[1:-1]}"
    return field


def parse_swaps(text: str) -> Iterator[tuple[str, str, int | None, int | None]]:
    """Yield path, type, size in KiB and priority of each line of /proc/swaps."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 5 and fields[1] in ("partition", "file"):
            priority = fields[4]
            yield (
                unescape(fields[0]),
                fields[1],
                int(fields[2]) if fields[2].isascii() and fields[2].isdigit() and len(fields[2]) < 16 else None,
                int(priority) if priority.isascii() and priority.isdigit() and len(priority) < 9 else None,
            )
