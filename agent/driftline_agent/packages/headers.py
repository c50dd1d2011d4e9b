"""Headers of rpm packages, as rpm's databases hold them. Source: rpm's docs/manual/format_header.md, rpmtag.h."""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator

from driftline.v1.facts_pb2 import Package

_NAME, _VERSION, _RELEASE, _EPOCH, _INSTALLTIME, _SIZE = 1000, 1001, 1002, 1003, 1008, 1009
_VENDOR, _LICENSE, _GROUP, _ARCH, _SOURCERPM, _PROVIDENAME, _LONGSIZE = 1011, 1014, 1016, 1022, 1044, 1047, 5009
_WANTED = frozenset(
    (_NAME, _VERSION, _RELEASE, _EPOCH, _INSTALLTIME, _SIZE, _VENDOR, _LICENSE, _GROUP, _ARCH, _SOURCERPM)
) | {_PROVIDENAME, _LONGSIZE}
_OLDFILENAMES, _DIRINDEXES, _BASENAMES, _DIRNAMES = 1027, 1116, 1117, 1118
_FILES = frozenset({_NAME, _OLDFILENAMES, _DIRINDEXES, _BASENAMES, _DIRNAMES})
_INT32, _INT64, _STRING, _STRING_ARRAY, _I18NSTRING = 4, 5, 6, 8, 9
_HEAD = struct.Struct(">II")
_ENTRY = struct.Struct(">IIiI")
#: rpm's own bounds (lib/header_internal.h): 16 M of tags, 256 MiB of data.
_MAX_TAGS = 0xFFFF
#: gpg-pubkey is no package: rpm keeps the keys that it trusts under that name.
KEYS = "gpg-pubkey"

Value = int | str | list[str]
#: Tag to kind, position and number of values.
Index = dict[int, tuple[int, int, int]]


def index(blob: bytes, wanted: frozenset[int]) -> Index:
    """Return where the wanted tags of a header stand.

    :raises ValueError: where the blob is damaged.
    """
    if len(blob) < _HEAD.size:
        raise ValueError("header blob is truncated")
    count, size = _HEAD.unpack_from(blob)
    start = _HEAD.size + count * _ENTRY.size
    if count > _MAX_TAGS or start + size > len(blob):
        raise ValueError("header blob is truncated")
    return {
        tag: (kind, start + offset, number)
        for tag, kind, offset, number in _ENTRY.iter_unpack(blob[_HEAD.size : start])
        if tag in wanted and 0 <= offset < size
    }


def _strings(blob: bytes, position: int, number: int) -> list[bytes]:
    return blob[position:].split(b"\0", number)[:number]


def _value(blob: bytes, kind: int, position: int, number: int) -> Value:
    if kind == _INT32:
        return int.from_bytes(blob[position : position + 4], "big")
    if kind == _INT64:
        return int.from_bytes(blob[position : position + 8], "big")
    if kind in (_STRING, _I18NSTRING):
        return blob[position : blob.index(b"\0", position)].decode("utf-8", "replace")
    if kind == _STRING_ARRAY:
        return [part.decode("utf-8", "replace") for part in _strings(blob, position, number)]
    return 0


def parse(blob: bytes) -> dict[int, Value]:
    """Return the wanted tags of a header.

    :raises ValueError: where the blob is damaged.
    """
    return {tag: _value(blob, *place) for tag, place in index(blob, _WANTED).items()}


def build(header: dict[int, Value]) -> tuple[Package, bool]:
    """Return the package of a header, and whether several versions of it may be installed at a time."""

    def text(tag: int) -> str:
        value = header.get(tag, "")
        return value if isinstance(value, str) and value != "(none)" else ""

    def number(tag: int) -> int | None:
        value = header.get(tag)
        return value if isinstance(value, int) and value < 1 << 63 else None

    epoch, size = number(_EPOCH), number(_LONGSIZE if _LONGSIZE in header else _SIZE)
    out = Package(
        manager="rpm",
        name=text(_NAME),
        architecture=text(_ARCH),
        version=full_version(text(_VERSION), text(_RELEASE), epoch),
        vendor=text(_VENDOR),
        license="" if text(_NAME) == KEYS else text(_LICENSE),
        size=size,
        installed_at=number(_INSTALLTIME),
        section="" if text(_GROUP) == "Unspecified" else text(_GROUP),
    )
    source = source_of(text(_SOURCERPM))
    if source != out.name:
        out.source = source
    provides = header.get(_PROVIDENAME, [])
    several = out.name == KEYS or (
        isinstance(provides, list) and any(name.startswith("installonlypkg(") for name in provides)
    )
    return out, several


def full_version(version: str, release: str, epoch: int | None) -> str:
    """Return epoch, version and release as rpm writes them; an epoch of 0 is none."""
    whole = f"{version}-{release}" if release else version
    return f"{epoch}:{whole}" if epoch else whole


def source_of(file: str) -> str:
    """Return the name of the source package of its file: bash-5.1.8-6.el9.src.rpm."""
    return file.rsplit("-", 2)[0] if file.endswith(".rpm") else ""


def identify(found: Iterable[tuple[Package, bool]]) -> list[Package]:
    """Return the packages, sorted, with the version in the key where several may be installed at a time."""
    packages = list(found)
    times = Counter((package.name, package.architecture) for package, _ in packages)
    for package, several in packages:
        if several or times[package.name, package.architecture] > 1:
            package.architecture = f"{package.architecture}@{package.version}"
    unique = {(package.name, package.architecture): package for package, _ in packages if package.name}
    return [unique[key] for key in sorted(unique)]


def files(blob: bytes, folders: frozenset[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield name of the package and path of its files that are directly in one of these folders.

    :param folders: each with a slash at its end.
    :raises ValueError: where the blob is damaged.
    """
    places = index(blob, _FILES)
    if _NAME not in places:
        return
    name = str(_value(blob, *places[_NAME]))
    if _DIRNAMES in places and _BASENAMES in places and _DIRINDEXES in places:
        there = _strings(blob, *places[_DIRNAMES][1:])
        wanted = {number for number, folder in enumerate(there) if folder in folders}
        if not wanted:
            return
        _, position, count = places[_DIRINDEXES]
        numbers = struct.unpack_from(f">{count}I", blob, position) if position + 4 * count <= len(blob) else ()
        for number, base in zip(numbers, _strings(blob, *places[_BASENAMES][1:]), strict=False):
            if number in wanted:
                yield name, there[number] + base
    elif _OLDFILENAMES in places:  # packages of the last century
        for path in _strings(blob, *places[_OLDFILENAMES][1:]):
            if path[: path.rfind(b"/") + 1] in folders:
                yield name, path
