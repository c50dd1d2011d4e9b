"""Distribution and release. Source: os-release(5), /etc/debian_version."""

import re
import shlex

from driftline.v1.facts_pb2 import Release
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_POINT_RELEASE = re.compile(r"\d+(\.\d+)*")


#: What shlex gets of one value: the time that it takes grows with the square.
_LONGEST = 4_096


def parse_os_release(text: str) -> dict[str, str]:
    """Return the assignments of an os-release file; a line that is none is skipped."""
    out: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            out[name] = "".join(shlex.split(value[:_LONGEST], posix=True)[:1])
        except ValueError:
            out[name] = value[:_LONGEST].strip("\"'")
    return out


def build_release(os_release: dict[str, str], debian_version: str | None) -> Release:
    """Return the release; Debian's own file knows the point release that os-release does not name."""
    version = os_release.get("VERSION_ID", "")
    if (
        os_release.get("ID") == "debian"
        and debian_version
        and _POINT_RELEASE.fullmatch(debian_version)
        and (not version or debian_version.split(".")[0] == version)
    ):
        version = debian_version
    return Release(
        id=os_release.get("ID", "linux"),
        name=os_release.get("NAME", ""),
        version=version,
        codename=os_release.get("VERSION_CODENAME", ""),
        like=os_release.get("ID_LIKE", "").split(),
        description=os_release.get("PRETTY_NAME", ""),
    )


def collect(host: Host) -> Reading:
    """Read /etc/os-release, or /usr/lib/os-release where that is absent."""
    text = host.read("/etc/os-release")
    if text is None:
        text = host.read("/usr/lib/os-release")
    if text is None:
        raise UnreadableError("/etc/os-release: neither it nor /usr/lib/os-release is there")
    reading = Reading()
    release = build_release(parse_os_release(text), host.line("/etc/debian_version"))
    reading.facts.os.release.CopyFrom(release)
    return reading


TOPIC = Topic(revision=1, fills=("os.release",), collect=collect, watches=("/etc/os-release", "/etc/debian_version"))
