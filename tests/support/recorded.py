"""Serves recordings of real devices (snmprec files of snmpsim's format), each by the community that is its name.

snmpsim itself does not start beside the pysnmp that is pinned here; this answers GET, GETNEXT and GETBULK of SNMPv1
and SNMPv2c from the same files with the encoder of :mod:`tests.support.badsnmp`, and cuts answers at 1,472 bytes as
devices do.
"""

import bisect
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support import badsnmp
from tests.support.badsnmp import Arcs

_MOST_BYTES = 1472
_NO_SUCH_NAME = 2


def _value(tag: str, text: str) -> bytes:
    number = int(tag.rstrip("x"))
    if tag.endswith("x"):
        return badsnmp.tlv(number, bytes.fromhex(text))
    if number in (2, 65, 66, 67, 70, 71):
        return badsnmp.integer(int(text or 0), number)
    if number == 6:
        return badsnmp.oid(tuple(map(int, text.strip(".").split("."))))
    if number == 64:
        return badsnmp.tlv(number, bytes(map(int, text.split("."))))
    return badsnmp.tlv(number, b"" if number == 5 else text.encode())


def read(path: Path) -> dict[Arcs, bytes]:
    """Return names and encoded values of a recording."""
    out = {}
    for line in path.read_bytes().decode("utf-8", "surrogateescape").split("\n"):
        if line.count("|") >= 2:
            oid, tag, text = line.rstrip("\r").split("|", 2)
            out[tuple(map(int, oid.split(".")))] = _value(tag, text)
    return out


class _Device:
    def __init__(self, rows: Mapping[Arcs, bytes]) -> None:
        self.rows = rows
        self.names = sorted(rows)
        self.binds = [badsnmp.bind(name, rows[name]) for name in self.names]

    def following(self, name: Arcs) -> tuple[Arcs, bytes] | None:
        at = bisect.bisect_right(self.names, name)
        return (self.names[at], self.binds[at]) if at < len(self.names) else None

    def answer(self, request: badsnmp.Request, version: int, community: bytes) -> bytes:
        binds: list[bytes] = []
        names, room = list(request.oids), _MOST_BYTES - 60
        for _ in range(request.second if request.tag == badsnmp.GET_BULK else 1):
            for at, name in enumerate(names):
                if request.tag == badsnmp.GET:
                    found = (name, badsnmp.bind(name, self.rows[name])) if name in self.rows else None
                    missing = b"\x80\x00"
                else:
                    found, missing = self.following(name), badsnmp.END
                if found is None and version == 0:
                    echoed = [badsnmp.bind(one, b"\x05\x00") for one in request.oids]
                    numbers = (_NO_SUCH_NAME, at + 1, version)
                    return badsnmp.message(request.request_id, echoed, *numbers, community)
                names[at], bound = found or (name, badsnmp.bind(name, missing))
                room -= len(bound)
                if room < 0 and binds:
                    return badsnmp.message(request.request_id, binds, 0, 0, version, community)
                binds.append(bound)
        return badsnmp.message(request.request_id, binds, 0, 0, version, community)


@contextmanager
def serve(recordings: Mapping[str, Mapping[Arcs, bytes]]) -> Iterator[int]:
    """Serve recordings by their names as communities; return the port."""
    devices = {name.encode(): _Device(rows) for name, rows in recordings.items()}
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    bound.settimeout(0.1)
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            try:
                data, sender = bound.recvfrom(65535)
            except (TimeoutError, ConnectionError):
                continue
            version, community = badsnmp.head(data)
            if community in devices:
                bound.sendto(devices[community].answer(badsnmp.read(data), version, community), sender)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield bound.getsockname()[1]
    finally:
        stopping.set()
        thread.join()
        bound.close()
