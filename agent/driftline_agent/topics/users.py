"""Local users, and how old their passwords may get. Source: passwd(5), shadow(5).

Passwords are sealed before they leave the inventory, or, where the reader has read them, before they came here.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from driftline.paths import keyed
from driftline.v1.facts_pb2 import User
from driftline_agent import raw
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.numbers import whole
from driftline_agent.reader import ageing
from driftline_agent.reader.protocol import AGEING, SHADOW
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
        sealed = host.ask(SHADOW, "/etc/shadow")
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


#: Fields of shadow(5) in days, in order; between the day of the last change and that of the account's end.
_DAYS = ("password_min_days", "password_max_days", "password_warn_days", "password_inactive_days")
_AGEING = ("password_method", "password_changed_on", "password_must_change", *_DAYS, "expires_on")


def parse_day(text: str) -> str:
    """Return the day that is so many days after 1970-01-01; empty where there is none, or none that a calendar has."""
    try:
        return date.fromordinal(date(1970, 1, 1).toordinal() + int(text)).isoformat()
    except (ValueError, OverflowError):
        return ""


def add_ageing(users: list[User], content: bytes) -> None:
    """Add to users what :func:`driftline_agent.reader.ageing.users` says of them."""
    said = {line.split(":")[0]: line.split(":")[1:] for line in content.decode("utf-8", "replace").splitlines()}
    for user in users:
        fields = said.get(user.name, ())
        if len(fields) < 7 or not user.password_status:
            continue
        user.password_method = fields[0]
        if fields[1] == "0":
            user.password_must_change = True
        else:
            user.password_changed_on = parse_day(fields[1])
        for name, text in zip(_DAYS, fields[2:6], strict=True):
            if text and len(text) < 10:
                setattr(user, name, int(text))
        user.expires_on = parse_day(fields[6])


def read_ageing(host: Host) -> bytes:
    """Return what /etc/shadow says besides secrets.

    :raises UnreadableError: where nobody can read it.
    """
    try:
        return ageing.users(host.read_bytes("/etc/shadow") or b"")
    except UnreadableError:
        found = host.ask(AGEING, "/etc/shadow")
        if found is None:
            raise
        return found


def raw_lines(passwd: str, shadow: Mapping[str, Password], aged: bytes) -> dict[str, bytes]:
    """Return the lines of each user, by path: of passwd(5), and what is known of the one of shadow(5)."""
    ages = {line.partition(b":")[0].decode("utf-8", "replace"): line for line in aged.splitlines()}
    out: dict[str, bytes] = {}
    for line in passwd.splitlines():
        name = line.partition(":")[0]
        if name and name[0] not in "+-#":
            password = shadow.get(name, Password("", "")).value.encode()
            out.setdefault(keyed("accounts.users", name), raw.mark(line.encode(), password, ages.get(name, b"")))
    return out


def collect(host: Host) -> Reading:
    """Read the users; without /etc/shadow the passwords are unreadable and the rest is not."""
    reading = Reading()
    shadow: dict[str, Password] | None = None
    aged = b""
    try:
        shadow = read_passwords(host, reading)
        aged = read_ageing(host)
    except UnreadableError as error:
        for name in ("password", "password_status", *_AGEING):
            reading.unreadable[f"accounts.users[*].{name}"] = str(error)
    passwd = host.read("/etc/passwd") or ""
    users = parse_passwd(passwd, shadow)
    add_ageing(users, aged)
    reading.facts.accounts.users.extend(users)
    if shadow is not None:
        reading.raw = lambda _: raw_lines(passwd, shadow, aged)
    return reading


TOPIC = Topic(
    revision=2,
    fills=("accounts.users",),
    collect=collect,
    applies=lambda host: host.exists("/etc/passwd"),
    watches=("/etc/passwd", "/etc/shadow"),
    watched_whole=True,
)
