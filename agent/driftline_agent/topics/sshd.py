"""What the SSH server is told, and whose signature it trusts. Source: sshd_config(5), as its files say it."""

import posixpath
from collections.abc import Iterable

from driftline.v1.facts_pb2 import SshSetting
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.keys import bounded
from driftline_agent.reader import public_keys, sshd
from driftline_agent.redact import redact
from driftline_agent.topic import Reading, Topic

#: Keywords whose lines add up; of all others the first line counts.
_ADDING = frozenset(
    [
        "port",
        "listenaddress",
        "hostkey",
        "hostcertificate",
        "acceptenv",
        "setenv",
        "allowusers",
        "denyusers",
        "allowgroups",
        "denygroups",
    ]
)
#: Of these each word is a value of its own, as sshd -T prints them.
_BY_WORD = frozenset(
    {
        "acceptenv",
        "setenv",
        "allowusers",
        "denyusers",
        "allowgroups",
        "denygroups",
    }
)
#: Names that are other names of the same (servconf.c).
_ALIASES = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "skeyauthentication": "kbdinteractiveauthentication",
    "dsaauthentication": "pubkeyauthentication",
    "hostdsakey": "hostkey",
    "hostbasedacceptedkeytypes": "hostbasedacceptedalgorithms",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
    "keepalive": "tcpkeepalive",
    "authorizedkeysfile2": "authorizedkeysfile",
}
#: Values that are commands, or may hold a secret.
_COMMANDS = frozenset({"forcecommand", "authorizedkeyscommand", "authorizedprincipalscommand", "setenv", "subsystem"})


def build(settings: Iterable[sshd.Setting]) -> list[SshSetting]:
    """Return the settings that count, sorted."""
    found: dict[tuple[str, str], list[str]] = {}
    for match, name, words in settings:
        name = _ALIASES.get(name, name)
        if name == "subsystem" and len(words) > 1:
            name, words = f"subsystem {words[0]}", words[1:]
        key = (bounded(match), bounded(name))
        values = words if name in _BY_WORD else [" ".join(words)]
        if name.partition(" ")[0] in _COMMANDS:
            values = [_variable(value) if name == "setenv" else redact(value) for value in values]
        if name in _ADDING:
            found.setdefault(key, []).extend(values)
        else:
            found.setdefault(key, values)
    out: list[SshSetting] = []
    for (match, name), values in sorted(found.items()):
        setting = SshSetting(match=match, name=name)
        setting.values.extend(bounded(value, 2000) for value in values[:500])
        out.append(setting)
    return out


def _variable(value: str) -> str:
    """Return a variable's name; its value may be anything."""
    return f"{value.partition('=')[0]}=[redacted]"


def names(host: Host, folder: str) -> list[str]:
    """Return the names in a folder, by the reader where it is closed."""
    return [entry[0] for entry in host.folder(folder)[0]]


def collect(host: Host) -> Reading:
    """Read the configuration with what it includes.

    :raises UnreadableError: where a part of it cannot be read: what counts is not known then.
    """
    reading = Reading()
    settings = sshd.Settings(host.read, lambda folder: names(host, folder)).of()
    server = reading.facts.services.ssh_server
    server.settings.extend(build(settings))
    files = {words[0] for _, name, words in settings if name == "trustedusercakeys" and words[0].lower() != "none"}
    found: dict[str, tuple[public_keys.Key, str]] = {}
    for file in sorted(files):
        path = posixpath.normpath(file)
        try:
            text = host.read(path) if path.startswith("/") else None
        except UnreadableError as error:
            reading.unreadable["services.ssh_server.user_authorities"] = str(error)
            continue
        for key in public_keys.parse(text or ""):
            found.setdefault(key.fingerprint, (key, path))
    for fingerprint in sorted(found):
        key, path = found[fingerprint]
        server.user_authorities.add(
            fingerprint=fingerprint, type=key.type, comment=bounded(key.comment), file=bounded(path, 500)
        )
    return reading


TOPIC = Topic(
    revision=1,
    fills=("services.ssh_server",),
    collect=collect,
    of_files=True,
    applies=lambda host: host.exists(sshd.CONFIG),
    watches=("/etc/ssh",),
)
