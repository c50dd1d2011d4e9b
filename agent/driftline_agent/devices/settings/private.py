"""Files with secrets: read only where nobody but their owner can read or write them."""

import os
import stat
from pathlib import Path

from driftline_agent.errors import UnreadableError

#: A file of a person's hand is smaller.
MOST_BYTES = 1 << 20


def read(path: Path) -> bytes:
    """Return the content of a file of mode 0600 or 0400 that belongs to this user or to root.

    One that is empty has nothing to hide, and is not looked at closer.

    :raises UnreadableError: where it cannot be read, or others can; with the mend.
    """
    try:
        # not blocking: a pipe without a writer would be waited for
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise UnreadableError(f"{path}: is not a file; give a file")
            if found.st_size:
                _closed(path, found)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(MOST_BYTES + 1)
        finally:
            os.close(descriptor)
    except UnreadableError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnreadableError(f"{path}: {reason}") from error
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"{path}: is larger than {MOST_BYTES >> 10} KiB; it must be another file")
    return data


def _closed(path: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o177:
        raise UnreadableError(
            f"{path}: has mode {mode:04o} and may hold secrets; only its owner may read it: chmod 600 {path}"
        )
    if found.st_uid not in (0, os.geteuid()):
        raise UnreadableError(
            f"{path}: belongs to user {found.st_uid}, who could change it; it has to belong to root or to the user that"
            f" reads it: chown {os.geteuid()} {path}"
        )
