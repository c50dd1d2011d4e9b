"""Filesystems of btrfs. Source: /sys/fs/btrfs (btrfs(5)), mountinfo for what is mounted of them."""

from driftline import late
from driftline.v1.facts_pb2 import Btrfs
from driftline_agent import disks, mounts
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic
from driftline_agent.topics.filesystems import data_mounts, read_mountinfo

_FOLDER = "/sys/fs/btrfs"
_PROFILES = frozenset({"single", "dup", "raid0", "raid1", "raid1c3", "raid1c4", "raid10", "raid5", "raid6"})
_UUID = late.pattern(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def read_filesystem(host: Host, uuid: str, subvolumes: dict[str, set[str]]) -> Btrfs:
    """Return one filesystem.

    :param subvolumes: what is mounted, by kernel name of a device.
    """
    folder = f"{_FOLDER}/{uuid}"
    devices = host.names(f"{folder}/devices")
    out = Btrfs(uuid=uuid, label=host.line(f"{folder}/label") or "", devices=devices)
    node, sector = disks.number(host, f"{folder}/nodesize"), disks.number(host, f"{folder}/sectorsize")
    if node:
        out.node_size = node
    if sector:
        out.sector_size = sector
    out.data_profiles.extend(name for name in host.names(f"{folder}/allocation/data") if name in _PROFILES)
    out.metadata_profiles.extend(name for name in host.names(f"{folder}/allocation/metadata") if name in _PROFILES)
    out.checksum = (host.line(f"{folder}/checksum") or "").partition(" ")[0]
    out.subvolumes.extend(sorted({found for device in devices for found in subvolumes.get(device, ())}))
    return out


def _uuids(host: Host) -> list[str]:
    return [name for name in host.names(_FOLDER) if _UUID.match(name)]


def collect(host: Host) -> Reading:
    """Read every mounted filesystem."""
    reading = Reading()
    mounted: dict[str, set[str]] = {}
    found: list[mounts.Mount] = list(data_mounts(read_mountinfo(host)).values())
    for mount in found:
        if mount.kind == "btrfs" and mount.root != "/":
            name = mount.device.rpartition("/")[2]
            if mount.device.startswith("/dev/mapper/"):
                name = host.resolve(mount.device).rpartition("/")[2]
            mounted.setdefault(name, set()).add(mount.root)
    reading.facts.storage.btrfs.extend(read_filesystem(host, uuid, mounted) for uuid in _uuids(host))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("storage.btrfs",),
    collect=collect,
    applies=lambda host: bool(_uuids(host)),
    events=frozenset({"mount"}),
)
