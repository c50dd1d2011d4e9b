"""Packages installed by rpm. Source: rpmdb.sqlite, its header blobs (rpm's docs/manual/format_header.md).

Only the SQLite database (rpm >= 4.16; RHEL 9, Fedora 33) is read; Berkeley DB and NDB are unreadable and say so.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator

from driftline.v1.facts_pb2 import Package
from driftline_agent.errors import BusyError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.locks import is_locked
from driftline_agent.topic import Reading, Topic

FOLDERS = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
_OTHERS = {"Packages": "Berkeley DB", "Packages.db": "NDB"}

# rpm's include/rpm/rpmtag.h
_NAME, _VERSION, _RELEASE, _EPOCH, _INSTALLTIME, _SIZE = 1000, 1001, 1002, 1003, 1008, 1009
_VENDOR, _ARCH, _SOURCERPM, _PROVIDENAME, _LONGSIZE = 1011, 1022, 1044, 1047, 5009
_WANTED = {
    _NAME, _VERSION, _RELEASE, _EPOCH, _INSTALLTIME, _SIZE, _VENDOR, _ARCH, _SOURCERPM, _PROVIDENAME, _LONGSIZE,
}  # fmt: skip
_INT32, _INT64, _STRING, _STRING_ARRAY, _I18NSTRING = 4, 5, 6, 8, 9
_HEAD = struct.Struct(">II")
_ENTRY = struct.Struct(">IIiI")

Value = int | str | list[str]


def parse_header(blob: bytes) -> dict[int, Value]:
    """Return the wanted tags of a header blob.

    :raises ValueError: where the blob is damaged.
    """
    if len(blob) < _HEAD.size:
        raise ValueError("header blob is truncated")
    count, size = _HEAD.unpack_from(blob)
    start = _HEAD.size + count * _ENTRY.size
    if start + size > len(blob):
        raise ValueError("header blob is truncated")
    out: dict[int, Value] = {}
    for index in range(count):
        tag, kind, offset, number = _ENTRY.unpack_from(blob, _HEAD.size + index * _ENTRY.size)
        if tag in _WANTED and 0 <= offset < size:
            out[tag] = _value(blob, kind, start + offset, number)
    return out


def _value(blob: bytes, kind: int, position: int, number: int) -> Value:
    if kind == _INT32:
        return int(struct.unpack_from(">I", blob, position)[0])
    if kind == _INT64:
        return int(struct.unpack_from(">Q", blob, position)[0])
    if kind in (_STRING, _I18NSTRING):
        return blob[position : blob.index(b"\0", position)].decode("utf-8", "replace")
    if kind == _STRING_ARRAY:
        return [part.decode("utf-8", "replace") for part in blob[position:].split(b"\0", number)[:number]]
    return 0


def build(header: dict[int, Value]) -> tuple[Package, bool]:
    """Return the package of a header, and whether several versions of it may be installed at a time."""

    def text(tag: int) -> str:
        value = header.get(tag, "")
        return value if isinstance(value, str) else ""

    def number(tag: int) -> int | None:
        value = header.get(tag)
        return value if isinstance(value, int) else None

    version = f"{text(_VERSION)}-{text(_RELEASE)}"
    epoch = number(_EPOCH)
    out = Package(
        manager="rpm",
        name=text(_NAME),
        architecture=text(_ARCH),
        version=f"{epoch}:{version}" if epoch else version,
        vendor=text(_VENDOR),
    )
    # SOURCERPM is a file name: bash-5.1.8-6.el9.src.rpm
    source = text(_SOURCERPM).rsplit("-", 2)[0]
    if source and source != out.name:
        out.source = source
    size = number(_LONGSIZE) if _LONGSIZE in header else number(_SIZE)
    if size is not None:
        out.size = size
    installed_at = number(_INSTALLTIME)
    if installed_at is not None:
        out.installed_at = installed_at
    provides = header.get(_PROVIDENAME, [])
    several = out.name == "gpg-pubkey" or (
        isinstance(provides, list) and any(name.startswith("installonlypkg(") for name in provides)
    )
    return out, several


def identify(found: Iterable[tuple[Package, bool]]) -> list[Package]:
    """Return the packages, sorted, with the version in the key where several may be installed at a time."""
    packages = list(found)
    times = Counter((package.name, package.architecture) for package, _ in packages)
    for package, several in packages:
        if several or times[package.name, package.architecture] > 1:
            package.architecture = f"{package.architecture}@{package.version}"
    unique = {(package.name, package.architecture): package for package, _ in packages}
    return [unique[key] for key in sorted(unique)]


def _blobs(path: str) -> Iterator[bytes]:
    import sqlite3

    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            for (blob,) in database.execute("SELECT blob FROM Packages ORDER BY hnum"):
                yield blob
        finally:
            database.close()
    except sqlite3.Error as error:
        raise UnreadableError(f"{path}: {error}") from error


def collect(host: Host) -> Reading:
    """Read rpmdb.sqlite, unless rpm is at work."""
    for folder in FOLDERS:
        path = f"{folder}/rpmdb.sqlite"
        if host.exists(path):
            host.check_file(path)
            if is_locked(host, f"{folder}/.rpm.lock"):
                raise BusyError(f"{folder}: locked by a running rpm")
            reading = Reading()
            try:
                found = [build(parse_header(blob)) for blob in _blobs(host.real(path))]
            except ValueError as error:
                raise UnreadableError(f"{path}: {error}") from error
            reading.facts.software.packages.extend(identify(found))
            return reading
    for folder in FOLDERS:
        for name, engine in _OTHERS.items():
            if host.exists(f"{folder}/{name}"):
                raise UnreadableError(
                    f"{folder}/{name}: {engine} database; only rpmdb.sqlite can be read: run rpmdb --rebuilddb with"
                    " _db_backend sqlite, or upgrade rpm to 4.16 or later"
                )
    raise UnreadableError("rpm: no database is there")


def applies(host: Host) -> bool:
    """Tell whether there is an rpm database, of any engine."""
    return any(host.exists(f"{folder}/{name}") for folder in FOLDERS for name in ("rpmdb.sqlite", *_OTHERS))


TOPIC = Topic(revision=1, fills=("software.packages",), collect=collect, applies=applies, watches=FOLDERS)
