"""Opens SQLite databases of other programs, to be read and never written."""

from typing import TYPE_CHECKING

from driftline_agent.host import Host

if TYPE_CHECKING:
    import sqlite3

#: What SQLite opens beside a database by itself (sqlite.org/tempfiles.html).
_PARTS = ("", "-wal", "-shm", "-journal")


def open_database(host: Host, path: str, timeout: float, mode: str = "mode=ro") -> "sqlite3.Connection":
    """Return an open database.

    :param timeout: seconds to wait where another program has it locked.
    :param mode: ``mode=ro``, or ``immutable=1`` where nobody can be writing (sqlite.org/uri.html).
    :raises UnreadableError: where it, or what stands beside it, is no regular file: SQLite would wait at a FIFO.
    :raises sqlite3.Error: where it cannot be opened.
    """
    import sqlite3

    for part in _PARTS:
        host.check_file(path + part)
    return sqlite3.connect(f"file:{host.real(path)}?{mode}", uri=True, timeout=timeout)
