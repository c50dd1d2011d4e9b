"""Mounted filesystems that hold data. Source: /proc/1/mountinfo (proc(5)), statvfs(3)."""

# statvfs(3) has no counterpart in pathlib

import os
import re

from driftline.v1.facts_pb2 import Filesystem
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

#: Held by a server elsewhere: no statvfs, which would wait for a dead server forever.
NETWORK_TYPES = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ceph",
        "glusterfs",
        "fuse.glusterfs",
        "fuse.sshfs",
        "9p",
        "virtiofs",
        "afs",
        "lustre",
        "ocfs2",
        "gfs2",
        "beegfs",
    ]
)
#: Hold data without a block device as their source.
_LOCAL_TYPES = frozenset(["zfs", "btrfs", "bcachefs", "ubifs", "overlay"])
#: Read-only images that packages bring with them (snaps), not places where data is kept.
_IMAGE_TYPES = frozenset({"squashfs", "erofs"})
#: Mounts below come and go with containers, sessions, pods and plugged media.
_PASSING = (
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
_OCTAL = re.compile(r"\\([0-7]{3})")


def _unescape(text: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text) if "\\" in text else text


def parse_mountinfo(text: str) -> list[Filesystem]:
    """Return the mounts that hold data, sorted by mount point; the topmost of several on one point."""
    found: dict[str, Filesystem] = {}
    automounted: list[str] = []
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        mount, source = left.split(), right.split(" ")
        if not separator or len(mount) < 6 or len(source) < 3:
            continue
        point, kind, device = _unescape(mount[4]), source[0], _unescape(source[1])
        found.pop(point, None)
        if kind == "autofs":
            automounted.append(point)
        # What an automounter mounts is there while someone looks at it.
        if not _holds_data(point, kind, device) or any(_is_below(point, above) for above in automounted):
            continue
        options = sorted(set(mount[5].split(",")) | set(source[2].split(",")))
        if "rw" in options and "ro" in options:
            options.remove("rw")  # a read-only mount of a writable filesystem is read-only
        found[point] = Filesystem(mount_point=point, device=device, type=kind, options=options)
    return [found[point] for point in sorted(found)]


def _is_below(point: str, above: str) -> bool:
    return point == above or point.startswith(above.rstrip("/") + "/")


def _holds_data(point: str, kind: str, device: str) -> bool:
    if point.startswith(_PASSING) or (kind in _IMAGE_TYPES and device.startswith("/dev/loop")):
        return False
    if kind in NETWORK_TYPES or kind in _LOCAL_TYPES:
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


def size_of(path: str) -> int | None:
    """Return the size in bytes of the filesystem mounted at a path, or None where it cannot be told."""
    try:
        result = os.statvfs(path)
    except OSError:
        return None
    return result.f_blocks * result.f_frsize


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
    for filesystem in parse_mountinfo(text):
        if filesystem.device == "/dev/root":
            filesystem.device = root_device(host, text) or filesystem.device
        if host.live:
            local = filesystem.type not in NETWORK_TYPES
            if local and not os.path.isdir(filesystem.mount_point):  # noqa: PTH112  # no path object per mount
                continue  # single files that a container manager mounts: /etc/hosts
            # A pool's size is what its members leave over at the moment: no configuration.
            size = size_of(filesystem.mount_point) if local and filesystem.type != "zfs" else None
            if size:
                filesystem.size = size
        reading.facts.storage.filesystems.append(filesystem)
    return reading


TOPIC = Topic(
    revision=2,
    fills=("storage.filesystems",),
    collect=collect,
    watches=("/etc/fstab",),
    events=frozenset({"mount"}),
)
