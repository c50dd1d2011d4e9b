"""CPU and wall time of one full inventory of this host, beside those of other inventories in the same run.

    python bench/peers.py [RUNS]

A fresh process is what cron would start: `driftline-agent facts --json`, `facter --json`, `ohai`, and so on. Warm is
what the running agent pays again and again: all topics read once more in a process that lives. CPU is user and system
time, children's included. Of some runs the best counts, because other work on the machine only adds; the runs of all go
round and round, so that a busy minute hits all. They do not all collect the same: driftline also reads sysctls, units,
routes, sockets and files. Only ratios are printed, because only they say something about another machine; above 1, the
other one takes longer.

Both sides are compiled: packages do that when they are installed, and so does this script for driftline and what it
imports, because an environment may forbid Python to write bytecode while it runs.
"""

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from driftline_agent import inventory
from driftline_agent.host import Host

RUNS = 3
#: Seconds after which one command is given up on.
_PATIENCE_S = 60
_ROOT = Path(__file__).resolve().parent.parent
#: What is installed as, and the commands of one inventory; ansible needs two for what the others tell at once.
PEERS: dict[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "facter": ("facter", (("facter", "--json"),)),
    "ohai": ("ohai", (("ohai",),)),
    "fusioninventory-agent": (
        "fusioninventory-agent",
        (("fusioninventory-agent", "--local", "{scratch}/fusion", "--force"),),
    ),
    "ocsinventory-agent": (
        "ocsinventory-agent",
        (("ocsinventory-agent", "--local={scratch}", "--basevardir={scratch}/ocs", "--force"),),
    ),
    "ansible": (
        "ansible-core",
        (("ansible", "localhost", "-m", "setup"), ("ansible", "localhost", "-m", "package_facts")),
    ),
    "lshw": ("lshw", (("lshw", "-json"),)),
}
#: The least that any Python takes that reads a part of what an inventory reads.
_FLOOR = """
import os
for folder in ("/proc", "/sys/class/net", "/sys/class/block", "/sys/class/dmi/id"):
    for name in os.listdir(folder):
        try:
            with open(f"{folder}/{name}/stat" if name.isdigit() else f"{folder}/{name}", "rb") as file:
                file.read(65536)
        except OSError:
            pass
packages = []
with open("/var/lib/dpkg/status", encoding="utf-8") as file:
    for paragraph in file.read().split("\\n\\n"):
        packages.append(dict(line.split(": ", 1) for line in paragraph.split("\\n") if ": " in line))
"""


@dataclass
class Time:
    """The best of some runs, seconds."""

    cpu: float = float("inf")
    wall: float = float("inf")

    def best(self, cpu: float, wall: float) -> None:
        """Take in one more run."""
        self.cpu, self.wall = min(self.cpu, cpu), min(self.wall, wall)


def fresh(commands: Sequence[Sequence[str]]) -> tuple[float, float, bool]:
    """Return CPU and wall seconds of some processes and their children, and whether all went well."""
    before, begun, well = os.times(), time.perf_counter(), True
    for command in commands:
        quiet = subprocess.DEVNULL
        try:
            done = subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, check=False, timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            well = False
        else:
            well = well and done.returncode == 0
    wall, after = time.perf_counter() - begun, os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system, wall, well


def warm(host: Host) -> tuple[float, float]:
    """Return CPU and wall seconds of an inventory in this process, its children's included."""
    before, begun, started = os.times(), time.perf_counter(), time.process_time()
    for _ in inventory.take(host, bytes(32)):
        pass
    own, wall, after = time.process_time() - started, time.perf_counter() - begun, os.times()
    return own + after.children_user + after.children_system - before.children_user - before.children_system, wall


def compiled() -> None:
    """Write the bytecode of driftline and of what it imports."""
    for folder in (_ROOT / "agent", _ROOT / "protos"):
        compileall.compile_dir(folder, quiet=2)
    for name in ("google.protobuf", "grpc", "psutil"):
        spec = find_spec(name)
        for place in spec.submodule_search_locations or () if spec else ():
            compileall.compile_dir(place, quiet=2)


def main() -> int:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    compiled()
    agent = ((sys.executable, "-m", "driftline_agent.main", "facts", "--json"),)
    times = {"fresh": Time(), "warm": Time(), "floor": Time(), "python": Time()}
    failed: set[str] = set()
    host = Host()
    for _ in range(2):  # some topics ask in the background what the next reading tells
        warm(host)
    with tempfile.TemporaryDirectory() as scratch:
        there: dict[str, list[list[str]]] = {}
        for name, (package, commands) in PEERS.items():
            if shutil.which(name) is None:
                sys.stdout.write(f"{name:<22} is not installed: apt-get install {package}\n")
                continue
            there[name] = [[word.replace("{scratch}", scratch) for word in command] for command in commands]
            times[name] = Time()
        for folder in ("fusion", "ocs"):
            Path(scratch, folder).mkdir()
        for _ in range(runs):
            times["python"].best(*fresh(((sys.executable, "-c", "pass"),))[:2])
            times["floor"].best(*fresh(((sys.executable, "-c", _FLOOR),))[:2])
            times["fresh"].best(*fresh(agent)[:2])
            times["warm"].best(*warm(host))
            for name, words in there.items():
                cpu, wall, well = fresh(words)
                times[name].best(cpu, wall)
                if not well:
                    failed.add(name)
    tick = 1 / os.sysconf("SC_CLK_TCK")
    ours, least, python = times["fresh"], times["floor"], max(times["python"].cpu, tick)
    sys.stdout.write(
        f"driftline's fresh process takes x{ours.cpu / python:.0f} of the CPU of a bare Python, and"
        f" x{ours.cpu / max(least.cpu, tick):.1f} of one that reads some of /proc and /sys and dpkg's status\n"
        f"{'':<22} {'CPU of a fresh one':>20} {'wall':>8} {'CPU of a warm one':>20} {'wall':>8}\n"
    )
    for name in there:
        theirs, again = times[name], times["warm"]
        sys.stdout.write(
            f"{name:<22} {f'x{theirs.cpu / ours.cpu:.2f}':>20} {f'x{theirs.wall / ours.wall:.2f}':>8}"
            f" {f'x{theirs.cpu / again.cpu:.1f}':>20} {f'x{theirs.wall / again.wall:.1f}':>8}"
            f"{'   (it said that it failed)' if name in failed else ''}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
