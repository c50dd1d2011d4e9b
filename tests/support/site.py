"""A whole driftline on this machine, started as a user starts it, and what happens on its hosts."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent
#: Seconds that anything may take before a test gives up; a bound, not a measurement.
PATIENCE_S = 60


def until(what: str, found: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """Return the first true value of `found`."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.2)
    raise AssertionError(f"not seen within {timeout_s} s: {what}")


def needs_root() -> None:
    """Skip where the test could not install packages or make namespaces; CI runs as root."""
    if os.geteuid() != 0:
        pytest.skip("installs packages and makes namespaces: needs root; run: sudo make test")


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


class Site:
    """`driftline up` with its data in a folder of its own."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        self.data = folder / "data"
        self.database = database
        self.web, self.enrol, self.report, self.metrics = free_ports(4)
        self.environment = {**os.environ, "DRIFTLINE_CONFIG": str(folder / "profiles.toml"), "COLUMNS": "200"}
        self.process: subprocess.Popen[str] | None = None
        self.said = folder / "up.out"
        #: The devices that this host's agent speaks for.
        self.devices: Path | None = None

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        with self.said.open("w") as out:
            self.process = subprocess.Popen(
                [BIN / "driftline", *self.arguments()],
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        until("driftline up is ready", lambda: self._ready())

    def arguments(self) -> list[str]:
        """Return the words that start it."""
        words = ["up", "--data", str(self.data), *(["--database", self.database] if self.database else [])]
        for name in ("web", "enrol", "report", "metrics"):
            words += [f"--{name}", f"127.0.0.1:{getattr(self, name)}"]
        return [*words, *(["--devices", str(self.devices)] if self.devices else [])]

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said.read_text()
        return "Ctrl-C" in self.said.read_text()

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and require a clean end."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        assert code == 0, self.said.read_text()
        assert "stopped" in self.said.read_text()
        self.process = None

    def run(self, *arguments: str, profile: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one command of the CLI."""
        words = ["--profile", profile] if profile else []
        done = subprocess.run(
            [BIN / "driftline", *words, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )
        if check:
            assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        """Run one command with --json and return what it printed."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def baseline(self, host: str, name: str) -> None:
        """Capture a baseline from a host and have it approved by someone else."""
        self.run("baseline", "capture", host, "--name", name)
        self.run("baseline", "approve", name, profile="approver")


@contextmanager
def site(folder: Path, database: str | None = None) -> Iterator[Site]:
    """Run a site; whatever the test did, nothing of it stays."""
    running = Site(folder, database)
    running.start()
    try:
        yield running
    finally:
        if running.process is not None:
            running.process.send_signal(signal.SIGINT)
            running.process.wait(30)


def build_package(folder: Path, name: str, version: str = "1.0-1", files: dict[str, str] | None = None) -> Path:
    """Build a small Debian package and return its file."""
    tree = folder / f"{name}-tree"
    (tree / "DEBIAN").mkdir(parents=True)
    control = [
        f"Package: {name}",
        f"Version: {version}",
        "Architecture: all",
        "Section: misc",
        "Priority: optional",
        "Maintainer: driftline tests <tests@driftline.example>",
        "Description: probe of driftline's tests",
    ]
    (tree / "DEBIAN/control").write_text("\n".join(control) + "\n")
    for path, text in {f"/usr/share/{name}/probe": "probe\n", **(files or {})}.items():
        (tree / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (tree / path.lstrip("/")).write_text(text)
    made = folder / f"{name}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, made], check=True, capture_output=True)
    return made


class Host:
    """A host that shares this machine's kernel and nothing that it changes: own name, own /etc and /var."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.folder = folder / name
        for part in ("etc", "var", "usr"):
            for layer in ("upper", "work"):
                (self.folder / part / layer).mkdir(parents=True)
        self.holder = subprocess.Popen(
            ["unshare", "--uts", "--mount", "--propagation", "private", "sleep", "infinity"], stdin=subprocess.DEVNULL
        )
        until("the host's namespaces", self._ready)
        self.run("hostname", name)
        for part in ("etc", "var", "usr"):
            base = self.folder / part
            options = f"lowerdir=/{part},upperdir={base}/upper,workdir={base}/work"
            self.run("mount", "-t", "overlay", "overlay", "-o", options, f"/{part}")
        machine = name.encode().hex().ljust(32, "0")[:32]
        self.run("sh", "-c", f"echo {machine} >/etc/machine-id; echo {name} >/etc/hostname")
        self.agent: subprocess.Popen[bytes] | None = None

    def _ready(self) -> bool:
        own = Path("/proc/self/ns/uts").readlink()
        return self.holder.poll() is None and Path(f"/proc/{self.holder.pid}/ns/uts").readlink() != own

    def _enter(self, *command: str | Path) -> list[str | Path]:
        return ["nsenter", "-t", str(self.holder.pid), "--uts", "--mount", *command]

    def run(self, *command: str | Path) -> str:
        """Run a command on the host."""
        done = subprocess.run(self._enter(*command), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def report_to(self, running: Site) -> None:
        """Enrol an agent with an identity of its own, and let it report."""
        token = running.json("token", "create-join", "--uses", "1")["secret"]
        config = self.folder / "agent.toml"
        config.write_text(f'collector = "127.0.0.1:{running.enrol}"\nstate = "{self.folder}/state"\n')
        self.start_agent({"DRIFTLINE_JOIN_TOKEN": token})

    def start_agent(self, environment: dict[str, str]) -> None:
        """Let its agent report.

        :param environment: besides this process's.
        """
        with (self.folder / "agent.log").open("ab") as log:
            self.agent = subprocess.Popen(
                self._enter(BIN / "driftline-agent", "run", "--config", self.folder / "agent.toml"),
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop_agent(self) -> None:
        """End its agent as systemd does."""
        assert self.agent is not None
        self.agent.terminate()
        self.agent.wait(20)
        self.agent = None

    def stop(self) -> None:
        """End the host."""
        for process in (self.agent, self.holder):
            if process is not None:
                process.terminate()
                process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def apt(*arguments: str | Path) -> None:
    """Run apt-get on this machine."""
    subprocess.run(
        _apt(arguments), check=True, capture_output=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    )


def _apt(arguments: Sequence[str | Path]) -> list[str | Path]:
    return ["apt-get", *arguments]
