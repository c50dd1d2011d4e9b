"""Child processes: started one by one, watched together, stopped in the reverse order."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from driftline_server.errors import ServerError

#: Seconds that a child may take to stop before it is killed.
STOP_S = 10


class UpError(ServerError):
    """`driftline up` cannot go on; the message says why and what to do."""


@dataclass(slots=True)
class Child:
    """One running process with its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    _file: IO[bytes]

    def last_lines(self, count: int = 5) -> str:
        """Return the end of its log, for an error message."""
        lines = self.log.read_text(errors="replace").splitlines()[-count:]
        return "\n".join(f"    {line}" for line in lines)


class Children:
    """The processes that `up` runs."""

    def __init__(self, logs: Path) -> None:
        """Start with none.

        :param logs: folder for their logs; one file a child, begun anew at each start.
        """
        self._logs = logs
        self._running: list[Child] = []
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)

    def start(self, name: str, module: str, arguments: Sequence[str], env: Mapping[str, str] | None = None) -> Child:
        """Start ``python -m module arguments`` with its output in ``NAME.log``.

        In a session of its own, so that Ctrl-C reaches only `up`, which stops them in order.
        """
        log = self._logs / f"{name}.log"
        file = log.open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {}), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        child = Child(name, process, log, file)
        self._running.append(child)
        return child

    def check(self) -> None:
        """Do nothing while all run.

        :raises UpError: where one has ended; the message has the end of its log.
        """
        for child in self._running:
            code = child.process.poll()
            if code is not None:
                raise UpError(f"the {child.name} ended with code {code}; {child.log} ends with:\n{child.last_lines()}")

    def wait_for(self, what: str, ready: Callable[[], bool], timeout_s: float = 60) -> None:
        """Wait until something is ready.

        :raises UpError: where a child ends first, or the time is over.
        """
        end = time.monotonic() + timeout_s
        while not ready():
            self.check()
            if time.monotonic() > end:
                logs = ", ".join(str(child.log) for child in self._running)
                raise UpError(f"{what} was not ready within {timeout_s:.0f} s; see {logs}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop all, the last started first; kill what does not stop."""
        for child in reversed(self._running):
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
            try:
                child.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
            child._file.close()
        self._running.clear()


def require_free(host: str, port: int, option: str) -> None:
    """Make sure that an address can be listened at.

    :raises UpError: where it cannot; the message names the option to change.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UpError(
                f"cannot listen at {host}:{port}: {error.strerror}; is another driftline up running? "
                f"Choose another with {option}"
            ) from error
