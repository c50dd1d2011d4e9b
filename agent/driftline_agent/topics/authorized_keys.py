"""The keys that open accounts over SSH. Source: authorized_keys of sshd(8), sshd_config(5) AuthorizedKeysFile.

Homes are closed to the agent's user: the reader looks, and tells of public keys only.
"""

import os
from collections.abc import Iterable

from driftline.v1.facts_pb2 import AuthorizedKey
from driftline_agent.host import Host
from driftline_agent.keys import bounded, pattern_below
from driftline_agent.reader import homes
from driftline_agent.reader.protocol import KEYS
from driftline_agent.topic import Reading, Topic

_PASSWD = "/etc/passwd"  # noqa: S105  # no password
#: Users that are named one by one; the CMDB takes a hundred patterns of a section.
_MAX_NAMED = 80
_ALL = "accounts.authorized_keys"


def build(lines: Iterable[homes.Line], reading: Reading) -> None:
    """Put what was found into a reading."""
    found: dict[tuple[str, str, str], AuthorizedKey] = {}
    closed: dict[str, str] = {}
    for line in lines:
        if line[0] == "U" and len(line) >= 4:
            pattern = pattern_below(_ALL, bounded(line[1])) if line[1] else _ALL
            closed.setdefault(pattern, f"{line[2]}: {line[3]}")
        elif line[0] == "K" and len(line) >= 7:
            user, file, kind, fingerprint, bits, comment = line[1:7]
            key = AuthorizedKey(user=bounded(user), fingerprint=fingerprint, file=bounded(file, 500), type=kind)
            if bits.isdigit() and bits != "0":
                key.bits = int(bits)
            key.comment = bounded(comment)
            key.options.extend(sorted({bounded(option, 2000) for option in line[7:]}))
            found.setdefault((key.user, key.fingerprint, key.file), key)
    if len(closed) > _MAX_NAMED:
        closed = {_ALL: f"{next(iter(closed.values()))}; and {len(closed) - 1} more"}
    reading.unreadable.update(closed)
    reading.facts.accounts.authorized_keys.extend(found[key] for key in sorted(found))


def collect(host: Host) -> Reading:
    """Ask the reader, or look into the homes as far as this process may.

    :raises UnreadableError: where /etc/passwd cannot be read.
    """
    reading = Reading()
    place = host.real(_PASSWD)
    content = host.ask(KEYS, _PASSWD) if os.geteuid() else None
    if content is not None:
        build(homes.unpack(content), reading)
        return reading
    root = os.open(place.removesuffix(_PASSWD) or "/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        build(homes.read_all(root, host.read, host.names, host.real), reading)
    finally:
        os.close(root)
    return reading


TOPIC = Topic(
    revision=1,
    fills=("accounts.authorized_keys",),
    collect=collect,
    applies=lambda host: host.exists(_PASSWD),
    watches=(_PASSWD, "/etc/ssh", "/root/.ssh"),
)
