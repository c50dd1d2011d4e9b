"""The doctor says what is wrong, why, and the mend; run as its user runs it, against a collector."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.agent.fake_collector import FakeCollector
from tests.agent.unprivileged import AS_NOBODY, NOBODY, Activator, reachable

from driftline.v1.collector_pb2 import HostClaims
from driftline_agent import state as states
from driftline_agent.identity import enrolment
from driftline_agent.identity.token import parse_token

Said = dict[str, dict[str, Any]]


def doctor(state: Path, text: str = "", before: list[str] | None = None) -> tuple[Said, int]:
    """Return what it says, by subject (the worst of each), and the exit code."""
    file = state.parent / "agent.toml"
    file.write_text(text)
    command = [sys.executable, "-m", "driftline_agent.main", "doctor", "--json", "--state", str(state)]
    done = subprocess.run(
        [*(before or []), *command, "--config", str(file)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode in (0, 1), done.stderr
    levels = ("good", "note", "bad")
    found: Said = {}
    for each in json.loads(done.stdout):
        known = found.get(each["subject"])
        if known is None or levels.index(each["level"]) > levels.index(known["level"]):
            found[each["subject"]] = each
    assert all(
        each["mend"] or each["level"] == "good" or each["subject"].startswith("topic") for each in found.values()
    )
    return found, done.returncode


def levels(said: Said, *subjects: str) -> list[str]:
    return [said[subject]["level"] for subject in subjects]


@pytest.fixture
def enrolled(collector: FakeCollector, tmp_path: Path) -> Path:
    """The state folder of an agent that has enrolled and has a receipt."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    enrolment.enroll(folder, collector.enrol_address, parse_token(collector.token), HostClaims(hostname="web1"))
    state = states.load(folder)
    state.new_epoch()
    state.receipt_at_ms = int(time.time() * 1000)
    states.save(folder, state)
    return folder


ONE = 'topics = ["release", "groups"]\n'


def test_all_is_well(collector: FakeCollector, enrolled: Path) -> None:
    collector.instructions.server_time_ms = int(time.time() * 1000)
    said, code = doctor(enrolled, ONE)
    good = ("configuration", "state folder", "certificate", "reports", "watching", "collector", "clock", "topics")
    assert levels(said, *good) == ["good"] * len(good) and code == 0
    assert collector.source in said["certificate"]["says"]
    assert said["topics"]["says"] == "2 read whole, 0 do not apply to this host"
    (asked,) = collector.named("Announce")
    assert asked.stamp.epoch == states.load(enrolled).epoch and not collector.named("Submit")


def test_clocks_that_differ(collector: FakeCollector, enrolled: Path) -> None:
    collector.instructions.server_time_ms = int((time.time() + 3600) * 1000)
    said, code = doctor(enrolled, ONE)
    assert said["clock"]["level"] == "note" and code == 0
    assert said["clock"]["says"].endswith("s behind the collector's")
    assert 3500 < int(said["clock"]["says"].split()[0]) < 3700


def test_never_enrolled_and_nothing_configured(tmp_path: Path) -> None:
    said, code = doctor(tmp_path / "none", ONE)
    assert levels(said, "state folder", "certificate", "collector") == ["bad"] * 3 and code == 1
    assert "driftline-agent enroll" in said["certificate"]["mend"]
    assert said["collector"]["says"] == "not configured"


def test_the_enrol_port_answers_before_enrolment(collector: FakeCollector, tmp_path: Path) -> None:
    said, _ = doctor(tmp_path / "none", f'collector = "{collector.enrol_address}"\n{ONE}')
    assert said["collector"]["level"] == "good"
    collector.stop()
    said, _ = doctor(tmp_path / "none", f'collector = "{collector.enrol_address}"\n{ONE}')
    assert said["collector"]["level"] == "bad" and "no TLS connection" in said["collector"]["says"]


def test_nobody_listens_any_more(collector: FakeCollector, enrolled: Path) -> None:
    collector.stop()
    said, code = doctor(enrolled, ONE)
    assert said["collector"]["level"] == "bad" and code == 1
    assert str(collector.report_port) in said["collector"]["says"]


def test_the_collector_refuses(collector: FakeCollector, enrolled: Path) -> None:
    collector.failures = [("Announce", grpc.StatusCode.PERMISSION_DENIED)]
    said, _ = doctor(enrolled, ONE)
    assert said["collector"]["level"] == "bad" and "told to fail" in said["collector"]["says"]


def test_a_certificate_that_has_ended(collector: FakeCollector, tmp_path: Path) -> None:
    collector.life = (-7200, -3600)
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    enrolment.enroll(folder, collector.enrol_address, parse_token(collector.token), HostClaims(hostname="web1"))
    said, code = doctor(folder, ONE)
    assert said["certificate"]["level"] == "bad" and said["certificate"]["says"].startswith("ended at") and code == 1


def test_what_is_damaged_or_open_or_wrong(enrolled: Path) -> None:
    enrolled.chmod(0o755)
    assert doctor(enrolled, ONE)[0]["state folder"]["mend"] == f"chmod 700 {enrolled}"
    (enrolled / "identity.json").write_text("{")
    assert "damaged" in doctor(enrolled, ONE)[0]["certificate"]["says"]
    said, code = doctor(enrolled, "colour = 1\n")
    assert list(said) == ["configuration"] and 'no setting "colour"' in said["configuration"]["says"] and code == 1


DEVICES = """
site: lab
credentials: {core: {version: 2c, community: {file: %s}, prefixes: [192.0.2.0/24]}}
devices: [{address: 192.0.2.1, credential: core}]
traps: {listen: "127.0.0.1:%d"}
"""


def test_devices(enrolled: Path) -> None:
    file, secret = enrolled.parent / "devices.yaml", enrolled.parent / "community"
    text = f'{ONE}devices = "{file}"\n'
    assert doctor(enrolled, text)[0]["devices"]["level"] == "bad"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        for path, content in ((file, DEVICES % (secret, taken.getsockname()[1])), (secret, "s3cret")):
            path.touch(0o600)
            path.write_text(content)
        said, _ = doctor(enrolled, text)
        assert levels(said, "devices", "credential core", "traps") == ["good", "good", "note"]
        assert said["devices"]["says"] == f"{file}: site lab, 1 entries"
        assert "s3cret" not in json.dumps(said)
        secret.unlink()
    said, code = doctor(enrolled, text)
    assert levels(said, "devices", "credential core", "traps") == ["good", "bad", "good"] and code == 1
    assert str(secret) in said["credential core"]["says"]
    file.chmod(0o644)
    assert "mode 0644" in doctor(enrolled, text)[0]["devices"]["says"]


def test_what_only_root_may_read(enrolled: Path) -> None:
    """As root, it looks with the eyes of the user that the agent runs as."""
    reach = reachable()
    for folder in (enrolled.parent, *enrolled.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o001)
    for path in (enrolled, *enrolled.rglob("*")):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    text = 'topics = ["users"]\nreader = "{}"\n'
    for before in (reach, [*reach, *AS_NOBODY]):
        said, _ = doctor(enrolled, text.format("/nonexistent"), before)
        assert levels(said, "reader", "topic users") == ["note", "note"]
        assert "/etc/shadow: permission denied" in said["topic users"]["says"]
        assert "driftline-agent-reader" in said["reader"]["mend"]
    socket = enrolled.parent / "reader.sock"
    activator = Activator(socket, ["--key", str(enrolled.parent / "seal.key")])
    try:
        said, _ = doctor(enrolled, text.format(socket), [*reach, *AS_NOBODY])
    finally:
        activator.stop()
    assert said["reader"]["level"] == "good" and "topic users" not in said
