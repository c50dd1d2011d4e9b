"""A device that answers as it should not: a UDP responder scripted by each test, with a BER encoder of its own.

A script is a function of the request; it returns datagrams, each with the socket to send it from. Nothing here uses the
code that is tested.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

Arcs = tuple[int, ...]
GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(number: int, tag: int = 0x02) -> bytes:
    return tlv(tag, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def octets(text: bytes) -> bytes:
    return tlv(0x04, text)


def oid(arcs: Arcs) -> bytes:
    out = b""
    for arc in (40 * arcs[0] + arcs[1], *arcs[2:]):
        groups = []
        while True:
            groups.insert(0, arc & 0x7F)
            arc >>= 7
            if not arc:
                break
        out += bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])
    return tlv(0x06, out)


END = b"\x82\x00"


def bind(arcs: Arcs, value: bytes) -> bytes:
    """Return a variable."""
    return tlv(0x30, oid(arcs) + value)


def message(
    request_id: int,
    binds: Sequence[bytes],
    status: int = 0,
    index: int = 0,
    version: int = 1,
    community: bytes = b"public",
    tag: int = RESPONSE,
) -> bytes:
    """Return a message of SNMPv1 (version 0) or SNMPv2c (version 1)."""
    body = integer(request_id) + integer(status) + integer(index) + tlv(0x30, b"".join(binds))
    return tlv(0x30, integer(version) + octets(community) + tlv(tag, body))


@dataclass(frozen=True)
class Request:
    """What came."""

    tag: int
    request_id: int
    first: int
    second: int
    oids: list[Arcs]

    def answer(self, binds: Sequence[bytes], **changes: int) -> bytes:
        """Return an answer to it."""
        values = {"request_id": self.request_id, **changes}
        return message(values.pop("request_id"), binds, **values)  # type: ignore[arg-type]  # numbers only


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    size, at = data[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at], "big")
    return data[0], data[at : at + size], data[at + size :]


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    out = []
    while data:
        tag, content, data = _element(data)
        out.append((tag, content))
    return out


def _arcs(content: bytes) -> Arcs:
    arcs, arc = [], 0
    for byte in content:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    return (arcs[0] // 40, arcs[0] % 40, *arcs[1:])


def read(data: bytes) -> Request:
    """Return a request of SNMPv1 or SNMPv2c."""
    tag, content = _parts(_element(data)[1])[2]
    numbers = _parts(content)
    binds = [_arcs(_parts(one)[0][1]) for _, one in _parts(numbers[3][1])]
    return Request(tag, *(int.from_bytes(numbers[at][1], "big") for at in range(3)), binds)


def head(data: bytes) -> tuple[int, bytes]:
    """Return version and community of a request."""
    version, community = _parts(_element(data)[1])[:2]
    return int.from_bytes(version[1], "big"), community[1]


@dataclass
class Sends:
    """A datagram of an answer: when and from where."""

    data: bytes
    after_s: float = 0.0
    elsewhere: bool = False


Script = Callable[[Request], Sequence[Sends | bytes]]


@dataclass
class BadDevice:
    """A running responder; `requests` is what it was asked."""

    port: int
    requests: list[Request] = field(default_factory=list)


@contextmanager
def serve(script: Script) -> Iterator[BadDevice]:
    """Answer by a script until the block ends."""
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for bound in (here, elsewhere):
        bound.bind(("127.0.0.1", 0))
    here.settimeout(0.05)
    device = BadDevice(here.getsockname()[1])
    stopping = threading.Event()

    def run() -> None:
        later: list[tuple[float, bytes, tuple[str, int]]] = []
        while not stopping.is_set():
            for entry in [due for due in later if due[0] <= time.monotonic()]:
                later.remove(entry)
                here.sendto(entry[1], entry[2])
            try:
                data, sender = here.recvfrom(65535)
            except (TimeoutError, ConnectionError):
                continue
            request = read(data)
            device.requests.append(request)
            for reply in script(request):
                sends = reply if isinstance(reply, Sends) else Sends(reply)
                if sends.after_s:
                    later.append((time.monotonic() + sends.after_s, sends.data, sender))
                else:
                    (elsewhere if sends.elsewhere else here).sendto(sends.data, sender)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield device
    finally:
        stopping.set()
        thread.join()
        here.close()
        elsewhere.close()


def table(rows: dict[Arcs, bytes]) -> Callable[[Arcs], tuple[Arcs, bytes]]:
    """Return what follows a name in an agent that works: its next name and value, or endOfMibView."""
    names = sorted(rows)

    def following(name: Arcs) -> tuple[Arcs, bytes]:
        found = next((known for known in names if known > name), None)
        return (name, END) if found is None else (found, rows[found])

    return following


def honest(
    request: Request, following: Callable[[Arcs], tuple[Arcs, bytes]], most: int = 1000, room: int = 60_000
) -> bytes:
    """Return the right answer to GETNEXT or GETBULK, of at most so many variables, and bytes where it is cut."""
    names, binds = list(request.oids), []
    for _ in range(request.second if request.tag == GET_BULK else 1):
        for at, name in enumerate(names):
            names[at], value = following(name)
            binds.append(bind(names[at], value))
            room -= len(binds[-1])
            if room < 0 and len(binds) > 1:
                return request.answer(binds[: min(most, len(binds) - 1)])
    return request.answer(binds[:most])
