"""Small private files, written so that a crash or a kill leaves the old or the new content, never half of it."""

import os
from pathlib import Path

from driftline_agent.errors import ConfigError


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter, and return it.

    :raises ConfigError: where it cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise ConfigError(
            f"state folder {path}: {(error.strerror or str(error)).lower()}; give a folder this user may write: --state"
        ) from error
    return path


def write_private(path: Path, data: bytes) -> None:
    """Replace a file's content (mode 0600) atomically and durably.

    :raises OSError: where the disk does not take it; the old content stays.
    """
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_private(path: Path) -> bytes | None:
    """Return a file's content, or None where it is not there."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
