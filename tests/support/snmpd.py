"""A real net-snmp agent for the tests, from Debian's packages, in a folder of its own, on a high port, unprivileged."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from driftline_agent.devices.snmp.credentials import Auth, Privacy, User

COMMUNITY = "reads-all"
AUTH_PASSPHRASE, PRIVACY_PASSPHRASE = "auth of the tests", "privacy of the tests"
#: Privacy protocols that net-snmp has. AES256C and AES192C are there too; it has no 3DES.
PRIVACY = (Privacy.DES, Privacy.AES128, Privacy.AES192, Privacy.AES256, Privacy.AES192C, Privacy.AES256C)
_MISSING = "the tests need {name} of net-snmp: run `make test-tools`, or apt-get install snmp snmpd snmptrapd"


def user(auth: Auth | None = None, privacy: Privacy | None = None) -> User:
    """Return a user that the agent knows, by its protocols."""
    name = "-".join(str(part) for part in ("user", auth, privacy) if part)
    return User(name, auth, AUTH_PASSPHRASE if auth else "", privacy, PRIVACY_PASSPHRASE if privacy else "")


def users() -> list[User]:
    """Return all of them."""
    return [user(), *(user(auth) for auth in Auth), *(user(auth, privacy) for auth in Auth for privacy in PRIVACY)]


def program(name: str) -> str:
    """Return where a program of net-snmp is.

    :raises FileNotFoundError: the message says what to install.
    """
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise FileNotFoundError(_MISSING.format(name=name))
    return found


def free_port(address: str = "127.0.0.1") -> int:
    """Return a UDP port that was free a moment ago."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind((address, 0))
        return int(found.getsockname()[1])


def unprivileged() -> list[str]:
    """Return what to put before a command: it ends when the tests do, and is nobody where they are root."""
    command = ["setpriv", "--pdeathsig", "KILL"]
    if os.geteuid() == 0:
        command += ["--reuid", "65534", "--regid", "65534", "--clear-groups"]
    return command


@dataclass(frozen=True)
class Snmpd:
    """A running agent."""

    folder: Path
    port: int
    pid: int


def _settings(port: int, more: Sequence[str]) -> str:
    lines = [f"agentaddress udp:127.0.0.1:{port},udp6:[::1]:{port}", f"rocommunity {COMMUNITY}"]
    lines += [f"rocommunity6 {COMMUNITY}", "sysName agent of the tests", "sysContact \xfc", "sysServices 72"]
    for known in users():
        words = ["createUser", known.name]
        if known.auth:
            words += [str(known.auth), f'"{AUTH_PASSPHRASE}"']
        if known.privacy:
            words += [str(known.privacy), f'"{PRIVACY_PASSPHRASE}"']
        level = "priv" if known.privacy else "auth" if known.auth else "noauth"
        lines += [" ".join(words), f"rouser {known.name} {level}"]
    return "\n".join([*lines, *more, ""])


@contextmanager
def serve(*more: str) -> Iterator[Snmpd]:
    """Start an agent and stop it at the end of the block.

    :param more: further lines of its configuration.
    """
    folder = Path(tempfile.mkdtemp(prefix="driftline-snmpd-"))
    state = folder / "state"
    state.mkdir()
    if os.geteuid() == 0:
        for path in (folder, state):
            os.chown(path, 65534, 65534)
    port = free_port()
    (folder / "agent.conf").write_text(_settings(port, more), encoding="latin-1")
    command = [
        program("snmpd"),
        "-f",
        "-C",
        "-c",
        str(folder / "agent.conf"),
        "-Lf",
        str(folder / "log"),
        "-I",
        "-smux",
    ]
    environment = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(state), "SNMPCONFPATH": str(state)}
    try:
        process = subprocess.Popen(
            [*unprivileged(), *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _ready(process, port, folder)
            yield Snmpd(folder, port, process.pid)
        finally:
            process.kill()
            process.wait(30)
    finally:
        shutil.rmtree(folder)


def _ready(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    ask = [
        program("snmpget"),
        "-v2c",
        "-c",
        COMMUNITY,
        "-t",
        "0.2",
        "-r",
        "0",
        f"127.0.0.1:{port}",
        ".1.3.6.1.2.1.1.3.0",
    ]
    deadline = time.monotonic() + 60
    while subprocess.run(ask, capture_output=True, env={**os.environ, "MIBS": ""}, check=False).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            log = folder / "log"
            raise RuntimeError(f"snmpd did not start: {log.read_text()[-2000:] if log.exists() else ''}")
        time.sleep(0.05)
