"""dpkg's log, for transactions that apt did not make. Source: /var/log/dpkg.log, dpkg(1) --log.

dpkg logs neither a command line nor who asked, and no end: a transaction here is what one run of dpkg did, from its
``startup`` line to the line before the next one.
"""

from collections.abc import Iterable

from driftline.v1.collector_pb2 import PackageChange, Transaction
from driftline_agent.evidence.logs import local_ms

_ACTIONS = ("install", "upgrade", "remove", "purge")


def parse_log(text: str) -> list[Transaction]:
    """Return one transaction a run of dpkg that changed packages, in the order of the log."""
    runs: list[Transaction] = []
    run: Transaction | None = None
    for line in text.splitlines():
        words = line.split()
        if len(words) < 4:
            continue
        at = local_ms(f"{words[0]} {words[1]}")
        if at is None:
            continue
        if words[2] == "startup":
            run = Transaction(manager="dpkg", started_at_ms=at, ended_at_ms=at)
            runs.append(run)
        elif run is not None:
            run.ended_at_ms = at
            if words[2] in _ACTIONS and len(words) >= 6:
                run.changes.append(_change(words[2], words[3], words[4], words[5]))
    return [run for run in runs if run.changes]


def _change(action: str, package: str, before: str, after: str) -> PackageChange:
    name, _, architecture = package.partition(":")
    old, new = ("" if version == "<none>" else version for version in (before, after))
    if action == "upgrade" and old == new:
        action = "reinstall"
    if action in ("remove", "purge"):
        new = ""
    return PackageChange(action=action, name=name, architecture=architecture, version_before=old, version_after=new)


def without_apt(runs: Iterable[Transaction], apt: Iterable[Transaction]) -> list[Transaction]:
    """Return the runs that no transaction of apt contains. Both logs count whole seconds of the same clock."""
    spans = [(transaction.started_at_ms - 1000, transaction.ended_at_ms + 1000) for transaction in apt]
    return [
        run for run in runs if not any(start <= run.started_at_ms and run.ended_at_ms <= end for start, end in spans)
    ]
