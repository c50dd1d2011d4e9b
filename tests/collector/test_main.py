"""The command, as users type it."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from sqlmodel import select
from tests.collector.harness import Agent, packages, refused
from tests.collector.process import COMMAND, Process

from driftline_cmdb import sources
from driftline_cmdb.database import Database
from driftline_cmdb.tables.audit import AuditEntry
from driftline_collector.main import main, seconds


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path)
    process.start()
    yield process
    process.close()


def output(process: Process, *arguments: str) -> str:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_from_the_first_start_to_a_revoked_agent(process: Process) -> None:
    server = (process.data / "authority" / "server.pem").read_bytes()
    token = output(process, "token", *process.where, "--uses", "2", "--for", "10m", "--note", "rack 7").strip()
    assert re.fullmatch(r"dl1\.[0-9a-f]{12}\.[\w-]{43}\.[0-9a-f]{64}", token)
    assert (process.data / "authority" / "server.pem").read_bytes() == server
    root = (process.data / "root.pem").read_bytes()
    agent = Agent("web1", root, process.ports["enrol"], process.ports["report"])
    agent.enrol(token)
    agent.submit(packages(("openssl", "1")))
    assert "1 certificates revoked" in output(process, "revoke", *process.where, "web1", "--reason", "stolen")
    with refused(grpc.StatusCode.UNAUTHENTICATED, "revoked"):
        agent.renew()
    log = (process.home / "log").read_text()
    ports = process.ports
    assert f"collector ready enrol={ports['enrol']} report={ports['report']} metrics={ports['metrics']}" in log
    assert process.end(signal.SIGTERM) == 0
    database = Database(process.url)
    with database.read() as session:
        entries = session.exec(select(AuditEntry).order_by(AuditEntry.id)).all()
        actions = [entry.action for entry in entries]
        assert actions == ["audit_key.added", "token.created", "source.enrolled", "source.revoked"]
        assert entries[3].detail["reason"] == "stolen"
        assert sources.find(session, agent.uid).sequence == 1
    database.close()
    assert token.split(".")[2] not in (process.home / "log").read_text()


def test_a_restart_keeps_identities(process: Process) -> None:
    agent = process.agent("web1")
    agent.submit(packages(("openssl", "1")))
    assert process.end(signal.SIGINT) == 0
    process.start()
    agent.report_port, agent.enrol_port = process.ports["report"], process.ports["enrol"]
    agent.submit(packages(("openssl", "2")))
    agent.renew()


def test_files_of_the_data_directory_are_private(process: Process) -> None:
    assert process.data.stat().st_mode & 0o077 == 0
    for path in process.data.rglob("*.key"):
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("token", "--for", "1 hour"), "for:"),
        (("token", "--uses", "0"), "uses:"),
        (("token", "--ci", "no-such"), "ci: no-such"),
        (("revoke", "nobody"), "nobody"),
        (("run", "--enrol-listen", "nowhere"), "enrol_listen"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], word: str
) -> None:
    where = ("--database", f"sqlite:///{tmp_path}/driftline.db", "--data", str(tmp_path / "collector"))
    assert main([arguments[0], *where, *arguments[1:]]) == 1
    error = capsys.readouterr().err
    assert error.startswith("driftline-collector: ")
    assert word in error


def test_durations() -> None:
    assert [seconds(text) for text in ("30s", "15m", "1h", "7d")] == [30, 900, 3600, 604_800]
