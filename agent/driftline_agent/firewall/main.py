"""The command line of the process that may see the packet filter's rules.

``driftline-agent-firewall --user NAME [--idle SECONDS]``

It serves the socket that it was started with: systemd's (sd_listen_fds(3)), or with ``--pair FD,FD`` ends of
socketpairs whose other ends the agent has. Exit codes: 0 nobody asks any more; 1 it cannot start; 2 wrong use.
"""

import os
import pwd
import select
import socket
import sys
import time
from collections.abc import Sequence

from driftline_agent.firewall import ask
from driftline_agent.firewall.protocol import GENERATION, MAX_RULES, OPERATIONS, RULES, WATCH, pack
from driftline_agent.reader.protocol import ANSWER, DONE, FAILED, REQUEST
from driftline_agent.reader.server import PATIENCE_S, accept, exactly

_LISTEN_FDS_START = 3
_OPTIONS = ("--user", "--idle", "--pair")
#: While someone watches, what gives no news by itself (the older packet filter, ipset) is looked at so often.
LOOK_S = 30.0
#: Between two bytes to who watches.
PAUSE_S = 1.0


class Server:
    """Answers one after the other, until nobody asks any more."""

    def __init__(self) -> None:
        self._watching: dict[int, socket.socket] = {}
        self._news: socket.socket | None = None
        self._older = b""
        self._looked = self._told = 0.0

    def _answer(self, operation: int) -> tuple[int, bytes]:
        if operation == RULES:
            content = b"".join(map(pack, ask.rules()))
            return (DONE, content) if len(content) <= MAX_RULES else (FAILED, b"27")  # EFBIG
        return DONE, ask.generation() if operation == GENERATION else b""

    def _serve(self, connection: socket.socket) -> bool:
        """Answer one request; tell whether the connection may stay. A malformed one ends it, any of a watcher too."""
        try:
            head = exactly(connection, REQUEST.size)
            if head is None or connection.fileno() in self._watching:
                return False
            operation, length = REQUEST.unpack(head)
            if operation not in OPERATIONS or length:
                return False
            status, content = self._answer(operation)
            connection.sendall(ANSWER.pack(status, len(content)) + content)
        except OSError:
            return False
        if operation == WATCH:
            self._watching[connection.fileno()] = connection
            self._looked, self._older = time.monotonic(), ask.generation()
        return True

    def _changed(self, ready: bool) -> bool:
        """Tell whether rules have changed since it was asked last."""
        changed = ready and self._news is not None and ask.drain(self._news)
        if time.monotonic() - self._looked >= LOOK_S:
            generation = ask.generation()
            changed = changed or generation != self._older
            self._older, self._looked = generation, time.monotonic()
        return changed

    def _tell(self) -> None:
        for number, connection in list(self._watching.items()):
            try:
                connection.send(b"c", socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass  # there are bytes that it has not taken: it knows
            except OSError:
                del self._watching[number]
        self._told = time.monotonic()

    def run(
        self, listener: socket.socket | None, user: int | None, idle_s: float | None, *given: socket.socket
    ) -> None:
        """Serve until nobody has asked for `idle_s` seconds and nobody watches, or the last connection ended.

        :param user: the only user who may connect to the listener.
        """
        connections = {connection.fileno(): connection for connection in given}
        while listener or connections:
            if self._watching and self._news is None:
                self._news = ask.news()
            if not self._watching and self._news is not None:
                self._news.close()
                self._news = None
            poll = select.poll()
            for number in (*connections, *([listener.fileno()] if listener else [])):
                poll.register(number, select.POLLIN)
            paused = time.monotonic() - self._told < PAUSE_S
            if self._news is not None and not paused:
                poll.register(self._news.fileno(), select.POLLIN)
            wait_s = (PAUSE_S if paused else LOOK_S) if self._watching else idle_s
            ready = {number for number, _ in poll.poll(None if wait_s is None else wait_s * 1000)}
            if not ready and not self._watching:
                break
            news = self._news.fileno() if self._news is not None else -1
            if self._watching and self._changed(news in ready):
                self._tell()
            for number in ready - {news}:
                if listener is not None and number == listener.fileno():
                    accepted = accept(listener, user, len(connections))
                    if accepted is not None:
                        connections[accepted.fileno()] = accepted
                elif not self._serve(connections[number]):
                    self._watching.pop(number, None)
                    connections.pop(number).close()


def _parse(arguments: Sequence[str]) -> dict[str, str]:
    if len(arguments) % 2:
        raise ValueError(f"each option has a value; there are {', '.join(_OPTIONS)}")
    out = dict(zip(arguments[::2], arguments[1::2], strict=True))
    for name in out:
        if name not in _OPTIONS:
            raise ValueError(f"there is no option {name}; there are {', '.join(_OPTIONS)}")
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, and return the exit code."""
    try:
        options = _parse(sys.argv[1:] if arguments is None else arguments)
        idle_s = float(options["--idle"]) if "--idle" in options else None
        if "--pair" in options:
            given = [socket.socket(fileno=int(number)) for number in options["--pair"].split(",")]
            for connection in given:
                connection.settimeout(PATIENCE_S)
            Server().run(None, None, idle_s, *given)
            return 0
        if "--user" not in options:
            raise ValueError("--user: not given; name the user that the agent runs as")
        try:
            user = pwd.getpwnam(options["--user"]).pw_uid
        except KeyError:
            raise ValueError(f"--user {options['--user']}: no such user") from None
        if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
            raise ValueError("no socket; it is started by systemd's socket unit or by driftline-agent run")
        listener = socket.socket(fileno=_LISTEN_FDS_START)
        os.set_inheritable(_LISTEN_FDS_START, False)
        listener.setblocking(False)
        Server().run(listener, user, idle_s)
    except ValueError as error:
        print(f"driftline-agent-firewall: {error}", file=sys.stderr)  # noqa: T201  # the command line's answer
        return 2
    except OSError as error:
        print(f"driftline-agent-firewall: {error}", file=sys.stderr)  # noqa: T201  # the command line's answer
        return 1
    return 0
