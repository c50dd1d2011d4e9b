"""Local groups. Source: group(5)."""

from driftline.v1.facts_pb2 import Group
from driftline_agent.host import Host
from driftline_agent.numbers import whole
from driftline_agent.topic import Reading, Topic


def parse_group(text: str) -> list[Group]:
    """Return the groups, sorted by name; the first of several lines with one name counts."""
    found: dict[str, Group] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) < 4 or not fields[0] or fields[0][0] in "+-#" or fields[0] in found:
            continue
        group = Group(name=fields[0], members=sorted({name for name in fields[3].split(",") if name}))
        gid = whole(fields[2], (1 << 32) - 1)
        if gid is not None:
            group.gid = gid
        found[fields[0]] = group
    return [found[name] for name in sorted(found)]


def collect(host: Host) -> Reading:
    """Read /etc/group."""
    reading = Reading()
    reading.facts.accounts.groups.extend(parse_group(host.read("/etc/group") or ""))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("accounts.groups",),
    collect=collect,
    applies=lambda host: host.exists("/etc/group"),
    watches=("/etc/group",),
    watched_whole=True,
)
