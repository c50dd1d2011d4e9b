"""glibc's heap, kept small: one arena for all threads, and what is free given back. Source: mallopt(3), malloc_trim(3).

Where libc is another one, or cannot be called, nothing is done.
"""

import os
from typing import Any

_M_ARENA_MAX = -8


def one_arena() -> None:
    """Keep glibc from giving each thread a malloc arena of its own, 4 MiB each; the environment may say so too."""
    if "MALLOC_ARENA_MAX" not in os.environ:
        _call("mallopt", _M_ARENA_MAX, 1)


def trim() -> None:
    """Give back what is free: after a whole reading, that is some MiB between what is kept."""
    _call("malloc_trim", 0)


def _call(name: str, *numbers: int) -> None:
    try:
        import ctypes

        function: Any = getattr(ctypes.CDLL(None), name, None)
    except (ImportError, OSError, MemoryError):  # libffi before 3.4 needs memory that the systemd unit forbids
        return
    if function is not None:
        function(*numbers)
