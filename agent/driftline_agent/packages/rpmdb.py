"""rpm's database, whatever engine it has: SQLite (rpm 4.16 and later), NDB (SUSE), Berkeley DB (before)."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from driftline_agent.databases import open_database
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.packages import berkeley, ndb

FOLDERS = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
_SQLITE = "rpmdb.sqlite"
_OTHERS: dict[str, Callable[[Callable[[int, int], bytes], int], Iterator[bytes]]] = {
    "Packages.db": ndb.values,
    "Packages": berkeley.values,
}
#: What changes with each engine's content.
_FILES = (_SQLITE, f"{_SQLITE}-wal", *_OTHERS)


def find(host: Host) -> str | None:
    """Return the path of the database; None where there is none."""
    for folder in FOLDERS:
        for name in (_SQLITE, *_OTHERS):
            if host.exists(f"{folder}/{name}"):
                return f"{folder}/{name}"
    return None


def version(host: Host) -> tuple[int, ...]:
    """Return what changes whenever the database does; nothing where there is none."""
    path = find(host)
    out: list[int] = []
    for name in _FILES if path else ():
        found = host.stat(f"{os.path.dirname(path or '')}/{name}")  # noqa: PTH120  # see driftline_agent/host.py
        if found is not None:
            out += (found.st_ino, found.st_mtime_ns, found.st_size)
    return tuple(out)


def headers(host: Host, path: str) -> Iterator[bytes]:
    """Yield every package's header blob.

    :raises UnreadableError: where the database cannot be read or is damaged.
    """
    name = path.rpartition("/")[2]
    if name == _SQLITE:
        yield from _sqlite(host, path)
        return
    with _reader(host, path) as (read, size):
        try:
            yield from _OTHERS[name](read, size)
        except ValueError as error:
            raise UnreadableError(f"{path}: {error}") from error


@contextmanager
def _reader(host: Host, path: str) -> Iterator[tuple[Callable[[int, int], bytes], int]]:
    try:
        descriptor = os.open(host.real(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except UnreadableError:
        raise
    except OSError as error:
        raise UnreadableError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    try:
        yield lambda position, count: os.pread(descriptor, count, position), os.fstat(descriptor).st_size
    except UnreadableError:
        raise
    except OSError as error:
        raise UnreadableError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    finally:
        os.close(descriptor)


def _sqlite(host: Host, path: str) -> Iterator[bytes]:
    import sqlite3

    # Who may not write beside the database can open it in WAL mode only while another has it open; where nothing waits
    # in the log, it may be read as it is.
    waiting = host.stat(f"{path}-wal")
    modes = ("mode=ro",) if waiting is not None and waiting.st_size else ("mode=ro", "immutable=1")
    for mode in modes:
        begun = False
        try:
            database = open_database(host, path, 5, mode)
            try:
                rows = database.execute("SELECT blob FROM Packages ORDER BY hnum")
                first = rows.fetchone()
                while first is not None:
                    begun = True
                    if isinstance(first[0], bytes):
                        yield first[0]
                    first = rows.fetchone()
                return
            finally:
                database.close()
        except sqlite3.Error as error:
            if begun or mode == modes[-1]:
                raise UnreadableError(f"{path}: {error}") from error
