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

from tests.support.newer import newer

from driftline.facts import attributes, elements, parse
from driftline.v1.collector_pb2 import UNREADABLE
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic, select

TURN_S = 300
TURNS = 12
#: The turn after which the agent is upgraded, and goes back.
UPGRADED = 7
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


def reading_of(host: Host, tries: int = 60) -> tuple[Reading, dict[str, str]]:
    """Return everything that drifts, by path, and which topics could not be read and why."""
    found: Reading = {}
    unread: dict[str, str] = {}
    for name, topic in select(None).items():
        for _ in range(tries):
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


def engine_starts() -> None:
    """Do what a container engine and its neighbours do once: forwarding, chains of their own names."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    nft(
        "table ip nat { chain DOCKER {} ; chain POSTROUTING { type nat hook postrouting priority srcnat ; } ; }",
        "table ip filter { chain DOCKER {} ; chain FORWARD { type filter hook forward priority filter ; } ; }",
        "table inet f2b-table { set addr-set-sshd { type ipv4_addr ; } ; chain f2b-chain {"
        " type filter hook input priority -1 ; tcp dport 22 ip saddr @addr-set-sshd reject ; } ; }",
        # What a person wrote stays, and is seen.
        "table inet own { chain input { type filter hook input priority 0 ; tcp dport 22 accept ; } ; }",
    )


def nft(*lines: str) -> None:
    done = subprocess.run(["nft", "-f", "-"], input="\n".join(lines), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def rules_come_and_go(turn: int) -> None:
    """Publish a container's port, ban an address, drop those of before."""
    nft(
        "flush chain ip nat DOCKER",
        "flush chain ip filter DOCKER",
        f'add rule ip nat DOCKER iifname != "docker0" tcp dport {8000 + turn} dnat to 172.17.0.{turn + 1}:80',
        f'add rule ip filter DOCKER ip daddr 172.17.0.{turn + 1} oifname "docker0" tcp dport 80 accept',
        "flush set inet f2b-table addr-set-sshd",
        f"add element inet f2b-table addr-set-sshd {{ 203.0.113.{turn} }}",
    )


def lines_come_and_go(turn: int) -> None:
    """Let a VPN dial in anew, a network of containers, a machine's tap and a learnt route come, those of before go."""
    for line in LINES:
        line.kill()
        line.wait()
    LINES[:] = [subprocess.Popen([sys.executable, "-c", _VPN], stdout=subprocess.PIPE)]
    assert LINES[0].stdout is not None and LINES[0].stdout.readline()
    run("ip", "address", "add", f"10.8.0.{turn + 1}/24", "dev", "tun9")
    run("ip", "link", "set", "tun9", "up")
    run("ip", "route", "add", "10.9.0.0/16", "dev", "tun9")
    if turn > 1:
        run("ip", "link", "delete", f"br-0123456789{turn - 1:02x}")
        run("ip", "tuntap", "del", f"vnet{turn - 1}", "mode", "tap")
    run("ip", "link", "add", f"br-0123456789{turn:02x}", "type", "bridge")
    run("ip", "address", "add", f"172.{18 + turn % 2}.0.1/16", "dev", f"br-0123456789{turn:02x}")
    run("ip", "link", "set", f"br-0123456789{turn:02x}", "up")
    run("ip", "tuntap", "add", f"vnet{turn}", "mode", "tap")
    run("ip", "link", "set", f"vnet{turn}", "master", "docker0", "mtu", str(1400 + turn), "up")
    run("ip", "route", "replace", "203.0.113.0/24", "via", f"198.51.100.{1 + turn % 2}", "proto", "bird")
    run("ip", "-6", "route", "replace", "default", "via", f"fe80::{turn:x}", "dev", "eth0", "proto", "ra")
    run("ip", "neighbour", "replace", f"198.51.100.{100 + turn}", "lladdr", "02:00:00:00:00:09", "dev", "eth0")


LINES: list[subprocess.Popen[bytes]] = []
#: A program with a tun that lives as long as it does. linux/if_tun.h: TUNSETIFF, IFF_TUN.
_VPN = """
import fcntl, os, struct, time
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", b"tun9", 1))
print("up", flush=True)
time.sleep(600)
"""


def manager_goes_round(turn: int) -> None:
    """Do what systemd does by itself: transient units, generators at a daemon-reload, the clock's state, leases."""
    write(f"/run/systemd/transient/session-{turn}.scope", "[Scope]\nSlice=user-0.slice\n")
    write(f"/run/systemd/transient/run-u{turn}.service", "[Service]\nExecStart=/bin/true\n")
    for old in (f"session-{turn - 1}.scope", f"run-u{turn - 1}.service"):
        Path(f"/run/systemd/transient/{old}").unlink(missing_ok=True)
    for name in ("-.mount", "dev-vda1.swap"):
        write(f"/run/systemd/generator/{name}", f"# Automatically generated\n[Unit]\nBefore=x{turn}.target\n")
    synchronized = Path("/run/systemd/timesync/synchronized")
    write(str(synchronized), "")
    if turn % 2:
        synchronized.unlink()
    write("/run/systemd/netif/leases/2", f"ADDRESS=198.51.100.50\nT1={turn}\nLIFETIME={3600 + turn}\n")
    write("/var/lib/dhcp/dhclient.leases", f"lease {{\n  renew 2 2024/01/{turn + 1:02} 10:00:00;\n}}\n")
    write(f"/var/lib/systemd/timers/stamp-{turn}.timer", "")


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def people_log_in(turn: int) -> None:
    """Open a session, and close the one of before."""
    for path in ("/run/utmp", "/var/log/wtmp", "/var/log/lastlog"):
        with Path(path).open("ab") as file:
            file.write(bytes(384))
    if turn > 1:
        run("umount", f"/run/user/{999 + turn}")
    Path(f"/run/user/{1000 + turn}").mkdir(parents=True)
    run("mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", f"/run/user/{1000 + turn}")


def lists_are_fetched() -> None:
    """Do what apt update does: write each list anew, take and leave the locks."""
    for path in Path("/var/lib/apt/lists").glob("*_*"):
        if path.is_file():
            data = path.read_bytes()
            path.unlink()
            path.write_bytes(data)
    holding = [sys.executable, "-c", _LOCKING]
    with subprocess.Popen(holding, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        reading_of(Host(), tries=1)  # busy, whatever of it is


#: apt and dpkg take these, and often do nothing with them.
_LOCKING = """
import fcntl, time
files = [open(f"/var/lib/dpkg/{name}", "a") for name in ("lock-frontend", "lock")]
[fcntl.lockf(file, fcntl.LOCK_EX) for file in files]
print("locked", flush=True)
time.sleep(5)
"""


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


def read_by_the_next_version(environment: dict[str, str]) -> Reading:
    """Return what a newer agent reads, as far as this one knows it."""
    command = [sys.executable, "-m", "tests.agent.hour.inside", "once"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    found: Reading = json.loads(done.stdout)
    assert found["os.kernel"].pop("flavour") == "generic"
    return found


def once() -> None:
    """Print one reading."""
    print(json.dumps(reading_of(Host())[0]))


def main() -> None:
    """Let an hour go by."""
    move = moved_clock()
    environment = newer(Path("/mnt/newer"))
    daemons = network()
    engine_starts()
    manager_goes_round(0)
    client = daemons[1]
    happenings: list[Callable[[], None]] = [
        lambda: lease_is_renewed(client),
        cron_jobs,
        caches_are_rebuilt,
        sources_are_reordered,
        people_look_around,
        lists_are_fetched,
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
            rules_come_and_go(turn)
            lines_come_and_go(turn)
            manager_goes_round(turn)
            people_log_in(turn)
            happenings[turn % len(happenings)]()
            time.sleep(2.5)
            after, unread = reading_of(host)
            if turn == UPGRADED:
                upgraded = read_by_the_next_version(environment)
                print(json.dumps({"upgraded": differences(json.loads(json.dumps(after)), upgraded)}), flush=True)
            print(json.dumps({"turn": turn, "different": differences(before, after), "unread": unread}), flush=True)
            before = after
        _in_place("/etc/hostname", "other\n")
        nft("add rule inet own input tcp dport 23 accept")
        run("ip", "route", "add", "192.0.2.0/24", "via", "198.51.100.1", "proto", "static")
        run("ip", "link", "set", "eth0", "address", "02:00:00:00:00:77")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("0\n")
        run("useradd", "-M", "newcomer")
        after, _ = reading_of(host)
        print(json.dumps({"turn": 0, "different": differences(before, after), "unread": {}}), flush=True)
    finally:
        for process in (*daemons, *CONTAINERS.values(), *LINES):
            process.kill()


if __name__ == "__main__":
    sys.exit(once() if sys.argv[1:] == ["once"] else main())
