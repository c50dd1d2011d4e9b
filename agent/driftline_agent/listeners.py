"""What ``ss -lntup`` and ``netstat -lntup`` print. Source: ss(8), iproute2 misc/ss.c; netstat(8)."""

import re

from driftline import late
from driftline.v1.facts_pb2 import ListeningSocket
from driftline_agent import cgroups

_PROTOCOLS = {
    "tcp": "tcp",
    "tcp6": "tcp",
    "udp": "udp",
    "udp6": "udp",
    "sctp": "sctp",
    "sctp6": "sctp",
    "raw": "raw",
    "raw6": "raw",
}
_USERS = late.pattern(r'users:\(\("((?:[^"\\]|\\.)*)"')
_CGROUP = late.pattern(r"\bcgroup:(\S+)")
_PROGRAM = late.pattern(r"\s(\d+)/(\S.*?)\s*$")


def _place(text: str) -> tuple[str, int] | None:
    """Return address and port of ``0.0.0.0:22``, ``[::]:22``, ``*:22``, ``127.0.0.53%lo:53``, ``:::22``."""
    address, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or len(port) > 5:
        return None
    address = re.sub(r"%[^\]]*", "", address).strip("[]")
    return address, int(port)


def parse(text: str) -> list[ListeningSocket]:
    """Return the sockets that wait, sorted by key."""
    out: dict[tuple[str, str, int], ListeningSocket] = {}
    all_tcp = False
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["State"]:
            all_tcp = True  # ss -lnt prints no column with the protocol
            continue
        if not words:
            continue
        protocol = _PROTOCOLS.get(words[0])
        if protocol is None:
            if not (all_tcp and words[0] == "LISTEN"):
                continue
            protocol = "tcp"
        v6 = words[0].endswith("6")
        waiting = "LISTEN" in words or "UNCONN" in words or (protocol in ("udp", "raw") and "ESTABLISHED" not in words)
        place = next(filter(None, map(_place, words[1:])), None)
        if not waiting or place is None or "ESTAB" in words:
            continue
        address = place[0]
        if address == "*":
            address = "::"  # ss: one socket for both families
        elif v6 and ":" not in address:
            address = "::"
        found = ListeningSocket(protocol=protocol, address=address, port=place[1])
        users, group, program = _USERS.search(line), _CGROUP.search(line), _PROGRAM.search(line)
        if users is not None:
            found.process = users[1]
        elif program is not None:
            found.process = program[2].partition(":")[0]
        if group is not None:
            found.unit = cgroups.unit_of(f"0::{group[1]}")
        out.setdefault((protocol, address, place[1]), found)
    return [out[key] for key in sorted(out)]
