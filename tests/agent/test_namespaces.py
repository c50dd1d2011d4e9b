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
try link add vx0 type vxlan id 5 dstport 4789
try link add if7 type ifb
try link add du0 type dummy
try link add bo0 type bond
try link add wg0 type wireguard
try link add vrf0 type vrf table 77
try link add gr0 type gre local 192.0.2.10 remote 192.0.2.9
try link add link ve1 name ve1.7 type vlan id 7
try link add link ve1 name mv0 type macvlan mode bridge
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
    topics = select(["interfaces", "routes"])
    return [b64encode(read_topic(n, t, Host(), bytes(32)).section.content).decode() for n, t in topics.items()]

out = {"ours": ours(), "links": ip("-d", "address")}
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
    ours = {link.name: link for link in facts("ours").network.interfaces}
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
            assert ours[name].parent == (link.get("link") or ""), name
        addresses = {(f"{a['local']}/{a['prefixlen']}", a["scope"], bool(a.get("dynamic"))) for a in link["addr_info"]}
        assert {(a.address, a.scope, a.dynamic) for a in ours[name].addresses} == addresses, name


def _hops(route: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for hop in route.get("nexthops", [route]):
        yield hop.get("gateway", hop.get("via", {}).get("host", "")), hop.get("dev", "")


def test_routes_of_every_kind() -> None:
    theirs = set()
    for routes, everything in zip(namespace()["routes"], ("0.0.0.0/0", "::/0"), strict=True):
        for route in routes:
            kind, table = route.get("type", "unicast"), route.get("table", "main")
            if table == "local" or kind in ("multicast", "anycast", "broadcast"):
                continue
            destination = route["dst"] if route["dst"] != "default" else everything
            if "/" not in destination:
                destination += "/128" if ":" in destination else "/32"
            for gateway, device in _hops(route):
                key = (destination, table, route.get("metric", 0), gateway, device)
                theirs.add((*key, kind, route.get("protocol", "boot"), route.get("prefsrc", "")))
    found = facts("ours").network.routes
    ours = {(r.destination, r.table, r.metric, r.gateway, r.interface, r.type, r.protocol, r.source) for r in found}
    assert ours == theirs and len(found) == len(ours)
    assert {route.type for route in found} == {"unicast", "blackhole", "unreachable", "prohibit", "throw", "local"}


def test_renewed_leases_and_advertisements_change_nothing() -> None:
    assert elements(facts("ours")) == elements(facts("later"))
    assert facts("ours") == facts("later")


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
