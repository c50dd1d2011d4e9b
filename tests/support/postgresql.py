"""A real PostgreSQL for the tests, from Debian's packages, in a folder of its own, on a unix socket."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import text

from driftline_cmdb.database import Database

_MISSING = (
    "the tests need PostgreSQL's programs ({looked_for} is not there): run `make test-tools`, or install the package"
    " postgresql (apt-get install postgresql)"
)
#: The data is thrown away, so nothing needs to reach the disk.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "autovacuum": "off",
}


def programs(debian: Path = Path("/usr/lib/postgresql"), search: str | None = None) -> Path:
    """Return the folder of the newest PostgreSQL's programs.

    :param debian: where Debian's packages put them, a folder a version.
    :param search: where else to look, as PATH, which is the default.
    :raises FileNotFoundError: where there is none; the message says what to install.
    """
    found = [path.parent for path in debian.glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb", path=search)
    if on_path is None:
        raise FileNotFoundError(_MISSING.format(looked_for=debian / "*/bin/initdb"))
    return Path(on_path).resolve().parent


def _unprivileged() -> list[str]:
    """Return what to put before a command: PostgreSQL refuses to run as root; and it must end when the tests do."""
    command = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        command += ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
    return command


class Server:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def connect(self, name: str = "postgres") -> psycopg.Connection:
        """Open a connection outside of transactions."""
        return psycopg.connect(host=str(self.folder), dbname=name, user="driftline", autocommit=True)

    def url(self, name: str) -> str:
        """Return the URL of one of its databases."""
        return f"postgresql+psycopg://driftline@/{name}?host={self.folder}"

    def create(self, name: str, template: str = "template1") -> str:
        """Create a database and return its URL."""
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')  # type: ignore[arg-type]
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database with all its connections."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


@contextmanager
def serve() -> Iterator[Server]:
    """Start a server and stop it at the end of the block."""
    binaries = programs()
    prefix = _unprivileged()
    # Not pytest's folder: the path of a unix socket holds about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="driftline-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, int(prefix[prefix.index("--reuid") + 1]))
    log = folder / "log"
    try:
        create = [
            "-D",
            folder / "data",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "-U",
            "driftline",
            "--no-sync",
        ]
        subprocess.run([*prefix, binaries / "initdb", *create], check=True, cwd=folder, capture_output=True)
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*prefix, binaries / "postgres", "-D", folder / "data", "-k", folder, *settings],
                cwd=folder,
                stdout=output,
                stderr=output,
            )
        try:
            yield _ready(Server(folder), process, log)
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(folder)


def _ready(server: Server, process: subprocess.Popen[bytes], log: Path) -> Server:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.connect().close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from error
            time.sleep(0.05)
        else:
            return server


def wait_until_waiting(database: Database) -> None:
    """Wait until a transaction waits for another one's lock."""
    end = time.monotonic() + 30
    with database.read() as session:
        while not session.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar():
            assert time.monotonic() < end, "nobody waits for a lock"
            time.sleep(0.02)
