"""Which transactions of package managers are new since the last report."""

import zlib
from collections.abc import Callable

from driftline.v1.collector_pb2 import Transaction
from driftline_agent.errors import UnreadableError
from driftline_agent.evidence import apt, dnf, dpkg, pacman, yum, zypper
from driftline_agent.evidence.logs import tail
from driftline_agent.host import Host

_HISTORY, _DPKG_LOG = "/var/log/apt/history.log", "/var/log/dpkg.log"
#: At the first start, transactions that ended within this time are reported.
FIRST_LOOK_MS = 3_600_000
_MAX_TRANSACTIONS = 200
#: yum's log has no end of a transaction: one that goes on for so long without another line is over.
_QUIET_MS = 10_000


def _debian(host: Host, since: dict[str, int], _: int) -> dict[str, list[Transaction]]:
    earliest = min(since["apt"], since["dpkg"])
    history = apt.parse_history(tail(host, _HISTORY, earliest))
    return {"apt": history, "dpkg": dpkg.without_apt(dpkg.parse_log(tail(host, _DPKG_LOG, earliest)), history)}


def _zypper(host: Host, since: dict[str, int], _: int) -> dict[str, list[Transaction]]:
    found = zypper.parse_history(tail(host, zypper.LOG, since["zypper"]))
    process = host.line(zypper.LOCK) if found else None
    if process and process.isdigit() and host.exists(f"/proc/{process}"):
        found.pop()  # it goes on
    return {"zypper": found}


def _yum(host: Host, since: dict[str, int], now_ms: int) -> dict[str, list[Transaction]]:
    found = yum.parse_log(tail(host, yum.LOG, since["yum"]), now_ms)
    return {"yum": [one for one in found if one.ended_at_ms + _QUIET_MS <= now_ms]}


#: Managers that are read together, and how.
_READERS: dict[tuple[str, ...], Callable[[Host, dict[str, int], int], dict[str, list[Transaction]]]] = {
    ("apt", "dpkg"): _debian,
    ("dnf",): lambda host, since, _: {"dnf": dnf.collect(host, since["dnf"])},
    ("yum",): _yum,
    ("zypper",): _zypper,
    ("pacman",): lambda host, since, _: {"pacman": pacman.parse_log(tail(host, pacman.LOG, since["pacman"]))},
}


def collect(host: Host, position: dict[str, int], now_ms: int) -> list[Transaction]:
    """Return the complete transactions that ended after the position, oldest first, and move the position.

    To be called while no package manager holds its lock: then no log has an unfinished run.

    :param position: end of the last one reported, by manager, ms since 1970; changed in place.
    """
    out: list[Transaction] = []
    first = now_ms - FIRST_LOOK_MS
    for names, read in _READERS.items():
        since = {name: position.get(name, first) for name in names}
        try:
            found = read(host, since, now_ms)
        except (UnreadableError, OSError, EOFError, zlib.error):
            continue
        for name in names:
            new = [one for one in found[name] if one.ended_at_ms > since[name] and one.changes]
            out += new
            position[name] = max([since[name], *(one.ended_at_ms for one in new)])
    out.sort(key=lambda transaction: transaction.ended_at_ms)
    return out[-_MAX_TRANSACTIONS:]
