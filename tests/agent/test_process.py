"""The agent as a process: from a join token to reports, a kill, and a clean stop."""

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.fake_collector import FakeCollector
from tests.support.site import until

from driftline_agent.topic import Reading, Topic, all_topics
from driftline_agent.watch import Watcher, concerned, roots


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


def test_what_is_watched_exists_and_is_small() -> None:
    folders = roots(all_topics().values())
    assert "/etc" in folders and "/var/lib/dpkg" in folders
    assert "/var/lib" not in folders and "/usr/lib" not in folders and "/" not in folders


def test_changes_concern_their_topics() -> None:
    topics = all_topics()
    assert concerned(["/etc/passwd"], topics) == {"files", "users"}
    assert concerned(["/var/lib/dpkg/info/sl.list"], topics) == {"dpkg", "files", "restart", "units"}
    assert concerned(["/etc/systemd/system/x.service"], topics) == {"files", "units"}
    assert concerned(["/etc/passwd-", "/etc/motd"], topics) == {"files"}
    assert concerned(["/var/lib/dpkg/lock", "/etcetera"], topics) == {"dpkg"}


def test_a_mode_a_rename_a_link_and_an_end_are_seen(tmp_path: Path) -> None:
    def topic(name: str) -> Topic:
        (tmp_path / "etc" / name).mkdir(parents=True)
        (tmp_path / "etc" / name / "conf").write_text("x")
        return Topic(revision=1, fills=(), collect=lambda _: Reading(), watches=(str(tmp_path / "etc" / name),))

    topics = {name: topic(name) for name in ("ready", "mode", "rename", "link", "end")}
    (tmp_path / "new").write_text("x")
    seen: set[str] = set()
    watcher = Watcher(topics, seen.update)
    watcher.start()
    # The watch is set up in the thread: write until it is seen.
    until("watched", lambda: (tmp_path / "etc/ready/conf").write_text("x") and "ready" in seen)
    (tmp_path / "etc/mode/conf").chmod(0o600)
    (tmp_path / "new").rename(tmp_path / "etc/rename/conf")
    (tmp_path / "etc/link/link").symlink_to("conf")
    (tmp_path / "etc/end/conf").unlink()
    until("all is seen", lambda: seen == topics.keys())
    watcher.stop()


def test_a_change_of_a_watched_file_is_seen(tmp_path: Path) -> None:
    seen: queue.Queue[set[str]] = queue.Queue()
    topic = Topic(revision=1, fills=(), collect=lambda _: Reading(), watches=(str(tmp_path / "database"),))
    (tmp_path / "database").mkdir()
    watcher = Watcher({"mine": topic}, seen.put)
    watcher.start()
    # The watch is set up in the thread: write until it is seen.
    names: set[str] = set()
    for number in range(30):
        (tmp_path / "database" / f"file{number}").write_text("x")
        try:
            names = seen.get(timeout=1)
            break
        except queue.Empty:
            continue
    watcher.stop()
    assert names == {"mine"}
