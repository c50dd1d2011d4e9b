"""Snaps that are installed. Source: /snap/NAME/current/meta/snap.yaml (snap.yaml(5) of snapd), and snapd itself.

What only snapd knows of them it tells every user on /run/snapd.socket (/v2/snaps of its REST API). It is asked only
where something changed.
"""

import re
from typing import Any

from driftline import late
from driftline.v1.facts_pb2 import Package
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.packages.kept import version_of
from driftline_agent.packages.times import seconds_of
from driftline_agent.topic import Reading, Topic

_FOLDER = "/snap"
_SOCKET = "/run/snapd.socket"
#: Which snaps there are, in which revision; everything else that snapd knows (closed, but its time is seen).
_SEQUENCE, _STATE = "/var/lib/snapd/sequence", "/var/lib/snapd/state.json"
#: A value of the top level, and the first of a list there.
_VALUE = late.pattern(
    r"^(name|version|architectures|confinement|license):[ \t]*(?:\n[ \t]*-[ \t]*|\[[ \t]*)?([^\n#,\]]*)", re.MULTILINE
)
_ASKED = ("channel", "confinement", "vendor", "size", "installed_at", "held")


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
        license=found.get("license", ""),
        # snap.yaml's documented default
        confinement=found.get("confinement") or "strict",
    )


def read_snap(host: Host, name: str) -> tuple[str | None, str]:
    """Return description and revision of a snap in use; of the newest while snapd exchanges it or it is disabled."""
    folder = f"{_FOLDER}/{name}"
    text, revision = host.read(f"{folder}/current/meta/snap.yaml"), host.link(f"{folder}/current") or ""
    revisions = sorted((entry for entry in host.names(folder) if entry.isdigit()), key=int) if text is None else []
    while text is None and revisions:
        revision = revisions.pop()
        text = host.read(f"{folder}/{revision}/meta/snap.yaml")
    return text, revision


def parse_snaps(answer: Any) -> dict[str, dict[str, Any]]:
    """Return what /v2/snaps tells of each snap in use, by name."""
    result = answer.get("result") if isinstance(answer, dict) else None
    entries = [one for one in result if isinstance(one, dict)] if isinstance(result, list) else []
    return {str(one.get("name")): one for one in entries if one.get("status") != "installed"}


def full_channel(channel: str) -> str:
    """Return a channel with its track: before 2.45 snapd left out `latest`, and old installations still do."""
    return f"latest/{channel}" if channel in ("stable", "candidate", "beta", "edge") else channel


def add(package: Package, told: dict[str, Any]) -> None:
    """Set what only snapd knows of a snap."""
    publisher = told.get("publisher")
    if isinstance(publisher, dict):
        package.vendor = str(publisher.get("display-name") or publisher.get("username") or "")
    package.channel = full_channel(str(told.get("tracking-channel") or told.get("channel") or ""))
    if isinstance(told.get("installed-size"), int) and told["installed-size"] >= 0:
        package.size = told["installed-size"]
    at = seconds_of(str(told.get("install-date", "")))
    if at is not None:
        package.installed_at = at
    if not package.license and isinstance(told.get("license"), str):
        package.license = told["license"]
    if told.get("hold"):
        package.held = True
    if told.get("devmode"):
        package.confinement = "devmode"
    elif told.get("jailmode"):
        package.confinement = "jailmode"


def _told(host: Host) -> dict[str, dict[str, Any]]:
    """Return what snapd tells; asked again only where it wrote something.

    :raises UnreadableError: where it does not answer.
    """
    from driftline_agent.packages import unixhttp

    version = version_of(host, _SEQUENCE, _STATE)
    kept = host.kept.get("snap")
    if kept is None or kept[0] != version:
        answer = unixhttp.get(host, _SOCKET, "/v2/snaps")
        if answer is None:
            raise UnreadableError(f"{_SOCKET}: not there, although there are snaps")
        kept = (version, parse_snaps(answer))
        host.kept["snap"] = kept
    told: dict[str, dict[str, Any]] = kept[1]
    return told


def collect(host: Host) -> Reading:
    """Read every snap that is installed."""
    reading = Reading()
    found: dict[tuple[str, str], Package] = {}
    names = [name for name in host.names(_FOLDER) if name not in ("bin", "README")]
    told: dict[str, dict[str, Any]] | None
    try:
        told = _told(host) if names else {}
    except UnreadableError as error:
        told = None
        reading.unreadable.update((f"software.packages[snap/*].{name}", str(error)) for name in _ASKED)
    for name in names:
        text, revision = read_snap(host, name)
        package = parse_snap_yaml(text) if text else None
        if package is not None:
            package.revision = revision
            if told is not None and package.name in told:
                add(package, told[package.name])
            else:  # snap.yaml does not tell how it was installed
                package.ClearField("confinement")
                if told is not None:
                    just = f"{_SOCKET}: nothing of {package.name}, it is being exchanged"
                    reading.unreadable.update(
                        (f"software.packages[snap/{package.name}/*].{name}", just) for name in _ASKED
                    )
            found[package.name, package.architecture] = package
    reading.facts.software.packages.extend(found[key] for key in sorted(found))
    return reading


TOPIC = Topic(
    revision=2,
    fills=("software.packages",),
    collect=collect,
    applies=lambda host: host.exists("/var/lib/snapd/snaps") and host.exists(_FOLDER),
    watches=(_SEQUENCE,),  # /snap itself holds whole systems
)
