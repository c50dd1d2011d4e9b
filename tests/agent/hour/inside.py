"""Runs on a host of its own, in namespaces: an hour of simulated time, with all that happens on a host by itself.

Each turn is five minutes: something of what goes on, then a whole reading by an agent. Some turns begin with another
process's memory (a restart). Prints a line of JSON a turn: what was different of what drifts.
"""

# ruff: noqa: T201
# printing is how it answers

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from driftline.facts import attributes, elements, parse
from driftline.v1.collector_pb2 import UNREADABLE
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic, select

TURN_S = 300
TURNS = 12
KEY = bytes(32)

Reading = dict[str, dict[str, object]]


def run(*command: str, check: bool = True) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert not check or done.returncode == 0, f"{command}: {done.stderr or done.stdout}"


def moved_clock() -> Callable[[], None]:
    """Return what moves this process's clock on by one turn."""
    ahead = 0
    seconds, nanoseconds = time.time, time.time_ns

    def move() -> None:
        nonlocal ahead
        ahead += TURN_S

    time.time = lambda: seconds() + ahead
    time.time_ns = lambda: nanoseconds() + ahead * 10**9
    return move


def reading_of(host: Host) -> tuple[Reading, dict[str, str]]:
    """Return everything that drifts, by path, and which topics could not be read and why."""
    found: Reading = {}
    unread: dict[str, str] = {}
    for name, topic in select(None).items():
        for _ in range(60):
            result = read_topic(name, topic, host, KEY)
            if not result.busy:
                break
            time.sleep(0.5)
        if result.outcome == UNREADABLE:
            unread[name] = result.section.reason
        for path, element in elements(parse(result.section.content)).items():
            found[path] = attributes(path, element.content)
    return found, unread


def differences(before: Reading, after: Reading) -> dict[str, object]:
    """Return what differs, by path: before and after."""
    return {
        path: [before.get(path), after.get(path)]
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
    }


# --- what goes on ---------------------------------------------------------------------------------------------------


def network() -> list[subprocess.Popen[bytes]]:
    """Make an interface with an address by DHCP, and a bridge as container engines have one; return the daemons."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "netns", "add", "gateway")
    run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "gw0", "netns", "gateway")
    run("ip", "-n", "gateway", "address", "add", "198.51.100.1/24", "dev", "gw0")
    run("ip", "-n", "gateway", "link", "set", "gw0", "up")
    run("ip", "link", "set", "eth0", "up")
    run("ip", "link", "add", "docker0", "type", "bridge")
    run("ip", "address", "add", "172.17.0.1/16", "dev", "docker0")
    run("ip", "link", "set", "docker0", "up")
    serving = ["dnsmasq", "-k", "-p0", "-i", "gw0", "-z", "-F", "198.51.100.50,198.51.100.60,120", "-l", "/mnt/leases"]
    server = subprocess.Popen(["ip", "netns", "exec", "gateway", *serving], stderr=subprocess.DEVNULL)
    asking = ["udhcpc", "-f", "-i", "eth0", "-t", "20", "-T", "1"]
    client = subprocess.Popen(asking, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        if (
            "198.51.100."
            in subprocess.run(["ip", "-4", "address", "show", "eth0"], capture_output=True, text=True).stdout
        ):
            return [server, client]
        time.sleep(0.2)
    raise AssertionError("no address by DHCP")


def lease_is_renewed(client: subprocess.Popen[bytes]) -> None:
    """Ask for the same lease again, as half its time is over; udhcpc sets address and resolv.conf anew."""
    os.kill(client.pid, 10)  # SIGUSR1: renew
    time.sleep(1.5)


def containers_come_and_go(turn: int) -> None:
    """Start one container more, and end the one of the turn before."""
    for number, start in ((turn, True), (turn - 1, False)):
        name, merged = f"c{number}", f"/var/lib/docker/overlay2/c{number}"
        if start:
            run("ip", "netns", "add", name)
            run("ip", "link", "add", f"veth{number}a", "type", "veth", "peer", "name", "eth0", "netns", name)
            run("ip", "link", "set", f"veth{number}a", "master", "docker0", "up")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            for part in ("lower", "upper", "work", "merged"):
                Path(f"{merged}/{part}").mkdir(parents=True)
            run("mount", "-t", "tmpfs", "tmpfs", f"{merged}/merged")
            holding = ["ip", "netns", "exec", name, "python3", "-c", _LISTENING]
            CONTAINERS[number] = subprocess.Popen(holding)
        elif number in CONTAINERS:
            CONTAINERS.pop(number).kill()
            run("umount", f"{merged}/merged")
            run("ip", "netns", "delete", name)


CONTAINERS: dict[int, subprocess.Popen[bytes]] = {}
_LISTENING = "import socket, time; s = socket.create_server(('', 8080)); time.sleep(600)"


def cron_jobs() -> None:
    """Run what cron runs each day, and rotate logs."""
    for job in sorted(Path("/etc/cron.daily").iterdir()):
        # Of what this machine has, only what asks nobody else and does not wait.
        if os.access(job, os.X_OK) and job.name in ("dpkg", "logrotate", "passwd", "e2scrub_all"):
            run(str(job), check=False)
    Path("/var/log/app.log").write_text("line\n")
    Path("/mnt/rotate.conf").write_text("/var/log/app.log {\n rotate 3\n create 0640 root adm\n}\n")
    run("logrotate", "-f", "-s", "/mnt/rotate.state", "/mnt/rotate.conf")


def caches_are_rebuilt() -> None:
    """Write again what is made out of other things, and touch what only has a time on it."""
    run("ldconfig")
    for path in ("/etc/.updated", "/etc/adjtime", "/var/lib/dpkg/status-old", "/var/lib/apt/periodic/update-stamp"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(f"{time.time()}\n")
    os.utime("/var/lib/dpkg/status")
    for path in Path("/etc").glob("*.conf"):
        if path.is_file() and not path.is_symlink():
            data, status = path.read_bytes(), path.stat()
            other = path.with_name(f"{path.name}.dpkg-new")
            other.write_bytes(data)
            other.chmod(status.st_mode & 0o7777)
            os.chown(other, status.st_uid, status.st_gid)
            other.rename(path)


def sources_are_reordered() -> None:
    """Write lists of things in another order, which means nothing."""
    rng = random.Random(7)
    for path in ("/etc/passwd", "/etc/group", "/etc/shadow"):
        lines = Path(path).read_text().splitlines()
        rng.shuffle(lines)
        _in_place(path, "\n".join(lines) + "\n")
    status = Path("/var/lib/dpkg/status").read_text().strip("\n").split("\n\n")
    rng.shuffle(status)
    _in_place("/var/lib/dpkg/status", "\n\n".join(status) + "\n\n")


def _in_place(path: str, text: str) -> None:
    with Path(path).open("w") as file:  # owner and mode stay
        file.write(text)


def people_look_around() -> None:
    """Log in, run programs that change nothing, leave."""
    run("sh", "-c", "ls -R /etc >/dev/null; sysctl -a >/dev/null 2>&1; dpkg -l >/dev/null; ip neigh >/dev/null")
    run("busybox", "ping", "-c", "1", "-W", "1", "198.51.100.1", check=False)
    process = subprocess.Popen(["sleep", "300"])
    CONTAINERS[-process.pid] = process


def main() -> None:
    """Let an hour go by."""
    move = moved_clock()
    daemons = network()
    client = daemons[1]
    happenings: list[Callable[[], None]] = [
        lambda: lease_is_renewed(client),
        cron_jobs,
        caches_are_rebuilt,
        sources_are_reordered,
        people_look_around,
    ]
    host = Host()
    time.sleep(2.5)
    before, _ = reading_of(host)
    try:
        for turn in range(1, TURNS + 1):
            move()
            if turn % 4 == 0:
                host = Host()  # the agent was restarted: nothing in its memory
            containers_come_and_go(turn)
            happenings[turn % len(happenings)]()
            time.sleep(2.5)
            after, unread = reading_of(host)
            print(json.dumps({"turn": turn, "different": differences(before, after), "unread": unread}), flush=True)
            before = after
        _in_place("/etc/hostname", "other\n")
        run("useradd", "-M", "newcomer")
        after, _ = reading_of(host)
        print(json.dumps({"turn": 0, "different": differences(before, after), "unread": {}}), flush=True)
    finally:
        for process in (*daemons, *CONTAINERS.values()):
            process.kill()


if __name__ == "__main__":
    sys.exit(main())
