"""Disks that are reached on several paths. Source: device mapper's names in sysfs.

How paths are chosen only root may ask; `driftline-agent parse multipath` tells it of what `multipath -ll` printed.
"""

from driftline.v1.facts_pb2 import Multipath
from driftline_agent import disks
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/class/block"
_PREFIX = "mpath-"


def read_map(host: Host, device: str, wwid: str) -> Multipath:
    """Return one map with its paths."""
    folder = f"{_FOLDER}/{device}"
    out = Multipath(name=host.line(f"{folder}/dm/name") or device, wwid=wwid, device=device)
    size, read_only = disks.number(host, f"{folder}/size"), host.number(f"{folder}/ro")
    if size is not None and size < 1 << 53:
        out.size = size * 512
    if read_only is not None:
        out.read_only = read_only == 1
    for name in host.names(f"{folder}/slaves"):
        path = f"{_FOLDER}/{name}/device"
        address = (host.link(path) or "").rpartition("/")[2]
        out.paths.add(
            name=name,
            address=address if address.count(":") == 3 else "",
            device_state=host.line(f"{path}/state") or "",
        )
        out.vendor = out.vendor or host.line(f"{path}/vendor") or ""
        out.model = out.model or host.line(f"{path}/model") or ""
    return out


def collect(host: Host) -> Reading:
    """Read every map."""
    reading = Reading()
    found: dict[str, Multipath] = {}
    for device in host.names(_FOLDER):
        if device.startswith("dm-"):
            uuid = host.line(f"{_FOLDER}/{device}/dm/uuid") or ""
            if uuid.startswith(_PREFIX):
                multipath = read_map(host, device, uuid.removeprefix(_PREFIX))
                found.setdefault(multipath.name, multipath)
    reading.facts.storage.multipaths.extend(found[name] for name in sorted(found))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("storage.multipaths",),
    collect=collect,
    applies=lambda host: host.exists("/etc/multipath") or any(name.startswith("dm-") for name in host.names(_FOLDER)),
    events=frozenset({"device"}),
)
