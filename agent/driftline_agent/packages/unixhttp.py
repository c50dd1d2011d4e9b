"""Asks a program on this host for JSON over its local socket: GET only, bounded in time and size."""

import json
import socket
import time
from http.client import HTTPConnection, HTTPException
from typing import Any

from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

MAX_BYTES = 8 << 20


class _Connection(HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def get(host: Host, socket_path: str, address: str, seconds: float = 3.0) -> Any:
    """Return the JSON that a GET answers; None where there is no such socket.

    Of a captured tree: what stands in ``.http``, in a file named like socket and address, ``/`` as ``_``.

    :param seconds: for the whole answer.
    :raises UnreadableError: where it cannot be asked, refuses, is late or says anything but JSON.
    """
    shown = f"{socket_path}{address}"
    if not host.live:
        text = host.read(f"/.http/{shown.replace('/', '_')}")
        data = None if text is None else text.encode()
    else:
        data = _ask(host.real(socket_path), address, seconds, shown)
    try:
        return None if data is None else json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{shown}: no JSON") from error


def _ask(path: str, address: str, seconds: float, shown: str) -> bytes | None:
    end = time.monotonic() + seconds
    connection = _Connection(path, seconds)
    try:
        connection.request("GET", address, headers={"Connection": "close"})
        answer = connection.getresponse()
        parts: list[bytes] = []
        total = 0
        while data := answer.read1(1 << 16):
            parts.append(data)
            total += len(data)
            if total > MAX_BYTES:
                raise UnreadableError(f"{shown}: more than {MAX_BYTES} bytes")
            if time.monotonic() > end:
                raise UnreadableError(f"{shown}: no whole answer within {seconds:g} s")
        if answer.length:
            raise UnreadableError(f"{shown}: the answer is truncated")
        if answer.status != 200:
            raise UnreadableError(f"{shown}: status {answer.status}")
        return b"".join(parts)
    except FileNotFoundError:
        return None
    except UnreadableError:
        raise
    except TimeoutError as error:
        raise UnreadableError(f"{shown}: no answer within {seconds:g} s") from error
    except (OSError, HTTPException) as error:
        said = error.strerror if isinstance(error, OSError) else None
        raise UnreadableError(f"{shown}: {(said or str(error) or type(error).__name__).lower()}") from error
    finally:
        connection.close()
