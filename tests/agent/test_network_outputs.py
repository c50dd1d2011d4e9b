"""What network commands print, as facts: on recordings of real machines, and on this host's own programs.

The recordings and what a peer made of them are beside the checkout (tests/support/corpora.py).
"""

import ipaddress
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.corpora import expected, recording
from tests.support.network import interfaces, routes

from driftline.facts import elements
from driftline.v1.facts_pb2 import Facts, Interface
from driftline_agent.errors import UnreadableError
from driftline_agent.output import all_outputs

LLDP = Path(__file__).parents[1] / "fixtures/lldp"
MINE = (
    "arp", "dhclient_leases", "firewalld", "ifconfig", "ip_addr", "ip_neigh", "ip_route", "ip_rule", "ipset",
    "iptables_save", "lldpctl", "netstat", "nft", "resolv_conf", "ss", "ufw",
)  # fmt: skip


def parse(name: str, text: str) -> Facts:
    return all_outputs()[name].parse(text)


def rows(interfaces: list[Interface]) -> list[tuple[str, str, str, str, str]]:
    """Return name or label, address, netmask, MAC and status, as the peer has a row for each."""
    out: list[tuple[str, str, str, str, str]] = []
    for entry in interfaces:
        status = "Up" if entry.enabled else "Down"
        for address in entry.addresses:
            known = ipaddress.ip_interface(address.address)
            mask = str(known.netmask) if known.version == 4 else ""
            out.append((address.label or entry.name, str(known.ip), mask, entry.mac, status))
        if not entry.addresses:
            out.append((entry.name, "", "", entry.mac, status))
    return sorted(out)


@pytest.mark.parametrize("name", ["ip_addr-1", "ip_addr-2", "ip_addr-5", "ip_addr-el8"])
def test_ip_address_as_a_peer_reads_it(name: str) -> None:
    found = parse("ip_addr", recording(f"linux/ip/{name}")).network.interfaces
    ours = {row for row in rows(list(found)) if row[0] not in LEFT_OUT}
    theirs = set()
    for row in expected("agent__tools__linux")["ipaddrshow_tests"][name]:
        address = row.get("IPADDRESS") or row.get("IPADDRESS6") or ""
        mac = row.get("MACADDR") or ""
        # The peer tells of the loopback's MAC, which is none, and has no netmask for the near end of a tunnel,
        # whose prefix length is printed at the far end.
        mac = "" if not mac.strip("0:.") else mac
        mask = row.get("IPMASK") or ("255.255.255.255" if row.get("IPADDRESS") else "")
        # It takes the far side of the @ into the name, once.
        theirs.add((row["DESCRIPTION"].partition("@")[0], address, mask, mac, row["STATUS"]))
    # Where all addresses of an interface have a label, it has a row without an address for the interface itself.
    named = {row[0].partition(":")[0] for row in ours if ":" in row[0]}
    theirs -= {row for row in theirs if row[0] in named and not row[1]}
    assert ours == {row for row in theirs if row[0] not in LEFT_OUT}


#: Links whose kind the peer does not read.
LEFT_OUT = {"eql", "sit0"}


@pytest.mark.parametrize("name", ["linux-el8", "linux-fc17", "linux-rhel5.6"])
def test_ifconfig_as_a_peer_reads_it(name: str) -> None:
    found = {one.name: one for one in parse("ifconfig", recording(f"generic/ifconfig/{name}")).network.interfaces}
    for row in expected("agent__tools__linux")["ifconfig_tests"][name]:
        stem = row["DESCRIPTION"].partition(":")[0]
        entry = found[stem]
        addresses = [address for address in entry.addresses if address.label in ("", row["DESCRIPTION"])]
        if row.get("IPADDRESS"):
            known = {str(ipaddress.ip_interface(a.address).ip): ipaddress.ip_interface(a.address) for a in addresses}
            assert str(known[row["IPADDRESS"]].netmask) == row["IPMASK"]
        if row.get("IPADDRESS6"):
            # The peer keeps the prefix length in the address where the old ifconfig prints it so.
            assert row["IPADDRESS6"].partition("/")[0] in {a.address.partition("/")[0] for a in addresses}
        assert entry.mac == (row.get("MACADDR") or "").lower()  # the peer leaves capitals
        assert entry.enabled == (row["STATUS"] == "Up")
        assert not row.get("TYPE") or entry.type == row["TYPE"]
    names = {row["DESCRIPTION"].partition(":")[0] for row in expected("agent__tools__linux")["ifconfig_tests"][name]}
    assert set(found) - names <= {"virbr0"}  # the peer loses the last one of a recording


def test_gateways_leases_and_neighbours_of_recordings() -> None:
    (route,) = parse("ip_route", recording("linux/ip/default-gateway-1")).network.routes
    assert route.gateway == expected("agent__tools__linux")["gateway_tests"]["default-gateway-1"]
    assert (route.destination, route.metric, route.protocol, route.source) == ("0.0.0.0/0", 600, "dhcp", "192.168.1.10")
    routes = {
        (r.destination, r.gateway, r.interface)
        for r in parse("netstat", recording("generic/netstat/linux1")).network.routes
    }
    assert routes == {
        ("192.168.0.0/24", "", "eth0"), ("192.168.0.0/24", "", "wlan0"), ("0.0.0.0/0", "192.168.0.254", "eth0"),
    }  # fmt: skip
    (lease,) = parse("dhclient_leases", recording("generic/dhcp/dhclient-wlan0-1.lease")).network.dhcp_leases
    assert (lease.server, lease.lease_time, lease.expires_at) == ("192.168.0.254", 864000, 1910935779)
    assert list(lease.dns_servers) == ["212.27.40.240", "212.27.40.241"]
    (lease,) = parse("dhclient_leases", recording("generic/dhcp/dhclient-wlan0-2.lease")).network.dhcp_leases
    assert (lease.server, lease.domain) == ("192.168.10.1", "lan")
    (found,) = parse("arp", recording("generic/arp/linux")).network.neighbours
    assert (found.address, found.mac, found.interface) == ("192.168.0.3", "00:8d:b9:37:4a:c2", "eth0")
    (found,) = parse("ip_neigh", recording("generic/arp/linux-ip-neighbor")).network.neighbours
    assert (found.address, found.mac, found.interface) == ("10.0.10.1", "00:0d:b9:37:2b:c2", "enp3s0")
    assert not parse("arp", recording("generic/arp/none")).network.neighbours


def test_firewall_states_of_recordings() -> None:
    for name, output, file in [
        ("firewalld", "firewalld", "fedora_systemctl_status_firewalld.service_ON.txt"),
        ("firewalld", "firewalld", "fedora_systemctl_status_firewalld.service_ON_disabled.txt"),
        ("ufw", "ufw", "ubuntu_ufw_status_ON.txt"),
        ("ufw", "ufw", "ubuntu_ufw_status_OFF.txt"),
    ]:
        (found,) = parse(output, recording(f"linux/firewall/{file}")).network.firewall.managers
        assert (found.name, found.active) == (name, "OFF" not in file)
        assert name == "ufw" or found.enabled == ("disabled" not in file)
        assert len(found.rules) == (6 if "ufw_status_ON" in file else 0)
    assert found.active is False


_HERE = r"""
set -e
ip link set lo up
ip link add br0 type bridge stp_state 1 priority 4096
ip link add ve0 type veth peer name ve1
ip link set ve0 master br0
ip link set ve1 alias "to rack 7"
ip tuntap add tap0 mode tap
ip link add link ve1 name mv0 type macvlan mode bridge 2>/dev/null || true
ip link add vx0 type vxlan id 5 dstport 4789 local 192.0.2.10 group 239.1.1.1 dev ve0 2>/dev/null || true
for name in br0 ve0 ve1; do ip link set $name up; done
ip address add 192.0.2.10/24 brd + dev ve1
ip address add 192.0.2.11/24 dev ve1 label ve1:1
ip address add 2001:db8::10/64 dev ve1 nodad valid_lft 3600 preferred_lft 1800
ip address add 10.9.9.1 peer 10.9.9.2 dev ve1
ip route add default via 192.0.2.1 dev ve1 metric 100
ip route add 198.18.0.0/15 proto bird nexthop via 192.0.2.3 dev ve1 weight 2 nexthop via 192.0.2.4 dev ve1
ip route add blackhole 203.0.113.0/24
ip route add 198.51.100.0/24 via 192.0.2.5 table 100
ip -6 route add default via 2001:db8::1 dev ve1 metric 1024
ip rule add pref 5 fwmark 0x1/0xff lookup 100
ip rule add pref 6 not from 10.0.0.0/8 to 192.0.2.0/24 iif lo ipproto tcp dport 80-90 unreachable
ip neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev ve1
sleep 0.2
exec "$@"
"""
_SHOW = """
import json, subprocess
from base64 import b64encode
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic, select
from driftline.v1.facts_pb2 import Facts
out = {}
for words in ["ip -d address", "ip -d -j address", "ip -d -o address", "ip address",
              "ip -4 route show table all", "ip -6 route show table all",
              "ip -j -4 route show table all", "ip -j -6 route show table all", "ip rule", "ip -j rule", "ip neighbour",
              "ip -j neighbour", "ifconfig -a", "arp -an", "route -n", "netstat -rn"]:
    try:
        out[words] = subprocess.run(words.split(), capture_output=True, text=True).stdout
    except FileNotFoundError:
        pass
facts = Facts()
for name, topic in select(["interfaces", "neighbours", "routes", "rules"]).items():
    facts.MergeFrom(read_topic(name, topic, Host(), bytes(32)).reading.facts)
out["facts"] = b64encode(facts.SerializeToString()).decode()
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def here() -> dict[str, Any]:
    """What the programs print in a network namespace, and what the agent reads there."""
    command = ["unshare", "--map-root-user", "--net", "sh", "-c", _HERE, "sh", sys.executable, "-c", _SHOW]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    from base64 import b64decode

    found["facts"] = Facts.FromString(b64decode(found["facts"]))
    return found


#: What no output of ip tells of, or not all of it.
_ONLY_LIVE = ("bridge", "tun", "tunnel", "speed", "duplex", "driver", "bus_address")


def plain(entry: Interface) -> Interface:
    out = Interface()
    out.CopyFrom(entry)
    for name in _ONLY_LIVE:
        out.ClearField(name)  # type: ignore[arg-type]  # each is a field's name
    return out


@pytest.mark.parametrize("words", ["ip -d address", "ip -d -j address"])
def test_interfaces_are_the_agents_own(words: str, here: dict[str, Any]) -> None:
    theirs = {one.name: one for one in interfaces(parse("ip_addr", here[words]).network)}
    ours = {one.name: one for one in interfaces(here["facts"].network)}
    assert theirs.keys() == ours.keys()
    for name, entry in ours.items():
        assert plain(theirs[name]) == plain(entry), name
    assert (theirs["br0"].bridge.stp, theirs["br0"].bridge.priority) == ("kernel", 4096)
    if "vx0" in ours:
        assert theirs["vx0"].tunnel == ours["vx0"].tunnel
    assert (theirs["tap0"].tun.mode, theirs["tap0"].tun.persistent) == ("tap", True)


def test_routes_rules_and_neighbours_are_the_agents_own(here: dict[str, Any]) -> None:
    network = here["facts"].network
    for form in ("ip", "ip -j"):
        found = [*parse("ip_route", here[f"{form} -4 route show table all"]).network.routes,
                 *parse("ip_route", here[f"{form} -6 route show table all"]).network.routes]  # fmt: skip
        key = lambda r: (r.destination, r.table, r.metric, r.gateway, r.interface)  # noqa: E731
        assert sorted(found, key=key) == sorted(routes(network), key=key)
        rules = parse("ip_rule", here[f"{form} rule"]).network.rules
        assert [(r.priority, r.selector, list(r.actions)) for r in rules] == [
            (r.priority, r.selector, list(r.actions)) for r in network.rules if r.family == "ipv4"
        ]
        assert list(parse("ip_neigh", here[f"{form} neighbour"]).network.neighbours) == list(network.neighbours)


def test_net_tools_tell_the_same(here: dict[str, Any]) -> None:
    if not here.get("ifconfig -a"):
        pytest.skip("net-tools are not installed: apt-get install net-tools")
    ours = {one.name: one for one in interfaces(here["facts"].network)}
    found = {one.name: one for one in parse("ifconfig", here["ifconfig -a"]).network.interfaces}
    assert found.keys() == ours.keys()
    for name, entry in found.items():
        for field in ("mac", "mtu", "enabled", "queue_length"):
            assert getattr(entry, field) == getattr(ours[name], field), (name, field)
        # It prints one address of IPv4 a label.
        assert {a.address for a in entry.addresses} <= {a.address for a in ours[name].addresses}
    main = {(r.destination, r.metric, r.interface) for r in routes(here["facts"].network) if r.table == "main"}
    for words in ("route -n", "netstat -rn"):
        for route in parse("netstat", here[words]).network.routes:
            metric = route.metric if words == "route -n" else next(m for d, m, i in main if d == route.destination)
            assert route.type == "unreachable" or (route.destination, metric, route.interface) in main
    assert [n.mac for n in parse("arp", here["arp -an"]).network.neighbours] == ["02:00:00:00:00:09"]


def test_lldpctl_in_every_format() -> None:
    texts = {
        format_: (LLDP / f"lldpctl-{format_}.txt").read_text() for format_ in ("json", "json0", "keyvalue", "plain")
    }
    found = {format_: parse("lldpctl", text) for format_, text in texts.items()}
    (one,) = found["json"].network.lldp_neighbours
    assert (one.system_name, one.interface, one.port_description) == ("switch-b", "e1", "e2")
    assert list(one.management_addresses) == ["192.0.2.77", "2001:db8::77"] and list(one.capabilities) == ["Station"]
    assert all(other == found["json"] for other in found.values())


def test_nft_json_gives_the_rules_of_the_text() -> None:
    """The same ruleset by both: of a real kernel, in a namespace of its own."""
    from tests.agent.test_firewall import RULESET

    script = "nft -f - && nft -s list ruleset && echo ==== && nft -a list ruleset && echo ==== && nft -j list ruleset"
    done = subprocess.run(
        ["unshare", "--map-root-user", "-n", "sh", "-c", script], input=RULESET, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    stateless, with_handles, as_json = (parse("nft", text) for text in done.stdout.split("====\n"))
    assert elements(stateless) == elements(with_handles)
    assert as_json.network.firewall.chains[0].rules
    texts, jsons = stateless.network.firewall, as_json.network.firewall
    for one in texts.sets:
        if "dynamic" in one.flags:
            one.flags.remove("dynamic")  # nft 1.0.6 leaves it out of its JSON
    assert list(texts.sets) == list(jsons.sets)
    for text, other in zip(texts.chains, jsons.chains, strict=True):
        rules = [rule.replace("ip protocol udp ", "") for rule in text.rules]
        assert rules == [rule.replace("ip protocol udp ", "") for rule in other.rules]
        text.ClearField("rules")
        other.ClearField("rules")
        text.ClearField("devices")  # nft 1.0.6 leaves them out of its JSON too
        assert text == other


SS = """\
Netid State  Recv-Q Send-Q     Local Address:Port   Peer Address:PortProcess
udp   UNCONN 0      0          127.0.0.53%lo:53          0.0.0.0:*    users:(("systemd-resolve",pid=500,fd=13))
tcp   LISTEN 0      128              0.0.0.0:22          0.0.0.0:* users:(("sshd",pid=7,fd=3)) cgroup:/system.slice/ssh.service
tcp   LISTEN 0      511                    *:80                *:*    users:(("nginx",pid=9,fd=6),("nginx",pid=8,fd=6))
tcp   LISTEN 0      128                 [::]:22             [::]:*    users:(("sshd",pid=700,fd=4))
tcp   ESTAB  0      0              10.0.0.1:22          10.0.0.2:999
"""  # noqa: E501  # as ss prints it
NETSTAT = """\
Active Internet connections (only servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      700/sshd: /usr/sbin
tcp6       0      0 :::22                   :::*                    LISTEN      700/sshd: /usr/sbin
udp        0      0 127.0.0.53:53           0.0.0.0:*                           500/systemd-resolve
"""


def test_ss_and_netstat() -> None:
    found = {(s.protocol, s.address, s.port): s for s in parse("ss", SS).network.listening}
    assert list(found) == [
        ("tcp", "0.0.0.0", 22),
        ("tcp", "::", 22),
        ("tcp", "::", 80),
        ("udp", "127.0.0.53", 53),
    ]  # read
    assert found["tcp", "0.0.0.0", 22].unit == "ssh.service" and found["tcp", "::", 80].process == "nginx"  # read
    other = {(s.protocol, s.address, s.port): s.process for s in parse("ss", NETSTAT).network.listening}
    assert other == {
        ("tcp", "0.0.0.0", 22): "sshd", ("tcp", "::", 22): "sshd", ("udp", "127.0.0.53", 53): "systemd-resolve",  # read
    }  # fmt: skip


@pytest.mark.parametrize("name", MINE)
def test_hostile_texts_are_no_crash(name: str) -> None:
    whole = " ".join(
        [
            "1: eth0: <UP> mtu x",
            "link/ether",
            "inet 1/999999",
            "inet6 ::/x",
            "lease {",
            "-A",
            "*",
            "table",
            "9999999999999:",
        ]
    )
    expressions = '[{"match": 5}, {"x": 1, "y": 2}, []]'
    texts = [
        "",
        "\0\xff" * 3000,
        whole,
        whole.replace(" ", "\n"),
        "{" * 20000,
        "[" * 20000,
        '[{"ifname": 5}, 7, {"ifname": "a", "addr_info": [3]}]',
        '{"lldp": [1, {"interface": 3}]}',
        f'{{"nftables": [{{"rule": {{"expr": {expressions}}}}}, {{"set": {{"elem": [[1]]}}}}]}}',
        "Status: active\n" + "x  ALLOW  " * 2000,
        "a" * 1_000_000,
    ]
    for text in texts:
        try:
            parse(name, text)
        except UnreadableError as error:
            assert ": " in str(error)
