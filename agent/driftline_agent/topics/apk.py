"""Packages installed by apk (Alpine). Source: /lib/apk/db/installed, apk-world(5)."""

from driftline.v1.facts_pb2 import Package
from driftline_agent.errors import BusyError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.locks import is_locked
from driftline_agent.packages import apkdb
from driftline_agent.packages.kept import kept, unique, version_of
from driftline_agent.topic import Reading, Topic


def busy(host: Host) -> bool:
    """Tell whether apk is at work."""
    return any(is_locked(host, f"{folder}/lock") for folder in apkdb.FOLDERS)


def collect(host: Host) -> Reading:
    """Read the database, unless apk is at work."""
    path = apkdb.find(host)
    if path is None:
        raise UnreadableError("apk: no database is there")
    if busy(host):
        raise BusyError(f"{path}: locked by a running apk")

    def read() -> list[Package]:
        text = host.read(path) or ""
        world = host.read(apkdb.WORLD)
        packages = unique(apkdb.parse(text, None if world is None else frozenset(apkdb.parse_world(world))))
        if not packages and text.strip():
            raise UnreadableError(f"{path}: no package in it, it may be damaged")
        return packages

    reading = Reading()
    reading.facts.software.MergeFrom(kept(host, "apk", version_of(host, path, apkdb.WORLD), read))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("software.packages",),
    collect=collect,
    applies=lambda host: apkdb.find(host) is not None,
    watches=(*apkdb.FOLDERS, apkdb.WORLD),
    busy=busy,
)
