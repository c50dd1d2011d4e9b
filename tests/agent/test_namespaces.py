"""Links, addresses and routes of every kind that this kernel can make, in a network namespace, against ip(8).

What a kernel has no module for is left out; the kinds that every one has are asserted.
"""

import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.support.network import interfaces, routes

from driftline.facts import elements, parse
from driftline.v1.facts_pb2 import Facts

_SCRIPT = """
set -e
ip link set lo up
ip link add ve0 type veth peer name ve1
ip link add br0 type bridge
ip tuntap add tap0 mode tap
ip tuntap add tun0 mode tun
try() { ip "$@" 2>/dev/null || true; }
try link add vx0 type vxlan id 5 dstport 4789 local 192.0.2.10 group 239.1.1.1 dev ve0 ttl 4
try link add if7 type ifb
try link add du0 type dummy
try link add bo0 type bond mode 802.3ad miimon 100 lacp_rate fast xmit_hash_policy layer3+4
try link add wg0 type wireguard
try link add vrf0 type vrf table 77
try link add gr0 type gre local 192.0.2.10 remote 192.0.2.9 ttl 64 key 7
try link add si0 type sit local 192.0.2.10 remote 192.0.2.8
try link add ge0 type geneve id 9 remote 192.0.2.7
try link add link ve1 name ve1.7 type vlan id 7
try link add link ve1 name mv0 type macvlan mode bridge
ip link set br0 type bridge stp_state 1 priority 4096
try link set br0 type bridge vlan_filtering 1
ip link set ve1 alias "uplink of rack 7" txqueuelen 500
ip link set ve0 master br0
for name in br0 ve0 ve1 tun0; do ip link set $name up; done
ip address add 192.0.2.10/24 dev ve1 valid_lft 3600 preferred_lft 1800
ip address add 10.9.9.1 peer 10.9.9.2 dev tun0
ip address add 2001:db8::10/64 dev ve1 nodad valid_lft 3600 preferred_lft 1800
ip route add default via 192.0.2.1 dev ve1 proto dhcp metric 100 src 192.0.2.10
ip route add default via 192.0.2.2 dev ve1 metric 200
ip route add 198.18.0.0/15 proto bird nexthop via 192.0.2.3 dev ve1 weight 2 nexthop via 192.0.2.4 dev ve1
for kind in blackhole unreachable prohibit; do ip route add $kind 203.0.113.0/24 metric $((m=m+1)); done
ip route add throw 203.0.110.0/24 table 100
ip route add local 0.0.0.0/0 dev lo table 101
ip -6 route add default via 2001:db8::1 dev ve1 proto ra metric 1024 expires 1800
ip -6 route add 2001:db8:1::/48 proto bird nexthop via 2001:db8::2 dev ve1 nexthop via 2001:db8::3 dev ve1
ip -6 route add blackhole 2001:db8:2::/48
ip -6 route add 2001:db8:3::/48 via 2001:db8::4 dev ve1 table 100
ip rule add pref 5 fwmark 0x1/0xff lookup 100
ip rule add pref 6 not from 10.0.0.0/8 to 192.0.2.0/24 tos 0x10 iif lo uidrange 0-0 ipproto tcp dport 80-90 unreachable
ip rule add pref 7 oif ve1 lookup main suppress_prefixlength 0
ip rule add pref 8 goto 32766
ip -6 rule add pref 9 from 2001:db8::/32 ipproto udp sport 53 lookup 200
ip neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev ve1
ip neighbour add 2001:db8::9 lladdr 02:00:00:00:00:19 dev ve1 nud reachable router
ip neighbour add 192.0.2.8 lladdr 02:00:00:00:00:08 dev ve1 nud stale
"$0" -c 'import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"", ("2001:db8::77", 9))'
try nexthop add id 1 via 192.0.2.6 dev ve1
try route add 198.51.100.0/24 nhid 1
sleep 0.2
exec "$0" -c "$1"
"""
_INSIDE = """
import json, subprocess, time
from base64 import b64encode
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic, select

def ip(*words):
    return json.loads(subprocess.run(["ip", "-j", *words], capture_output=True, check=True).stdout)

def ours():
    topics = select(["interfaces", "neighbours", "routes", "rules"])
    return [b64encode(read_topic(n, t, Host(), bytes(32)).section.content).decode() for n, t in topics.items()]

out = {"ours": ours(), "links": ip("-d", "address")}
def text(*words):
    return subprocess.run(["ip", *words], capture_output=True, check=True, text=True).stdout
out["rules"] = {"ipv4": text("-4", "rule"), "ipv6": text("-6", "rule")}
out["neighbours"] = ip("neighbour")
out["routes"] = ip("-4", "route", "show", "table", "all"), ip("-6", "route", "show", "table", "all")
time.sleep(1.2)
subprocess.run(["ip", "address", "change", "192.0.2.10/24", "dev", "ve1", "valid_lft", "3600", "preferred_lft", "1800"])
subprocess.run([*"ip -6 route replace default via 2001:db8::1 dev ve1 proto ra expires 900".split()])
subprocess.run(["ip", "link", "set", "tap0", "promisc", "on"])
out["later"] = ours()
subprocess.run(["ip", "link", "set", "ve0", "nomaster"], check=True)
subprocess.run(["ip", "link", "set", "ve0", "down"], check=True)
time.sleep(0.2)
out["without carrier"] = ours()
print(json.dumps(out))
"""


@cache
def namespace() -> dict[str, Any]:
    command = ["unshare", "--map-root-user", "--net", "sh", "-c", _SCRIPT, sys.executable, _INSIDE]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def facts(which: str) -> Facts:
    whole = Facts()
    for content in namespace()[which]:
        whole.MergeFrom(parse(b64decode(content)))
    return whole


def test_links_of_every_kind() -> None:
    ours = {link.name: link for link in interfaces(facts("ours").network)}
    theirs = {link["ifname"]: link for link in namespace()["links"]}
    assert set(ours) == set(theirs)
    assert {link.type for link in ours.values()} >= {"loopback", "veth", "bridge", "tun"}
    for name, link in theirs.items():
        info = link.get("linkinfo", {})
        if link["link_type"] != "loopback":
            assert ours[name].type == info["info_kind"], name
        assert ours[name].mac == (link["address"] if link["link_type"] == "ether" else ""), name
        assert (ours[name].mtu, ours[name].enabled) == (link["mtu"], "UP" in link["flags"]), name
        assert ours[name].master == link.get("master", ""), name
        assert ours[name].vlan_id == (info["info_data"]["id"] if info.get("info_kind") == "vlan" else 0), name
        if ours[name].type != "veth":
            assert ours[name].parent == (link.get("link") or info.get("info_data", {}).get("link", "")), name
        addresses = {(f"{a['local']}/{a['prefixlen']}", a["scope"], bool(a.get("dynamic"))) for a in link["addr_info"]}
        assert {(a.address, a.scope, a.dynamic) for a in ours[name].addresses} == addresses, name
        assert {(a.peer, a.broadcast) for a in ours[name].addresses} == {
            (a.get("address", ""), a.get("broadcast", "")) for a in link["addr_info"]
        }, name
        assert ours[name].queue_length == link.get("txqlen", 0) and ours[name].alias == link.get("ifalias", ""), name
        assert ours[name].promiscuous == bool(link["promiscuity"]), name
        assert ours[name].permanent_mac == "", name


def test_what_kinds_of_links_say() -> None:
    ours = {link.name: link for link in interfaces(facts("ours").network)}
    said = {
        link["ifname"]: link.get("linkinfo", {}).get("info_data", {})
        for link in namespace()["links"]
        if "ifname" in link
    }
    bridge, theirs = ours["br0"].bridge, said["br0"]
    assert (bridge.stp, bridge.priority) == ("kernel", 4096)
    assert bridge.vlan_filtering == bool(theirs["vlan_filtering"])
    assert bridge.default_vlan == (theirs["vlan_default_pvid"] if theirs["vlan_filtering"] else 0)
    assert bridge.forward_delay == theirs["forward_delay"] * 10 and bridge.ageing_time == theirs["ageing_time"] * 10
    assert bridge.root_id.startswith("1000.") and bridge.multicast_snooping == bool(theirs["mcast_snooping"])
    assert (ours["tun0"].tun.mode, ours["tap0"].tun.mode) == ("tun", "tap") and ours["tap0"].tun.persistent
    if "vx0" in ours:
        vxlan, theirs = ours["vx0"].tunnel, said["vx0"]
        assert (vxlan.vni, vxlan.port, vxlan.remote) == (theirs["id"], theirs["port"], theirs["group"])
        assert (vxlan.local, vxlan.ttl, vxlan.learning) == (theirs["local"], theirs["ttl"], theirs["learning"])
        assert ours["vx0"].parent == theirs["link"]
    if "mv0" in ours:
        assert ours["mv0"].mode == said["mv0"]["mode"]
    if "bo0" in ours:
        bond, theirs = ours["bo0"].bond, said["bo0"]
        assert (bond.mode, bond.miimon, bond.lacp_rate) == (theirs["mode"], theirs["miimon"], theirs["ad_lacp_rate"])
        assert bond.hash_policy == theirs["xmit_hash_policy"]
    if "vrf0" in ours:
        assert ours["vrf0"].vrf_table == said["vrf0"]["table"] == 77
    if "ve1.7" in ours:
        assert ours["ve1.7"].vlan_protocol == said["ve1.7"]["protocol"]
    for name in ours.keys() & {"gr0", "si0", "ge0"}:
        tunnel, theirs = ours[name].tunnel, said[name]
        assert (tunnel.remote, tunnel.local) == (theirs["remote"], theirs.get("local", "")), name


def test_rules_as_ip_prints_them() -> None:
    ours = {"ipv4": "", "ipv6": ""}
    for rule in facts("ours").network.rules:
        ours[rule.family] += "".join(f"{rule.priority}:\t{rule.selector} {action}\n" for action in rule.actions)
    for family, text in namespace()["rules"].items():
        assert ours[family].splitlines() == [line.rstrip() for line in text.splitlines()]


def test_neighbours_as_ip_prints_them() -> None:
    found = facts("ours").network.neighbours
    ours = {(one.interface, one.address, one.mac, one.permanent, one.router) for one in found if one.mac}
    assert ours == {
        (one["dev"], one["dst"], one["lladdr"], "PERMANENT" in one["state"], "router" in one)
        for one in namespace()["neighbours"]
        if "lladdr" in one
    }
    assert ("ve1", "192.0.2.9", "02:00:00:00:00:09", True, False) in ours


def test_neighbours_say_whether_they_answered() -> None:
    answered = {
        one.address: one.reachable if one.HasField("reachable") else None for one in facts("ours").network.neighbours
    }
    assert [answered[one] for one in ("2001:db8::9", "192.0.2.8", "192.0.2.9", "2001:db8::77")] == [
        True,
        None,
        None,
        False,
    ]


def _hops(route: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for hop in route.get("nexthops", [route]):
        yield hop.get("gateway", hop.get("via", {}).get("host", "")), hop.get("dev", "")


def test_routes_of_every_kind() -> None:
    theirs = set()
    for listed, everything in zip(namespace()["routes"], ("0.0.0.0/0", "::/0"), strict=True):
        for route in listed:
            kind, table = route.get("type", "unicast"), route.get("table", "main")
            if table == "local" or kind in ("multicast", "anycast", "broadcast"):
                continue
            destination = route["dst"] if route["dst"] != "default" else everything
            if "/" not in destination:
                destination += "/128" if ":" in destination else "/32"
            for gateway, device in _hops(route):
                key = (destination, table, route.get("metric", 0), gateway, device)
                theirs.add((*key, kind, route.get("protocol", "boot"), route.get("prefsrc", "")))
    found = routes(facts("ours").network)
    ours = {(r.destination, r.table, r.metric, r.gateway, r.interface, r.type, r.protocol, r.source) for r in found}
    assert ours == theirs and len(found) == len(ours)
    assert {route.type for route in found} == {"unicast", "blackhole", "unreachable", "prohibit", "throw", "local"}


def test_renewed_leases_and_advertisements_change_nothing() -> None:
    assert elements(facts("ours")) == elements(facts("later"))
    before, after = facts("ours"), facts("later")
    for link in (
        *before.network.interfaces,
        *after.network.interfaces,
        *before.network.passing_interfaces,
        *after.network.passing_interfaces,
    ):
        link.ClearField("promiscuous")  # state: a sniffer's
    before.network.ClearField("neighbours")
    after.network.ClearField("neighbours")
    assert before == after


def test_a_lost_carrier_is_state() -> None:
    def of_the_link(which: str) -> dict[str, bytes]:
        # The kernel itself drops routes over nexthop objects with the carrier, so these are gone indeed.
        found = elements(facts(which)).items()
        return {path: item.content for path, item in found if "ve1" in path and "198.51.100.0" not in path}

    assert of_the_link("later") == of_the_link("without carrier")
    states = [
        {i.name: i.link for i in facts(which).network.interfaces}["ve1"] for which in ("later", "without carrier")
    ]
    assert states == ["up", "lowerlayerdown"] or states == ["up", "down"]
