"""yum's log, of distributions before dnf. Source: /var/log/yum.log, yum/rpmtrans.py (``_makefmt``, ``logfile``).

A line a package, with neither year nor command nor user: what follows within a minute is one transaction.
"""

import time

from driftline import late
from driftline.v1.collector_pb2 import PackageChange, Transaction

LOG = "/var/log/yum.log"
_GAP_MS = 60_000
_LINE = late.pattern(r"(\w{3} [ \d]\d \d\d:\d\d:\d\d) (Installed|Updated|Erased|Downgraded|Reinstalled): (\S+)")
_ACTIONS = {
    "Installed": "install",
    "Updated": "upgrade",
    "Erased": "remove",
    "Downgraded": "downgrade",
    "Reinstalled": "reinstall",
}
_NEVRA = late.pattern(r"(?:(\d+):)?(.+?)(?:-([^-]+-[^-]+)\.([^.-]+))?")


def parse_log(text: str, now_ms: int) -> list[Transaction]:
    """Return the transactions, in the order of the log; the year is the one that makes them lie before now."""
    out: list[Transaction] = []
    for line in text.splitlines():
        found = _LINE.fullmatch(line.rstrip())
        at = _time_ms(found[1], now_ms) if found else None
        if found is None or at is None:
            continue
        if not out or at - out[-1].ended_at_ms > _GAP_MS or at < out[-1].started_at_ms:
            out.append(Transaction(manager="yum", started_at_ms=at))
        out[-1].ended_at_ms = at
        out[-1].changes.append(_change(_ACTIONS[found[2]], found[3]))
    return out


def _change(action: str, text: str) -> PackageChange:
    found = _NEVRA.fullmatch(text)
    if found is None:
        return PackageChange(action=action, name=text)
    epoch, name, version, architecture = found.groups()
    change = PackageChange(action=action, name=name, architecture=architecture or "")
    if version:  # erased packages come by name alone
        shown = f"{epoch}:{version}" if epoch and epoch != "0" else version
        if action == "remove":
            change.version_before = shown
        else:
            change.version_after = shown
    return change


def _time_ms(text: str, now_ms: int) -> int | None:
    year = time.localtime(now_ms / 1000).tm_year
    for candidate in (year, year - 1):
        try:
            parsed = time.strptime(f"{candidate} {text}", "%Y %b %d %H:%M:%S")
            at = int(time.mktime((*parsed[:8], -1))) * 1000
        except (ValueError, OverflowError):
            continue
        if at <= now_ms + 86_400_000:
            return at
    return None
