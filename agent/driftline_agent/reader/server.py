"""Answers requests, one after the other, until nobody asks any more."""

import errno
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable

from driftline_agent.reader import ageing, confidential, listing, mapped, opening, public, seals, shadow
from driftline_agent.reader.allowed import FILES_ROOTS, allows, place_of
from driftline_agent.reader.protocol import (
    AGEING,
    ANSWER,
    CERTIFICATES,
    CRONTAB,
    DIGEST,
    DONE,
    FAILED,
    FOLDER,
    GROUPS,
    KEYS,
    LINK,
    MAPPED,
    MAX_CONTENT,
    MAX_PATH,
    OPERATIONS,
    REFUSED,
    REQUEST,
    SHADOW,
    SOCKETS,
    TEXT,
)

#: Seconds that the rest of a request, or the taking of an answer, may last.
PATIENCE_S = 5.0
#: Seconds that the making of an answer may last; the agent does not wait longer either.
ANSWER_S = 5
MAX_CONNECTIONS = 8
#: struct ucred of unix(7): process, user, group.
_UCRED = struct.Struct("iII")


class Server:
    """The reader's work.

    :param root: folder that stands for ``/``.
    :param topics: what of the allow list applies, see :data:`driftline_agent.reader.allowed.TOPICS`.
    :param key_file: holds the key for sealing; read, or made, at the first request that needs it.
    :param roots: below what it tells digests of files.
    :param texts: patterns of closed files whose text it tells, without secrets, besides those that have none.
    """

    def __init__(
        self,
        root: str,
        topics: frozenset[str],
        key_file: str,
        roots: tuple[str, ...] = FILES_ROOTS,
        texts: tuple[str, ...] = (),
    ) -> None:
        self._root = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._topics, self._key_file, self._roots, self._texts = topics, key_file, roots, texts

    def answer(self, operation: int, path: str) -> tuple[int, bytes]:
        """Return status and content for one request."""
        if not allows(operation, path, self._topics, self._roots):
            return REFUSED, b""
        if operation == CERTIFICATES and (confidential.secret(path) or public.key_by_name(path.rpartition("/")[2])):
            return REFUSED, b""
        if operation == TEXT and not confidential.told(path, self._texts):
            return REFUSED, b""
        place = place_of(path)
        try:
            content = self._found(operation, place)
        except OSError as error:
            return FAILED, str(error.errno or errno.EIO).encode()
        try:
            if operation == SHADOW:
                content = shadow.seal_lines(content, seals.load_key(self._key_file))
            elif operation == CRONTAB:
                content = self._crontab(path, content)
            elif operation == TEXT:
                content = text_of(path, content, seals.sealer(seals.load_key(self._key_file)))
            elif operation == DIGEST and confidential.sealed(path, closed=True):
                content = seals.sealer(seals.load_key(self._key_file))(content.decode()).encode()
        except OSError as error:
            # The key's errno must not look like the file's: "no such file" would be "no such password".
            print(f"driftline-agent-reader: {error}", file=sys.stderr)  # noqa: T201  # systemd's journal takes it
            return FAILED, str(errno.EIO).encode()
        if path == "/proc/1/environ":
            content = only_container(content)
        elif operation == CERTIFICATES:
            content = public.only(content)
        return (DONE, content) if len(content) <= MAX_CONTENT else (FAILED, str(errno.EFBIG).encode())

    def _found(self, operation: int, place: str) -> bytes:
        if operation == LINK:
            return opening.link(self._root, place)
        if operation == SOCKETS:
            return opening.sockets(self._root, place)
        if operation == KEYS:
            return self._keys()
        if operation == MAPPED:
            descriptor = opening.open_at(self._root, place)
            try:
                return mapped.pack(mapped.parse_chunks(iter(lambda: os.read(descriptor, 65536), b"")))
            finally:
                os.close(descriptor)
        if operation in (AGEING, GROUPS):
            return (ageing.users if operation == AGEING else ageing.groups)(opening.read(self._root, place))
        if operation not in (FOLDER, DIGEST):
            return opening.read(self._root, place)
        descriptor = opening.open_at(self._root, place, folder=operation == FOLDER)
        try:
            if operation == DIGEST:
                return seals.digest(descriptor).encode()
            return b"".join(map(listing.pack, listing.read(descriptor)))
        finally:
            os.close(descriptor)

    def _crontab(self, path: str, content: bytes) -> bytes:
        from driftline_agent.reader import crontab  # brings re, which nothing else here needs

        def seal(command: str) -> str:
            return seals.sealer(seals.load_key(self._key_file))(command)

        return crontab.pack(crontab.parse(content.decode("utf-8", "replace"), *crontab.kind_of(path), seal))

    def _keys(self) -> bytes:
        from driftline_agent.reader import homes  # as above

        return homes.pack(homes.read_all(self._root, self._text, self._names))

    def _text(self, path: str) -> str | None:
        try:
            return opening.read(self._root, path).decode("utf-8", "replace")
        except FileNotFoundError:
            return None

    def _names(self, path: str) -> list[str]:
        try:
            descriptor = opening.open_at(self._root, path, folder=True)
        except FileNotFoundError:
            return []
        try:
            return sorted(os.listdir(descriptor))  # noqa: PTH208  # a descriptor, not a path
        finally:
            os.close(descriptor)

    def serve(self, connection: socket.socket) -> bool:
        """Answer one request; tell whether the connection may stay. A malformed one ends it."""
        try:
            head = exactly(connection, REQUEST.size)
            if head is None:
                return False
            operation, length = REQUEST.unpack(head)
            if operation not in OPERATIONS or not 0 < length <= MAX_PATH:
                return False
            path = exactly(connection, length)
            if path is None:
                return False
            # Only names of files may be anything but UTF-8.
            bad = "surrogateescape" if operation in (FOLDER, DIGEST, CERTIFICATES, TEXT) else "strict"
            # What hangs in the kernel ends this process, and systemd starts another at the next question.
            signal.alarm(ANSWER_S)
            try:
                status, content = self.answer(operation, path.decode("utf-8", bad))
            finally:
                signal.alarm(0)
            connection.sendall(ANSWER.pack(status, len(content)) + content)
        except (OSError, UnicodeDecodeError):
            return False
        return True

    def run(
        self, listener: socket.socket | None, user: int | None, idle_s: float | None, *given: socket.socket
    ) -> None:
        """Serve until nobody has asked for `idle_s` seconds, or, without a listener, the last connection ended.

        :param user: the only user who may connect to the listener.
        """
        connections = {connection.fileno(): connection for connection in given}
        poll = select.poll()
        for number in [*connections, *([listener.fileno()] if listener else [])]:
            poll.register(number, select.POLLIN)
        while listener or connections:
            ready = poll.poll(None if idle_s is None else idle_s * 1000)
            if not ready:
                break
            for number, _ in ready:
                if listener is not None and number == listener.fileno():
                    accepted = accept(listener, user, len(connections))
                    if accepted is not None:
                        connections[accepted.fileno()] = accepted
                        poll.register(accepted.fileno(), select.POLLIN)
                elif not self.serve(connections[number]):
                    poll.unregister(number)
                    connections.pop(number).close()


def text_of(path: str, content: bytes, seal: Callable[[str], str]) -> bytes:
    """Return the answer to TEXT: four parts, each but the last ended by a new line.

    They are the digest as DIGEST tells it, how many secrets were taken out, why there is no text, and the text.
    """
    # Imported only here: most readers never need the rules.
    from driftline_agent.redaction.text import WithheldError, redact

    digest = seals.digest_of(content)
    if confidential.sealed(path, closed=True):
        digest = seal(digest)
    try:
        done = redact(path, content.decode(), lambda value: seal("redacted\0" + value))
    except UnicodeDecodeError:
        return f"{digest}\n0\nit is no text\n".encode()
    except WithheldError as error:
        return f"{digest}\n0\n{error}\n".encode()
    return f"{digest}\n{done.count}\n\n{done.text}".encode()


def only_container(content: bytes) -> bytes:
    """Return what of an environment names a container's manager (systemd.exec(5), container interface)."""
    return b"".join(entry + b"\0" for entry in content.split(b"\0") if entry.startswith(b"container="))


def accept(listener: socket.socket, user: int | None, open_ones: int) -> socket.socket | None:
    """Return a new connection, where it is the user's and not one too many."""
    try:
        connection, _ = listener.accept()
    except OSError:
        return None
    connection.settimeout(PATIENCE_S)
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    if _UCRED.unpack(credentials)[1] != user or open_ones >= MAX_CONNECTIONS:
        connection.close()
        return None
    return connection


def exactly(connection: socket.socket, count: int) -> bytes | None:
    """Return so many bytes, or None where the connection ends before."""
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            return None
        data += more
    return data
