"""Applications and runtimes of the system's flatpak installation. Source: /var/lib/flatpak/{app,runtime}.

Each has a folder NAME/ARCHITECTURE/BRANCH with a link `active` to its commit, whose file `deploy` is a GVariant
(ssasta{sv}): remote, commit, parts, size, and what the application says of itself (flatpak's flatpak-dir.c).
What users install for themselves is theirs, and left out.
"""

import struct

from driftline import late
from driftline.v1.facts_pb2 import Package
from driftline_agent.host import Host
from driftline_agent.packages.kept import kept, unique, version_of
from driftline_agent.topic import Reading, Topic

_ROOT = "/var/lib/flatpak"
#: flatpak touches it after each change.
_CHANGED = f"{_ROOT}/.changed"
_KINDS = ("app", "runtime")
_TEXT = late.pattern(rb"\0(appdata-version|appdata-license)\0+([^\0]{1,200})\0\0s")
_MAX_DEPLOY = 1 << 20


def parse_deploy(data: bytes) -> tuple[str, str, int | None, dict[str, str]]:
    """Return remote, commit, size in bytes, and version and license as far as they are there.

    :raises ValueError: where it is no such file.
    """
    width = 1 if len(data) <= 0xFF else 2 if len(data) <= 0xFFFF else 4
    if not 3 * width < len(data) <= _MAX_DEPLOY:
        raise ValueError("deploy file is truncated")
    # Ends of the members of varying size stand at the end, the first one's last.
    ends = [int.from_bytes(data[len(data) - width * n : len(data) - width * (n - 1)], "little") for n in (1, 2, 3)]
    if not 0 < ends[0] < ends[1] <= ends[2] <= len(data):
        raise ValueError("deploy file is damaged")
    remote, commit = data[: ends[0] - 1], data[ends[0] : ends[1] - 1]
    place = (ends[2] + 7) & ~7
    size = struct.unpack_from(">Q", data, place)[0] if place + 8 <= len(data) else 0
    said = {name.decode(): value.decode("utf-8", "replace") for name, value in _TEXT.findall(data)}
    return remote.decode("utf-8", "replace"), commit.decode("ascii", "replace"), size if size < 1 << 60 else None, said


def build(name: str, architecture: str, branch: str, data: bytes) -> Package:
    """Return the package of a deployment; what cannot be read of it is absent."""
    out = Package(manager="flatpak", name=name, architecture=f"{architecture}@{branch}", channel=branch)
    try:
        remote, commit, size, said = parse_deploy(data)
    except ValueError:
        return out
    out.origin, out.revision, out.size = remote, commit, size or 0
    if not size:
        out.ClearField("size")
    out.version = said.get("appdata-version", "")
    out.license = said.get("appdata-license", "")
    return out


def _read(host: Host) -> list[Package]:
    out: list[Package] = []
    for kind in _KINDS:
        for name in host.names(f"{_ROOT}/{kind}"):
            for architecture in host.names(f"{_ROOT}/{kind}/{name}"):
                if architecture == "current":
                    continue  # a link to the branch that is started
                for branch in host.names(f"{_ROOT}/{kind}/{name}/{architecture}"):
                    folder = f"{_ROOT}/{kind}/{name}/{architecture}/{branch}/active"
                    deploy = host.read_bytes(f"{folder}/deploy")
                    if deploy is None:
                        continue
                    package = build(name, architecture, branch, deploy)
                    found = host.stat(f"{folder}/deploy")
                    if found is not None:
                        package.installed_at = int(found.st_mtime)
                    out.append(package)
    return unique(out)


def collect(host: Host) -> Reading:
    """Read every deployment in use."""
    version = version_of(host, _CHANGED, *(f"{_ROOT}/{kind}" for kind in _KINDS))
    reading = Reading()
    reading.facts.software.MergeFrom(kept(host, "flatpak", version, lambda: _read(host)))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("software.packages",),
    collect=collect,
    applies=lambda host: any(host.exists(f"{_ROOT}/{kind}") for kind in _KINDS),
    watches=(_ROOT,),
)
