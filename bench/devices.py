"""Measures what polling many devices takes: a round of reading and storing, one after the other as an agent does it.

    python bench/devices.py                    # 1,000 devices with 48 interfaces, some minutes
    python bench/devices.py --devices 100      # fewer while developing

Devices are simulated by another process, each on an address of its own (127.0.0.0/8): access switches with all tables
that those have (switches.py). A round is all that an agent does with a device: every topic read and measured, stored on
the disk, and reported over gRPC with TLS to a collector that keeps it in memory, in that other process too. It is run
without waiting for the interval, so that it shows what it costs: seconds of processor time for one round, the share of
one core that this is where a round is every 300 s, and the largest memory. Then the same round again with dead devices
among them: how much longer did the others take? The budget: less than one core, less than 200 MiB, and a ratio near 1.
"""

import argparse
import asyncio
import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import switches  # noqa: E402  # beside this file
from tests.agent.fake_collector import FakeCollector, FakeDevice  # noqa: E402
from tests.support import recorded  # noqa: E402  # found by the line above
from tests.support.badsnmp import head, integer, read  # noqa: E402

from driftline.v1 import collector_pb2 as wire  # noqa: E402
from driftline_agent.devices.runtime.device import Device, Surroundings  # noqa: E402
from driftline_agent.devices.runtime.keyring import Keyring  # noqa: E402
from driftline_agent.devices.runtime.leases import Held  # noqa: E402
from driftline_agent.devices.runtime.outbox import Outbox  # noqa: E402
from driftline_agent.devices.runtime.poll import Place  # noqa: E402
from driftline_agent.devices.runtime.post import Post  # noqa: E402
from driftline_agent.devices.settings.config import Limits  # noqa: E402
from driftline_agent.devices.snmp.credentials import Community, Credential  # noqa: E402
from driftline_agent.devices.topic import all_topics  # noqa: E402
from driftline_agent.identity import enrolment  # noqa: E402
from driftline_agent.identity.token import parse_token  # noqa: E402
from driftline_agent.transport import Connection  # noqa: E402

PORT = 20161
INTERVAL_S = 300
FIRST = int(ip_address("127.16.0.1"))


class _Responder(asyncio.DatagramProtocol):
    """Answers from prepared rows. The same questions come from every device: answers are kept without their ids."""

    transport: asyncio.DatagramTransport

    def __init__(self, device: "recorded._Device", kept: dict[bytes, bytes]) -> None:
        self._device, self._kept = device, kept

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # by the kind of endpoint

    def datagram_received(self, data: bytes, addr: object) -> None:
        request = read(data)
        version, community = head(data)
        number = integer(request.request_id)
        key = data.replace(number, b"\0id\0", 1)
        answer = self._kept.get(key)
        if answer is None:
            answer = self._device.answer(request, version, community).replace(number, b"\0id\0", 1)
            self._kept[key] = answer
        self.transport.sendto(answer.replace(b"\0id\0", number, 1), addr)


async def simulate(devices: int, interfaces: int) -> None:
    """Answer as so many devices until the input ends."""
    device, kept = recorded._Device(switches.rows(interfaces)), dict[bytes, bytes]()
    loop = asyncio.get_running_loop()
    for at in range(devices):
        await loop.create_datagram_endpoint(
            lambda: _Responder(device, kept), local_addr=(str(ip_address(FIRST + at)), PORT)
        )
    collector = FakeCollector()
    for at in range(devices):
        target = wire.DeviceTarget(protocol="snmp", address=str(ip_address(FIRST + at)), port=PORT)
        collector.devices[target.address, PORT] = FakeDevice(f"d{at}", target)
    print(json.dumps([collector.enrol_address, collector.token]), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    collector.stop()


class _Public:
    def credential(self, name: str) -> Credential:
        return Community(2, "public")

    def forget(self, name: str) -> None:
        return None


@dataclass
class Round:
    """What one round took."""

    wall_s: float
    cpu_s: float
    living_s: float
    answered: int


async def one_round(devices: Sequence[Device], told: dict[str, tuple[bool, float]], post: Post) -> Round:
    """Poll every device once, as many at the same time as the limit says, and report all of it."""
    told.clear()
    start, cpu = time.monotonic(), time.process_time()
    tasks = [asyncio.create_task(device.run(start)) for device in devices]
    while len(told) < len(devices) or not post.idle:
        await asyncio.sleep(0.05)
    wall_s, cpu_s = time.monotonic() - start, time.process_time() - cpu
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    living = [at for answered, at in told.values() if answered]
    print(f"a round of {len(devices)}: {wall_s:.1f} s, {cpu_s:.1f} s of CPU", file=sys.stderr)
    return Round(wall_s, cpu_s, max(living) - start, len(living))


async def measure(options: argparse.Namespace, folder: Path, enrol_address: str, token: str) -> dict[str, float]:
    """Run rounds and return the figures."""
    told: dict[str, tuple[bool, float]] = {}
    identity = enrolment.enroll(folder, enrol_address, parse_token(token), wire.HostClaims(hostname="agent"))

    def connect() -> Connection:
        return Connection(identity.report_address, identity.root, identity.key, identity.chain, 60)

    post = Post(connect, lambda done: None, lambda: "lab")
    posting = asyncio.create_task(post.run())

    def noted(device: Device, reason: str, answered: bool) -> None:
        told[device.held.source_id] = (answered, time.monotonic())

    limits = Limits()
    around = Surroundings(
        Keyring(_Public()),
        limits,
        asyncio.Semaphore(limits.concurrent),
        asyncio.Semaphore(limits.concurrent),
        all_topics(),
        bytes(32),
        post.put,
        noted,
        lambda found: None,
    )

    def made(first: int, count: int, prefix: str) -> list[Device]:
        out = []
        for at in range(count):
            source = f"{prefix}{at}"
            place = Place(str(ip_address(first + at)), PORT, "", ("lab",))
            outbox = Outbox(folder / source, source, 1, all_topics())
            out.append(Device(Held(source, 1, place, INTERVAL_S), outbox, around))
        return out

    living = made(FIRST, options.devices, "d")
    first = await one_round(living, told, post)
    usual = await one_round(living, told, post)
    # Where nobody listens the kernel of this host says so at once; a socket that never reads is silent.
    silent = []
    for at in range(options.dead):
        hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        hole.bind((str(ip_address(FIRST + options.devices + at)), PORT))
        silent.append(hole)
    dead = made(FIRST + options.devices, options.dead, "x")
    step = max(1, len(living) // max(1, len(dead)))
    mixed: list[Device] = []
    for at, device in enumerate(living):
        if at % step == 0 and dead:
            mixed.append(dead.pop())
        mixed.append(device)
    among = await one_round(mixed, told, post)
    again = await one_round(mixed, told, post)
    for hole in silent:
        hole.close()
    posting.cancel()
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "devices": float(options.devices),
        "answered": float(usual.answered),
        "first_cpu_s": first.cpu_s,
        "cpu_s": usual.cpu_s,
        "wall_s": usual.wall_s,
        "share_of_a_core": usual.cpu_s / INTERVAL_S,
        "ratio_dead_unknown": among.living_s / usual.living_s,
        "ratio_dead_known": again.living_s / usual.living_s,
        "peak_mib": rss,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--interfaces", type=int, default=48)
    parser.add_argument("--dead", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--simulate", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.simulate:
        asyncio.run(simulate(options.devices, options.interfaces))
        return
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files[1], 65536), files[1]))
    command = [
        sys.executable,
        __file__,
        "--simulate",
        f"--devices={options.devices}",
        f"--interfaces={options.interfaces}",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None and simulator.stdin is not None
        enrol_address, token = json.loads(simulator.stdout.readline())
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(measure(options, Path(folder), enrol_address, token))
        simulator.stdin.close()
    if options.json:
        print(json.dumps(found))
        return
    print(
        f"{options.devices} devices with {options.interfaces} interfaces, {found['answered']:.0f} answered, no waiting;"
    )
    print("every topic read and measured, stored, and reported over gRPC with TLS:")
    print(f"  a round      {found['wall_s']:8.1f} s, {found['cpu_s']:.1f} s of CPU (first {found['first_cpu_s']:.1f})")
    print(f"  every {INTERVAL_S} s {100 * found['share_of_a_core']:8.1f} % of one core")
    print(f"  memory       {found['peak_mib']:8.0f} MiB at its peak, all of this process")
    print(f"  {options.dead} dead ones among them: the others took {found['ratio_dead_unknown']:.2f} times as long,")
    print(f"  once they are known to be dead {found['ratio_dead_known']:.2f} times")


if __name__ == "__main__":
    main()
