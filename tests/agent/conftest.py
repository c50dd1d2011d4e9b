"""Fixtures of the agent's tests."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.fake_collector import FakeCollector


@pytest.fixture
def collector() -> Iterator[FakeCollector]:
    """A running collector."""
    running = FakeCollector()
    yield running
    running.stop()


HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "r+")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A file that another process holds a write lock on, the way dpkg does."""
    path = tmp_path / "lock"
    path.touch()
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "held\n"
        yield path
        process.stdin.close()
