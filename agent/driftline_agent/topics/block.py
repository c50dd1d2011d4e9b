"""Disks, partitions and mapped devices. Source: /sys/class/block and udev's database, as lsblk(8) reads them."""

import re
from collections.abc import Iterable

from driftline.v1.facts_pb2 import BlockDevice
from driftline_agent import disks
from driftline_agent.disks import parse_encoded
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/class/block"
_SECTOR = 512
#: Attached and taken away by programs: images (snaps, containers), network disks.
_PASSING = re.compile(r"(?:loop|nbd)\d+(?:p\d+)?")
#: LVM's own devices below a snapshot.
_SNAPSHOT = re.compile(r"-real$|-cow$")
#: SCSI peripheral device types that lsblk names other than disk.
_SCSI_TYPES = {1: "tape", 4: "worm", 5: "rom", 7: "mo-disk", 8: "changer", 12: "raid"}


def device_type(host: Host, folder: str, name: str) -> str:
    """Return the type as lsblk prints it."""
    if host.exists(f"{folder}/partition"):
        return "part"
    uuid = host.line(f"{folder}/dm/uuid")
    if uuid:
        kind = uuid.partition("-")[0].lower()
        return "part" if kind.startswith("part") else kind
    if host.exists(f"{folder}/dm"):
        return "dm"
    level = host.line(f"{folder}/md/level")
    if level:
        return level
    if name.startswith("loop"):
        return "loop"
    return _SCSI_TYPES.get(host.number(f"{folder}/device/type") or 0, "disk")


def read_device(host: Host, name: str) -> BlockDevice | None:
    """Return one device, or None for those that stand for nothing: RAM disks, loops without a file."""
    folder = f"{_FOLDER}/{name}"
    if name.startswith("ram") or (name.startswith("loop") and not host.exists(f"{folder}/loop/backing_file")):
        return None
    if host.number(f"{folder}/hidden"):
        return None
    kind = device_type(host, folder, name)
    out = BlockDevice(name=name, type=kind)
    whole = folder
    if kind == "part" and host.exists(f"{folder}/partition"):
        out.parent = host.resolve(folder).rpartition("/")[0].rpartition("/")[2]
        whole = f"{_FOLDER}/{out.parent}"
    size = host.number(f"{folder}/size")
    if size is not None and kind != "rom" and 0 <= size < 1 << 53:
        out.size = size * _SECTOR
    rotational, removable = host.number(f"{whole}/queue/rotational"), host.number(f"{whole}/removable")
    if rotational is not None:
        out.rotational = rotational == 1
    if removable is not None:
        out.removable = removable == 1
    read_only = host.number(f"{folder}/ro")
    if read_only is not None and kind != "rom":
        out.read_only = read_only == 1
    out.mapped_name = host.line(f"{folder}/dm/name") or ""
    out.mapped_uuid = host.line(f"{folder}/dm/uuid") or ""
    if kind == "loop":
        out.backing_file = host.line(f"{folder}/loop/backing_file") or ""
    if not out.parent:
        out.members.extend(host.names(f"{folder}/slaves"))
        disks.describe_queue(host, folder, out)
    _identify(host, folder, out)
    return out


def _identify(host: Host, folder: str, out: BlockDevice) -> None:
    udev = disks.udev_of(host, host.line(f"{folder}/dev") or "")
    # A partition's record repeats what its disk is; lsblk shows the world wide name there and nothing else.
    wwn = udev.get("ID_WWN_WITH_EXTENSION") or udev.get("ID_WWN")
    out.wwn = wwn or host.line(f"{folder}/wwid") or host.line(f"{folder}/device/wwid") or ""
    if out.type != "rom":  # a disc in it is no part of the machine
        _describe_content(udev, out)
    if out.parent:
        disks.describe_partition(host, folder, out, udev)
    if out.parent or out.mapped_name:
        return
    if not out.name.startswith(("loop", "md", "zram", "dm-")):
        disks.describe_whole(host, folder, out, udev)
    model = parse_encoded(udev.get("ID_MODEL_ENC", "")) or udev.get("ID_MODEL", "")
    out.model = model or host.line(f"{folder}/device/model") or ""
    out.vendor = host.line(f"{folder}/device/vendor") or ""
    out.firmware = host.line(f"{folder}/device/rev") or host.line(f"{folder}/device/firmware_rev") or ""
    out.serial_number = (
        udev.get("SCSI_IDENT_SERIAL")
        or udev.get("ID_SCSI_SERIAL")
        or udev.get("ID_SERIAL_SHORT")
        or udev.get("ID_SERIAL")
        or host.line(f"{folder}/device/serial")
        or host.line(f"{folder}/serial")
        or disks.serial_of(host, folder)
    )


def _describe_content(udev: dict[str, str], out: BlockDevice) -> None:
    out.content = udev.get("ID_FS_TYPE", "")
    out.uuid = parse_encoded(udev.get("ID_FS_UUID_ENC", "")) or udev.get("ID_FS_UUID", "")
    out.label = parse_encoded(udev.get("ID_FS_LABEL_ENC", "")) or udev.get("ID_FS_LABEL", "")
    if not out.parent:
        out.partition_table = udev.get("ID_PART_TABLE_TYPE", "")
        out.partition_table_uuid = udev.get("ID_PART_TABLE_UUID", "")


def passing(devices: Iterable[BlockDevice]) -> set[str]:
    """Return the names of devices that come and go by themselves, with what stands on them; look through snapshots.

    Of what is attached by USB, sticks and card readers; a disk stays, because small machines start from one. Elsewhere
    removable says only that the bay allows it.
    """
    waiting = list(devices)
    below = {device.name: list(device.members) for device in waiting if device.mapped_name.endswith("-real")}
    for device in waiting:
        # The origin of a snapshot stands on the same devices as before, with one of LVM's own between.
        through = [name for member in device.members for name in below.get(member, [member])]
        del device.members[:]
        device.members.extend(sorted(through))
    out: set[str] = set()
    while True:
        more = {
            device.name
            for device in waiting
            if device.name not in out
            and (
                _PASSING.fullmatch(device.name)
                or (device.removable and device.transport == "usb" and device.type == "disk")
                or _SNAPSHOT.search(device.mapped_name)
                or device.parent in out
                or any(member in out for member in device.members)
            )
        }
        if not more:
            return out
        out |= more


def collect(host: Host) -> Reading:
    """Read every block device that stands for something."""
    reading = Reading()
    found = {name: device for name in host.names(_FOLDER) if (device := read_device(host, name)) is not None}
    storage = reading.facts.storage
    leaving = passing(found.values())
    for name in sorted(found):
        (storage.passing_devices if name in leaving else storage.devices).append(found[name])
    return reading


TOPIC = Topic(
    revision=4,
    fills=("storage.devices", "storage.passing_devices"),
    collect=collect,
    applies=lambda host: host.exists(_FOLDER),
    events=frozenset({"device"}),
)
