"""A collector in a process of its own, as it runs for users."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from cryptography import x509
from tests.collector.harness import Agent, join_token, wait_for

from driftline_cmdb.database import Database
from driftline_collector.authority.authority import fingerprint

COMMAND = (sys.executable, "-m", "driftline_collector.main")


class Process:
    """Start, kill and start again on the same data."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "collector"
        self.url = f"sqlite:///{home}/driftline.db"
        self._child: subprocess.Popen[bytes] | None = None
        self.ports: dict[str, int] = {}

    @property
    def where(self) -> tuple[str, ...]:
        return ("--database", self.url, "--data", str(self.data))

    def start(self) -> None:
        (self.data / "ports.json").unlink(missing_ok=True)
        free = "127.0.0.1:0"
        listen = ("--enrol-listen", free, "--report-listen", free, "--metrics-listen", free)
        with (self.home / "log").open("ab") as log:
            self._child = subprocess.Popen([*COMMAND, "run", *self.where, *listen], stderr=log)
        self.ports = json.loads(wait_for(self.data / "ports.json"))

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        assert self._child is not None
        self._child.send_signal(number)
        code = self._child.wait(30)
        self._child = None
        return code

    def close(self) -> None:
        if self._child is not None:
            self.end(signal.SIGKILL)

    def agent(self, host: str) -> Agent:
        """Return an agent that has joined."""
        root = (self.data / "root.pem").read_bytes()
        agent = Agent(host, root, self.ports["enrol"], self.ports["report"])
        database = Database(self.url)
        agent.enrol(join_token(database, fingerprint(x509.load_pem_x509_certificate(root))))
        database.close()
        return agent
