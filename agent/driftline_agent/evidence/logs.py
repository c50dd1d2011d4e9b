"""Reading text logs that are appended to and rotated: their end, and the times in them."""

import gzip
import io
import time

from driftline_agent.host import Host

_MAX_UNPACKED = 16 << 20
#: The newest part of a log that is looked at.
_TAIL = 4 << 20


def local_ms(text: str) -> int | None:
    """Return a local time (``2026-05-20  16:49:21``) in ms since 1970, or None where it is none."""
    try:
        parsed = time.strptime(" ".join(text.split()), "%Y-%m-%d %H:%M:%S")
        return int(time.mktime((*parsed[:8], -1))) * 1000
    except (ValueError, OverflowError):
        return None


def tail(host: Host, path: str, since_ms: int) -> str:
    """Return a log's end, with the rotated one before it where that was written to after `since_ms`.

    :raises UnreadableError: where it is there and cannot be read.
    """
    parts: list[str] = []
    for name in (f"{path}.1.gz", f"{path}.1"):
        found = host.stat(name)
        if found is not None and found.st_mtime * 1000 > since_ms:
            data = host.read_bytes(name) or b""
            if name.endswith(".gz"):
                with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                    data = file.read(_MAX_UNPACKED)
            parts.append(data.decode("utf-8", "replace"))
    current = host.stat(path)
    if current is not None and current.st_mtime * 1000 >= since_ms - 1000:
        parts.append((host.read_bytes(path) or b"")[-_TAIL:].decode("utf-8", "replace"))
    return "\n".join(parts)
