"""Who a host talks to: of real connections in a network namespace, and what stays of them."""

import json
import subprocess
import sys
from functools import cache

import pytest

from driftline_agent.peers import KEPT_S, MANY, MOST, MOST_HIGH, MOST_IN, Key, Memory, key_of, parse_table
from driftline_agent.sockdiag import Connection
from driftline_agent.topics.sockets import parse_address

_INSIDE = """
import json, os, socket, subprocess
from driftline_agent.host import Host
from driftline_agent import sockdiag
from driftline_agent.topics import peers

for words in ("link set lo up", "address add 192.0.2.1/24 dev lo", "address add 192.0.2.2/24 dev lo"):
    subprocess.run(["ip", *words.split()], check=True)
kept = []
def server(address, port):
    kept.append(socket.create_server((address, port)))
    return kept[-1]
def client(source, place):
    one = socket.socket()
    one.bind((source, 0))
    one.connect(place)
    kept.append(one)
    return one
def told(host):
    return [[p.direction, p.protocol, p.address, p.port, p.process] for p in peers.collect(host).facts.network.peers]

host, out = Host(), {"before": told(Host())}
database = server("192.0.2.2", 5432)
for _ in range(3):
    client("192.0.2.1", ("192.0.2.2", 5432))
    kept.append(database.accept()[0])
local = server("127.0.0.1", 8080)
client("127.0.0.1", ("127.0.0.1", 8080))
out["asked"] = told(host)
host.kept["sockdiag"] = True
out["again"] = told(host)
listed = Host()
listed.kept["sockdiag"] = False
out["listed"] = told(listed)
short = client("192.0.2.1", ("192.0.2.2", 5432))
served = database.accept()[0]
short.close()
served.close()
while kept:
    kept.pop().close()
out["after"] = told(host)
out["fresh"] = [one[:4] for one in told(Host())]
out["name"] = open("/proc/self/comm").read().strip()
out["groups"] = len(peers._walk(Host()))
print(json.dumps(out))
"""


@cache
def namespace() -> dict[str, object]:
    command = ["unshare", "--map-root-user", "--net", sys.executable, "-c", _INSIDE]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, object] = json.loads(run.stdout)
    return found


def test_real_connections_are_told_of_once_a_peer() -> None:
    found = namespace()
    name = found["name"]
    assert found["before"] == []
    assert found["asked"] == [["in", "tcp", "192.0.2.1", 5432, name], ["out", "tcp", "192.0.2.2", 5432, name]]
    assert found["again"] == found["asked"]
    assert found["groups"]


def test_the_kernels_lists_say_the_same() -> None:
    assert namespace()["listed"] == namespace()["asked"]


def test_what_is_over_stays_for_a_day() -> None:
    assert namespace()["after"] == namespace()["asked"]


def test_a_connection_that_just_ended_is_still_seen() -> None:
    assert ["out", "tcp", "192.0.2.2", 5432] in namespace()["fresh"]  # type: ignore[operator]  # read from JSON


@pytest.mark.parametrize(
    ("local", "remote", "expected"),
    [
        (("192.0.2.1", 40000), ("192.0.2.2", 5432), Key("out", "tcp", "192.0.2.2", 5432)),
        (("192.0.2.1", 22), ("192.0.2.2", 50000), Key("in", "tcp", "192.0.2.2", 22)),
        # its listener has ended
        (("192.0.2.1", 23), ("192.0.2.2", 50000), Key("in", "tcp", "192.0.2.2", 23)),
        # NFS connects from a privileged port
        (("192.0.2.1", 800), ("192.0.2.2", 2049), Key("out", "tcp", "192.0.2.2", 2049)),
        (("192.0.2.1", 40000), ("192.0.2.2", 50051), Key("out", "tcp", "192.0.2.2", 50051)),
        (("::ffff:192.0.2.1", 22), ("::ffff:192.0.2.2", 50000), Key("in", "tcp", "192.0.2.2", 22)),
        (("127.0.0.1", 40000), ("127.0.0.1", 5432), None),
        (("::1", 40000), ("::1", 5432), None),
        (("::ffff:127.0.0.1", 40000), ("::ffff:127.0.0.1", 80), None),
        (("192.0.2.1", 40000), ("192.0.2.1", 5432), None),
        (("192.0.2.1", 40000), ("0.0.0.0", 5432), None),
        (("192.0.2.1", 40000), ("192.0.2.2", 0), None),
    ],
)
def test_which_end_serves(local: tuple[str, int], remote: tuple[str, int], expected: Key | None) -> None:
    assert key_of("tcp", Connection(*local, *remote, 1), frozenset({22})) == expected


def test_of_udp_only_what_a_port_tells_of() -> None:
    assert key_of("udp", Connection("192.0.2.1", 40000, "192.0.2.2", 53, 1), frozenset()) is not None
    assert key_of("udp", Connection("192.0.2.1", 40000, "192.0.2.2", 50000, 1), frozenset()) is None


def test_nothing_of_a_spoilt_table_is_told_of() -> None:
    for text in (
        "",
        "head\n",
        "head\n0: zz:0016 0:0 01 0 0 0 0 0 1\n",
        "head\n0: 0100007F 1 01 0 0 0 0 0 1 2\n",
        "\0\n\0",
    ):
        assert list(parse_table(text, parse_address)) == []


def seen(memory: Memory, addresses: range, now: float, way: str = "in", port: int = 443) -> list[Key]:
    memory.see([Key(way, "tcp", f"198.51.{one // 250}.{one % 250 + 1}", port) for one in addresses], now)
    return list(memory.told())


def test_an_entry_goes_a_day_after_it_was_seen() -> None:
    memory = Memory()
    (first,) = seen(memory, range(1), 0.0)
    assert seen(memory, range(0), KEPT_S - 1) == [first]
    assert seen(memory, range(0), KEPT_S + 1) == []


def test_more_hosts_than_can_be_told_of_are_one_entry_that_stays() -> None:
    memory = Memory()
    assert len(seen(memory, range(MOST_IN), 0.0)) == MOST_IN
    crowd = [Key("in", "tcp", MANY, 443)]
    assert seen(memory, range(MOST_IN + 1), 1.0) == crowd
    assert seen(memory, range(500, 560), 2.0) == crowd
    assert seen(memory, range(3), KEPT_S) == crowd, "others come every day"
    assert len(seen(memory, range(3), KEPT_S + 3)) == 3


def test_all_in_all_there_is_a_bound() -> None:
    memory = Memory()
    for port in range(1, 100):
        seen(memory, range(10), 0.0, "out", port)
    told = list(memory.told())
    assert len(told) <= MOST and Key("out", "tcp", MANY, 1) in told


def test_a_scanner_is_one_entry() -> None:
    memory = Memory()
    memory.see([Key("out", "tcp", "192.0.2.2", port) for port in range(1, 3000)], 0.0)
    memory.see([Key("out", "tcp", "192.0.2.2", port) for port in range(3000, 9000)], 1.0)
    assert list(memory.told()) == [Key("out", "tcp", MANY, 0)]


def test_a_host_with_many_high_ports_is_one_entry() -> None:
    memory = Memory()
    for port in range(50_000, 50_000 + MOST_HIGH + 1):
        memory.see([Key("out", "tcp", "192.0.2.2", port)], 0.0)
    memory.see([Key("out", "tcp", "192.0.2.2", 60_000)], 1.0)
    assert list(memory.told()) == [Key("out", "tcp", "192.0.2.2", 0)]
