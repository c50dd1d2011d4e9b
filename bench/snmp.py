"""Measures walking a real net-snmp agent, each figure beside those of its peers in the same run.

    python bench/snmp.py              # about a minute
    python bench/snmp.py --targets 50 # of them at the same time, here by 50 sessions to the same agent

Prints, for net-snmp's snmpbulkwalk, bare gufo-snmp, and this agent's walker over both of its transports: variables a
second and milliseconds of CPU for 1,000 variables; for SNMPv2c and for SNMPv3 with SHA and AES. The agent itself takes
a processor, so variables a second say what it can answer where the client is fast. A peer that is not installed is left
out.
"""

import argparse
import asyncio
import importlib.util
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import snmpd  # noqa: E402

from driftline_agent.devices.snmp import transport  # noqa: E402  # found by the line above
from driftline_agent.devices.snmp.credentials import (  # noqa: E402
    Auth,
    Community,
    Credential,
    Privacy,
)
from driftline_agent.devices.snmp.repetitions import Repetitions  # noqa: E402
from driftline_agent.devices.snmp.transport import Target  # noqa: E402
from driftline_agent.devices.snmp.walk import Walker  # noqa: E402

#: VACM's and the registry's tables of net-snmp itself: some thousand variables that need no look at the host.
BASE = (1, 3, 6, 1, 6, 3)
BASES = (BASE, (1, 3, 6, 1, 4, 1, 8072, 1, 2), (1, 3, 6, 1, 2, 1, 1), (1, 3, 6, 1, 2, 1, 11))
ROUNDS = 5
REPETITIONS = 40  # bare gufo-snmp cannot receive much more: its buffer is 4 KiB
V2: Credential = Community(2, snmpd.COMMUNITY)
V3: Credential = snmpd.user(Auth.SHA1, Privacy.AES128)


def text(oid: tuple[int, ...]) -> str:
    return ".".join(map(str, oid))


async def ours(port: int, credential: Credential, name: str) -> int:
    session = await transport.connect(Target("127.0.0.1", credential, port), name)
    walker = Walker(session, repetitions=Repetitions(value=REPETITIONS, most=REPETITIONS))
    try:
        return sum([len((await walker.subtree(base)).variables) for base in BASES])
    finally:
        await session.close()


async def gufo(port: int, credential: Credential) -> int:
    from gufo.snmp import Aes128Key, Sha1Key, User
    from gufo.snmp.aio import SnmpSession

    user = None
    if credential is V3:
        auth, privacy = Sha1Key(snmpd.AUTH_PASSPHRASE.encode()), Aes128Key(snmpd.PRIVACY_PASSPHRASE.encode())
        user = User(V3.name, auth_key=auth, priv_key=privacy)  # type: ignore[union-attr]
    count = 0
    async with SnmpSession("127.0.0.1", port=port, community=snmpd.COMMUNITY, user=user) as session:
        for base in BASES:
            async for _ in session.getbulk(text(base), REPETITIONS):
                count += 1
    return count


def measured(label: str, targets: int, walk: Callable[[], Awaitable[int]]) -> None:
    async def run(rounds: int) -> int:
        return sum([sum(await asyncio.gather(*(walk() for _ in range(targets)))) for _ in range(rounds)])

    best: tuple[float, float, int] | None = None
    for _ in range(3):  # others use the machine too: the least counts
        start, cpu = time.perf_counter(), time.process_time()
        count = asyncio.run(run(max(1, ROUNDS // targets)))
        took = (time.process_time() - cpu, time.perf_counter() - start, count)
        best = took if best is None else min(best, took)
    assert best is not None
    show(label, best[2], best[1], best[0])


def show(label: str, count: int, wall_s: float, cpu_s: float) -> None:
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{label:28} {count / wall_s:9,.0f} variables/s {cpu_s / count * 1e6:8.2f} ms CPU/1,000   peak {rss:5.0f} MiB"
    )


def bulkwalk(label: str, port: int, credential: Credential) -> None:
    words = ["-v2c", "-c", snmpd.COMMUNITY]
    if credential is V3:
        words = ["-v3", "-l", "authPriv", "-u", V3.name, "-a", "SHA", "-A", snmpd.AUTH_PASSPHRASE]  # type: ignore[union-attr]
        words += ["-x", "AES", "-X", snmpd.PRIVACY_PASSPHRASE]
    count, environment = 0, {**os.environ, "MIBS": ""}
    start, before = time.perf_counter(), os.times()
    for base in BASES * ROUNDS:
        ask = [snmpd.program("snmpbulkwalk"), *words, f"-Cr{REPETITIONS}", "-On", f"127.0.0.1:{port}", text(base)]
        count += subprocess.run(ask, capture_output=True, env=environment, check=True).stdout.count(b"\n.")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    show(label, count, time.perf_counter() - start, cpu)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--targets", type=int, action="append", help="walks at the same time; default 1 and 50")
    targets = options.parse_args().targets or [1, 50]
    with snmpd.serve() as agent:
        for credential, version in ((V2, "v2c"), (V3, "v3 SHA AES")):
            for number in targets:
                print(f"-- {version}, {number} at the same time, {REPETITIONS} repetitions")
                if number == 1:
                    bulkwalk("net-snmp snmpbulkwalk", agent.port, credential)
                if importlib.util.find_spec("gufo"):
                    measured("gufo-snmp, bare", number, lambda it=credential: gufo(agent.port, it))  # type: ignore[misc]
                measured("native", number, lambda it=credential: ours(agent.port, it, "native"))  # type: ignore[misc]
                if number == 1:
                    measured("pysnmp", number, lambda it=credential: ours(agent.port, it, "pysnmp"))  # type: ignore[misc]


if __name__ == "__main__":
    main()
