"""dnf's own history: a SQLite database with the command line, who asked for it, and each package.

Source: libdnf/transaction/private/*.cpp and sql/create_tables.sql of dnf 4 (/var/lib/dnf), libdnf5's
transaction/db/sql/create.sql of dnf 5 (/usr/lib/sysimage/libdnf5). It names users by their login uid (audit(7)).
"""

from collections.abc import Iterable
from typing import Any

from driftline.v1.collector_pb2 import PackageChange, Transaction
from driftline_agent.databases import open_database
from driftline_agent.errors import UnreadableError
from driftline_agent.evidence.accounts import shown
from driftline_agent.host import Host
from driftline_agent.redact import redact

FOUR, FIVE = "/var/lib/dnf/history.sqlite", "/usr/lib/sysimage/libdnf5/transaction_history.sqlite"
#: Enumerations of the databases: what became of a package. Of a pair, the old one is named by what took its place.
_ACTIONS_FOUR = {1: "install", 2: "downgrade", 4: "install", 5: "remove", 6: "upgrade", 8: "remove", 9: "reinstall"}
_OLD_FOUR = {3: "downgrade", 7: "upgrade", 10: "reinstall"}
_ACTIONS_FIVE = {1: "install", 2: "upgrade", 3: "downgrade", 4: "reinstall", 5: "remove"}
_OLD_FIVE = {6: "upgrade"}
#: Dependency and weak dependency.
_AUTOMATIC = (1, 4)
_PROGRAMS = ("dnf", "dnf5", "yum", "microdnf", "dnf-automatic", "packagekitd")
_MOST = 200
_MOST_CHANGES = 5000

_TRANSACTIONS = {
    FOUR: "SELECT id, dt_begin, dt_end, user_id, cmdline FROM trans WHERE dt_end IS NOT NULL AND dt_end >= ? "
    "ORDER BY id DESC LIMIT ?",
    FIVE: "SELECT id, dt_begin, dt_end, user_id, description FROM trans WHERE dt_end IS NOT NULL AND dt_end >= ? "
    "ORDER BY id DESC LIMIT ?",
}
_ITEMS = {
    FOUR: "SELECT r.name, r.epoch, r.version, r.release, r.arch, t.action, t.reason FROM trans_item t "
    "JOIN rpm r ON r.item_id = t.item_id WHERE t.trans_id = ? ORDER BY t.id LIMIT ?",
    FIVE: "SELECT n.name, r.epoch, r.version, r.release, a.name, t.action_id, t.reason_id FROM trans_item t "
    "JOIN rpm r ON r.item_id = t.item_id JOIN pkg_names n ON n.id = r.name_id JOIN archs a ON a.id = r.arch_id "
    "WHERE t.trans_id = ? ORDER BY t.id LIMIT ?",
}


def changes_of(rows: Iterable[tuple[Any, ...]], actions: dict[int, str], old: dict[int, str]) -> list[PackageChange]:
    """Return a transaction's packages, the old version beside the new one."""
    rows = list(rows)
    before = {
        (str(name), str(architecture)): _version(epoch, version, release)
        for name, epoch, version, release, architecture, action, _ in rows
        if action in old
    }
    out: list[PackageChange] = []
    for name, epoch, version, release, architecture, action, reason in rows:
        what = actions.get(action)
        if what is None:
            continue
        change = PackageChange(
            action=what, name=str(name), architecture=str(architecture), automatic=reason in _AUTOMATIC
        )
        if what == "remove":
            change.version_before = _version(epoch, version, release)
        else:
            change.version_after = _version(epoch, version, release)
            change.version_before = before.get((str(name), str(architecture)), "")
        out.append(change)
    return out


def _version(epoch: Any, version: Any, release: Any) -> str:
    """Return a version as topic rpm writes it."""
    return f"{epoch}:{version}-{release}" if epoch else f"{version}-{release}"


def command_of(text: str) -> str:
    """Return a command line: dnf 4 keeps the arguments alone."""
    text = redact(" ".join(text.split()))
    program = text.partition(" ")[0].rpartition("/")[2]
    return text if not text or program in _PROGRAMS else f"dnf {text}"


def collect(host: Host, since_ms: int) -> list[Transaction]:
    """Return the transactions that have ended since a time, oldest first.

    :raises UnreadableError: where there is a history and it cannot be read.
    """
    out: list[Transaction] = []
    for path in (FOUR, FIVE):
        found = host.stat(path)
        if found is not None and found.st_mtime * 1000 >= since_ms - 1000:
            out += _read(host, path, since_ms)
    return sorted(out, key=lambda transaction: transaction.ended_at_ms)


def _read(host: Host, path: str, since_ms: int) -> list[Transaction]:
    import sqlite3

    actions, old = (_ACTIONS_FOUR, _OLD_FOUR) if path == FOUR else (_ACTIONS_FIVE, _OLD_FIVE)
    out: list[Transaction] = []
    try:
        database = open_database(host, path, 1)
        try:
            rows = database.execute(_TRANSACTIONS[path], (since_ms // 1000, _MOST)).fetchall()
            for number, begun, ended, user, command in reversed(rows):
                items = database.execute(_ITEMS[path], (number, _MOST_CHANGES)).fetchall()
                out.append(
                    Transaction(
                        manager="dnf",
                        command_line=command_of(str(command or "")),
                        requested_by=shown(host, int(user)),
                        started_at_ms=int(begun) * 1000,
                        ended_at_ms=int(ended) * 1000,
                        changes=changes_of(items, actions, old),
                    )
                )
        finally:
            database.close()
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise UnreadableError(f"{path}: {error}") from error
    return out
