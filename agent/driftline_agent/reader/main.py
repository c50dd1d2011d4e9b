"""The reader's command line.

``driftline-agent-reader --user NAME --key FILE [--topic NAME]... [--files-root FOLDER]...
[--text PATTERN]... [--idle SECONDS]``

It serves the socket that it was started with: systemd's (sd_listen_fds(3)), or with ``--pair FD`` one end of a
socketpair whose other end the agent has. Exit codes: 0 nobody asks any more; 1 it cannot start; 2 wrong use.
"""

import os
import pwd
import socket
import sys
from collections.abc import Sequence

from driftline_agent.reader.allowed import FILES_ROOTS, TOPICS, parts_of
from driftline_agent.reader.server import PATIENCE_S, Server

DEFAULT_KEY = "/var/lib/driftline-agent-reader/seal.key"
#: Number of the first descriptor that systemd hands over.
_LISTEN_FDS_START = 3
_OPTIONS = ("--user", "--key", "--topic", "--files-root", "--text", "--idle", "--pair", "--root")


def _parse(arguments: Sequence[str]) -> dict[str, list[str]]:
    # argparse would double what this process imports
    out: dict[str, list[str]] = {name: [] for name in _OPTIONS}
    if len(arguments) % 2:
        raise ValueError(f"each option has a value; there are {', '.join(_OPTIONS)}")
    for name, value in zip(arguments[::2], arguments[1::2], strict=True):
        if name not in out:
            raise ValueError(f"there is no option {name}; there are {', '.join(_OPTIONS)}")
        out[name].append(value)
    for topic in out["--topic"]:
        if topic not in TOPICS:
            raise ValueError(f"--topic {topic}: nothing to read for it; there are {', '.join(TOPICS)}")
    for folder in out["--files-root"]:
        if not parts_of(folder):
            raise ValueError(f"--files-root {folder}: not the plain, absolute path of a folder; write it like /etc")
    return out


def _user(names: list[str]) -> int:
    if not names:
        raise ValueError("--user: not given; name the user that the agent runs as")
    try:
        return pwd.getpwnam(names[-1]).pw_uid
    except KeyError:
        raise ValueError(f"--user {names[-1]}: no such user") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, and return the exit code."""
    try:
        options = _parse(sys.argv[1:] if arguments is None else arguments)
        topics = frozenset(options["--topic"] or TOPICS)
        idle_s = float(options["--idle"][-1]) if options["--idle"] else None
        pair = int(options["--pair"][-1]) if options["--pair"] else None
        user = None if pair is not None else _user(options["--user"])
        key, roots = (options["--key"] or [DEFAULT_KEY])[-1], tuple(options["--files-root"]) or FILES_ROOTS
        server = Server((options["--root"] or ["/"])[-1], topics, key, roots, tuple(options["--text"]))
        if pair is not None:
            # Nobody else can have the other end; it was made before the agent became the user that it is.
            connection = socket.socket(fileno=pair)
            connection.settimeout(PATIENCE_S)
            server.run(None, None, idle_s, connection)
            return 0
        if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
            raise ValueError("no socket; it is started by systemd's socket unit or by driftline-agent run")
        listener = socket.socket(fileno=_LISTEN_FDS_START)
        os.set_inheritable(_LISTEN_FDS_START, False)
        listener.setblocking(False)
        server.run(listener, user, idle_s)
    except ValueError as error:
        print(f"driftline-agent-reader: {error}", file=sys.stderr)  # noqa: T201  # the command line's answer
        return 2
    except OSError as error:
        print(f"driftline-agent-reader: {error}", file=sys.stderr)  # noqa: T201  # the command line's answer
        return 1
    return 0
