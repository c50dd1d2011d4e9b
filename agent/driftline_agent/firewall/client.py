"""The agent's side: asks for the packet filter's rules where there is somebody to ask."""

import errno
import os
import select
import socket
import threading
import time

from driftline_agent.errors import UnreadableError
from driftline_agent.firewall.protocol import GENERATION, MAX_RULES, RULES, WATCH, Said, unpack
from driftline_agent.reader.client import exactly
from driftline_agent.reader.protocol import ANSWER, DONE, REQUEST

#: Where systemd's socket unit puts it.
DEFAULT_SOCKET = "/run/driftline-agent/firewall.sock"
#: The programs that it runs have ten seconds each.
_TIMEOUT_S = 45.0
_PAUSE_S = 60.0


class Firewall:
    """Asks; safe for several threads.

    :param path: of the socket that it listens at.
    :param connected: ends of two socketpairs instead, whose other ends it has: for questions, and for watching.
    """

    def __init__(
        self, path: str = DEFAULT_SOCKET, connected: tuple[socket.socket, socket.socket] | None = None
    ) -> None:
        self._path, self._pair = path, connected is not None
        self._connection: socket.socket | None = connected[0] if connected else None
        self._to_watch: socket.socket | None = connected[1] if connected else None
        self._lock = threading.Lock()
        self._paused_until = 0.0
        if self._connection is not None:
            self._connection.settimeout(_TIMEOUT_S)

    def rules(self) -> list[Said] | None:
        """Return what the programs print, or None where there is nobody to ask.

        :raises UnreadableError: it answered, and not with rules.
        """
        content = self._ask(RULES)
        if content is None:
            return None
        try:
            return list(unpack(content))
        except ValueError as error:
            raise UnreadableError(str(error)) from error

    def generation(self) -> bytes | None:
        """Return a digest that is another one whenever rules have changed, or None where there is nobody to ask."""
        return self._ask(GENERATION)

    def watch(self) -> socket.socket | None:
        """Return a socket that becomes readable whenever rules have changed, a byte a change; None where nobody tells.

        Read the bytes, then ask for the topic ``firewall`` again. It ends (reads as empty) with the process at the
        other side; then call this again after a while.
        """
        if self._pair:
            connection, self._to_watch = self._to_watch, None
            if connection is None:
                return None
        else:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            connection.settimeout(_TIMEOUT_S)
            if not self._pair:
                connection.connect(self._path)
            if self._talk(connection, WATCH) is None:
                raise ConnectionError("not answered")
        except (OSError, ValueError):
            connection.close()
            return None
        connection.setblocking(False)
        return connection

    def close(self) -> None:
        """End the connection; the next question makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, operation: int) -> bytes | None:
        with self._lock:
            if time.monotonic() < self._paused_until:
                return None
            for last in (False, True):
                try:
                    return self._talk(self._connected(), operation)
                except (OSError, ValueError):
                    # It ends when nobody asks for a while, and systemd starts another one.
                    self.close()
                    if last or self._pair:
                        self._paused_until = time.monotonic() + _PAUSE_S
                        return None
        return None

    def _connected(self) -> socket.socket:
        if self._connection is None:
            if self._pair:
                raise ConnectionError("the firewall's process has ended")
            self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            self._connection.settimeout(_TIMEOUT_S)
            self._connection.connect(self._path)
        return self._connection

    @staticmethod
    def _talk(connection: socket.socket, operation: int) -> bytes | None:
        connection.sendall(REQUEST.pack(operation, 0))
        status, length = ANSWER.unpack(exactly(connection, ANSWER.size))
        if length > MAX_RULES:
            raise ValueError(f"the firewall's answer has {length} bytes")
        content = exactly(connection, length)
        return content if status == DONE else None


class News:
    """Changes of the rules, for poll(2): the shape of every other kind of news that a watcher waits for.

    :raises OSError: where there is nobody who tells.
    """

    #: What poll(2) is to wait for.
    wants = select.POLLIN

    def __init__(self, firewall: Firewall) -> None:
        self._firewall = firewall
        found = firewall.watch()
        if found is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "no driftline-agent-firewall runs")
        self._socket = found

    def fileno(self) -> int:
        """Return the descriptor, for poll(2); it stays the same."""
        return self._socket.fileno()

    def take(self) -> bool:
        """Take up what has come; tell whether rules may have changed."""
        try:
            while data := self._socket.recv(4096):
                if len(data) < 4096:
                    return True
        except BlockingIOError:
            return False
        except OSError:
            pass
        self._again()
        return True  # what changed meanwhile nobody saw

    def _again(self) -> None:
        """Ask anew: the process at the other end was exchanged. Where there is none, nothing comes any more."""
        found = self._firewall.watch()
        if found is not None:
            with found:
                os.dup2(found.fileno(), self._socket.fileno(), inheritable=False)
            return
        silent = os.eventfd(0, os.EFD_CLOEXEC)
        os.dup2(silent, self._socket.fileno(), inheritable=False)
        os.close(silent)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


def here() -> list[Said] | None:
    """Return what the programs print to this process itself, where it is root; None where not."""
    if os.geteuid() != 0:
        return None
    from driftline_agent.firewall import ask

    return ask.rules()


def generation_here() -> bytes | None:
    """Return what :meth:`Firewall.generation` does, where this process itself is root; None where not."""
    if os.geteuid() != 0:
        return None
    from driftline_agent.firewall import ask

    return ask.generation()
