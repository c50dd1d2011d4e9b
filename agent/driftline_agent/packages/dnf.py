"""Which repository an rpm package came from and why it is there.

Source: history.sqlite of dnf 4, nevras.toml and packages.toml of dnf 5, yumdb of yum.
"""

import os
from collections.abc import Iterable

from driftline.v1.facts_pb2 import Package
from driftline_agent.databases import open_database
from driftline_agent.host import Host

HISTORY = "/var/lib/dnf/history.sqlite"
STATE = "/usr/lib/sysimage/libdnf5"
YUMDB = "/var/lib/yum/yumdb"
#: What was installed without a repository: a file, the installer, rpm itself.
_NONE = frozenset({"", "@System", "@commandline", "@@commandline", "<unknown>", "@unknown"})
#: libdnf's TransactionItemReason: dependency 1, user 2, clean 3, weak dependency 4, group 5.
_AUTOMATIC = {1: True, 4: True, 2: False, 5: False, "dependency": True, "weak dependency": True, "user": False}
_AUTOMATIC |= {"group": False, "dep": True, "external user": False}
_QUERY = """SELECT r.name, r.epoch, r.version, r.release, r.arch, p.repoid, t.reason
FROM trans_item t JOIN rpm r ON r.item_id = t.item_id LEFT JOIN repo p ON p.id = t.repo_id ORDER BY t.id"""

#: Name, version with epoch, architecture.
Key = tuple[str, str, str]
#: Repository and whether it was installed for another package only.
Found = tuple[str, bool | None]


def version(host: Host) -> tuple[int, ...]:
    """Return what changes whenever the answers may."""
    out: list[int] = []
    for path in (HISTORY, f"{HISTORY}-wal", f"{STATE}/nevras.toml", f"{STATE}/packages.toml", YUMDB):
        found = host.stat(path)
        if found is not None:
            out += (found.st_ino, found.st_mtime_ns, found.st_size)
    return tuple(out)


def _clean(repository: str) -> str:
    return "" if repository in _NONE else repository.lstrip("@")


def _history(host: Host) -> dict[Key, Found]:
    import sqlite3

    out: dict[Key, Found] = {}
    waiting = host.stat(f"{HISTORY}-wal")
    mode = "mode=ro" if waiting is not None and waiting.st_size else "immutable=1"
    try:
        database = open_database(host, HISTORY, 2, mode)
        try:
            for name, epoch, release, build, arch, repository, reason in database.execute(_QUERY):
                whole = f"{release}-{build}"
                key = (str(name), f"{epoch}:{whole}" if epoch else whole, str(arch))
                out[key] = (_clean(str(repository or "")), _AUTOMATIC.get(reason))
        finally:
            database.close()
    except sqlite3.Error:
        return out
    return out


def _toml(host: Host) -> tuple[dict[str, str], dict[str, bool | None]]:
    """Return repository by NEVRA and reason by name and architecture, of dnf 5."""
    import tomllib

    def read(name: str) -> dict[str, dict[str, object]]:
        try:
            found = tomllib.loads(host.read(f"{STATE}/{name}.toml") or "")
        except (tomllib.TOMLDecodeError, RecursionError):
            return {}
        entries = found.get(name, {})
        return {key: value for key, value in entries.items() if isinstance(value, dict)}

    return (
        {key: _clean(str(value.get("from_repo") or "")) for key, value in read("nevras").items()},
        {key: _AUTOMATIC.get(str(value.get("reason", "")).lower()) for key, value in read("packages").items()},
    )


def _yumdb(host: Host, package: Package, folders: dict[str, str]) -> Found:
    version = package.version.partition(":")[2] or package.version
    folder = folders.get(f"{package.name}-{version}-{package.architecture.partition('@')[0]}")
    if folder is None:
        return "", None
    reason = host.line(f"{folder}/reason") or ""
    return _clean(host.line(f"{folder}/from_repo") or ""), _AUTOMATIC.get(reason)


def add_origins(host: Host, packages: Iterable[Package]) -> None:
    """Set repository and reason of packages where one of dnf's records knows them."""
    history = _history(host) if host.exists(HISTORY) else {}
    repositories, reasons = _toml(host) if host.exists(STATE) else ({}, {})
    folders: dict[str, str] = {}
    if host.exists(YUMDB):
        for letter in host.names(YUMDB):
            for name in host.names(f"{YUMDB}/{letter}"):
                # pkgid-name-version-release-arch
                folders[name.partition("-")[2]] = os.path.join(YUMDB, letter, name)  # noqa: PTH118  # see host.py
    for package in packages:
        bare = package.architecture.partition("@")[0]
        found = history.get((package.name, package.version, bare))
        if found is None and (repositories or reasons):
            epoch, colon, rest = package.version.partition(":")
            nevra = f"{package.name}-{epoch}:{rest}.{bare}" if colon else f"{package.name}-{package.version}.{bare}"
            zero = f"{package.name}-0:{package.version}.{bare}"
            found = (
                repositories.get(nevra) or repositories.get(zero) or "",
                reasons.get(f"{package.name}.{bare}"),
            )
        if found is None and folders:
            found = _yumdb(host, package, folders)
        if found is not None:
            package.repository = found[0]
            if found[1] is not None:
                package.automatic = found[1]
