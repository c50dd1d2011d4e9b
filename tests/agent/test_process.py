"""The agent as a process: from a join token to reports, a kill, and a clean stop."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.fake_collector import FakeCollector

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
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=10)
    assert process.returncode == 0
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
    epochs = {request.stamp.epoch for name, request in collector.calls if name not in ("Enroll", "OfferTexts")}
    command = [sys.executable, "-m", "driftline_agent.main", "run", "--state", f"{tmp_path}/state"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as again:
        before = len(collector.batches)
        collector.wait_for(lambda: len(collector.batches) > before)
        again.send_signal(signal.SIGTERM)
        assert again.wait(10) == 0
    assert {request.stamp.epoch for name, request in collector.calls if name not in ("Enroll", "OfferTexts")} == epochs
