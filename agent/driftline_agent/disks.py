"""What sysfs and udev tell of one disk: how it is attached, what it can do, what stands on its label.

Source: sysfs-block(5) as of Documentation/ABI/stable/sysfs-block, udev's database, lsblk(8), which this agrees with.
"""

import re

from driftline import late
from driftline.v1.facts_pb2 import BlockDevice
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

#: What the path of a device in sysfs has in it, by transport; the first that fits counts (lsblk.c, get_transport).
_IN_PATH = (
    ("iscsi", late.pattern(r"/session\d+/")),
    ("usb", late.pattern(r"/usb\d+/")),
    ("fc", late.pattern(r"/rport-\d")),
    ("sas", late.pattern(r"/(?:end_device|expander)-\d")),
    ("virtio", late.pattern(r"/virtio\d+/(?:block|host\d)")),
    ("nvme", late.pattern(r"/nvme(?:-subsystem)?/|/nvme\d+/nvme")),
    ("mmc", late.pattern(r"/mmc_host/")),
    ("ata", late.pattern(r"/ata\d+/")),
)
_MAX = 1 << 62


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


def udev_of(host: Host, number: str) -> dict[str, str]:
    """Return what udev knows of a block device.

    :param number: MAJOR:MINOR.
    """
    return parse_udev(host.read(f"/run/udev/data/b{number}") or "") if number else {}


def parse_unit_serial(page: bytes) -> str:
    """Return the serial number of a SCSI device's page 80h (SPC-4, 7.8.15)."""
    length = int.from_bytes(page[2:4], "big") if len(page) >= 4 else 0
    text = page[4 : 4 + length].decode("ascii", "replace")
    return "".join(letter for letter in text if letter.isascii() and letter.isprintable()).strip()


def serial_of(host: Host, folder: str) -> str:
    """Return a SCSI device's serial number where udev has none, by its page 80h."""
    try:
        page = host.read_bytes(f"{folder}/device/vpd_pg80")
    except UnreadableError:
        return ""  # the device does not answer
    return parse_unit_serial(page or b"")


def parse_scheduler(text: str) -> str:
    """Return the scheduler in use: in brackets among others, or the only one."""
    found = re.search(r"\[([^\]\s]{1,40})\]", text)
    words = text.split()
    return found[1] if found else words[0] if len(words) == 1 else ""


def transport_of(name: str, path: str, udev: dict[str, str], driver: str) -> str:
    """Return how a disk is attached, as lsblk prints it; empty where nothing tells.

    :param path: of the device in sysfs, below /sys/devices.
    :param driver: of its SCSI host (proc_name).
    """
    if name.startswith("nvme"):
        return "nvme"
    found = next((transport for transport, pattern in _IN_PATH if pattern.search(path)), "")
    if not found:
        bus = udev.get("ID_BUS", "")
        found = bus if bus in ("ata", "usb", "mmc", "nvme", "virtio") else ""
        if not found and name.startswith("vd"):
            found = "virtio"
    if found == "ata" and (udev.get("ID_ATA_SATA") == "1" or driver.startswith(("ahci", "sata"))):
        return "sata"
    return found


def number(host: Host, path: str) -> int | None:
    """Return the number in a file where it is one that a device can have."""
    found = host.number(path)
    return found if found is not None and 0 <= found < _MAX else None


def small(text: str | int | None) -> int | None:
    """Return a number that fits into 31 bits; None for anything else."""
    if isinstance(text, str):
        text = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
    return text if text is not None and 0 <= text < 1 << 31 else None


def describe_whole(host: Host, folder: str, out: BlockDevice, udev: dict[str, str]) -> None:
    """Fill in what is told of a whole disk, not of a partition or a mapped device."""
    link = host.link(folder) or ""
    scsi = host.link(f"{folder}/device") or ""
    address = scsi.rpartition("/")[2]
    driver = ""
    if re.fullmatch(r"\d+:\d+:\d+:\d+", address):
        out.address = address
        if "/ata" in link:
            driver = host.line(f"/sys/class/scsi_host/host{address.partition(':')[0]}/proc_name") or ""
    elif out.name.startswith("nvme"):
        out.controller = address if address.startswith("nvme") else ""
        found = small(number(host, f"{folder}/nsid"))
        if found is not None:
            out.namespace = found
        out.subsystem_nqn = host.line(f"{folder}/device/subsysnqn") or ""
    out.transport = transport_of(out.name, link, udev, driver)
    out.path = udev.get("ID_PATH", "")
    out.state = host.line(f"{folder}/device/state") or ""
    out.sas_address = host.line(f"{folder}/device/sas_address") or ""
    _fill(out, "queue_depth", small(number(host, f"{folder}/device/queue_depth")))
    _fill(out, "timeout", small(number(host, f"{folder}/device/timeout")))
    rate = small(udev.get("ID_ATA_ROTATION_RATE_RPM"))
    if rate:
        out.rotation_rate = rate
    out.scheduler = parse_scheduler(host.line(f"{folder}/queue/scheduler") or "")
    out.write_cache = host.line(f"{folder}/queue/write_cache") or ""


def describe_queue(host: Host, folder: str, out: BlockDevice) -> None:
    """Fill in sector sizes and the like, which mapped devices have too."""
    _fill(out, "logical_sector_size", number(host, f"{folder}/queue/logical_block_size"))
    _fill(out, "physical_sector_size", number(host, f"{folder}/queue/physical_block_size"))
    granularity = number(host, f"{folder}/queue/discard_granularity")
    if granularity and number(host, f"{folder}/queue/discard_max_bytes") != 0:
        out.discard_granularity = granularity
    zoned = host.line(f"{folder}/queue/zoned")
    if zoned and zoned != "none":
        out.zoned = zoned


def describe_partition(host: Host, folder: str, out: BlockDevice, udev: dict[str, str]) -> None:
    """Fill in where a partition is, and what its table says of it."""
    _fill(out, "partition_number", small(number(host, f"{folder}/partition")))
    start = number(host, f"{folder}/start")
    if start is not None and start < 1 << 53:
        out.partition_start = start * 512
    out.partition_type = udev.get("ID_PART_ENTRY_TYPE", "")
    out.partition_flags = udev.get("ID_PART_ENTRY_FLAGS", "")
    out.partition_uuid = udev.get("ID_PART_ENTRY_UUID", "")
    out.partition_label = parse_encoded(udev.get("ID_PART_ENTRY_NAME", ""))


def _fill(out: BlockDevice, name: str, value: int | None) -> None:
    if value is not None:
        setattr(out, name, value)
