"""Snaps that are installed. Source: /snap/NAME/current/meta/snap.yaml (snap.yaml(5) of snapd), without asking snapd."""

import re

from driftline.v1.facts_pb2 import Package
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/snap"
#: A value of the top level, and the first of a list there.
_VALUE = re.compile(r"^(name|version|architectures):[ \t]*(?:\n[ \t]*-[ \t]*|\[[ \t]*)?([^\n#,\]]*)", re.MULTILINE)


def parse_snap_yaml(text: str) -> Package | None:
    """Return the package that a snap's own description makes, or None where it has no name."""
    found = {name: value.strip().strip("'\"") for name, value in _VALUE.findall(text)}
    if not found.get("name"):
        return None
    return Package(
        manager="snap",
        name=found["name"],
        architecture=found.get("architectures") or "all",
        version=found.get("version", ""),
    )


def read_snap(host: Host, name: str) -> str | None:
    """Return the description of a snap's revision in use; of its newest while snapd exchanges it or it is disabled."""
    folder = f"{_FOLDER}/{name}"
    text = host.read(f"{folder}/current/meta/snap.yaml")
    revisions = sorted((entry for entry in host.names(folder) if entry.isdigit()), key=int) if text is None else []
    while text is None and revisions:
        text = host.read(f"{folder}/{revisions.pop()}/meta/snap.yaml")
    return text


def collect(host: Host) -> Reading:
    """Read every snap that is installed."""
    found: dict[tuple[str, str], Package] = {}
    for name in host.names(_FOLDER):
        text = read_snap(host, name) if name != "bin" else None
        package = parse_snap_yaml(text) if text else None
        if package is not None:
            found[package.name, package.architecture] = package
    reading = Reading()
    reading.facts.software.packages.extend(found[key] for key in sorted(found))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("software.packages",),
    collect=collect,
    applies=lambda host: host.exists("/var/lib/snapd/snaps") and host.exists(_FOLDER),
    watches=("/var/lib/snapd/sequence",),  # /snap itself holds whole systems
)
