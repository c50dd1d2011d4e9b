"""Which transactions are new since the last report."""

import gzip
import io

from driftline.v1.collector_pb2 import Transaction
from driftline_agent.errors import UnreadableError
from driftline_agent.evidence import apt, dpkg
from driftline_agent.host import Host

_HISTORY, _DPKG_LOG = "/var/log/apt/history.log", "/var/log/dpkg.log"
#: At the first start, transactions that ended within this time are reported.
FIRST_LOOK_MS = 3_600_000
_MAX_TRANSACTIONS = 200
_MAX_UNPACKED = 16 << 20
#: The newest part of a log that is looked at.
_TAIL = 4 << 20


def _read(host: Host, path: str, since_ms: int) -> str:
    """Return a log's end, with the rotated one before it where that was written to after `since_ms`."""
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


def collect(host: Host, position: dict[str, int], now_ms: int) -> list[Transaction]:
    """Return the complete transactions that ended after the position, oldest first, and move the position.

    To be called while dpkg holds no lock: then its log has no unfinished run.

    :param position: end of the last one reported, by log, ms since 1970; changed in place.
    """
    out: list[Transaction] = []
    first = now_ms - FIRST_LOOK_MS
    since = {name: position.get(name, first) for name in ("apt", "dpkg")}
    earliest = min(since.values())
    try:
        history = apt.parse_history(_read(host, _HISTORY, earliest))
        runs = dpkg.without_apt(dpkg.parse_log(_read(host, _DPKG_LOG, earliest)), history)
    except (UnreadableError, OSError, EOFError):
        return []
    for name, found in (("apt", history), ("dpkg", runs)):
        new = [transaction for transaction in found if transaction.ended_at_ms > since[name] and transaction.changes]
        out += new
        position[name] = max([since[name], *(transaction.ended_at_ms for transaction in new)])
    out.sort(key=lambda transaction: transaction.ended_at_ms)
    return out[-_MAX_TRANSACTIONS:]
