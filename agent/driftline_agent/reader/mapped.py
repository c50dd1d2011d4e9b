"""Which files a process has mapped that are gone. Source: proc_pid_maps(5)."""

from collections.abc import Iterable, Iterator

#: Programs and libraries are here; a deleted temporary or shared memory file says nothing.
PREFIXES = (b"/usr/", b"/lib/", b"/lib64/", b"/bin/", b"/sbin/", b"/opt/")
#: A process' map is larger only where it has some ten thousand mappings.
MAX_MAPS = 8 << 20
_DELETED = b" (deleted)"


def parse_chunks(chunks: Iterable[bytes]) -> list[bytes]:
    """Return the paths of programs and libraries that are mapped and gone, sorted.

    :param chunks: of a /proc/PID/maps, which may be megabytes long.
    """
    found: set[bytes] = set()
    rest, total = b"", 0
    for chunk in chunks:
        content = rest + chunk
        end = content.rfind(b"\n") + 1
        found.update(_deleted(content[:end]))
        rest, total = content[end:], total + len(chunk)
        if total > MAX_MAPS:
            break
    return sorted(found)


def _deleted(content: bytes) -> Iterator[bytes]:
    if _DELETED not in content:
        return
    for line in content.split(b"\n"):
        if line.endswith(_DELETED):
            path = line[line.find(b"/") : -len(_DELETED)]
            if path.startswith(PREFIXES):
                yield path


def pack(paths: list[bytes]) -> bytes:
    """Return paths as they go over the reader's socket."""
    return b"".join(path + b"\0" for path in paths)


def unpack(content: bytes) -> list[bytes]:
    """Return packed paths."""
    return content.split(b"\0")[:-1]
