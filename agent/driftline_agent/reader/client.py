"""The agent's side: asks the reader where there is one."""

import errno
import os
import socket
import threading
import time

from driftline_agent.reader.allowed import FILES_ROOTS, TOPICS, allows
from driftline_agent.reader.protocol import ANSWER, DONE, FAILED, MAX_CONTENT, REQUEST

#: Where systemd's socket unit puts it.
DEFAULT_SOCKET = "/run/driftline-agent/reader.sock"
#: What one question may take, all in all; less than a topic's own time.
_TIMEOUT_S = 5.0
#: A reader that failed is left alone so long: an inventory asks it once for each process of the host.
_PAUSE_S = 60.0
_ALL = frozenset(TOPICS)
_SILENT = f"the reader gives no answer within {_TIMEOUT_S:g} s"


class Reader:
    """Asks the reader; safe for several threads.

    :param path: of the socket that it listens at.
    :param connected: the end of a socketpair instead, whose other end the reader has.
    :param roots: below what files are asked for.
    """

    def __init__(
        self,
        path: str = DEFAULT_SOCKET,
        connected: socket.socket | None = None,
        roots: tuple[str, ...] = FILES_ROOTS,
    ) -> None:
        self._path, self._pair, self._roots = path, connected is not None, roots
        self._connection = connected
        self._lock = threading.Lock()
        self._paused_until = 0.0

    def ask(self, operation: int, path: str) -> bytes | None:
        """Return the reader's answer, or None where there is no reader or it does not do that.

        :param operation: see :mod:`driftline_agent.reader.protocol`.
        :raises OSError: the reader tried, with the reader's errno: what is not there is not there.
        """
        if not allows(operation, path, _ALL, self._roots):
            return None
        if not self._lock.acquire(timeout=_TIMEOUT_S):
            raise TimeoutError(errno.ETIMEDOUT, _SILENT)
        try:
            if time.monotonic() < self._paused_until:
                return None
            deadline = time.monotonic() + _TIMEOUT_S
            for last in (False, True):
                try:
                    status, content = self._once(operation, path, deadline)
                    break
                except (OSError, ValueError) as error:
                    # A reader that nobody asked for a while has ended, and systemd starts another one.
                    self.close()
                    silent = isinstance(error, TimeoutError)
                    if last or self._pair or silent:
                        self._paused_until = time.monotonic() + _PAUSE_S
                        if silent:
                            raise TimeoutError(errno.ETIMEDOUT, _SILENT) from error
                        return None
        finally:
            self._lock.release()
        if status == FAILED:
            raise OSError(int(content), os.strerror(int(content)))
        return content if status == DONE else None

    def there(self) -> bool:
        """Tell whether there is a reader to ask."""
        return self._pair or os.path.exists(self._path)  # noqa: PTH110  # as elsewhere in the reader

    def close(self) -> None:
        """End the connection; the next question makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, operation: int, path: str, deadline: float | None = None) -> tuple[int, bytes]:
        deadline = deadline or time.monotonic() + _TIMEOUT_S
        if self._connection is None:
            if self._pair:
                raise ConnectionError("the reader has ended")
            self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            _limit(self._connection, deadline)
            self._connection.connect(self._path)
        name = path.encode("utf-8", "surrogateescape")
        _limit(self._connection, deadline)
        self._connection.sendall(REQUEST.pack(operation, len(name)) + name)
        status, length = ANSWER.unpack(exactly(self._connection, ANSWER.size, deadline))
        if length > MAX_CONTENT:
            raise ValueError(f"the reader's answer has {length} bytes")
        return status, exactly(self._connection, length, deadline)


def exactly(connection: socket.socket, count: int, deadline: float | None = None) -> bytes:
    """Return so many bytes of a connection.

    :param deadline: on the monotonic clock; None where the socket's own time-out counts.
    :raises ConnectionError: where it ends before.
    :raises TimeoutError: where the deadline is over before.
    """
    data = bytearray()
    while len(data) < count:
        if deadline is not None:
            _limit(connection, deadline)
        more = connection.recv(min(count - len(data), 65536))
        if not more:
            raise ConnectionError("the connection was closed")
        data += more
    return bytes(data)


def _limit(connection: socket.socket, deadline: float) -> None:
    """Let the next step of a connection last until the deadline and no longer.

    :raises TimeoutError: where that is now.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
