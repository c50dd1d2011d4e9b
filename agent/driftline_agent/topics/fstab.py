"""What is to be mounted and unlocked. Source: /etc/fstab (fstab(5)), /etc/crypttab (crypttab(5)), /proc/swaps."""

from driftline.v1.facts_pb2 import CryptEntry, FstabEntry
from driftline_agent import mounts
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic
from driftline_agent.topics.filesystems import read_mountinfo

_FSTAB, _CRYPTTAB = "/etc/fstab", "/etc/crypttab"
_TAGS = {"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel", "ID": "by-id"}


def parse_fstab(text: str) -> list[FstabEntry]:
    """Return the lines by mount point, sorted; the first of several for one point counts."""
    found: dict[str, FstabEntry] = {}
    for device, point, kind, options, dump, check in mounts.parse_fstab(text):
        point = device if kind == "swap" or not point.startswith("/") else point.rstrip("/") or "/"
        entry = FstabEntry(mount_point=point, device=device, type=kind, options=options, dump=dump)
        if check is not None:
            setattr(entry, "pass", check)
        found.setdefault(point, entry)
    return [found[point] for point in sorted(found)]


def parse_crypttab(text: str) -> list[CryptEntry]:
    """Return the lines by name, sorted, without the field for the key."""
    found: dict[str, CryptEntry] = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 2 and not line.lstrip().startswith("#"):
            options = mounts.safe_options(fields[3].split(",")) if len(fields) > 3 else []
            found.setdefault(fields[0], CryptEntry(name=fields[0], device=fields[1], options=options))
    return [found[name] for name in sorted(found)]


def _swap_device(host: Host, device: str) -> str:
    """Return the path that the kernel names a swap area by."""
    tag, equals, value = device.partition("=")
    if equals and tag in _TAGS:
        device = f"/dev/disk/{_TAGS[tag]}/{value}"
    return host.resolve(device) if device.startswith("/dev/") and "/../" not in device else device


def collect(host: Host) -> Reading:
    """Read both files, and what is mounted now."""
    reading = Reading()
    storage = reading.facts.storage
    storage.fstab.extend(parse_fstab(host.read(_FSTAB) or ""))
    if storage.fstab:
        try:
            points = {mount.point for mount in mounts.parse_mountinfo(read_mountinfo(host))}
            swaps = {path for path, *_ in mounts.parse_swaps(host.read("/proc/swaps") or "")}
        except UnreadableError as error:
            reading.unreadable["storage.fstab[*].mounted"] = str(error)
        else:
            for entry in storage.fstab:
                if entry.type == "swap":
                    entry.mounted = _swap_device(host, entry.device) in swaps
                elif entry.mount_point.startswith("/"):
                    entry.mounted = entry.mount_point in points
    try:
        storage.crypttab.extend(parse_crypttab(host.read(_CRYPTTAB) or ""))
    except UnreadableError as error:
        reading.unreadable["storage.crypttab"] = str(error)
    return reading


TOPIC = Topic(
    revision=1,
    fills=("storage.fstab", "storage.crypttab"),
    collect=collect,
    of_files=True,
    applies=lambda host: host.exists(_FSTAB) or host.exists(_CRYPTTAB),
    watches=(_FSTAB, _CRYPTTAB),
    events=frozenset({"mount"}),
)
