"""Detection latency: from a change on the host to its RFC in the API, beside bare watchfiles in the same run.

Needs root (it adds and removes groups on this host). Starts a whole `driftline up` of its own.

    python bench/detection.py [ROUNDS]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from pathlib import Path

import httpx
from watchfiles import watch

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.site import site  # the path above makes it known

GROUP = "driftline-bench-{}"
PATIENCE_S = 30


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


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    ours, bare = measured(rounds), floor(rounds)
    for name, values in (("change to RFC", ours), ("bare watchfiles", bare)):
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        print(f"{name:<16} median {statistics.median(values):.2f} s   p95 {p95:.2f} s   over {rounds} changes")
    print(f"ratio of medians {statistics.median(ours) / statistics.median(bare):.1f}")


if __name__ == "__main__":
    main()
