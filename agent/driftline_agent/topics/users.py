"""Local users. Source: passwd(5), shadow(5). Passwords are sealed before they leave the inventory."""

from collections.abc import Mapping

from driftline.v1.facts_pb2 import User
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic


def parse_shadow(text: str) -> dict[str, str]:
    """Return the password fields of a shadow(5) file, by user."""
    out: dict[str, str] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 2 and fields[0]:
            out.setdefault(fields[0], fields[1])
    return out


def parse_status(field: str) -> str:
    """Return what kind of password field this is: none, locked or set."""
    if not field:
        return "none"
    return "locked" if field[0] in "!*" else "set"


def parse_passwd(text: str, shadow: Mapping[str, str] | None) -> list[User]:
    """Return the users, sorted by name; the first of several lines with one name counts, as getpwnam(3) has it.

    :param shadow: password fields by user, or None where they cannot be read.
    """
    found: dict[str, User] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) < 7 or not fields[0] or fields[0][0] in "+-#" or fields[0] in found:
            continue
        user = User(name=fields[0], comment=fields[4], home=fields[5], shell=fields[6])
        if fields[2].isdigit():
            user.uid = int(fields[2])
        if fields[3].isdigit():
            user.gid = int(fields[3])
        password = fields[1]
        if password == "x":  # noqa: S105  # the mark for "nothing matches"
            password = "" if shadow is None else shadow.get(fields[0], "*")
        if fields[1] != "x" or shadow is not None:
            user.password = password
            user.password_status = parse_status(password)
        found[fields[0]] = user
    return [found[name] for name in sorted(found)]


def collect(host: Host) -> Reading:
    """Read the users; without /etc/shadow the passwords are unreadable and the rest is not."""
    reading = Reading()
    shadow: dict[str, str] | None = {}
    try:
        shadow = parse_shadow(host.read("/etc/shadow") or "")
    except UnreadableError as error:
        shadow = None
        for name in ("password", "password_status"):
            reading.unreadable[f"accounts.users[*].{name}"] = str(error)
    reading.facts.accounts.users.extend(parse_passwd(host.read("/etc/passwd") or "", shadow))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("accounts.users",),
    collect=collect,
    applies=lambda host: host.exists("/etc/passwd"),
    watches=("/etc/passwd", "/etc/shadow"),
    watched_whole=True,
)
