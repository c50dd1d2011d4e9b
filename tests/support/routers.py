"""Two routers on one machine, each in namespaces of its own: FRR, lldpd and net-snmp with AgentX between them.

    a: eth1 10.7.0.1/30 ---- eth1 10.7.0.2/30 :b      OSPF, OSPFv3, BGP
    a: eth2, a port of br0 ---- eth2 :b

net-snmp has no BRIDGE-MIB of its own (snmp-bridge-mib, a script of its package, names scalars without their .0).
"""

import ctypes
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.snmpd import program

COMMUNITY = "reads-all"
_CLONE_NEWNET = 0x40000000
#: What a node runs; everything dies with the first process of its PID namespace.
_NODE = """
set -e
mount -t tmpfs tmpfs /run; mkdir -p /run/frr /run/lldpd /run/snmp
mkdir -p /var/agentx; mount -t tmpfs tmpfs /var/agentx
mkdir -p /var/tmp/frr; mount -t tmpfs tmpfs /var/tmp/frr; chown frr:frr /var/tmp/frr
cp {folder}/frr.conf /run/frr/frr.conf; chown -R frr:frr /run/frr
snmpd -f -C -c {folder}/snmpd.conf -Lf {folder}/snmpd.log -I -smux &
until [ -S /var/agentx/master ]; do sleep 0.05; done
for daemon in zebra ospfd ospf6d bgpd; do
  /usr/lib/frr/$daemon -f /run/frr/frr.conf -M snmp --log file:{folder}/$daemon.log &
  sleep 0.3
done
lldpd -d -x -X /var/agentx/master -u {folder}/lldpd -I 'eth*' >{folder}/lldpd.log 2>&1 &
until lldpcli -u {folder}/lldpd configure lldp tx-interval 1 >/dev/null 2>&1; do sleep 0.1; done
touch {folder}/ready; sleep infinity
"""
_FRR = """
hostname {name}
agentx
interface eth1
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ip ospf network point-to-point
 ip ospf area 0.0.0.7
 ipv6 ospf6 area 0.0.0.7
 ipv6 ospf6 hello-interval 1
 ipv6 ospf6 dead-interval 4
 ipv6 ospf6 network point-to-point
router ospf
 ospf router-id 10.255.0.{number}
router ospf6
 ospf6 router-id 10.255.0.{number}
router bgp 6500{number}
 bgp router-id 10.255.0.{number}
 no bgp ebgp-requires-policy
 neighbor 10.7.0.{other} remote-as 6500{other}
 neighbor 10.7.0.{other} timers 10 30
 neighbor 10.7.0.{other} timers connect 1
 neighbor 10.7.0.9 remote-as 65009
 neighbor 10.7.0.9 shutdown
"""
_SNMPD = f"""
agentaddress udp:127.0.0.1:161
rocommunity {COMMUNITY}
sysName {{name}}.example.net
master agentx
agentXSocket /var/agentx/master
agentXPerms 0777 0755
agentXTimeout 15
"""


@dataclass(frozen=True)
class Router:
    """One of them."""

    name: str
    namespace: str
    folder: Path

    def lldp(self) -> str:
        """Return what lldpctl prints of its neighbours."""
        command = [program("lldpctl"), "-u", str(self.folder / "lldpd"), "-f", "json"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def call_inside(namespace: str, work: Callable[[], None]) -> None:
    """Call a function in a thread whose sockets are of a network namespace.

    :raises BaseException: what it raises.
    """
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with Path("/run/netns", namespace).open() as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def _ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)


def _cables(a: str, b: str) -> None:
    for at in ("eth1", "eth2"):
        _ip(f"link add {at} netns {a} type veth peer name {at} netns {b}")
    _ip(f"-n {a} link add br0 type bridge forward_delay 0")
    _ip(f"-n {a} link set eth2 master br0")
    for name, number in ((a, 1), (b, 2)):
        _ip(f"-n {name} address add 10.7.0.{number}/30 dev eth1")
        _ip(f"-n {name} link set lo up")
        for at in ("eth1", "eth2"):
            _ip(f"-n {name} link set {at} up alias cable-{at}")
    _ip(f"-n {a} link set br0 up")


@contextmanager
def serve() -> Iterator[tuple[Router, Router]]:
    """Start both and stop them at the end of the block. They may need some seconds to find each other."""
    for name in ("lldpd", "lldpcli", "snmpd", "unshare", "ip"):
        program(name)
    whole = Path(tempfile.mkdtemp(prefix="driftline-routers-"))
    whole.chmod(0o755)
    routers = [Router(name, f"l2-{os.getpid()}-{name}", whole / name) for name in ("a", "b")]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for router in routers:
            router.folder.mkdir()
            router.folder.chmod(0o777)  # daemons write their logs there as themselves
            _ip(f"netns add {router.namespace}")
        _cables(routers[0].namespace, routers[1].namespace)
        for number, router in enumerate(routers, 1):
            (router.folder / "frr.conf").write_text(_FRR.format(name=router.name, number=number, other=3 - number))
            (router.folder / "snmpd.conf").write_text(_SNMPD.format(name=router.name))
            processes.append(_start(router))
        yield routers[0], routers[1]
    finally:
        for process in processes:
            process.kill()
            process.wait(30)
        for router in routers:
            subprocess.run(["ip", "netns", "del", router.namespace], capture_output=True, check=False)
        shutil.rmtree(whole)


def _start(router: Router) -> subprocess.Popen[bytes]:
    command = ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", router.namespace]
    command += ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command += ["sh", "-c", f"hostname {router.name}; {_NODE.format(folder=router.folder)}"]
    environment = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": "/run/snmp"}
    with (router.folder / "log").open("wb") as log:
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def wait_for(what: str, done: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until something is so.

    :raises TimeoutError: where it does not become so.
    """
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.2)
