"""Detection latency: from a change on the host to its RFC in the API, beside bare watchfiles in the same run.

And from the release of dpkg's lock to the commit in the CMDB.

Needs root (it adds and removes groups and a small package on this host). Starts a whole `driftline up` of its own.

    python bench/detection.py [ROUNDS]
"""

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import httpx
from watchfiles import watch

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.site import build_package, site  # the path above makes it known

from driftline_agent.host import Host
from driftline_agent.topics.dpkg import busy

GROUP = "driftline-bench-{}"
PATIENCE_S = 30
#: Between rounds: nobody installs packages without a break.
PAUSE_S = 4.0


def floor(rounds: int) -> list[float]:
    """Return how long bare watchfiles takes to tell of a change in a folder, with the agent's own step, s."""
    with tempfile.TemporaryDirectory() as folder:
        told: list[float] = []
        stop = threading.Event()

        def look() -> None:
            for _ in watch(folder, step=1000, debounce=100, stop_event=stop, rust_timeout=1000):
                told.append(time.monotonic())

        thread = threading.Thread(target=look)
        thread.start()
        time.sleep(1)
        waited = []
        for number in range(rounds):
            seen = len(told)
            Path(folder, str(number)).touch()
            changed = time.monotonic()
            while len(told) == seen:
                time.sleep(0.005)
            waited.append(told[-1] - changed)
            time.sleep(0.3)
        stop.set()
        thread.join()
    return waited


def measured(rounds: int) -> list[float]:
    """Return how long it takes from the end of groupadd to the RFC in the REST API, s."""
    host = os.uname().nodename.split(".")[0]
    waited = []
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as running:
        running.baseline(host, "bench")
        profile = tomllib.loads(Path(running.environment["DRIFTLINE_CONFIG"]).read_text())["profiles"]["admin"]
        headers = {"Authorization": f"Bearer {profile['token']}"}
        with httpx.Client(base_url=profile["url"], headers=headers) as client:
            for number in range(rounds):
                name = GROUP.format(number)
                subprocess.run(["groupadd", name], check=True)
                changed = time.monotonic()
                query = {"match": f"accounts.groups[{name}]", "state": "open"}
                while not client.get("/api/v1/drifts", params=query).json()["total"]:
                    if time.monotonic() - changed > PATIENCE_S:
                        raise SystemExit(f"{name} was not seen within {PATIENCE_S} s")
                    time.sleep(0.02)
                waited.append(time.monotonic() - changed)
                subprocess.run(["groupdel", name], check=True)
                while client.get("/api/v1/drifts", params=query).json()["total"]:
                    time.sleep(0.05)
    return waited


def packages(rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds from dpkg's end, which lets go of its lock, to the commit and to the drift in the API."""
    host = os.uname().nodename.split(".")[0]
    name = GROUP.format("package")
    committed, told = [], []
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as running:
        running.baseline(host, "bench")
        profile = tomllib.loads(Path(running.environment["DRIFTLINE_CONFIG"]).read_text())["profiles"]["admin"]
        headers = {"Authorization": f"Bearer {profile['token']}"}
        package = build_package(Path(folder), name)
        (file,) = Path(folder).rglob("driftline.db")
        database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        agent_host = Host()
        path = f"software.packages[dpkg/{name}/all]"
        held = (
            "SELECT count(*) FROM holding JOIN path ON path.id = holding.path_id "
            "WHERE path.text = ? AND until_revision IS NULL"
        )

        def there() -> bool:
            return bool(database.execute(held, (path,)).fetchone()[0])

        def wait(found: Callable[[], object], since: float) -> float:
            while not found():
                if busy(agent_host):
                    since = time.monotonic()  # somebody else installs packages meanwhile
                if time.monotonic() - since > PATIENCE_S:
                    raise SystemExit(f"{name} was not seen within {PATIENCE_S} s")
                time.sleep(0.01)
            return time.monotonic() - since

        with httpx.Client(base_url=profile["url"], headers=headers) as client:
            query = {"match": path, "state": "open"}
            for _ in range(rounds):
                ended = dpkg("-i", str(package))
                committed.append(wait(there, ended))
                told.append(wait(lambda: client.get("/api/v1/drifts", params=query).json()["total"], ended))
                ended = dpkg("-P", name)
                committed.append(wait(lambda: not there(), ended))
                wait(lambda: not client.get("/api/v1/drifts", params=query).json()["total"], ended)
                time.sleep(PAUSE_S)
    return committed, told


def dpkg(*arguments: str) -> float:
    """Run dpkg, as soon as nobody else does, and return when it had ended, s."""
    while subprocess.run(["dpkg", *arguments], capture_output=True, check=False).returncode:
        time.sleep(1)
    return time.monotonic()


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    ours, bare = measured(rounds), floor(rounds)
    for name, values in (("change to RFC", ours), ("bare watchfiles", bare)):
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        print(f"{name:<16} median {statistics.median(values):.2f} s   p95 {p95:.2f} s   over {rounds} changes")
    committed, told = packages(rounds)
    for name, values in (("lock to commit", committed), ("lock to RFC", told)):
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        print(f"{name:<16} median {statistics.median(values):.2f} s   p95 {p95:.2f} s   over {len(values)} changes")
    print(f"ratio of medians {statistics.median(ours) / statistics.median(bare):.1f}")


if __name__ == "__main__":
    main()
