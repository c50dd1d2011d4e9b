"""Measures the agent against its budget, each figure beside a floor taken in the same run.

    python bench/agent.py            # about three minutes
    python bench/agent.py --long     # steady state over five minutes

Prints: CPU of one warm full inventory and of a bare Python that reads the same two large sources; resident memory of a
running agent that has settled and of a process with the same libraries and one TLS channel; what the reader has while
it runs, beside an interpreter that does nothing; CPU in steady state; bytes a check-in, and in which calls they went.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.agent.fake_collector import FakeCollector  # noqa: E402  # found by the line above

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """Return the processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> float:
    """Return a process' resident memory in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def inventory() -> None:
    """Print the CPU of a warm inventory and of its floor."""
    from driftline_agent import inventory as ours
    from driftline_agent.host import Host

    host = Host()

    def once() -> float:
        start = time.process_time()
        for _ in ours.take(host, bytes(32)):
            pass
        return (time.process_time() - start) * 1000

    def floor() -> float:
        start = time.process_time()
        for paragraph in Path("/var/lib/dpkg/status").read_text().split("\n\n"):
            for line in paragraph.split("\n"):
                line.partition(": ")
        Path("/proc/cpuinfo").read_text()
        return (time.process_time() - start) * 1000

    once()
    taken, least = min(once() for _ in range(5)), min(floor() for _ in range(5))
    print(f"inventory, warm     {taken:8.1f} ms CPU   budget 150   floor {least:.1f} (x{taken / least:.1f})")


_BARE = """
import sys, time
import psutil, google.protobuf.message, grpc, ctypes
import apscheduler.schedulers.background, apscheduler.triggers.date, apscheduler.triggers.interval
root, address = open(sys.argv[1], "rb").read(), sys.argv[2]
options = [("grpc.ssl_target_name_override", "collector.driftline")]
channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(root), options)
grpc.channel_ready_future(channel).result(10)
channel.close()
print("ready", flush=True)
time.sleep(600)
"""


def bare(collector: FakeCollector, folder: Path) -> float:
    """Return the resident MiB of the libraries alone, with one TLS channel opened."""
    (folder / "root.pem").write_bytes(collector.authority.pem)
    command = [sys.executable, "-c", textwrap.dedent(_BARE), str(folder / "root.pem"), collector.enrol_address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        out = resident(process.pid)
        process.kill()
    return out


class Meter:
    """A TCP relay that counts bytes both ways."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.bytes = 0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection(self._target)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                self.bytes += len(data)
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            end.close()


#: Seconds between check-ins until what is asked in the background (updates) and sent bit by bit (texts of files) has
#: been told of, and how many of them at most.
_SETTLING_S, _SETTLING = 5, 60


def settle(collector: FakeCollector) -> None:
    """Wait until three check-ins in a row have brought nothing."""

    def brought() -> int:
        return len(collector.named("Submit")) + len(collector.named("OfferTexts"))

    quiet = 0
    for _ in range(_SETTLING):
        calls, before = len(collector.batches), brought()
        collector.wait_for(lambda calls=calls: len(collector.batches) > calls, _SETTLING_S + 60)
        quiet = quiet + 1 if brought() == before else 0
        if quiet == 3:
            return


def running(collector: FakeCollector, folder: Path, seconds: int) -> None:
    """Print memory, CPU and wire of a running agent that checks in every `seconds`."""
    meter = Meter(("127.0.0.1", collector.report_port))
    config = folder / "agent.toml"
    config.write_text(
        f'collector = "{collector.enrol_address}"\nreport = "127.0.0.1:{meter.port}"\nstate = "{folder}/state"\n'
    )
    collector.instructions.check_in_after_s = _SETTLING_S
    command = [sys.executable, "-m", "driftline_agent.main", "run", "--config", str(config)]
    environment = {**os.environ, "DRIFTLINE_JOIN_TOKEN": collector.token}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        collector.wait_for(lambda: bool(collector.batches))
        first = meter.bytes
        settle(collector)
        collector.instructions.check_in_after_s = seconds
        calls = len(collector.batches)
        collector.wait_for(lambda: len(collector.batches) > calls, 60)  # which brings the new interval
        submits, begun_with = len(collector.named("Submit")), len(collector.calls)
        before, begun, sent, calls = cpu_of(process.pid), time.monotonic(), meter.bytes, len(collector.batches)
        collector.wait_for(lambda: len(collector.batches) > calls, seconds + 60)
        time.sleep(1)
        used = (cpu_of(process.pid) - before) / (time.monotonic() - begun) * 100
        floor = bare(collector, folder)
        size = resident(process.pid)
        process.terminate()
    print(f"resident            {size:8.1f} MiB       budget  55   floor {floor:.1f} (+{size - floor:.1f})")
    print(f"steady state        {used:8.3f} % of a core with a check-in every {seconds} s; budget 0.1 at 300")
    print(f"first report        {first:8} bytes on the wire, both ways")
    each = meter.bytes - sent
    for name, request in collector.calls[begun_with:]:
        size_of = getattr(request, "ByteSize", None)
        print(f"                    {name}: {size_of() if size_of else 0} bytes before compression")
    changed = collector.named("Submit")[submits:]
    if changed:
        names = sorted({section.name for request in changed for section in request.sections})
        more = sum(len(request.evidence) + len(request.texts) for request in changed)
        print(
            f"                    not a steady state: {len(changed)} reports meanwhile, of"
            f" {', '.join(names) or 'no section'}; {more} texts and pieces of evidence"
        )
    print(f"a check-in          {each:8} bytes on the wire, both ways; at 300 s {each / 5 / 1000:.1f} kB/min, budget 2")


def reader(folder: Path) -> None:
    """Print the reader's memory after it has answered for every process and sealed the passwords (root)."""
    from driftline_agent.reader.client import Reader
    from driftline_agent.reader.protocol import SHADOW, SOCKETS

    ours, theirs = socket.socketpair()
    command = [sys.executable, "-I", "-m", "driftline_agent.reader", "--pair", str(theirs.fileno())]
    with theirs:
        process = subprocess.Popen([*command, "--key", str(folder / "key")], pass_fds=[theirs.fileno()])
    asked = Reader(connected=ours)
    with contextlib.suppress(OSError):
        asked.ask(SOCKETS, "/proc/1/fd")  # by then it has started
    start, numbers = time.perf_counter(), [path.name for path in Path("/proc").glob("[0-9]*")]
    for name in numbers:
        with contextlib.suppress(OSError):
            asked.ask(SOCKETS, f"/proc/{name}/fd")
    taken = (time.perf_counter() - start) * 1e6 / len(numbers)
    with contextlib.suppress(OSError):
        asked.ask(SHADOW, "/etc/shadow")
    size = resident(process.pid)
    asked.close()
    process.wait()
    with subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE) as idle:
        time.sleep(0.3)
        least = resident(idle.pid)
        idle.kill()
    print(f"reader, resident    {size:8.1f} MiB       while it runs   floor {least:.1f} (+{size - least:.1f})")
    print(f"reader, a question  {taken:8.0f} us          which sockets one process holds")


def main() -> None:
    """Measure all."""
    inventory()
    collector = FakeCollector()
    with tempfile.TemporaryDirectory() as folder:
        reader(Path(folder))
        running(collector, Path(folder), 300 if "--long" in sys.argv else 60)
    collector.stop()


if __name__ == "__main__":
    main()
