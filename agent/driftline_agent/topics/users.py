"""Local users. Source: passwd(5), shadow(5).

Passwords are sealed before they leave the inventory, or, where the reader has read them, before they came here.
"""

from collections.abc import Mapping
from typing import NamedTuple

from driftline.v1.facts_pb2 import User
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.numbers import whole
from driftline_agent.reader.shadow import MISSING, parse_lines, parse_shadow, parse_status
from driftline_agent.topic import Reading, Topic


class Password(NamedTuple):
    """A password field: its value, in clear or as the reader's seal, and what kind it is."""

    value: str
    status: str


def clear(fields: Mapping[str, str]) -> dict[str, Password]:
    """Return the passwords of a shadow(5) file's fields."""
    return {user: Password(field, parse_status(field)) for user, field in fields.items()}


def read_passwords(host: Host, reading: Reading) -> dict[str, Password]:
    """Return the passwords by user, in clear where this process may read them, else sealed by the reader.

    :raises UnreadableError: where neither can read them.
    """
    try:
        return clear(parse_shadow(host.read("/etc/shadow") or ""))
    except UnreadableError:
        sealed = host.sealed_shadow()
        if sealed is None:
            raise
    found = {user: Password(seal, status) for user, (status, seal) in parse_lines(sealed).items()}
    reading.sealed.update(password.value for password in found.values())
    return found


_MAX_ID = (1 << 32) - 1


def parse_passwd(text: str, shadow: Mapping[str, Password] | None) -> list[User]:
    """Return the users, sorted by name; the first of several lines with one name counts, as getpwnam(3) has it.

    :param shadow: passwords by user, or None where they cannot be read. The one of the user without a name is for
        those who have none.
    """
    missing = (shadow or {}).get("", Password(MISSING, parse_status(MISSING)))
    found: dict[str, User] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) < 7 or not fields[0] or fields[0][0] in "+-#" or fields[0] in found:
            continue
        user = User(name=fields[0], comment=fields[4], home=fields[5], shell=fields[6])
        uid, gid = whole(fields[2], _MAX_ID), whole(fields[3], _MAX_ID)
        if uid is not None:
            user.uid = uid
        if gid is not None:
            user.gid = gid
        if fields[1] != "x":
            user.password, user.password_status = fields[1], parse_status(fields[1])
        elif shadow is not None:
            user.password, user.password_status = shadow.get(fields[0], missing)
        found[fields[0]] = user
    return [found[name] for name in sorted(found)]


def collect(host: Host) -> Reading:
    """Read the users; without /etc/shadow the passwords are unreadable and the rest is not."""
    reading = Reading()
    shadow: dict[str, Password] | None = None
    try:
        shadow = read_passwords(host, reading)
    except UnreadableError as error:
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
