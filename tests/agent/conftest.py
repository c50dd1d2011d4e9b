"""Fixtures of the agent's tests."""

from collections.abc import Iterator

import pytest
from tests.agent.fake_collector import FakeCollector


@pytest.fixture
def collector() -> Iterator[FakeCollector]:
    """A running collector."""
    running = FakeCollector()
    yield running
    running.stop()
