"""Sweeps over loopback addresses with real listeners and a real snmpd, and over a link of network namespaces."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from textwrap import dedent

import pytest
from tests.support import snmpd

from driftline.v1.collector_pb2 import Sighting
from driftline_agent.devices.discovery import probes, spread, sweep
from driftline_agent.devices.discovery.rate import Rate
from driftline_agent.devices.settings.config import DevicesConfig
from driftline_agent.devices.settings.reading_config import read
from driftline_agent.devices.settings.secrets import SecretError, Secrets

DOCS = Path(__file__).parents[3] / "docs" / "devices.md"
V3 = f"""
  v3: {{version: 3, user: user-SHA-256-AES, auth: SHA-256, auth_passphrase: {snmpd.AUTH_PASSPHRASE},
       privacy: AES, privacy_passphrase: {snmpd.PRIVACY_PASSPHRASE}, prefixes: [127.0.0.0/8]}}
  stranger: {{version: 3, user: stranger, prefixes: [127.0.0.0/8]}}
  wrong: {{version: 2c, community: not-this-one, prefixes: [127.0.0.0/8]}}
  elsewhere: {{version: 2c, community: {snmpd.COMMUNITY}, prefixes: [192.0.2.0/24]}}
  lost: {{version: 2c, community: {{env: DRIFTLINE_NOT_SET}}, prefixes: [127.0.0.0/8]}}
"""


@pytest.fixture(scope="module")
def agent() -> Iterator[snmpd.Snmpd]:
    with snmpd.serve() as running:
        yield running


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.5", 0)) as listening:
        yield listening


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SNMP_S", "ECHO_S", "KNOCK_S"):
        monkeypatch.setattr(probes, name, 3.0)


def config(more: str) -> DevicesConfig:
    text = (
        f"site: a\ncredentials:\n  v2: {{version: 2c, community: {snmpd.COMMUNITY}, prefixes: [127.0.0.0/8]}}{V3}{more}"
    )
    return read(text, "d.yaml")


def look(settings: str, batches: list[int] | None = None) -> dict[str, Sighting]:
    known = config(f"discover: {settings}")
    out: dict[str, Sighting] = {}

    async def report(batch: list[Sighting]) -> None:
        if batches is not None:
            batches.append(len(batch))
        for sighting in batch:
            assert sighting.address not in out
            out[sighting.address] = sighting

    assert known.discovery is not None
    asyncio.run(sweep.sweep(known.discovery, known, Secrets(known), report))
    return out


def answering(entry: str) -> list[tuple[str, str]]:
    known = config(f"devices: {entry}")

    async def run() -> list[tuple[str, str]]:
        return sorted([found async for found in sweep.answering(known.targets[0], known, Secrets(known), 200)])

    return asyncio.run(run())


def test_listeners_and_a_real_snmpd_are_seen(agent: snmpd.Snmpd, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    seen = look(
        f"{{prefixes: [127.0.0.0/28], rate: 200, ports: [{port}, 1], snmp_port: {agent.port},"
        " credentials: [lost, elsewhere, wrong, stranger, v3], except: [127.0.0.8/30]}"
    )
    answers = {address: [one for one in sighting.answers if one != "icmp"] for address, sighting in seen.items()}
    assert {address: one for address, one in answers.items() if one} == {
        "127.0.0.1": ["snmp"],
        "127.0.0.5": [f"tcp/{port}"],
    }
    device = seen["127.0.0.1"]
    assert device.credential == "v3" and device.system_name == "agent of the tests"
    assert device.object_id.startswith("1.3.6.1.4.1.8072.3.2.") and "Linux" in device.description
    assert device.engine_id.startswith("80001f88")
    assert device.seen_at_ms > 1_600_000_000_000 and device.mac == ""
    assert not {f"127.0.0.{last}" for last in (0, 8, 9, 10, 11, 15, 16)} & set(seen)


def test_v2_tells_the_engine_id_too(agent: snmpd.Snmpd) -> None:
    both = [
        look(f"{{prefixes: [127.0.0.1/32], ports: [], snmp_port: {agent.port}, credentials: [{name}]}}")["127.0.0.1"]
        for name in ("v2", "v3")
    ]
    assert both[0].engine_id == both[1].engine_id != ""


def test_a_device_that_refuses_is_seen_without_a_credential(agent: snmpd.Snmpd) -> None:
    seen = look(f"{{prefixes: [127.0.0.1/32], ports: [], snmp_port: {agent.port}, credentials: [stranger]}}")
    assert "snmp" in seen["127.0.0.1"].answers
    assert seen["127.0.0.1"].credential == seen["127.0.0.1"].object_id == ""


def test_the_documented_user_of_net_snmp_answers_to_the_documented_credential() -> None:
    text = DOCS.read_text()
    lines = [line.strip() for line in text.partition("net-snmp, in")[2].partition("Cisco IOS")[0].splitlines()]
    settings = [line for line in lines if line.startswith(("createUser", "view", "rouser"))]
    assert len(settings) == 3
    example = dedent(text.partition("```yaml\n")[2].partition("```")[0])
    known = read(example.replace("10.0.0.0/24", "127.0.0.0/8").replace("10.0.0.1", "127.0.0.1"), "devices.md")
    with snmpd.serve(*settings) as running:
        entry = replace(known.targets[0], port=running.port)

        async def run() -> list[tuple[str, str]]:
            return [found async for found in sweep.answering(entry, known, Secrets(known), 200)]

        assert asyncio.run(run()) == [("127.0.0.1", "core")]


def test_ipv6(agent: snmpd.Snmpd) -> None:
    known = read(
        f'site: a\ncredentials: {{v2: {{version: 2c, community: {snmpd.COMMUNITY}, prefixes: ["::1/128"]}}}}\n'
        f'devices: [{{prefix: "::/126", credential: v2, port: {agent.port}}}]',
        "d.yaml",
    )

    async def run() -> list[tuple[str, str]]:
        return [found async for found in sweep.answering(known.targets[0], known, Secrets(known), 200)]

    assert asyncio.run(run()) == [("::1", "v2")]


def test_the_first_credential_that_works_is_told(agent: snmpd.Snmpd) -> None:
    rest = f"prefix: 127.0.0.0/30, port: {agent.port}"
    assert answering(f"[{{{rest}, credentials: [elsewhere, wrong, stranger, v3, v2]}}]") == [("127.0.0.1", "v3")]
    assert answering(f"[{{{rest}, credentials: [v2]}}]") == [("127.0.0.1", "v2")]
    assert answering(f"[{{{rest}, credentials: [wrong]}}]") == []


def test_what_is_named_more_closely_or_excepted_is_left_out(agent: snmpd.Snmpd) -> None:
    rest = f"prefix: 127.0.0.0/29, port: {agent.port}, credential: v2"
    assert answering(f"[{{{rest}, except: [127.0.0.1]}}]") == []
    for closer in ("address: 127.0.0.1", "prefix: 127.0.0.0/30"):
        assert answering(f"[{{{rest}}}, {{{closer}, port: {agent.port}, credential: v3}}]") == []
    assert answering(f"[{{{rest}}}, {{address: 127.0.0.1, credential: v3}}]") == [("127.0.0.1", "v2")], "another port"


def test_a_prefix_is_not_asked_where_a_credential_cannot_be_had(agent: snmpd.Snmpd) -> None:
    with pytest.raises(SecretError, match="DRIFTLINE_NOT_SET"):
        answering(f"[{{prefix: 127.0.0.0/30, port: {agent.port}, credentials: [v2, lost]}}]")


def test_no_credential_leaves_its_prefixes() -> None:
    """A responder at an address where the community may not be used hears nothing of it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inside, ExitStack() as closing:
        inside.bind(("127.0.0.1", 0))
        port = inside.getsockname()[1]
        outside = closing.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        outside.bind(("127.0.0.2", port))
        known = read(
            "site: a\ncredentials: {c: {version: 2c, community: word, prefixes: [127.0.0.1/32]}}\n"
            f"devices: [{{prefix: 127.0.0.0/30, credential: c, port: {port}}}]\n"
            f"discover: {{prefixes: [127.0.0.0/30], ports: [], credentials: [c], snmp_port: {port}}}",
            "d.yaml",
        )

        async def run() -> None:
            async def report(_: list[Sighting]) -> None: ...

            assert known.discovery is not None
            await sweep.sweep(known.discovery, known, Secrets(known), report)
            assert [found async for found in sweep.answering(known.targets[0], known, Secrets(known), 200)] == []

        asyncio.run(run())
        for heard in (inside, outside):
            heard.setblocking(False)
        assert b"word" in inside.recv(1000) and b"word" in inside.recv(1000)
        with pytest.raises(BlockingIOError):
            outside.recv(1000)


def test_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "BATCH", 4)
    with ExitStack() as open_:
        port = open_.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        for last in range(2, 11):
            open_.enter_context(socket.create_server((f"127.0.0.{last}", port)))
        batches: list[int] = []
        assert len(look(f"{{prefixes: [127.0.0.0/28], rate: 200, ports: [{port}]}}", batches)) >= 10
        assert len(batches) >= 3 and max(batches) == 4


def test_a_report_that_fails_ends_the_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "WAIT_S", 0.0)
    running: list[int] = []

    async def report(_: list[Sighting]) -> None:
        running.append(len(asyncio.all_tasks()))
        raise ConnectionError("the collector is away")

    async def run(known: DevicesConfig) -> None:
        assert known.discovery is not None
        with pytest.raises(ConnectionError, match="is away"):
            await sweep.sweep(known.discovery, known, Secrets(known), report)
        assert running[0] > 1 and len(asyncio.all_tasks()) == 1, "nothing goes on behind"

    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        port = everywhere.getsockname()[1]
        asyncio.run(run(config(f"discover: {{prefixes: [127.0.0.0/22], rate: 200, ports: [{port}]}}")))


def test_what_asks_raises_at_once_and_nothing_goes_on() -> None:
    async def ask(place: str) -> str:
        if place == "3":
            raise ValueError(place)
        await asyncio.sleep(0)
        return place

    async def run() -> None:
        with pytest.raises(ValueError, match="3"):
            async for _ in spread.each(map(str, range(10_000)), ask):
                pass
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_each_address_once_in_random_order_without_the_ends_of_networks() -> None:
    prefixes = [ip_network("10.0.0.0/24"), ip_network("10.0.0.64/26"), ip_network("10.0.0.0/24")]
    prefixes += [
        ip_network("10.0.1.0/24"),
        ip_network("192.0.2.8/31"),
        ip_network("192.0.2.1"),
        ip_network("fd00::/120"),
    ]
    found = list(spread.addresses(prefixes, [ip_network("10.0.0.32/27"), ip_network("fd00::7")]))
    wanted = {f"10.0.0.{last}" for last in range(1, 255) if not 32 <= last < 64}
    wanted |= {f"10.0.1.{last}" for last in range(1, 255)} | {"192.0.2.8", "192.0.2.9", "192.0.2.1"}
    wanted |= {str(address) for address in ip_network("fd00::/120")} - {"fd00::7"}
    assert Counter(found) == Counter(wanted)
    assert found != sorted(found) and found != list(spread.addresses(prefixes, []))
    assert list(spread.addresses([], [])) == []


def test_probes_are_as_far_apart_as_the_rate_says() -> None:
    class Time(asyncio.SelectorEventLoop):
        """A loop whose clock jumps to the next timer instead of waiting."""

        now = 0.0

        def time(self) -> float:
            return self.now

        def call_at(self, when, callback, *args, context=None):  # type: ignore[no-untyped-def]
            def at() -> None:
                self.now = max(self.now, when)
                callback(*args)

            return super().call_at(self.now, at, context=context)

    async def run() -> list[float]:
        rate, sent = Rate(50), []

        async def probe() -> None:
            async with rate.turn():
                sent.append(asyncio.get_running_loop().time())

        for _ in range(5):
            await probe()
        return sent

    loop = Time()
    try:
        sent = loop.run_until_complete(run())
    finally:
        loop.close()
    assert sent == pytest.approx([0, 0.02, 0.04, 0.06, 0.08])


_NAMESPACES = """
set -e
mount -t tmpfs none /run; mkdir -p /run/netns
ip link set lo up
ip netns add there
ip link add ve0 type veth peer name ve1 netns there
ip address add 192.0.2.1/28 dev ve0; ip address add 2001:db8::1/112 dev ve0 nodad; ip link set ve0 up
in="ip netns exec there"
$in ip link set lo up
$in ip link set ve1 address 02:00:00:00:00:07 up
$in ip address add 192.0.2.7/28 dev ve1; $in ip address add 2001:db8::7/112 dev ve1 nodad
$in sh -c 'echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all'
$in ip address add 192.0.2.9/28 dev ve1
echo "$1" > /proc/sys/net/ipv4/ping_group_range
shift
exec "$@"
"""
_LOOK = """
import asyncio, json, logging, sys
from driftline_agent.devices.discovery import probes, sweep
from driftline_agent.devices.settings.reading_config import read
from driftline_agent.devices.settings.secrets import Secrets

probes.ECHO_S = 3.0
logging.basicConfig(format="%(message)s: %(reason)s", level=logging.INFO)
text = "site: a\\ncredentials: {c: {version: 2c, community: word, prefixes: [192.0.2.0/24]}}\\n"
config = read(text + "discover: {prefixes: [192.0.2.0/28, '2001:db8::/124'], rate: 200, ports: [22]}", "d")
async def report(batch):
    for one in batch:
        print(json.dumps([one.address, one.mac, list(one.answers)]))
asyncio.run(sweep.sweep(config.discovery, config, Secrets(config), report))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make network namespaces")
@pytest.mark.parametrize("groups", ["0 2147483647", "1 0"])
def test_icmp_and_arp_on_a_link(groups: str) -> None:
    """Somebody on the link is seen by ARP though silent to all else, and the kernel's refusal of ICMP is said."""
    command = ["unshare", "-n", "-m", "sh", "-c", _NAMESPACES, "sh", groups, sys.executable, "-c", _LOOK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    seen = {address: (mac, answers) for address, mac, answers in map(json.loads, done.stdout.splitlines())}
    mac = "02:00:00:00:00:07"
    allowed = groups != "1 0"
    assert seen["192.0.2.7"] == (mac, ["arp"])
    assert seen["192.0.2.9"] == (mac, ["arp"])
    assert seen["2001:db8::7"] == (mac, ["icmp"] if allowed else ["ndp"])
    own = {"192.0.2.1": ("", ["icmp"]), "2001:db8::1": ("", ["icmp"])} if allowed else {}
    assert seen == {address: seen[address] for address in ("192.0.2.7", "192.0.2.9", "2001:db8::7")} | own
    assert ("net.ipv4.ping_group_range" in done.stderr) is not allowed
