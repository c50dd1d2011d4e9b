"""Disks, partitions and mapped devices. Source: /sys/class/block and udev's database, as lsblk(8) reads them."""

from driftline.v1.facts_pb2 import BlockDevice
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/class/block"
_SECTOR = 512
#: SCSI peripheral device types that lsblk names other than disk.
_SCSI_TYPES = {1: "tape", 4: "worm", 5: "rom", 7: "mo-disk", 8: "changer", 12: "raid"}


def parse_udev(text: str) -> dict[str, str]:
    """Return the properties of a record of udev's database (its ``E:`` lines)."""
    out: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("E:"):
            name, _, value = line[2:].partition("=")
            out[name] = value
    return out


def parse_encoded(text: str) -> str:
    """Return a string that udev encoded (``\\x20`` for a blank), without blanks at its ends."""
    out = bytearray()
    data = text.encode()
    position = 0
    while position < len(data):
        digits = data[position + 2 : position + 4]
        if data[position : position + 2] == b"\\x" and len(digits) == 2 and digits.isalnum():
            try:
                out.append(int(digits, 16))
                position += 4
                continue
            except ValueError:
                pass
        out.append(data[position])
        position += 1
    return " ".join(out.decode("utf-8", "replace").split())


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
    if size is not None and kind != "rom":
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
    out.members.extend(host.names(f"{folder}/slaves"))
    _identify(host, folder, out)
    return out


def _identify(host: Host, folder: str, out: BlockDevice) -> None:
    number = host.line(f"{folder}/dev") or ""
    udev = parse_udev(host.read(f"/run/udev/data/b{number}") or "")
    # A partition's record repeats what its disk is; lsblk shows the world wide name there and nothing else.
    wwn = udev.get("ID_WWN_WITH_EXTENSION") or udev.get("ID_WWN")
    out.wwn = wwn or host.line(f"{folder}/wwid") or host.line(f"{folder}/device/wwid") or ""
    if out.type != "rom":  # a disc in it is no part of the machine
        _describe_content(udev, out)
    if out.parent or out.mapped_name:
        return
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
        or ""
    )


def _describe_content(udev: dict[str, str], out: BlockDevice) -> None:
    out.content = udev.get("ID_FS_TYPE", "")
    out.uuid = parse_encoded(udev.get("ID_FS_UUID_ENC", "")) or udev.get("ID_FS_UUID", "")
    out.label = parse_encoded(udev.get("ID_FS_LABEL_ENC", "")) or udev.get("ID_FS_LABEL", "")
    if out.parent:
        out.partition_uuid = udev.get("ID_PART_ENTRY_UUID", "")
        out.partition_label = parse_encoded(udev.get("ID_PART_ENTRY_NAME", ""))
    else:
        out.partition_table = udev.get("ID_PART_TABLE_TYPE", "")


def collect(host: Host) -> Reading:
    """Read every block device that stands for something."""
    reading = Reading()
    for name in host.names(_FOLDER):
        device = read_device(host, name)
        if device is not None:
            reading.facts.storage.devices.append(device)
    return reading


TOPIC = Topic(
    revision=2,
    fills=("storage.devices",),
    collect=collect,
    applies=lambda host: host.exists(_FOLDER),
    events=frozenset({"device"}),
)
