"""What holds for all accounts. Source: shells(5), login.defs(5), useradd(8), adduser.conf(5)."""

from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.keys import bounded
from driftline_agent.topic import Reading, Topic

#: Name among the facts, file, and whether its lines are NAME=VALUE.
_FILES = (
    ("adduser.conf", "/etc/adduser.conf", True),
    ("login.defs", "/etc/login.defs", False),
    ("useradd", "/etc/default/useradd", True),
)
_MAX_SETTINGS, _MAX_TEXT = 500, 1 << 20


def parse_settings(text: str, equals: bool) -> dict[str, str]:
    """Return the settings of a file by name; the last line with a name counts.

    :param equals: lines are NAME=VALUE, else NAME and VALUE.
    """
    out: dict[str, str] = {}
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] == "#":
            continue
        name, value = line.partition("=")[::2] if equals else (*line.split(None, 1), "")[:2]
        name, value = name.strip(), value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if name:
            out[name] = value
    return out


def parse_shells(text: str) -> list[str]:
    """Return the shells, sorted."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return sorted({bounded(line, 500) for line in lines if line})


def collect(host: Host) -> Reading:
    """Read the files that are there."""
    reading = Reading()
    policy = reading.facts.accounts.policy
    try:
        policy.shells.extend(parse_shells((host.read("/etc/shells") or "")[:_MAX_TEXT]))
    except UnreadableError as error:
        reading.unreadable["accounts.policy.shells"] = str(error)
    for name, path, equals in _FILES:
        try:
            found = parse_settings((host.read(path) or "")[:_MAX_TEXT], equals)
        except UnreadableError as error:
            reading.unreadable[f"accounts.policy.settings[{name}/*]"] = str(error)
            continue
        for setting in sorted(found)[:_MAX_SETTINGS]:
            policy.settings.add(file=name, name=bounded(setting), value=bounded(found[setting], 2000))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("accounts.policy",),
    collect=collect,
    of_files=True,
    applies=lambda host: host.exists("/etc/shells") or any(host.exists(path) for _, path, _ in _FILES),
    watches=("/etc/shells", *(path for _, path, _ in _FILES)),
    watched_whole=True,
)
