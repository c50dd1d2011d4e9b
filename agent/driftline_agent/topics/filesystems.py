"""Mounted filesystems that hold data. Source: /proc/1/mountinfo (proc(5)), statvfs(3)."""

# statvfs(3) has no counterpart in pathlib

import os

from driftline.v1.facts_pb2 import Filesystem
from driftline_agent import disks, mounts
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.mounts import Mount
from driftline_agent.topic import Reading, Topic

#: Hold data without a block device as their source.
_LOCAL_TYPES = frozenset(["zfs", "btrfs", "bcachefs", "ubifs", "overlay"])
#: Read-only images that packages bring with them (snaps), not places where data is kept.
_IMAGE_TYPES = frozenset({"squashfs", "erofs"})
#: Mounts below come and go with containers, sessions, pods and plugged media.
PASSING = (
    "/run/",
    "/proc/",
    "/sys/",
    "/dev/",
    "/media/",
    "/var/lib/buildkit/",
    "/var/lib/containerd/",
    "/var/lib/containers/",
    "/var/lib/crio/",
    "/var/lib/docker/",
    "/var/lib/incus/",
    "/var/lib/k0s/",
    "/var/lib/kubelet/",
    "/var/lib/lxd/",
    "/var/lib/machines/",
    "/var/lib/nomad/",
    "/var/lib/rancher/",
    "/var/snap/docker/",
    "/var/snap/lxd/",
)


def data_mounts(text: str) -> dict[str, Mount]:
    """Return the mounts that hold data by mount point, sorted; the topmost of several on one point."""
    found: dict[str, Mount] = {}
    automounted: list[str] = []
    for mount in mounts.parse_mountinfo(text):
        found.pop(mount.point, None)
        if mount.kind == "autofs":
            automounted.append(mount.point)
        # What an automounter mounts is there while someone looks at it.
        if _holds_data(mount) and not any(mounts.is_below(mount.point, above) for above in automounted):
            found[mount.point] = mount
    return {point: found[point] for point in sorted(found)}


def build(mount: Mount) -> Filesystem:
    """Return what a mount says of itself."""
    server, export = mounts.server_of(mount.kind, mount.device)
    return Filesystem(
        mount_point=mount.point,
        device=mount.device,
        type=mount.kind,
        options=mount.options,
        server=server,
        export=export,
        root="" if mount.root == "/" or mounts.is_network(mount.kind) else mount.root,
    )


def parse_mountinfo(text: str) -> list[Filesystem]:
    """Return the mounts that hold data, sorted by mount point."""
    return [build(mount) for mount in data_mounts(text).values()]


def _holds_data(mount: Mount) -> bool:
    kind, device = mount.kind, mount.device
    if mount.point.startswith(PASSING) or (kind in _IMAGE_TYPES and device.startswith("/dev/loop")):
        return False
    if mounts.is_network(kind) or kind in _LOCAL_TYPES:
        return True
    return device.startswith("/dev/") and device != "/dev/fuse" and kind not in ("devtmpfs", "autofs")


def root_device(host: Host, text: str) -> str | None:
    """Return what stands behind ``/dev/root``, a kernel's name for a root that it mounted by itself, as findmnt(8)."""
    for line in text.splitlines():
        fields = line.partition(" - ")[0].split()
        if len(fields) >= 6 and fields[4] == "/":
            link = host.link(f"/sys/dev/block/{fields[2]}")
            return f"/dev/{link.rpartition('/')[2]}" if link else None
    return None


def measure(filesystem: Filesystem) -> None:
    """Fill in what statvfs(3) tells of a mounted filesystem."""
    try:
        found = os.statvfs(filesystem.mount_point)
    except OSError:
        return
    # A pool's size is what its members leave over at the moment: no configuration.
    if found.f_blocks and filesystem.type != "zfs":
        filesystem.size = found.f_blocks * found.f_frsize
    if found.f_bsize:
        filesystem.block_size = found.f_bsize
    if found.f_files:
        filesystem.inodes = found.f_files


def read_mountinfo(host: Host) -> str:
    """Return the host's mounts as process 1 sees them.

    A hardened service has a mount namespace of its own, in which all is read-only (systemd.exec(5) ProtectSystem); its
    own view is used only where the other one may not be read.
    """
    try:
        text = host.read("/proc/1/mountinfo")
    except UnreadableError:
        text = None
    return text or host.read("/proc/self/mountinfo") or ""


def collect(host: Host) -> Reading:
    """Read the mounts of the host."""
    reading = Reading()
    text = read_mountinfo(host)
    # What is below such a mount is reached through it.
    away = mounts.away(mounts.parse_mountinfo(text)) | host.away()
    for mount in data_mounts(text).values():
        filesystem = build(mount)
        if filesystem.device == "/dev/root":
            filesystem.device = root_device(host, text) or filesystem.device
        if host.live and not any(mounts.is_below(mount.point, above) for above in away):
            if not os.path.isdir(mount.point):  # noqa: PTH112  # no path object per mount
                continue  # single files that a container manager mounts: /etc/hosts
            measure(filesystem)
        if mount.device.startswith("/dev/"):
            udev = disks.udev_of(host, mount.number) or _udev_of_device(host, mount.device)
            filesystem.uuid = disks.parse_encoded(udev.get("ID_FS_UUID_ENC", "")) or udev.get("ID_FS_UUID", "")
            filesystem.label = disks.parse_encoded(udev.get("ID_FS_LABEL_ENC", "")) or udev.get("ID_FS_LABEL", "")
        reading.facts.storage.filesystems.append(filesystem)
    return reading


def _udev_of_device(host: Host, device: str) -> dict[str, str]:
    """Return what udev knows of a device by its name: btrfs has numbers of its own in mountinfo."""
    return disks.udev_of(host, host.line(f"/sys/class/block/{device.rpartition('/')[2]}/dev") or "")


TOPIC = Topic(
    revision=4,
    fills=("storage.filesystems",),
    collect=collect,
    watches=("/etc/fstab",),
    events=frozenset({"mount"}),
)
