"""Distribution and release. Source: os-release(5), /etc/debian_version, /etc/redhat-release and the like."""

from driftline_agent import distribution
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_PROGRAM = "/bin/sh"


def collect(host: Host) -> Reading:
    """Read os-release and the older files beside it."""
    text = host.read("/etc/os-release")
    if text is None:
        text = host.read("/usr/lib/os-release")
    files = {name: found for name in distribution.FILES if (found := host.read(name)) is not None}
    if text is None and not files:
        raise UnreadableError("/etc/os-release: neither it nor /usr/lib/os-release is there")
    reading = Reading()
    release = reading.facts.os.release
    release.CopyFrom(distribution.identify(distribution.parse_os_release(text or ""), files))
    try:
        release.architecture = distribution.parse_elf((host.read_bytes(_PROGRAM) or b"")[:64], release.family)
    except UnreadableError as error:
        reading.unreadable["os.release.architecture"] = str(error)
    return reading


TOPIC = Topic(
    revision=3,
    fills=("os.release",),
    collect=collect,
    of_files=True,
    watches=("/etc/os-release", *distribution.FILES),
)
