"""The agent as a process: from a join token to reports, a kill, and a clean stop."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.fake_collector import FakeCollector

from driftline.v1 import collector_pb2 as wire
from driftline_agent import leaving
from driftline_agent.host import Host
from driftline_agent.topic import all_topics


@pytest.fixture
def process(collector: FakeCollector, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    config = tmp_path / "agent.toml"
    config.write_text(f'collector = "{collector.enrol_address}"\nstate = "{tmp_path}/state"\n')
    command = [sys.executable, "-m", "driftline_agent.main", "run", "--config", str(config)]
    environment = {**os.environ, "DRIFTLINE_JOIN_TOKEN": collector.token}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as running:
        yield running
        running.kill()


def test_from_token_to_stop(collector: FakeCollector, process: "subprocess.Popen[str]", tmp_path: Path) -> None:
    collector.wait_for(lambda: len(collector.applied) == len(all_topics()))
    collector.wait_for(lambda: bool(collector.batches) and bool(collector.batches[-1].batch.series))
    claims = collector.named("Announce")[0].claims
    assert claims.hostname and claims.machine_id
    assert collector.leaves == []
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert collector.leaves is not None
    (leave,) = collector.leaves
    assert leave.reason == wire.AGENT_STOPPED and leave.at_ms >= collector.batches[-1].stamp.sent_at_ms
    assert "INFO enrolled" in log and "INFO reporting" in log and "INFO stopped" in log
    assert collector.secret not in log
    status = [sys.executable, "-m", "driftline_agent.main", "status", "--state", f"{tmp_path}/state"]
    shown = subprocess.run(status, capture_output=True, text=True, check=True).stdout
    assert collector.source in shown


def test_a_kill_loses_nothing(collector: FakeCollector, process: "subprocess.Popen[str]", tmp_path: Path) -> None:
    collector.wait_for(lambda: len(collector.applied) == len(all_topics()))
    collector.wait_for(lambda: bool(collector.batches))
    process.kill()
    process.wait()
    assert collector.leaves == []
    epochs = {request.stamp.epoch for name, request in collector.calls if name not in ("Enroll", "OfferTexts")}
    command = [sys.executable, "-m", "driftline_agent.main", "run", "--state", f"{tmp_path}/state"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as again:
        before = len(collector.batches)
        collector.wait_for(lambda: len(collector.batches) > before)
        again.send_signal(signal.SIGTERM)
        assert again.wait(10) == 0
    assert {request.stamp.epoch for name, request in collector.calls if name not in ("Enroll", "OfferTexts")} == epochs


def test_a_last_word_that_nobody_takes_stops_nothing(
    collector: FakeCollector, process: "subprocess.Popen[str]"
) -> None:
    """A collector that does not know the call, and then none at all."""
    collector.leaves = None
    collector.wait_for(lambda: bool(collector.batches))
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "was not told that this agent stops" in log and "Traceback" not in log


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, wire.AGENT_STOPPED),
        # One that is scheduled for tonight is no shutdown now.
        ({"run/systemd/shutdown/scheduled": "USEC=1790000000000000\nWARN_WALL=1\nMODE=reboot\n"}, wire.AGENT_STOPPED),
        ({"run/nologin": "System is booting up. See pam_nologin(8)"}, wire.AGENT_STOPPED),
        ({"run/nologin": "System is going down. See pam_nologin(8)"}, wire.HOST_SHUTS_DOWN),
        (
            {
                "run/nologin": "System is going down. Unprivileged users are not permitted to log in anymore.",
                "run/systemd/shutdown/scheduled": "USEC=1790000000000000\nMODE=reboot\n",
            },
            wire.HOST_REBOOTS,
        ),
        (
            {
                "run/nologin": "The system is going down for power-off at Tue 2026-11-24 10:00:00 UTC!",
                "run/systemd/shutdown/scheduled": "USEC=1790000000000000\nMODE=poweroff\n",
            },
            wire.HOST_SHUTS_DOWN,
        ),
    ],
)  # fmt: skip
def test_why_it_stops(tmp_path: Path, files: dict[str, str], reason: wire.LeaveReason.ValueType) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert leaving.why(Host(str(tmp_path)), beside_s=0) == reason


def test_what_may_not_be_read_says_nothing(tmp_path: Path) -> None:
    assert leaving.why(Host(str(tmp_path), readable=("/etc",)), beside_s=0) == wire.AGENT_STOPPED
