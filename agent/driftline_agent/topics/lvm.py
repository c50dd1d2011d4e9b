"""LVM: volume groups, devices, logical volumes.

Source: LVM's text metadata in /etc/lvm/backup, which only root may read; what is active also from device mapper's names
and UUIDs in sysfs, devices from udev's database. Where the metadata cannot be read, what is active remains.
"""

import re
from itertools import pairwise

from driftline import late
from driftline.v1.facts_pb2 import LogicalVolume, PhysicalVolume, Storage, VolumeGroup
from driftline_agent import disks, lvmtext
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER, _BACKUP = "/sys/class/block", "/etc/lvm/backup"
_UUID = late.pattern(r"LVM-([A-Za-z0-9]{32})([A-Za-z0-9]{32})(-pool)?\Z")
#: Volumes that others are made of (lvm2, lib/misc/lvm-string.c).
_HIDDEN = late.pattern(
    r"_(?:[rm]image(?:_\d+)?|rmeta(?:_\d+)?|[tcv](?:data|meta)|cvol|[cwi]?orig|imeta|mlog|vorigin|pmspare|tmeta)(?:_\d+)?$"
)


def dashed(uuid: str) -> str:
    """Return a UUID of LVM as its tools write it, by dashes."""
    ends = (0, 6, 10, 14, 18, 22, 26, 32)
    return "-".join(uuid[start:end] for start, end in pairwise(ends))


def split_name(mapped: str) -> tuple[str, str]:
    """Return volume group and volume of a device mapper's name: in either a hyphen is written twice."""
    parts = re.split(r"(?<!-)-(?!-)", mapped.replace("--", "\0"), maxsplit=1)
    group, volume = (parts[0], parts[1]) if len(parts) == 2 else (parts[0], "")
    return group.replace("\0", "-"), volume.replace("\0", "-")


def read_active(host: Host) -> Storage:
    """Return what is active: what sysfs and udev tell every user."""
    volumes: dict[tuple[str, str], LogicalVolume] = {}
    groups: dict[str, str] = {}
    group_of: dict[str, str] = {}
    devices: dict[str, PhysicalVolume] = {}
    for name in host.names(_FOLDER):
        folder = f"{_FOLDER}/{name}"
        mapped = host.line(f"{folder}/dm/name") or "" if name.startswith("dm-") else ""
        found = _UUID.match(host.line(f"{folder}/dm/uuid") or "") if mapped else None
        if found:
            group, volume = split_name(mapped)
            groups[group] = dashed(found[1])
            group_of.update((member, group) for member in host.names(f"{folder}/slaves"))
            if volume and not _HIDDEN.search(volume):
                volumes[group, volume] = _volume(host, name, group, volume, dashed(found[2]))
        udev = disks.udev_of(host, host.line(f"{folder}/dev") or "")
        if udev.get("ID_FS_TYPE") in ("LVM2_member", "LVM1_member"):
            path = f"/dev/mapper/{mapped}" if mapped else f"/dev/{name}"
            devices[name] = PhysicalVolume(
                name=path,
                uuid=udev.get("ID_FS_UUID", ""),
                volume_group=udev.get("LVM_VG_NAME_COMPLETE", ""),
                format=udev["ID_FS_TYPE"].partition("_")[0].lower(),
            )
    for name, device in devices.items():
        device.volume_group = device.volume_group or group_of.get(name, "")
        device.volume_group_uuid = groups.get(device.volume_group, "")
    out = Storage(logical_volumes=[volumes[key] for key in sorted(volumes)])
    out.volume_groups.extend(VolumeGroup(name=name, uuid=groups[name]) for name in sorted(groups))
    out.physical_volumes.extend(sorted(devices.values(), key=lambda device: device.name))
    return out


def _volume(host: Host, device: str, group: str, name: str, uuid: str) -> LogicalVolume:
    out = LogicalVolume(volume_group=group, name=name, uuid=uuid, active=True, device=device)
    size, read_only = disks.number(host, f"{_FOLDER}/{device}/size"), host.number(f"{_FOLDER}/{device}/ro")
    if size is not None and size < 1 << 53:
        out.size = size * 512
    if read_only is not None:
        out.read_only = read_only == 1
    return out


def combine(written: Storage, active: Storage) -> Storage:
    """Return what the metadata says, with what is active now; what only one of them knows too.

    Of a group that the metadata has under another UUID (an old backup) only what is active counts.
    """
    uuids = {group.name: group.uuid for group in active.volume_groups}
    old = {group.name for group in written.volume_groups if uuids.get(group.name, group.uuid) != group.uuid}
    groups = {group.name: group for group in active.volume_groups}
    groups.update((group.name, group) for group in written.volume_groups if group.name not in old)
    paths = {device.uuid: device.name for device in active.physical_volumes}
    devices = {device.name: device for device in active.physical_volumes}
    for device in written.physical_volumes:
        if device.volume_group not in old:
            device.name = paths.get(device.uuid, device.name)  # the metadata's is a hint only
            devices[device.name] = device
    volumes = {(volume.volume_group, volume.name): volume for volume in active.logical_volumes}
    for volume in written.logical_volumes:
        if volume.volume_group not in old:
            running = volumes.get((volume.volume_group, volume.name))
            volume.active = running is not None
            volume.device = running.device if running is not None else ""
            volumes[volume.volume_group, volume.name] = volume
    every = [volumes[key] for key in sorted(volumes)]
    return Storage(
        volume_groups=[groups[name] for name in sorted(groups)],
        physical_volumes=[devices[name] for name in sorted(devices)],
        logical_volumes=[volume for volume in every if volume.type != "snapshot"],
        volume_snapshots=[volume for volume in every if volume.type == "snapshot"],
    )


def collect(host: Host) -> Reading:
    """Read the metadata and what is active."""
    reading = Reading()
    active, written = read_active(host), Storage()
    try:
        for entry in host.folder(_BACKUP)[0]:
            written.MergeFrom(lvmtext.read(host.read(f"{_BACKUP}/{entry[0]}") or ""))
    except UnreadableError as error:
        # What the metadata alone tells, groups without an active volume among it, is not gone.
        for name in ("volume_groups", "physical_volumes", "logical_volumes", "volume_snapshots"):
            reading.unreadable[f"storage.{name}[*]"] = str(error)
        written = Storage()
    reading.facts.storage.CopyFrom(combine(written, active))
    return reading


TOPIC = Topic(
    revision=2,
    fills=("storage.volume_groups", "storage.physical_volumes", "storage.logical_volumes", "storage.volume_snapshots"),
    collect=collect,
    applies=lambda host: host.exists("/etc/lvm") or host.exists("/run/lvm"),
    watches=(_BACKUP,),
    events=frozenset({"device"}),
)
