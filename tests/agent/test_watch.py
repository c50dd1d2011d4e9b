"""The watcher on real inotify, netlink and mounts: what it sees, what it costs in a storm, and what it says of limits.

Limits, links and routes are those of namespaces, so that this host's stay as they are.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.agent.unprivileged import AS_NOBODY, reachable
from tests.support.site import needs_root, until

from driftline_agent import inotify, kernel_news, watch
from driftline_agent.host import Host
from driftline_agent.inventory import settled
from driftline_agent.pace import BURST, COST, REFILL_S, Pace
from driftline_agent.topic import EVENTS, Reading, Topic, all_topics
from driftline_agent.trees import Trees, steps_of
from driftline_agent.watch import Watcher


def topic(*watches: object, **more: Any) -> Topic:
    return Topic(revision=1, fills=(), collect=lambda _: Reading(), watches=tuple(map(str, watches)), **more)


class Seen:
    """What a watcher told, until it is asked."""

    def __init__(self) -> None:
        self._lock, self._names = threading.Lock(), dict[str, int]()
        self.calls = 0

    def __call__(self, names: Mapping[str, int]) -> None:
        with self._lock:
            self.calls += 1
            self._names.update(names)

    def take(self) -> set[str]:
        with self._lock:
            names, self._names = set(self._names), {}
            return names


Watching = Callable[..., tuple[Watcher, Seen]]


@pytest.fixture
def watching() -> Iterator[Watching]:
    running: list[Watcher] = []

    def start(host: Host | None = None, **topics: Topic) -> tuple[Watcher, Seen]:
        seen = Seen()
        watcher = Watcher(topics, seen, host)
        running.append(watcher)
        watcher.start()
        assert watcher.ready.wait(10)
        return watcher, seen

    yield start
    for watcher in running:
        watcher.stop()


def sees(seen: Seen, *names: str) -> None:
    """Wait until exactly these were told."""
    found: set[str] = set()
    until(f"{names} told", lambda: found.update(seen.take()) or found >= set(names))
    assert found == set(names)


def test_what_is_watched_is_small() -> None:
    host = Host()
    topics = settled(all_topics(), host)
    trees = Trees({name: one.watches for name, one in topics.items()})
    paths = trees.paths
    trees.close()
    assert "/etc" in paths and "/var/lib/dpkg/info" in paths and "/proc/sys/vm" in paths
    assert not [path for path in paths if path.startswith("/proc/sys/fs/binfmt_misc")]
    assert len(paths) < 2000


def test_events_are_known_ones() -> None:
    assert {kind for one in all_topics().values() for kind in one.events} <= EVENTS


@pytest.mark.parametrize("what", ["mode", "rename", "link", "end", "folder", "deep", "copy", "owner"])
def test_changes_in_a_folder(what: str, watching: Watching, tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/conf").write_text("x")
    (tmp_path / "new").write_text("x")
    _, seen = watching(mine=topic(folder), other=topic(tmp_path / "elsewhere"))
    {
        "mode": lambda: (folder / "a/conf").chmod(0o600),
        "rename": lambda: (tmp_path / "new").rename(folder / "a/conf"),
        "link": lambda: (folder / "a/link").symlink_to("conf"),
        "end": lambda: (folder / "a/conf").unlink(),
        "folder": lambda: (folder / "c/d").mkdir(parents=True),
        "deep": lambda: (folder / "a/b/file").touch(),
        "copy": lambda: (folder / "a/conf").write_text("y"),
        "owner": lambda: os.utime(folder / "a/conf"),
    }[what]()
    sees(seen, "mine")


def test_a_folder_that_appears_is_watched_with_all_that_came_with_it(watching: Watching, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    _, seen = watching(mine=topic(tmp_path / "etc"))
    (tmp_path / "etc/a/b/c").mkdir(parents=True)
    sees(seen, "mine")
    (tmp_path / "etc/a/b/c/file").touch()
    sees(seen, "mine")
    (tmp_path / "etc/a").rename(tmp_path / "etc/z")
    sees(seen, "mine")
    (tmp_path / "etc/z/b/c/file").write_text("x")
    sees(seen, "mine")


def test_a_root_that_is_not_there_yet(watching: Watching, tmp_path: Path) -> None:
    wanted = tmp_path / "var/lib/rpm"
    _, seen = watching(mine=topic(wanted), file=topic(tmp_path / "var/lock"))
    (tmp_path / "var").mkdir()
    (tmp_path / "var/unrelated").touch()
    until("told", seen.take)
    wanted.mkdir(parents=True)
    until("told", seen.take)
    (wanted / "Packages").touch()
    sees(seen, "mine")
    (tmp_path / "var/lock").touch()
    sees(seen, "file")


def test_a_root_that_is_replaced(watching: Watching, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    _, seen = watching(mine=topic(tmp_path / "one"))
    (tmp_path / "one").rename(tmp_path / "old")
    (tmp_path / "two").rename(tmp_path / "one")
    sees(seen, "mine")
    (tmp_path / "one/file").touch()
    sees(seen, "mine")
    (tmp_path / "old/file").touch()
    (tmp_path / "one/file").unlink()
    (tmp_path / "one").rmdir()
    sees(seen, "mine")
    (tmp_path / "one").mkdir()
    sees(seen, "mine")
    (tmp_path / "one/file").touch()
    sees(seen, "mine")


def test_links_on_the_way_may_be_turned(watching: Watching, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "conf").write_text(name)
    (tmp_path / "link").symlink_to("a")
    _, seen = watching(mine=topic(tmp_path / "link/conf"))
    (tmp_path / "a/conf").write_text("x")
    sees(seen, "mine")
    (tmp_path / "turned").symlink_to("b")
    (tmp_path / "turned").rename(tmp_path / "link")
    sees(seen, "mine")
    (tmp_path / "b/conf").write_text("x")
    sees(seen, "mine")
    (tmp_path / "a/conf").write_text("y")
    (tmp_path / "b/other").write_text("y")
    (tmp_path / "b/conf").unlink()
    sees(seen, "mine")


def test_one_file_is_not_its_folder(watching: Watching, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x")
    (tmp_path / "conf").write_text("x")
    _, seen = watching(mine=topic(tmp_path / "conf"), other=topic(tmp_path / "other"))
    (tmp_path / "log").write_text("y")
    (tmp_path / "other").write_text("y")
    sees(seen, "other")
    (tmp_path / "conf").write_text("y")
    sees(seen, "mine")


def test_a_file_that_is_still_written_to_waits(
    watching: Watching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "UNFINISHED_S", 3600.0)
    (tmp_path / "etc").mkdir()
    _, seen = watching(mine=topic(tmp_path / "etc"), other=topic(tmp_path / "other"))
    with (tmp_path / "etc/conf").open("w") as file:
        sees(seen, "mine")  # it appeared
        file.write("half")
        file.flush()
        (tmp_path / "other").touch()
        sees(seen, "other")
    sees(seen, "mine")


def test_steps(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/loop").symlink_to("loop")
    (tmp_path / "up").symlink_to("a/../a/missing/x")
    here = str(tmp_path)
    assert steps_of(f"{here}/a") == ([], f"{here}/a")
    assert steps_of(f"{here}/up/file") == ([(here, "up"), (f"{here}/a", "missing")], None)
    assert steps_of(f"{here}/a/loop/x")[1] is None
    assert steps_of("/") == ([], "/")


def test_a_look_at_the_kernels_own_files(watching: Watching) -> None:
    needs_root()
    path = Path("/proc/sys/vm/swappiness")
    before = path.read_text()
    _, seen = watching(mine=settled({"sysctl": all_topics()["sysctl"]}, Host())["sysctl"])
    path.write_text(before)
    sees(seen, "mine")


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_to_a_tree_what_it_holds_is_watched(seed: int, tmp_path: Path) -> None:
    random.seed(seed)
    top = tmp_path / "etc"
    top.mkdir()
    trees = Trees({"mine": [str(top)]})
    try:
        for step in range(120):
            folders = [top, *(path for path in top.rglob("*") if path.is_dir())]
            here, there = random.choice(folders), random.choice(folders)
            if step % 3 == 0:
                (here / f"d{step}/e").mkdir(parents=True)
            elif step % 3 == 1 and here != top:
                aim = (there if here not in (there, *there.parents) else tmp_path) / f"m{step}"
                here.rename(aim)
            elif here != top:
                subprocess.run(["rm", "-r", here], check=True)
            if random.random() < 0.5:
                trees.look()
        trees.look()
        held = {str(path) for path in (top, *top.rglob("*")) if path.is_dir()}
        assert {path for path in trees.paths if path.startswith(str(top))} == held
        for folder in held:
            Path(folder, "f").touch()
            assert trees.look().topics == {"mine"}, folder
    finally:
        trees.close()


# the kernel's news

_NETWORK = """
import json, subprocess, sys, threading
from driftline_agent.topic import Reading, Topic
from driftline_agent import watch
from driftline_agent.watch import Watcher
watch.DELAY_S["neighbour"] = 0.2
kinds = ("link", "address", "route", "rule", "neighbour")
def topic(kind):
    return Topic(revision=1, fills=(), collect=lambda _: Reading(), events=frozenset({kind}))
seen, told = set(), threading.Event()
def changed(names):
    seen.update(names); told.set()
watcher = Watcher({kind: topic(kind) for kind in kinds}, changed)
watcher.start(); watcher.ready.wait()
subprocess.run("ip link set lo up; ip tuntap add tap0 mode tap", shell=True, check=True)
while told.wait(2.0):  # loopback's own address and routes
    told.clear()
out = []
for step in json.load(sys.stdin):
    seen.clear(); told.clear()
    subprocess.run(step, shell=True, check=True)
    told.wait(10); told.clear(); told.wait(1.0)
    out.append(sorted(seen))
print(json.dumps({"seen": out, "blind": watcher.blind}))
"""


def in_namespaces(script: str, given: object, *flags: str, first: str = "") -> Any:
    command = [
        "unshare",
        "--map-root-user",
        *flags,
        "sh",
        "-c",
        f'{first} exec "$@"',
        "sh",
        sys.executable,
        "-c",
        script,
    ]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_links_addresses_routes_rules_and_neighbours() -> None:
    steps = {
        "ip link set tap0 mtu 1400": "link",
        "ip address add 192.0.2.1/32 dev lo": "address",
        "ip -6 address add 2001:db8::1/128 dev lo nodad": "address",
        "ip route add blackhole 198.51.100.0/24": "route",
        "ip -6 route add blackhole 2001:db8:1::/48": "route",
        "ip rule add from 192.0.2.9 table 100": "rule",
        "ip -6 rule add from 2001:db8::9 table 100": "rule",
        "ip neighbour add 192.0.2.7 lladdr 02:00:00:00:00:01 dev tap0 nud permanent": "neighbour",
    }
    found = in_namespaces(_NETWORK, list(steps), "--net")
    assert found["blind"] == {}
    for (step, kind), seen in zip(steps.items(), found["seen"], strict=True):
        assert kind in seen and set(seen) <= {kind, "route" if kind == "address" else kind}, (step, seen)


_STORM = """
import json, subprocess, sys, threading, time
from driftline_agent.topic import Reading, Topic
from driftline_agent.watch import Watcher
count = json.load(sys.stdin)
calls, cost = [], []
def changed(names):
    calls.append(time.monotonic())
one = Topic(revision=1, fills=(), collect=lambda _: Reading(), events=frozenset({"route"}))
watcher = Watcher({"routes": one}, changed)
watcher.start(); watcher.ready.wait()
subprocess.run("ip link set lo up", shell=True, check=True)
time.sleep(1)
lines = "".join(f"route add blackhole 10.{i >> 8 & 255}.{i & 255}.0/24\\n" for i in range(count))
before, begun = time.process_time(), time.monotonic()
calls.clear()
subprocess.run(["ip", "-batch", "-"], input=lines, text=True, check=True)
ended = time.monotonic()
time.sleep(6)
late = [at for at in calls if at > ended]
print(json.dumps({"calls": len(calls), "cpu": time.process_time() - before, "late": len(late)}))
"""


def test_a_storm_of_routes_is_a_few_readings_and_the_last_comes_after_it() -> None:
    found = in_namespaces(_STORM, 30_000, "--net")
    assert 1 <= found["calls"] <= BURST + 4 and found["late"] >= 1
    assert found["cpu"] < 0.5  # ip itself takes more than that


def test_mounts(watching: Watching, tmp_path: Path) -> None:
    needs_root()
    _, seen = watching(mine=topic(events=frozenset({"mount"})))
    seen.take()
    subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path], check=True)
    try:
        until("told", seen.take)
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    until("told", seen.take)


def test_devices(watching: Watching) -> None:
    needs_root()
    _, seen = watching(mine=topic(events=frozenset({"device"})), other=topic(events=frozenset({"mount"})))
    Path("/sys/class/net/lo/uevent").write_text("change")  # of an interface, which is not for this
    device = next(Path("/sys/class/block").iterdir())
    (device / "uevent").write_text("change")
    until("told", lambda: "mine" in seen.take())


UEVENT = b"change@/devices/virtual/block/loop0\0ACTION=change\0DEVPATH=/devices/virtual/block/loop0\0SUBSYSTEM=block\0"
UDEV = (
    b"libudev\0"
    + bytes.fromhex("feedcafe")
    + b"\x28\0\0\0\x28\0\0\0\x20\0\0\0"
    + bytes(16)
    + b"SUBSYSTEM=net\0ACTION=add\0"
)


def test_uevents_name_their_subsystem() -> None:
    assert kernel_news.subsystem_of(UEVENT) == b"block"
    assert kernel_news.subsystem_of(UDEV) == b"net"
    for junk in (b"", b"\0", b"libudev\0", UDEV[:24], os.urandom(4096)):
        kernel_news.subsystem_of(junk)


def test_events_of_inotify_survive_junk() -> None:
    for size in (0, 1, 15, 16, 40):
        inotify.parse(os.urandom(size))


def test_an_agent_without_rights_hears_all_of_it() -> None:
    needs_root()
    script = (
        "from driftline_agent import kernel_news as k; from driftline_agent.topic import EVENTS\n"
        "print(len([k.listen(kind) for kind in EVENTS - {'firewall'}]))"
    )
    command = [*reachable(), *AS_NOBODY, "setpriv", "--no-new-privs", sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.stdout.strip() == str(len(EVENTS) - 1), done.stderr


# limits

_LIMITED = """
import json, sys, time
from driftline_agent.topic import Reading, Topic
from driftline_agent import watch
from driftline_agent.watch import Watcher
watch.BLIND_S = 0.5
large, small, settings = json.load(sys.stdin)
def topic(*paths):
    return Topic(revision=1, fills=(), collect=lambda _: Reading(), watches=paths)
watcher = Watcher({"small": topic(small), "large": topic(large)}, lambda names: None)
watcher.start(); watcher.ready.wait()
first = watcher.blind
for name in ("instances", "watches"):
    open(f"/proc/sys/user/max_inotify_{name}", "w").write("10000")
end = time.monotonic() + 20
while watcher.blind and time.monotonic() < end:
    time.sleep(0.1)
print(json.dumps([first, watcher.blind]))
"""


@pytest.mark.parametrize(
    ("limit", "blind", "reason"),
    [
        ("watches", ["large"], "fs.inotify.max_user_watches is reached"),
        ("instances", ["large", "small"], "fs.inotify.max_user_instances is reached"),
    ],
)
def test_a_limit_of_inotify_is_told_and_its_end_too(limit: str, blind: list[str], reason: str, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    for number in range(50):
        (tmp_path / "large" / str(number)).mkdir(parents=True)
    first = f"echo {20 if limit == 'watches' else 0} > /proc/sys/user/max_inotify_{limit};"
    given = [str(tmp_path / "large"), str(tmp_path / "small"), limit]
    before, after = in_namespaces(_LIMITED, given, first=first)
    assert before == dict.fromkeys(blind, reason) and after == {}


# pace and signs


def test_pace() -> None:
    pace = Pace()
    waits = []
    for _ in range(16):
        waits.append(pace.wait("a", 100.0))
        pace.took("a", 0.001, 100.0)
    assert waits[: int(BURST)] == [0.0] * int(BURST) and waits[int(BURST)] == REFILL_S and pace.wait("b", 100.0) == 0.0
    assert pace.wait("a", 100.0 + 20 * REFILL_S) == 0.0
    pace.took("c", 1.0, 0.0)
    for _ in range(int(BURST) - 1):
        pace.took("c", 1.0, 0.0)
    assert pace.wait("c", 0.0) == COST


def test_a_sign_that_is_another_one(watching: Watching, tmp_path: Path) -> None:
    sign = [1]
    told = topic(tell=lambda _: sign[0], tell_s=0.05)
    fails = topic(tell=lambda host: host.stat("/outside") and 1, tell_s=0.05)
    host = Host(str(tmp_path), readable=["/etc"])
    _, seen = watching(host, mine=told, fails=fails, watched=topic(tmp_path / "x"))
    (tmp_path / "x").touch()
    sees(seen, "watched")
    sign[0] = 2
    sees(seen, "mine")


def test_how_long_the_last_reading_held(watching: Watching, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    told: list[Mapping[str, int]] = []
    watcher = Watcher({"mine": topic(tmp_path / "etc")}, told.append)
    watcher.start()
    watcher.ready.wait(10)
    for number in range(3):
        time.sleep(0.3)
        changed = time.time_ns() // 1_000_000
        (tmp_path / "etc/file").write_text(str(number))
        until("told", lambda: told)
        assert changed - 2000 < told.pop()["mine"] <= changed
    watcher.stop()


def test_an_idle_watcher_does_not_run(watching: Watching, tmp_path: Path) -> None:
    watcher, _ = watching(mine=topic(tmp_path))
    thread = next(one for one in threading.enumerate() if one.name == "watch" and one is watcher._thread)

    def switches() -> int:
        status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
        return int(status.partition("voluntary_ctxt_switches:")[2].split()[0])

    before = switches()
    time.sleep(2)
    assert switches() - before <= 2
