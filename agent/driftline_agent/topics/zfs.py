"""Pools and datasets of ZFS. Source: zpool-list(8), zfs-list(8), asked anew where mounts or pools changed."""

import time
from dataclasses import dataclass, field

from driftline.v1.facts_pb2 import Storage
from driftline_agent import mounts, zfslist
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic
from driftline_agent.topics.filesystems import read_mountinfo

#: The module's own folder: one below it for each pool that is imported, with a file for each dataset in use.
_FOLDER = "/proc/spl/kstat/zfs"
#: Two programs are started; nothing tells of a changed property, so they are at least as often as this.
EVERY_S = 3600.0


@dataclass(slots=True)
class _Kept:
    at: float = 0.0
    sign: tuple[object, ...] = ()
    storage: Storage = field(default_factory=Storage)


def _sign(host: Host) -> tuple[object, ...]:
    pools = [name for name in host.names(_FOLDER) if host.exists(f"{_FOLDER}/{name}/state")]
    mounted = tuple(mount for mount in mounts.parse_mountinfo(read_mountinfo(host)) if mount.kind == "zfs")
    return (
        tuple((pool, host.line(f"{_FOLDER}/{pool}/state"), *host.names(f"{_FOLDER}/{pool}")) for pool in pools),
        mounted,
    )


def ask(host: Host) -> Storage:
    """Return what the two programs say.

    :raises UnreadableError: where they are not there, although pools are, or fail.
    """
    pools = host.run("zpool", "list", "-H", "-p", "-o", ",".join(zfslist.POOL))
    datasets = host.run("zfs", "list", "-H", "-p", "-t", "filesystem,volume", "-o", ",".join(zfslist.DATASET))
    if pools is None or datasets is None:
        raise UnreadableError("zpool, zfs: not installed, although pools are imported")
    return Storage(zfs_pools=zfslist.parse_pools(pools), zfs_datasets=zfslist.parse_datasets(datasets))


def collect(host: Host) -> Reading:
    """Ask the programs where something changed."""
    kept: _Kept = host.kept.setdefault("zfs", _Kept())
    sign, now = _sign(host), time.monotonic()
    if sign != kept.sign or now - kept.at > EVERY_S:
        kept.storage, kept.sign, kept.at = ask(host), sign, now
    reading = Reading()
    reading.facts.storage.CopyFrom(kept.storage)
    return reading


TOPIC = Topic(
    revision=1,
    fills=("storage.zfs_pools", "storage.zfs_datasets"),
    collect=collect,
    applies=lambda host: any(host.exists(f"{_FOLDER}/{name}/state") for name in host.names(_FOLDER)),
    watches=("/etc/zfs",),
    events=frozenset({"mount"}),
    timebox=15.0,
)
