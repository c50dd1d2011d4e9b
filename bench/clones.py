"""How long two holders of one identity go unnoticed: from the second one's first call to the quarantine.

Two agents' identities with copied state against a real collector over TLS, in real time, each checking in as it is
told; the copy is made at a random moment of the first one's interval.

    python bench/clones.py [ROUNDS]
"""

import logging
import random
import statistics
import sys
import tempfile
import time
from copy import copy
from pathlib import Path
from uuid import uuid4

import grpc

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.collector.harness import Agent, agent_of, packages  # the path above makes it known

from driftline_collector.collector import Collector
from driftline_collector.settings import Address, Settings

INTERVALS_S = (5, 15)


def noticed_after(collector: Collector, number: int) -> tuple[float, float]:
    """Return after how long a fork was noticed, and what the exact same of a live copy took, s."""
    return _by_copy(collector, f"new-{number}", live=False), _by_copy(collector, f"live-{number}", live=True)


def _by_copy(collector: Collector, name: str, *, live: bool) -> float:
    first = agent_of(collector, name)
    told = first.submit(packages(("openssl", "1"))).instructions.check_in_after_s
    due = time.monotonic() + told
    time.sleep(random.uniform(0, told))
    second = copy(first)
    if not live:
        _begin_anew(second)
    begin = time.monotonic()
    dues = {id(first): due, id(second): begin}
    while True:
        agent = min((first, second), key=lambda one: dues[id(one)])
        time.sleep(max(0.0, dues[id(agent)] - time.monotonic()))
        after = _check_in(agent)
        if after is None:
            return time.monotonic() - begin
        dues[id(agent)] = time.monotonic() + after


def _check_in(agent: Agent) -> float | None:
    """Check in as an agent does; return when to come back, None where the identity is quarantined."""
    try:
        return float(agent.submit().instructions.check_in_after_s)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.PERMISSION_DENIED:
            return None
        if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
            _begin_anew(agent)
            return 0.0
        told = {name: str(value) for name, value in error.trailing_metadata() or ()}
        return float(told["driftline-come-back-s"])


def _begin_anew(agent: Agent) -> None:
    agent.epoch, agent.sequence, agent.continuation = uuid4().hex, 0, b""


def main() -> None:
    """Print the times."""
    logging.disable(logging.WARNING)  # refusals are what this is about
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    free = Address("127.0.0.1", 0)
    for interval in INTERVALS_S:
        with tempfile.TemporaryDirectory() as folder:
            collector = Collector(
                Settings(
                    database=f"sqlite:///{folder}/driftline.db",
                    data=Path(folder, "collector"),
                    enrol_listen=free,
                    report_listen=free,
                    metrics_listen=free,
                    check_in_min_s=interval,
                )
            )
            collector.start()
            try:
                times = [noticed_after(collector, number) for number in range(rounds)]
            finally:
                collector.stop()
        for what, found in zip(("copy with a new epoch", "exact live copy"), zip(*times, strict=True), strict=True):
            print(
                f"check-in every {interval:2} s, {what:21}: noticed after {statistics.median(found):5.1f} s, "
                f"at most {max(found):5.1f} s ({rounds} rounds)"
            )


if __name__ == "__main__":
    main()
