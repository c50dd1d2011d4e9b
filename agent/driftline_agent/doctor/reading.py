"""What the agent can read of this host, as the user that it runs as, and what not and why."""

import json
import os
import pwd
from collections.abc import Iterator

from driftline.v1.collector_pb2 import ABSENT, UNREADABLE
from driftline_agent import inventory
from driftline_agent.config import Config
from driftline_agent.doctor.finding import BAD, GOOD, NOTE, Finding
from driftline_agent.errors import AgentError
from driftline_agent.firewall.client import Firewall
from driftline_agent.host import Host
from driftline_agent.reader.client import Reader
from driftline_agent.reader.protocol import SHADOW

#: Whom the package's systemd unit runs the agent as.
_USER = "driftline-agent"
_READER = "systemctl enable --now driftline-agent-reader.socket; or set user in agent.toml and start the agent as root"


def topics(config: Config) -> Iterator[Finding]:
    """Read every topic once, in a child that becomes the agent's user where this is root."""
    if os.geteuid():
        yield from _read(config, Reader(str(config.reader), roots=config.files_roots), Firewall())
        return
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        try:
            found = list(_as_agent(config))
        except BaseException as error:  # whatever it is, the parent says it
            found = [Finding(BAD, "reading", str(error) or type(error).__name__, "run the doctor as the agent's user")]
        with os.fdopen(sending, "w") as pipe:
            json.dump([[each.level, each.subject, each.says, each.mend] for each in found], pipe)
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    for level, subject, says, mend in json.loads(said or "[]"):
        yield Finding(level, subject, says, mend)


def _as_agent(config: Config) -> Iterator[Finding]:
    """Become the user that the agent runs as, then read."""
    if config.user is not None:
        from driftline_agent import privileges

        yield from _read(config, *privileges.split(config, config.user))
        return
    user, group = _owner(config)
    if user == 0:
        yield Finding(
            NOTE,
            "user",
            "the agent runs as root",
            "let it run by its systemd unit, or set user: then what talks to the network has no rights",
        )
    else:
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    yield from _read(config, Reader(str(config.reader), roots=config.files_roots), Firewall())


def _owner(config: Config) -> tuple[int, int]:
    """Return the user and group that the agent runs as: the state folder's, or before there is one, the package's."""
    try:
        found = config.state.stat()
    except FileNotFoundError:
        try:
            account = pwd.getpwnam(_USER)
        except KeyError:
            return 0, 0
        return account.pw_uid, account.pw_gid
    return found.st_uid, found.st_gid


def _read(config: Config, reader: Reader, firewall: Firewall | None) -> Iterator[Finding]:
    if os.geteuid():
        try:
            answered = reader.ask(SHADOW, "/etc/shadow") is not None
        except OSError:
            answered = True  # it looked, and the file is not there
        if answered:
            yield Finding(GOOD, "reader", "answers")
        else:
            yield Finding(NOTE, "reader", "no answer: what only root may read is left out", _READER)
    host = Host(
        readable=config.readable_roots,
        reader=reader,
        watchlist=config.watchlist,
        choices=config.choices,
        firewall=firewall,
    )
    read = absent = 0
    try:
        chosen = inventory.settled(inventory.select(config.topics), host)
    except AgentError as error:
        yield Finding(BAD, "topics", str(error), "mend the setting topics")
        return
    list(inventory.take(host, bytes(32), chosen))  # some tell all only at the second reading
    for result in inventory.take(host, bytes(32), chosen):
        if result.outcome == UNREADABLE:
            mend = "look again in a minute" if result.busy else _mend(result.section.reason)
            yield Finding(NOTE, f"topic {result.name}", result.section.reason, mend)
        elif result.section.unreadable:
            named = ", ".join(result.section.unreadable[:3])
            more = len(result.section.unreadable) - 3
            says = f"{result.section.reason} (so no {named}{f' and {more} more' if more > 0 else ''})"
            yield Finding(NOTE, f"topic {result.name}", says, _mend(result.section.reason))
        elif result.outcome == ABSENT:
            absent += 1
        else:
            read += 1
    yield Finding(GOOD, "topics", f"{read} read whole, {absent} do not apply to this host")
    if config.devices is not None:  # as this user too: what it cannot read, the agent cannot
        from driftline_agent.doctor.devices import devices

        yield from devices(config.devices)


def _mend(reason: str) -> str:
    if "readable_roots" in reason:
        return "add the folder to readable_roots, if the agent shall read it"
    if "permission denied" in reason or "operation not permitted" in reason:
        return "only root may read it, and the reader does not: see docs/agent.md, who may read what"
    return ""
