"""Which repository has the installed version of a package. Source: what apt fetched, /var/lib/apt/lists.

One pass over each list of packages, in pieces: some 70 ms of CPU for the 50 MB of Debian's main, so it is done only
where lists or packages changed. Of apt only its helper is run, where it compressed lists in a
way that Python does not read; its binary cache is not read: its form changes with each release.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from driftline.v1.facts_pb2 import Package
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

FOLDER = "/var/lib/apt/lists"
#: apt compresses lists where it is told to (Acquire::GzipIndexes, as container images do); Python reads these.
_PACKED = (".gz", ".xz", ".bz2")
#: What Python does not read: apt's own helper unpacks it, 0.1 s of CPU for the 50 MB of Debian's main.
_FOREIGN = (".lz4", ".zst")
_HELPER = "/usr/lib/apt/apt-helper"
_START = b"\n\nPackage: "
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class List:
    """One list of packages."""

    file: str
    #: Who the archive says it is, and suite with component.
    origin: str
    repository: str


def parse_release(text: str) -> dict[str, str]:
    """Return the fields at the beginning of a Release or InRelease file."""
    out: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(": ")
        if line[:1] == " ":
            break  # the digests
        if colon and value and name not in out:
            out[name] = value.strip()
    return out


def lists(host: Host, names: Iterable[str]) -> Iterator[List]:
    """Yield the lists of packages, those of releases that are known.

    :param names: what stands in the folder.
    """
    files = sorted(names)
    for file in files:
        if not file.endswith(("_InRelease", "_Release")):
            continue
        prefix = file.removesuffix("InRelease").removesuffix("Release")
        head = next(iter(host.pieces(f"{FOLDER}/{file}")), b"")[:4096].decode("utf-8", "replace")
        fields = parse_release(head)
        suite = fields.get("Codename") or fields.get("Suite") or prefix.rstrip("_").rpartition("_")[2]
        for listed in files:
            if listed.startswith(prefix) and ("_Packages" in listed or listed[len(prefix) :].startswith("Packages")):
                rest = listed[len(prefix) :]
                component = rest.partition("_binary-")[0] if "_binary-" in rest else ""
                yield List(
                    listed,
                    fields.get("Origin") or fields.get("Label") or "",
                    f"{suite}/{component.replace('_', '/')}" if component else suite,
                )


def versions(pieces: Iterable[bytes], wanted: frozenset[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield name, architecture and version of the wanted packages in a list.

    :param pieces: its content.
    """
    rest = b"\n\n"
    for piece in pieces:
        rest += piece
        if len(rest) < _CHUNK:
            continue
        end = rest.rfind(b"\n\n")
        if end > 0:
            yield from _paragraphs(rest[:end], wanted)
            rest = rest[end:]
    yield from _paragraphs(rest, wanted)


def _paragraphs(text: bytes, wanted: frozenset[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    parts = text.split(_START)
    for part in parts[1:]:
        name = part[: part.find(b"\n")]
        if name in wanted:
            yield name, _field(part, b"\nArchitecture: "), _field(part, b"\nVersion: ")


def _field(paragraph: bytes, start: bytes) -> bytes:
    at = paragraph.find(start)
    if at < 0:
        return b""
    at += len(start)
    end = paragraph.find(b"\n", at)
    return paragraph[at : end if end >= 0 else len(paragraph)]


def _pieces(host: Host, file: str) -> Iterator[bytes]:
    if file.endswith(_FOREIGN):
        from driftline_agent import programs

        yield from programs.stream(host.real(_HELPER), "cat-file", host.real(f"{FOLDER}/{file}"), timeout=5.0)
        return
    if not file.endswith(_PACKED):
        yield from host.pieces(f"{FOLDER}/{file}")
        return
    import bz2
    import gzip
    import lzma

    host.check_file(f"{FOLDER}/{file}")
    path = host.real(f"{FOLDER}/{file}")
    try:
        with (
            gzip.open(path) if file.endswith(".gz") else lzma.open(path) if file.endswith(".xz") else bz2.open(path)
        ) as packed:
            while data := packed.read(1 << 16):
                yield data
    except (OSError, EOFError, lzma.LZMAError):
        return  # damaged, or just being replaced


def add_origins(host: Host, packages: Iterable[Package]) -> str:
    """Set origin and repository of the packages whose version a list has; security's first, then by name.

    :returns: why some list could not be read, empty where all could.
    """
    by_version: dict[tuple[bytes, bytes, bytes], Package] = {
        (package.name.encode(), package.architecture.encode(), package.version.encode()): package
        for package in packages
    }
    wanted = frozenset(name for name, _, _ in by_version)
    found: Mapping[str, List] = {one.file: one for one in lists(host, host.names(FOLDER))}
    reason = ""
    for one in sorted(found.values(), key=lambda one: ("security" not in one.repository, one.file)):
        if one.file.endswith(_FOREIGN) and not (host.live and host.exists(_HELPER)):
            reason = f"{FOLDER}/{one.file}: compressed in a way that Python does not read"
            continue
        try:
            for key in versions(_pieces(host, one.file), wanted):
                package = by_version.pop(key, None)
                if package is not None:
                    package.origin, package.repository = one.origin, one.repository
        except UnreadableError as error:
            if not one.file.endswith(_FOREIGN):
                raise
            reason = f"{FOLDER}/{one.file}: {error}"
    return reason


def parse_extended_states(text: str) -> dict[tuple[str, str], bool]:
    """Return what /var/lib/apt/extended_states says of packages: installed for another one only."""
    out: dict[tuple[str, str], bool] = {}
    for paragraph in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line)
        if "Package" in fields:
            out[fields["Package"], fields.get("Architecture", "")] = fields.get("Auto-Installed") == "1"
    return out
