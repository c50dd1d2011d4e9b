"""Local groups. Source: group(5), gshadow(5)."""

from collections.abc import Mapping

from driftline.paths import keyed
from driftline.v1.facts_pb2 import Group
from driftline_agent import raw
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.numbers import whole
from driftline_agent.reader import ageing
from driftline_agent.reader.protocol import GROUPS
from driftline_agent.reader.shadow import parse_status
from driftline_agent.topic import Reading, Topic

_GSHADOW = "/etc/gshadow"


def parse_group(text: str, shadow: Mapping[str, tuple[str, str]] | None = None) -> list[Group]:
    """Return the groups, sorted by name; the first of several lines with one name counts.

    :param shadow: status of the password and administrators by group, of gshadow(5); None where it is not known.
    """
    found: dict[str, Group] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) < 4 or not fields[0] or fields[0][0] in "+-#" or fields[0] in found:
            continue
        group = Group(name=fields[0], members=sorted({name for name in fields[3].split(",") if name}))
        gid = whole(fields[2], (1 << 32) - 1)
        if gid is not None:
            group.gid = gid
        if fields[1] != "x":
            group.password_status = parse_status(fields[1])
        elif shadow is not None and fields[0] in shadow:
            group.password_status, administrators = shadow[fields[0]]
            group.administrators.extend(sorted({name for name in administrators.split(",") if name}))
        found[fields[0]] = group
    return [found[name] for name in sorted(found)]


def read_shadow(host: Host) -> dict[str, tuple[str, str]]:
    """Return status and administrators by group.

    :raises UnreadableError: where nobody can read /etc/gshadow.
    """
    try:
        content = ageing.groups(host.read_bytes(_GSHADOW) or b"")
    except UnreadableError:
        asked = host.ask(GROUPS, _GSHADOW)
        if asked is None:
            raise
        content = asked
    lines = (line.split(":", 2) for line in content.decode("utf-8", "replace").splitlines())
    return {fields[0]: (fields[1], fields[2]) for fields in lines if len(fields) == 3}


def raw_lines(text: str, shadow: Mapping[str, tuple[str, str]]) -> dict[str, bytes]:
    """Return the line of each group by path, with what is known of the one of gshadow(5)."""
    out: dict[str, bytes] = {}
    for line in text.splitlines():
        name = line.partition(":")[0]
        if name and name[0] not in "+-#":
            closed = (part.encode() for part in shadow.get(name, ()))
            out.setdefault(keyed("accounts.groups", name), raw.mark(line.encode(), *closed))
    return out


def collect(host: Host) -> Reading:
    """Read /etc/group; without /etc/gshadow administrators are unreadable and the rest is not."""
    reading = Reading()
    text = host.read("/etc/group") or ""
    shadow: dict[str, tuple[str, str]] | None = None
    try:
        shadow = read_shadow(host)
    except UnreadableError as error:
        for name in ("administrators", "password_status"):
            reading.unreadable[f"accounts.groups[*].{name}"] = str(error)
    reading.facts.accounts.groups.extend(parse_group(text, shadow))
    if shadow is not None:
        reading.raw = lambda _: raw_lines(text, shadow)
    return reading


TOPIC = Topic(
    revision=2,
    fills=("accounts.groups",),
    collect=collect,
    applies=lambda host: host.exists("/etc/group"),
    watches=("/etc/group", _GSHADOW),
    watched_whole=True,
)
