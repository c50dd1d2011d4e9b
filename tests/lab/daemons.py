"""What runs on the lab's nodes: FRR, snmpd, lldpd, with configuration as their manuals have it."""

from collections.abc import Mapping
from typing import Protocol

COMMUNITY = "lab-public"
#: A user of SNMPv3 that every node has: name, authentication (SHA), privacy (AES).
USER = ("labv3", "authpass-of-the-lab", "privpass-of-the-lab")
#: IF-MIB, by number: Debian has no MIB files.
LINK_DOWN, LINK_UP = ".1.3.6.1.6.3.1.1.5.3", ".1.3.6.1.6.3.1.1.5.4"
IF_INDEX, IF_ADMIN_STATUS, IF_OPER_STATUS = (f".1.3.6.1.2.1.2.2.1.{column}" for column in (1, 7, 8))
_AGENTX = "/var/agentx/master"
#: Addresses of the cables' ends.
_ADDRESSES = {
    ("r1", "eth1"): "10.0.12.1/30",
    ("r2", "eth1"): "10.0.12.2/30",
    ("r2", "eth2"): "192.0.2.1/24",
    ("h1", "eth0"): "192.0.2.10/24",
    ("h2", "eth0"): "192.0.2.11/24",
}


class Machine(Protocol):
    """A node."""

    name: str

    def run(self, *command: str) -> str:
        """Run a command in it."""

    def shell(self, script: str) -> str:
        """Run a shell script in it."""

    def write(self, path: str, text: str) -> None:
        """Write a file in it."""


def address(nodes: Mapping[str, Machine]) -> None:
    """Give hosts their addresses; the routers get theirs by FRR."""
    for (name, port), where in _ADDRESSES.items():
        if name.startswith("h"):
            nodes[name].run("ip", "address", "add", where, "dev", port)
            nodes[name].run("ip", "route", "add", "default", "via", "192.0.2.1")
    for name in ("r1", "r2"):
        nodes[name].run("sysctl", "-qw", "net.ipv4.ip_forward=1")


def snmpd(node: Machine, traps_to: str) -> None:
    """Start snmpd, which tells of links that go down and come up (DISMAN-EVENT-MIB looks each second)."""
    node.write(
        "/etc/snmp/snmpd.conf",
        f"""agentaddress udp:161
rocommunity {COMMUNITY}
createUser {USER[0]} SHA {USER[1]} AES {USER[2]}
rouser {USER[0]} priv
createUser watch
rouser watch noauth
iquerySecName watch
sysName {node.name}.lab.example
sysLocation rack of {node.name}
sysContact noc@lab.example
master agentx
agentXSocket {_AGENTX}
agentXPerms 0777 0755
interface_fadeout 1
trap2sink {traps_to} {COMMUNITY}
notificationEvent isUp {LINK_UP} {IF_INDEX} {IF_ADMIN_STATUS} {IF_OPER_STATUS}
notificationEvent isDown {LINK_DOWN} {IF_INDEX} {IF_ADMIN_STATUS} {IF_OPER_STATUS}
monitor -r 1 -e isUp "link up" {IF_OPER_STATUS} != 2
monitor -r 1 -e isDown "link down" {IF_OPER_STATUS} == 2
""",
    )
    node.run("snmpd", "-Lf", "/run/snmpd.log", "-p", "/run/snmpd.pid", "-C", "-c", "/etc/snmp/snmpd.conf")


def frr(node: Machine) -> None:
    """Start a router: OSPF in area 0, and BGP with the other one."""
    own, other = ("1", "2") if node.name == "r1" else ("2", "1")
    eth2 = ""
    if node.name == "r2":
        eth2 = f"interface eth2\n ip address {_ADDRESSES['r2', 'eth2']}\n ip ospf area 0\n ip ospf passive\n!\n"
    node.write(
        "/etc/frr/frr.conf",
        f"""frr defaults traditional
hostname {node.name}
agentx
!
interface lo
 ip address 10.255.0.{own}/32
 ip ospf area 0
!
interface eth1
 description to r{other}
 ip address {_ADDRESSES[node.name, "eth1"]}
 ip ospf area 0
 ip ospf network point-to-point
!
{eth2}router ospf
 ospf router-id 10.255.0.{own}
!
router bgp 6500{own}
 bgp router-id 10.255.0.{own}
 no bgp ebgp-requires-policy
 neighbor 10.0.12.{other} remote-as 6500{other}
 address-family ipv4 unicast
  network 10.255.0.{own}/32
 exit-address-family
!
line vty
""",
    )
    node.write("/etc/frr/vtysh.conf", "service integrated-vtysh-config\n")
    node.shell("chown -R frr:frr /etc/frr; chmod 640 /etc/frr/*.conf")
    for daemon in ("zebra", "ospfd", "bgpd"):
        # zebra's module has a name of its own, the others' is snmp
        node.shell(
            f"/usr/lib/frr/{daemon} -d -A 127.0.0.1 -M {daemon}_snmp 2>/dev/null"
            f" || /usr/lib/frr/{daemon} -d -A 127.0.0.1 -M snmp"
        )
    node.run("vtysh", "-b")


def lldpd(node: Machine, ports: tuple[str, ...]) -> None:
    """Start lldpd on the node's ports; it speaks each second and is forgotten after four."""
    node.run("lldpd", "-x", "-X", _AGENTX, "-I", ",".join(ports), "-C", ports[0])
    node.shell("for i in 1 2 3 4 5 6 7 8 9 10; do lldpcli show chassis >/dev/null 2>&1 && break; sleep .3; done")
    node.run("lldpcli", "configure", "lldp", "tx-interval", "1")
