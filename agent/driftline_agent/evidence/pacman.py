"""pacman's log. Source: /var/log/pacman.log, lib/libalpm/log.c and trans.c, src/pacman/pacman.c."""

from datetime import datetime

from driftline import late
from driftline.v1.collector_pb2 import PackageChange, Transaction
from driftline_agent.redact import redact

LOG = "/var/log/pacman.log"
_LINE = late.pattern(r"\[(\d{4}-\d\d-\d\d[T ][^\]]{5,20})\] \[(PACMAN|ALPM)\] (.*)")
_RUNNING = late.pattern(r"Running '(.*)'")
_CHANGE = late.pattern(r"(installed|upgraded|downgraded|reinstalled|removed) (\S+) \(([^()]*)\)")
_ACTIONS = {
    "installed": "install",
    "upgraded": "upgrade",
    "downgraded": "downgrade",
    "reinstalled": "reinstall",
    "removed": "remove",
}


def time_ms(text: str) -> int | None:
    """Return a time of the log (``2023-05-20T16:49:19+0200``, or local ``2013-05-20 16:49``) in ms, None where none."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        return None


def parse_log(text: str) -> list[Transaction]:
    """Return the transactions that are over, in the order of the log."""
    out: list[Transaction] = []
    command = ""
    open_one: Transaction | None = None
    for line in text.splitlines():
        found = _LINE.match(line)
        at = time_ms(found[1]) if found else None
        if found is None or at is None:
            continue
        said = found[3]
        if found[2] == "PACMAN":
            running = _RUNNING.match(said)
            command = redact(running[1]) if running else command
        elif said == "transaction started":
            open_one = Transaction(manager="pacman", command_line=command, started_at_ms=at)
        elif open_one is not None and said in (
            "transaction completed",
            "transaction failed",
            "transaction interrupted",
        ):
            open_one.ended_at_ms = at
            out.append(open_one)
            open_one = None
        elif open_one is not None and (change := _CHANGE.match(said)):
            open_one.changes.append(_change(_ACTIONS[change[1]], change[2], change[3]))
    return out


def _change(action: str, name: str, versions: str) -> PackageChange:
    before, arrow, after = versions.partition(" -> ")
    if arrow:
        return PackageChange(action=action, name=name, version_before=before, version_after=after)
    if action == "remove":
        return PackageChange(action=action, name=name, version_before=before)
    return PackageChange(action=action, name=name, version_after=before)
