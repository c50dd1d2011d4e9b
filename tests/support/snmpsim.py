"""snmpsim for the tests: serves recordings (snmprec files), each by the community that is its name."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import badsnmp
from tests.support.snmpd import free_port, unprivileged


def _answers(port: int, community: str) -> bool:
    ask = badsnmp.integer(9) + badsnmp.integer(0) * 2
    body = badsnmp.tlv(badsnmp.GET_NEXT, ask + badsnmp.tlv(0x30, badsnmp.bind((1, 3), b"\x05\x00")))
    message = badsnmp.tlv(0x30, badsnmp.integer(1) + badsnmp.octets(community.encode()) + body)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
        asks.settimeout(0.3)
        asks.connect(("127.0.0.1", port))
        try:
            asks.send(message)
            return bool(asks.recv(65535))
        except OSError:
            return False


@contextmanager
def serve(*recordings: Path) -> Iterator[int]:
    """Serve recordings and return the port."""
    folder = Path(tempfile.mkdtemp(prefix="driftline-snmpsim-"))
    for name in ("data", "cache", "variation"):
        (folder / name).mkdir()
    for path in recordings:
        (folder / "data" / path.name).symlink_to(path)
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, 65534, 65534)
    port = free_port()
    command = [
        str(Path(sys.executable).parent / "snmpsim-command-responder-lite"),
        f"--data-dir={folder / 'data'}",
        f"--cache-dir={folder / 'cache'}",
        f"--variation-modules-dir={folder / 'variation'}",
        f"--agent-udpv4-endpoint=127.0.0.1:{port}",
        "--logging-method=null",
    ]
    if os.geteuid() == 0:  # it demands to be told, though it is nobody by then
        command += ["--process-user=nobody", "--process-group=nogroup"]
    log = folder / "log"
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*unprivileged(), *command],
                cwd=folder,
                env={**os.environ, "HOME": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            deadline = time.monotonic() + 120
            while not _answers(port, recordings[-1].stem):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"snmpsim did not start: {log.read_text()[-2000:]}")
                time.sleep(0.1)
            yield port
        finally:
            process.kill()
            process.wait(30)
    finally:
        shutil.rmtree(folder)
