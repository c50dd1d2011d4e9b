"""CPU seconds of one full inventory of this host, beside those of other inventories in the same run.

    python bench/peers.py [RUNS]

A fresh process is what cron would start: `driftline-agent facts --json`, `facter --json`, `ohai`,
`fusioninventory-agent --local`. Warm is what the running agent pays again and again: all topics read once more in a
process that lives. User and system time, children's included; the best of some runs, because other work on the machine
only adds. They do not all collect the same: driftline also reads sysctls, units, routes and sockets, fusioninventory
also PCI and USB devices. Only ratios are printed, because only they say something about another machine.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from driftline_agent import inventory
from driftline_agent.host import Host

RUNS = 3
PEERS = {
    "facter": ["facter", "--json"],
    "ohai": ["ohai"],
    "fusioninventory-agent": ["fusioninventory-agent", "--local", "{scratch}", "--force"],
}


def fresh(command: Sequence[str]) -> float:
    """Return the CPU seconds of a process and its children."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def warm() -> float:
    """Return the CPU seconds of an inventory in this process, its children's included."""
    before = os.times()
    started = time.process_time()
    for _ in inventory.take(Host(), bytes(32)):
        pass
    own = time.process_time() - started
    after = os.times()
    return own + after.children_user + after.children_system - before.children_user - before.children_system


def main() -> int:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    agent = Path(sys.executable).with_name("driftline-agent")
    warm()
    ours = {
        "fresh process": min(fresh([str(agent), "facts", "--json"]) for _ in range(runs)),
        "warm reading": min(warm() for _ in range(runs)),
    }
    python = min(fresh([sys.executable, "-c", "pass"]) for _ in range(runs))
    tick = 1 / os.sysconf("SC_CLK_TCK")
    bare = ours["fresh process"] / max(python, tick)
    sys.stdout.write(f"driftline's fresh process takes x{bare:.0f} of a bare Python\n")
    with tempfile.TemporaryDirectory() as scratch:
        for name, command in PEERS.items():
            if shutil.which(name) is None:
                sys.stdout.write(f"{name:<24} is not installed: apt-get install {name}\n")
                continue
            words = [word.replace("{scratch}", f"{scratch}/out") for word in command]
            theirs = min(fresh(words) for _ in range(runs))
            ratios = "   ".join(f"x{theirs / seconds:.1f} of driftline's {label}" for label, seconds in ours.items())
            sys.stdout.write(f"{name:<24} takes {ratios}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
