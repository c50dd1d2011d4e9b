"""Packages installed by rpm. Source: rpm's database (driftline_agent/packages/rpmdb.py), dnf's history for the rest.

Where the database cannot be read, `rpm -qa` is asked, if it is there.
"""

from driftline.paths import keyed
from driftline.v1.facts_pb2 import Package
from driftline_agent import raw
from driftline_agent.errors import BusyError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.locks import is_locked
from driftline_agent.packages import dnf, headers, locks, rpmdb
from driftline_agent.packages.kept import kept
from driftline_agent.topic import Reading, Topic


def _read(host: Host, path: str, inputs: dict[str, bytes]) -> list[Package]:
    built: list[tuple[Package, bool, bytes]] = []
    try:
        for blob in rpmdb.headers(host, path):
            built.append((*headers.build(headers.parse(blob)), raw.mark(blob)))
        packages = headers.identify((package, several) for package, several, _ in built)
        for package, _, mark in built:  # with the keys that they have got meanwhile
            inputs[keyed("software.packages", "rpm", package.name, package.architecture)] = mark
        return packages
    except ValueError as error:
        raise UnreadableError(f"{path}: {error}") from error
    except UnreadableError:
        from driftline_agent.outputs import rpm

        text = host.run(*rpm.COMMAND, timeout=20)
        if text is None:
            raise
        return list(rpm.parse(text).software.packages)


def collect(host: Host) -> Reading:
    """Read the database, unless rpm is at work."""
    path = rpmdb.find(host)
    if path is None:
        raise UnreadableError("rpm: no database is there")
    folder = path.rpartition("/")[0]
    if is_locked(host, f"{folder}/.rpm.lock"):
        raise BusyError(f"{folder}: locked by a running rpm")
    locked = locks.dnf(host)
    version = (rpmdb.version(host), dnf.version(host), tuple(locked))

    reading = Reading()

    def read() -> list[Package]:
        packages = _read(host, path, reading.inputs)
        dnf.add_origins(host, packages)
        for package in packages:
            if locks.matches(package, locked):
                package.held = True
        return packages

    reading.facts.software.MergeFrom(kept(host, "rpm", version, read))
    return reading


TOPIC = Topic(
    revision=2,
    fills=("software.packages",),
    collect=collect,
    applies=lambda host: rpmdb.find(host) is not None,
    watches=(*rpmdb.FOLDERS, "/var/lib/dnf", *locks.FOLDERS),
)
