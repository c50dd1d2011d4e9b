"""apt's transaction log. Source: /var/log/apt/history.log, written by apt-pkg/deb/dpkgpm.cc."""

from collections.abc import Iterator

from driftline import late
from driftline.v1.collector_pb2 import PackageChange, Transaction
from driftline_agent.evidence.logs import local_ms
from driftline_agent.redact import redact

_ACTIONS = {
    "Install": "install",
    "Reinstall": "reinstall",
    "Upgrade": "upgrade",
    "Downgrade": "downgrade",
    "Remove": "remove",
    "Purge": "purge",
}
#: ``name:arch (version, automatic)`` or ``name:arch (before, after)``
_ITEM = late.pattern(r"([^\s:,()]+)(?::([^\s,()]+))? \(([^()]*)\)")


def parse_changes(action: str, text: str) -> Iterator[PackageChange]:
    """Yield the packages of one line (``Install: a:amd64 (1.0, automatic), ...``)."""
    for name, architecture, inside in _ITEM.findall(text):
        words = [word.strip() for word in inside.split(",")]
        automatic = "automatic" in words
        versions = [word for word in words if word != "automatic"]
        change = PackageChange(action=action, name=name, architecture=architecture, automatic=automatic)
        if action in ("upgrade", "downgrade") and len(versions) == 2:
            change.version_before, change.version_after = versions
        elif versions and action in ("remove", "purge"):
            change.version_before = versions[0]
        elif versions:
            change.version_after = versions[0]
        yield change


def parse_history(text: str) -> list[Transaction]:
    """Return the transactions that are complete (have an End-Date), in the order of the log."""
    out: list[Transaction] = []
    for block in text.split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in block.strip().splitlines())
        started, ended = local_ms(fields.get("Start-Date", "")), local_ms(fields.get("End-Date", ""))
        if started is None or ended is None:
            continue
        transaction = Transaction(
            manager="apt",
            command_line=redact(fields.get("Commandline", "")),
            requested_by=fields.get("Requested-By", ""),
            started_at_ms=started,
            ended_at_ms=ended,
        )
        for field, action in _ACTIONS.items():
            transaction.changes.extend(parse_changes(action, fields.get(field, "")))
        out.append(transaction)
    return out
