"""libzypp's history. Source: /var/log/zypp/history, https://opensuse.github.io/libzypp/group__g__ZyppHistory.html.

One line an event, fields between bars: time, action, then what belongs to the action. A commit begins with the command,
and has no end; while /run/zypp.pid names a process that lives, the last one is not over.
"""

from driftline.v1.collector_pb2 import PackageChange, Transaction
from driftline_agent.evidence.logs import local_ms
from driftline_agent.redact import redact

LOG, LOCK = "/var/log/zypp/history", "/run/zypp.pid"


def parse_history(text: str) -> list[Transaction]:
    """Return the commits, in the order of the log; what stands before the first command is left out."""
    out: list[Transaction] = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.split("|")]
        at = local_ms(fields[0]) if len(fields) > 3 and not line.startswith("#") else None
        if at is None:
            continue
        action = fields[1]
        if action == "command":
            user = fields[2].partition("@")[0]
            out.append(
                Transaction(
                    manager="zypper",
                    command_line=redact(fields[3].replace("' '", " ").strip("'")),
                    requested_by="" if user == "root" else user,
                    started_at_ms=at,
                    ended_at_ms=at,
                )
            )
        elif action in ("install", "remove") and len(fields) > 4 and out:
            change = PackageChange(action=action, name=fields[2], architecture=fields[4])
            change.automatic = len(fields) > 5 and not fields[5]
            if action == "install":
                change.version_after = fields[3]
            else:
                change.version_before = fields[3]
            out[-1].changes.append(change)
            out[-1].ended_at_ms = at
    return out
