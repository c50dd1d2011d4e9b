"""A small real network on one machine: `python tests/lab/lab.py up`. For root on Linux with FRR, lldpd, net-snmp.

Each node has its own network, UTS and mount namespaces, its own /etc, and real daemons: FRR (zebra, ospfd, bgpd, with
their AgentX modules), snmpd, lldpd. A cable is a namespace between two ports, so that it can be pulled while both ends
stay as their administrators set them, as a real one can::

    r1 eth1 --- eth1 r2 eth2 --- p1 sw1 p2 --- eth0 h1
                                    sw1 p3 --- eth0 h2

The management network is a bridge in the namespace of whoever starts this; nodes answer there at :attr:`Lab.addresses`.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # also as a script

from tests.lab import daemons

#: Nodes in the order of their management addresses, and their ports.
NODES = {
    "r1": ("eth1",),
    "r2": ("eth1", "eth2"),
    "sw1": ("p1", "p2", "p3"),
    "h1": ("eth0",),
    "h2": ("eth0",),
}
ROUTERS, SWITCHES = ("r1", "r2"), ("sw1",)
#: Cables by name: what they join.
CABLES = {
    "r1-r2": (("r1", "eth1"), ("r2", "eth1")),
    "r2-sw1": (("r2", "eth2"), ("sw1", "p1")),
    "sw1-h1": (("sw1", "p2"), ("h1", "eth0")),
    "sw1-h2": (("sw1", "p3"), ("h2", "eth0")),
}
NETWORK = "10.99.0"
GATEWAY = f"{NETWORK}.254"
_CABLES = "dl-cables"


class LabError(RuntimeError):
    """The lab cannot be built or used: what failed, and with which words."""


def run(*command: str, inside: str | None = None) -> str:
    """Run a command and return its output.

    :raises LabError: where it fails.
    """
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise LabError(f"{inside or 'lab'}: {' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


@dataclass
class Node:
    """One machine of the lab."""

    name: str
    address: str
    folder: Path
    #: The process that holds its namespaces.
    holder: int

    def run(self, *command: str) -> str:
        """Run a command in it and return its output."""
        return run("nsenter", "-t", str(self.holder), "-n", "-u", "-m", "--", *command, inside=self.name)

    def shell(self, script: str) -> str:
        """Run a shell script in it."""
        return self.run("bash", "-euc", script)

    def write(self, path: str, text: str) -> None:
        """Write a file in it."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.holder), "-m", "--", "tee", path], input=text, text=True, capture_output=True
        )
        if done.returncode:
            raise LabError(f"{self.name}: {path}: {done.stderr.strip()}")


class Lab:
    """The running lab."""

    def __init__(self, folder: Path, traps_to: int = 1162) -> None:
        """Prepare.

        :param folder: of its own, for what belongs to it.
        :param traps_to: UDP port at the management network's gateway that traps are sent to.
        """
        self.folder, self.traps_to = folder, traps_to
        self.nodes: dict[str, Node] = {}
        #: Processes that hold namespaces, of those that this one started.
        self._holders: list[subprocess.Popen[bytes]] = []

    @property
    def addresses(self) -> dict[str, str]:
        """Management addresses, by node."""
        return {name: f"{NETWORK}.{number}" for number, name in enumerate(NODES, 1)}

    # building

    def up(self) -> None:
        """Build it and wait until all answer."""
        if os.geteuid():
            raise LabError("network namespaces want root: start it by sudo")
        for tool in ("ip", "snmpd", "snmpget", "lldpd", "vtysh", "nsenter", "unshare"):
            if shutil.which(tool) is None and not Path("/usr/sbin", tool).exists():
                raise LabError(f"{tool} is missing: apt-get install frr frr-snmp lldpd snmpd snmp iproute2 util-linux")
        try:
            self._build()
        except BaseException:
            self.down()
            raise

    def _build(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        run("ip", "link", "add", "dl-mgmt", "type", "bridge")
        run("ip", "address", "add", f"{GATEWAY}/24", "dev", "dl-mgmt")
        run("ip", "link", "set", "dl-mgmt", "up")
        run("ip", "netns", "add", _CABLES)
        for name in NODES:
            self.nodes[name] = self._node(name)
        for cable in CABLES:
            self._cable(cable)
        self._save()
        for name, node in self.nodes.items():
            if name in SWITCHES:
                self._bridge(node, NODES[name])
        daemons.address(self.nodes)
        for name, node in self.nodes.items():
            daemons.snmpd(node, f"{GATEWAY}:{self.traps_to}")
            if name in ROUTERS:
                daemons.frr(node)
            daemons.lldpd(node, NODES[name])
        self.wait()

    def _node(self, name: str) -> Node:
        netns, folder = f"dl-{name}", self.folder / name
        folder.mkdir(exist_ok=True)
        run("ip", "netns", "add", netns)
        holder = subprocess.Popen(
            ["ip", "netns", "exec", netns, "unshare", "-u", "-m", "--propagation", "private", "sleep", "infinity"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._holders.append(holder)
        node = Node(name, self.addresses[name], folder, holder.pid)
        _until(
            lambda: Path(f"/proc/{holder.pid}/ns/uts").readlink() != Path("/proc/self/ns/uts").readlink(),
            f"{name} to start",
        )
        node.run("hostname", name)
        node.shell(
            "mkdir -p /run/lab; mount -t tmpfs tmpfs /run/lab; mkdir /run/lab/up /run/lab/work;"
            "mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/lab/up,workdir=/run/lab/work /etc;"
            "mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib/snmp;"
            "mkdir -p /run/frr /run/lldpd /var/agentx /run/netns; mount -t tmpfs tmpfs /var/agentx;"
            "chown frr:frr /run/frr; chmod 755 /var/agentx; ip link set lo up"
        )
        port = f"dl-m{node.address.rpartition('.')[2]}"
        run("ip", "link", "add", port, "type", "veth", "peer", "name", "mgmt0", "netns", netns)
        run("ip", "link", "set", port, "master", "dl-mgmt", "up")
        node.shell(f"ip address add {node.address}/24 dev mgmt0; ip link set mgmt0 up")
        return node

    def _cable(self, cable: str) -> None:
        """Join two ports: a pair from each into the namespace of cables, and a bridge there that passes LLDP on."""
        ends = CABLES[cable]
        number = list(CABLES).index(cable)
        inner = [f"c{number}{side}" for side in "ab"]
        for (node, port), wire in zip(ends, inner, strict=True):
            run(
                "ip", "link", "add", wire, "netns", _CABLES, "type", "veth", "peer", "name", port, "netns", f"dl-{node}"
            )
            self.nodes[node].run("ip", "link", "set", port, "up")
        self._wire("link", "add", f"c{number}", "type", "bridge", "mcast_snooping", "0", "group_fwd_mask", "0x4000")
        self._wire("link", "set", f"c{number}", "up")
        for wire in inner:
            self._wire("link", "set", wire, "master", f"c{number}", "up")

    @staticmethod
    def _wire(*command: str) -> str:
        return run("ip", "-n", _CABLES, *command)

    @staticmethod
    def _bridge(node: Node, ports: tuple[str, ...]) -> None:
        node.run("ip", "link", "add", "br0", "type", "bridge")
        for port in ports:
            node.run("ip", "link", "set", port, "master", "br0")
        node.run("ip", "link", "set", "br0", "up")

    # using

    def pull(self, cable: str) -> None:
        """Pull a cable: both ports lose their carrier, and stay enabled."""
        self._each(cable, "down")

    def plug(self, cable: str) -> None:
        """Put it back."""
        self._each(cable, "up")

    def _each(self, cable: str, to: str) -> None:
        number = list(CABLES).index(cable)
        for side in "ab":
            self._wire("link", "set", f"c{number}{side}", to)

    def swap(self, cable: str, other: str) -> None:
        """Exchange the second ends of two cables, as somebody does who mistakes one for the other."""
        one, two = list(CABLES).index(cable), list(CABLES).index(other)
        self.pull(cable)
        self.pull(other)
        now = json.loads(self._wire("-j", "link", "show", f"c{one}b"))[0]["master"]
        then = json.loads(self._wire("-j", "link", "show", f"c{two}b"))[0]["master"]
        self._wire("link", "set", f"c{one}b", "master", then)
        self._wire("link", "set", f"c{two}b", "master", now)
        self.plug(cable)
        self.plug(other)

    def wait(self, seconds: float = 60) -> None:
        """Wait until every node answers and hears its neighbours by LLDP."""
        wanted = {name: sum(name in (end[0] for end in ends) for ends in CABLES.values()) for name in NODES}
        for name, count in wanted.items():
            _until(lambda name=name, count=count: self.neighbours(name) == count, f"{name} to hear {count}", seconds)

    def neighbours(self, name: str) -> int:
        """Return how many neighbours a node's SNMP agent tells of (LLDP-MIB::lldpRemSysName)."""
        command = ["snmpwalk", "-v2c", "-c", daemons.COMMUNITY, "-Oqv", "-t", "1", "-r", "0"]
        done = subprocess.run(
            [*command, self.addresses[name], "1.0.8802.1.1.2.1.4.1.1.9"], capture_output=True, text=True, check=False
        )
        return sum(1 for line in done.stdout.splitlines() if line.strip('" ') and "No Such" not in line)

    # ending

    def _save(self) -> None:
        holders = {name: node.holder for name, node in self.nodes.items()}
        (self.folder / "lab.json").write_text(json.dumps(holders))

    @classmethod
    def running(cls, folder: Path) -> "Lab":
        """Return the lab that was started from a folder.

        :raises LabError: where none runs.
        """
        lab = cls(folder)
        try:
            holders = json.loads((folder / "lab.json").read_text())
        except FileNotFoundError as error:
            raise LabError(f"no lab runs from {folder}; start it: lab.py up") from error
        lab.nodes = {name: Node(name, lab.addresses[name], folder / name, pid) for name, pid in holders.items()}
        return lab

    def down(self) -> None:
        """End all of it; what is not there is passed over."""
        spaces = [_CABLES, *(f"dl-{name}" for name in NODES)]
        for space in spaces:
            found = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True, check=False)
            for pid in found.stdout.split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        while self._holders:
            self._holders.pop().wait(10)
        for space in spaces:
            subprocess.run(["ip", "netns", "delete", space], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", "dl-mgmt"], capture_output=True, check=False)
        for number in range(1, len(NODES) + 1):
            subprocess.run(["ip", "link", "delete", f"dl-m{number}"], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def _until(holds: object, what: str, seconds: float = 20) -> None:
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.2)


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="lab.py", description="a small real network on this machine")
    parser.add_argument("command", choices=("up", "down", "check", "pull", "plug", "swap"))
    parser.add_argument("cable", nargs="*", help=f"{', '.join(CABLES)}")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "driftline-lab")
    options = parser.parse_args()
    try:
        if options.command == "up":
            lab = Lab(options.folder)
            lab.up()
            print("\n".join(f"{name}\t{address}" for name, address in lab.addresses.items()))  # noqa: T201
        elif options.command == "down":
            Lab(options.folder).down()
        elif options.command == "check":
            Lab.running(options.folder).wait()
        else:
            getattr(Lab.running(options.folder), options.command)(*options.cable)
    except LabError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
