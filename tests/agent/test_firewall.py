"""The packet filter's rules: on a real kernel, by the process that may see them, and as texts.

The rules are made by nft, iptables and ipset in a network namespace of the test's.
"""

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.agent.unprivileged import CONFINED_FIREWALL

from driftline.facts import elements
from driftline.v1.collector_pb2 import READ, UNREADABLE
from driftline.v1.facts_pb2 import Facts, FirewallChain
from driftline_agent.firewall import build, ipset, iptables, managed, nft, sets
from driftline_agent.firewall.client import Firewall
from driftline_agent.firewall.protocol import OPERATIONS, RULES, Said, pack, unpack
from driftline_agent.host import Host
from driftline_agent.inventory import Result, read_topic
from driftline_agent.reader.protocol import ANSWER, REQUEST
from driftline_agent.topic import all_topics
from driftline_agent.topics import firewall

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root, to make packet filters")

RULESET = r"""
table inet filter {
	set allowed {
		type ipv4_addr
		flags interval
		elements = { 192.0.2.0/24, 198.51.100.7, 203.0.113.0-203.0.113.9 }
	}
	set seen {
		type ipv4_addr
		flags dynamic,timeout
		timeout 1h
	}
	chain web {
		counter accept comment "web { } # handle 3"
	}
	map ports {
		type inet_service : verdict
		elements = { 22 : accept, 80 : jump web }
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname "lo" accept
		ip saddr @allowed tcp dport { 22, 80, 443 } counter accept
		tcp dport vmap @ports
		limit rate 5/second counter log prefix "drop: counter packets 1 bytes 2 " drop
		ip protocol udp quota over 25 mbytes drop
	}
	chain nat {
		type nat hook postrouting priority srcnat + 5;
		oifname "eth0" masquerade
	}
}
table netdev lo {
	chain first {
		type filter hook ingress device "lo" priority -500; policy accept;
		ip saddr 192.0.2.9 drop
	}
}
"""
OTHERS = """
set -e
iptables -P FORWARD DROP
iptables -A INPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -m comment --comment "x [1:2]" -j ACCEPT
ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
ipset create ban hash:ip timeout 600
ipset add ban 192.0.2.9
ipset create nets hash:net counters
ipset add nets 10.0.0.0/8
"""
#: What Docker 27, fail2ban and kube-proxy run, as their sources have it; a person's own rule in Docker's chain.
BY_PROGRAMS = """
set -e
iptables -N DOCKER; iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A FORWARD -o docker0 -j DOCKER
iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
iptables -t nat -A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
iptables -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
iptables -N f2b-sshd; iptables -A f2b-sshd -j RETURN
iptables -I INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
iptables -I f2b-sshd 1 -s 198.51.100.9/32 -j REJECT
iptables -N KUBE-SERVICES
iptables -A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
nft add table inet f2b-table
nft 'add set inet f2b-table addr-set-sshd { type ipv4_addr; }'
nft 'add chain inet f2b-table f2b-chain { type filter hook input priority -1; }'
nft add rule inet f2b-table f2b-chain tcp dport 22 ip saddr @addr-set-sshd reject
nft add element inet f2b-table addr-set-sshd '{ 198.51.100.10 }'
"""


class Inside:
    """The process that may see the rules, confined as systemd confines it, in a network namespace of its own."""

    def __init__(self) -> None:
        ours, theirs = zip(socket.socketpair(), socket.socketpair(), strict=True)
        numbers = ",".join(str(end.fileno()) for end in theirs)
        command = ["unshare", "-n", *CONFINED_FIREWALL, sys.executable, "-I", "-m", "driftline_agent.firewall"]
        self.process = subprocess.Popen(
            [*command, "--pair", numbers], pass_fds=[end.fileno() for end in theirs], env={}
        )
        for end in theirs:
            end.close()
        self.client = Firewall(connected=(ours[0], ours[1]))
        self.ends = ours
        assert self.client.generation() is not None

    def run(self, script: str, *command: str) -> None:
        whole = ["nsenter", "-t", str(self.process.pid), "-n", *(command or ("sh",))]
        done = subprocess.run(whole, input=script, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr

    def read(self) -> Result:
        return read_topic("firewall", all_topics()["firewall"], Host(firewall=self.client), bytes(32))

    def facts(self) -> Facts:
        result = self.read()
        assert result.reading is not None and not result.section.unreadable, result.section.reason
        return result.reading.facts

    def stop(self) -> None:
        for end in self.ends:
            end.close()
        assert self.process.wait(15) == 0


@pytest.fixture
def inside() -> Iterator[Inside]:
    found = Inside()
    yield found
    found.stop()


def drifting(facts: Facts) -> dict[str, bytes]:
    return {path: element.content for path, element in elements(facts).items()}


def chains(facts: Facts) -> dict[str, FirewallChain]:
    return {f"{chain.family}/{chain.table}/{chain.name}": chain for chain in facts.network.firewall.chains}


def test_rules_of_a_kernel(inside: Inside) -> None:
    inside.run(RULESET, "nft", "-f", "-")
    inside.run(OTHERS)
    facts = inside.facts()
    found = chains(facts)
    expected = ["inet/filter/input", "inet/filter/nat", "inet/filter/web"]
    assert list(found) == sorted(
        [*expected, "ip/filter/FORWARD", "ip/filter/INPUT", "ip6/filter/INPUT", "netdev/lo/first"]
    )
    entry = found["inet/filter/input"]
    assert (entry.type, entry.hook, entry.priority, entry.policy) == ("filter", "input", 0, "drop")
    assert list(entry.rules)[1:] == [
        'iifname "lo" accept',
        "ip saddr @allowed tcp dport { 22, 80, 443 } counter accept",
        "tcp dport vmap @ports",
        'limit rate 5/second counter log prefix "drop: counter packets 1 bytes 2 " drop',
        "ip protocol udp quota over 25 mbytes drop",
    ]
    assert found["inet/filter/nat"].priority == 105
    assert list(found["inet/filter/web"].rules) == ['counter accept comment "web { } # handle 3"']
    assert list(found["netdev/lo/first"].devices) == ["lo"] and found["netdev/lo/first"].priority == -500
    assert found["ip/filter/FORWARD"].policy == "drop" and found["ip/filter/FORWARD"].hook == "forward"
    assert list(found["ip/filter/INPUT"].rules) == [
        '-p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -m comment --comment "x [1:2]" -j ACCEPT'
    ]
    by_name = {one.name: one for one in facts.network.firewall.sets}
    assert list(by_name["allowed"].elements) == ["192.0.2.0/24", "198.51.100.7", "203.0.113.0-203.0.113.9"]
    assert list(by_name["ports"].elements) == ["22 : accept", "80 : jump web"]
    assert by_name["seen"].timeout == 3600 and not by_name["seen"].elements
    assert by_name["ban"].timeout == 600 and not by_name["ban"].elements
    assert list(by_name["nets"].elements) == ["10.0.0.0/8"] and by_name["nets"].type == "hash:net"


def test_traffic_and_time_change_nothing(inside: Inside) -> None:
    inside.run(RULESET, "nft", "-f", "-")
    inside.run(OTHERS)
    before = drifting(inside.facts())
    inside.run("ip link set lo up; for n in 1 2 3; do ping -c1 -W1 127.0.0.1 >/dev/null; done; true")
    inside.run("nft add element inet filter seen '{ 192.0.2.50 }'; ipset add ban 192.0.2.51; ipset del ban 192.0.2.9")
    # The same rules loaded anew have other handles.
    inside.run("{ echo 'delete table inet filter'; nft -s list table inet filter; } | grep -v 192.0.2.50 | nft -f -")
    assert drifting(inside.facts()) == before


def test_a_rule_put_in_between_is_one_small_difference(inside: Inside) -> None:
    inside.run(RULESET, "nft", "-f", "-")
    before = inside.facts()
    inside.run("nft insert rule inet filter input ip saddr 203.0.113.77 accept")
    after = inside.facts()
    changed = {path for path, content in drifting(after).items() if drifting(before).get(path) != content}
    assert changed == {"network.firewall.chains[inet/filter/input]"}
    assert list(chains(after)["inet/filter/input"].rules)[1:] == list(chains(before)["inet/filter/input"].rules)
    inside.run("nft flush ruleset")
    assert drifting(inside.facts()).keys().isdisjoint(changed)


def test_what_programs_add_never_drifts_and_what_people_add_beside_them_does(inside: Inside) -> None:
    inside.run(OTHERS)
    before = drifting(inside.facts())
    inside.run(BY_PROGRAMS)
    facts = inside.facts()
    assert drifting(facts) == before
    theirs = {f"{one.table}/{one.name}": one for one in facts.network.firewall.managed_chains}
    assert theirs["nat/DOCKER"].owner == "docker" and len(theirs["nat/POSTROUTING"].rules) == 2
    assert theirs["filter/INPUT"].owner == "fail2ban kubernetes"
    assert theirs["f2b-table/f2b-chain"].owner == "fail2ban"
    inside.run("iptables -I DOCKER-USER -s 192.0.2.66/32 -j DROP; iptables -A FORWARD -s 192.0.2.67/32 -j ACCEPT")
    after = inside.facts()
    changed = {path for path, content in drifting(after).items() if before.get(path) != content}
    prefix = "network.firewall.chains"
    assert changed == {f"{prefix}[ip/filter/DOCKER-USER]", f"{prefix}[ip/filter/FORWARD]"}
    assert list(chains(after)["ip/filter/FORWARD"].rules) == ["-s 192.0.2.67/32 -j ACCEPT"]


def test_to_ask_makes_nothing(inside: Inside) -> None:
    found = inside.facts().network.firewall
    assert not found.chains and not found.sets and not found.managed_chains
    done = subprocess.run(
        ["nsenter", "-t", str(inside.process.pid), "-n", "nft", "list", "ruleset"], capture_output=True, text=True
    )
    assert done.stdout == ""


def test_nothing_is_run_where_nothing_has_changed(inside: Inside) -> None:
    inside.run(RULESET, "nft", "-f", "-")
    host = Host(firewall=inside.client)
    first = firewall._rules(host).firewall
    assert firewall._rules(host).firewall is first
    inside.run("nft add table ip more")
    assert firewall._rules(host).firewall is not first


def test_who_watches_is_told(inside: Inside) -> None:
    told = inside.client.watch()
    assert told is not None and inside.client.watch() is None
    assert not select.select([told], [], [], 0.3)[0]
    for _ in range(2):
        inside.run("nft add table ip t; nft delete table ip t")
        assert select.select([told], [], [], 10)[0]
        assert set(told.recv(100)) == set(b"c")
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline and select.select([told], [], [], 1.2)[0]:
            told.recv(100)
    told.close()
    assert inside.client.generation() is not None


def test_news_for_a_watcher(inside: Inside) -> None:
    news = Host(firewall=inside.client).firewall_news()
    assert not news.take()
    inside.run("nft add table ip t")
    assert select.select([news], [], [], 10)[0] and news.take()
    inside.process.kill()
    inside.process.wait(10)
    assert select.select([news], [], [], 10)[0] and news.take()  # the end of who tells: look once more, then silence
    assert not select.select([news], [], [], 0.2)[0]
    news.close()
    inside.process.returncode = 0


def test_without_anybody_there_are_no_news(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no driftline-agent-firewall runs"):
        Host(firewall=Firewall(str(tmp_path / "none.sock"))).firewall_news()


def test_it_answers_three_questions_and_no_other(inside: Inside) -> None:
    for request in [REQUEST.pack(1, 9) + b"/etc/shad", REQUEST.pack(RULES, 1) + b"x", b"\xff" * 64]:
        other = Inside()
        end = other.ends[0]
        end.sendall(request)
        with contextlib.suppress(ConnectionResetError):  # closed with bytes of ours unread
            assert end.recv(100) == b""
        other.stop()
    assert len(OPERATIONS) == 3


def test_it_has_one_right_and_only_the_agents_user_may_ask(inside: Inside) -> None:
    lines = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{inside.process.pid}/status").read_text().splitlines()
        if ":" in line
    )
    assert int(lines["CapEff"], 16) == int(lines["CapBnd"], 16) == 1 << 12
    assert lines["NoNewPrivs"].strip() == "1"


def test_it_is_small(inside: Inside) -> None:
    status = Path(f"/proc/{inside.process.pid}/status").read_text().splitlines()
    assert int(next(line for line in status if "VmRSS" in line).split()[1]) < 16 * 1024
    assert "libcrypto" not in Path(f"/proc/{inside.process.pid}/maps").read_text()


def test_the_older_packet_filter_needs_one_more_right() -> None:
    """iptables-legacy asks by a raw socket: without the right for it the rules are unreadable, never gone."""
    with_legacy = Inside()
    done = subprocess.run(
        ["nsenter", "-t", str(with_legacy.process.pid), "-n", "sh"],
        input="iptables-legacy -A INPUT -p tcp --dport 81 -j ACCEPT", text=True, capture_output=True,
    )  # fmt: skip
    if done.returncode == 0:
        result = with_legacy.read()
        assert "iptables-legacy-save: exit code" in result.section.reason
        assert "network.firewall.chains" in result.section.unreadable
    with_legacy.stop()


def test_without_anybody_to_ask_it_is_unreadable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    host = Host(firewall=Firewall(str(tmp_path / "none.sock")))
    result = read_topic("firewall", all_topics()["firewall"], host, bytes(32))
    assert result.outcome in (READ, UNREADABLE) and "no driftline-agent-firewall runs" in result.section.reason
    if result.outcome == READ:
        assert "network.firewall.chains" in result.section.unreadable


@pytest.mark.parametrize(
    ("table", "name", "owner"),
    [
        ("filter", "DOCKER-ISOLATION-STAGE-1", "docker"),
        ("filter", "DOCKER-USER", ""),
        ("nat", "KUBE-SVC-ABC", "kubernetes"),
        ("filter", "cali-FORWARD", "kubernetes"),
        ("filter", "LIBVIRT_FWI", "libvirt"),
        ("filter", "f2b-sshd", "fail2ban"),
        ("filter", "ts-input", "tailscale"),
        ("netavark", "NETAVARK-1D8721804F16F", "podman"),
        ("firewalld", "filter_IN_public", ""),
        ("filter", "ufw-user-input", ""),
        ("filter", "INPUT", ""),
        ("filter", "docker-office", ""),
        ("filter", "DOCKERHUB", ""),
    ],
)
def test_whose_chain_it_is(table: str, name: str, owner: str) -> None:
    assert managed.owner_of_chain(table, name) == owner


def test_numbers_that_count_are_left_out() -> None:
    assert nft.plain(
        'tcp dport 22 counter packets 5 bytes 600 accept comment "counter packets 5 bytes 6" # handle 9'
    ) == ('tcp dport 22 counter accept comment "counter packets 5 bytes 6"')
    assert nft.plain("quota over 25 mbytes used 3 mbytes drop") == "quota over 25 mbytes drop"
    assert nft.plain("last used 3m2s accept") == "last accept"
    assert iptables.plain('-m quota --quota 977 -m comment --comment "--quota 3" -j ACCEPT') == (
        '-m quota --quota -m comment --comment "--quota 3" -j ACCEPT'
    )
    assert [nft.priority(text, "ip") for text in ("filter", "filter + 10", "mangle - 5", "-150", "x")] == [
        0, 10, -155, -150, None,
    ]  # fmt: skip
    assert nft.priority("filter", "bridge") == -200
    assert sets.seconds("1d2h3m4s") == 93784 and sets.seconds("500ms") == 0 and sets.seconds("x") is None


def test_many_elements_are_a_digest() -> None:
    lines = "".join(f"add big 10.0.{n // 256}.{n % 256}\n" for n in range(1500))
    found = ipset.parse_save("create big hash:ip family inet\n" + lines).sets["ipset", "", "big"]
    assert not found.elements and len(found.elements_digest) == 64


HOSTILE: list[Callable[[str], object]] = [nft.parse_ruleset, iptables.parse_save, ipset.parse_save]


@pytest.mark.parametrize("parse", HOSTILE)
@pytest.mark.parametrize(
    "text",
    ["", "\0\xff\x00" * 500, "table", "table ip {", "}" * 1000, "table ip t {\nchain c {\n" + "{" * 5000,
     "*filter\n:\n-A\n-A \n[1:2] -A X", "create\nadd x\ncreate a b timeout 99999999999999999999999",
     'table ip t {\nset s {\nelements = { "'],
)  # fmt: skip
def test_hostile_texts_are_no_crash(parse: Callable[[str], object], text: str) -> None:
    parse(text)
    build.build(build.merge([Said("nft", text), Said("iptables-nft-save", text), Said("ipset", text)])[0])


def test_answers_that_are_cut_are_noticed() -> None:
    whole = pack(Said("nft", "x", failed=True))
    assert list(unpack(whole)) == [Said("nft", "x", failed=True)]
    for length in range(1, len(whole)):
        with pytest.raises(ValueError, match="cut"):
            list(unpack(whole[:length]))
    assert ANSWER.size == 5
