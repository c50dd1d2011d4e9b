"""Linux software RAID. Source: /sys/block/md*/md (the kernel's admin-guide/md.rst), udev's database."""

import re

from driftline.v1.facts_pb2 import RaidArray
from driftline_agent import disks
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/class/block"
#: States between which an array goes to and fro as it is written to (md.rst, array_state).
_ACTIVE = frozenset({"clean", "active", "write-pending", "active-idle"})


def read_array(host: Host, name: str) -> RaidArray:
    """Return one array."""
    folder = f"{_FOLDER}/{name}/md"
    udev = disks.udev_of(host, host.line(f"{_FOLDER}/{name}/dev") or "")
    state = host.line(f"{folder}/array_state") or ""
    out = RaidArray(
        name=name,
        level=host.line(f"{folder}/level") or udev.get("MD_LEVEL", ""),
        metadata=host.line(f"{folder}/metadata_version") or "",
        uuid=udev.get("MD_UUID", "") or (host.line(f"{folder}/uuid") or ""),
        title=udev.get("MD_NAME", ""),
        state="active" if state in _ACTIVE else state,
        activity=host.line(f"{folder}/sync_action") or "",
        bitmap=host.line(f"{folder}/bitmap/location") or "",
        devices=disks.small((host.line(f"{folder}/raid_disks") or "").partition(" ")[0]),
        degraded=disks.small(disks.number(host, f"{folder}/degraded")),
    )
    if out.bitmap.startswith(("+", "-")):
        out.bitmap = "internal"
    chunk, size = disks.number(host, f"{folder}/chunk_size"), disks.number(host, f"{_FOLDER}/{name}/size")
    if chunk:
        out.chunk_size = chunk
    if size and size < 1 << 53:
        out.size = size * 512
    layout = host.line(f"{folder}/layout")
    if layout and out.level in ("raid4", "raid5", "raid6", "raid10"):
        out.layout = layout
    for entry in host.names(folder):
        if entry.startswith("dev-"):
            slot = disks.small(host.line(f"{folder}/{entry}/slot") or "")
            out.members.add(name=entry[4:], slot=slot, state=host.line(f"{folder}/{entry}/state") or "")
    out.spares = sum("spare" in member.state.split(",") for member in out.members)
    return out


def _arrays(host: Host) -> list[str]:
    return [name for name in host.names(_FOLDER) if re.match(r"md[\d_]", name) and host.exists(f"{_FOLDER}/{name}/md")]


def collect(host: Host) -> Reading:
    """Read every array."""
    reading = Reading()
    reading.facts.storage.arrays.extend(read_array(host, name) for name in _arrays(host))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("storage.arrays",),
    collect=collect,
    applies=lambda host: bool(_arrays(host)),
    events=frozenset({"device"}),
)
